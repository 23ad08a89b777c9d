"""An authorization server on loopback, and the API that its tokens open.

After RFC 6749 (codes, refresh tokens that are good for one use), 7636, 8628 and 7523. It is as strict
as they allow: a code or a refresh token that comes twice revokes all that came of it.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwk, jwt
from msgspec import Struct

CLIENT, SECRET = "operators-client", "operators-secret"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
API_KEY_GRANT = "urn:ibm:params:oauth:grant-type:apikey"


class Refuse(Exception):
    def __init__(self, code: str, status: int = 400, words: str = "") -> None:
        self.code, self.status, self.words = code, status, words


class Family(Struct):
    """All tokens that came of one consent."""

    revoked: bool = False


class Code(Struct):
    family: Family
    redirect_uri: str
    challenge: str
    used: bool = False


class Refresh(Struct):
    family: Family
    used: bool = False


class Device(Struct):
    user_code: str
    interval_s: float
    approved: bool = False
    denied: bool = False
    polled: float = 0.0


def _jwk(key: rsa.RSAPrivateKey) -> jwk.RSAKey:
    return jwk.RSAKey.import_key(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


class AuthorizationServer:
    """What a test may set: `lifetime_s` of tokens, `delay_s` before a refresh is answered, `failing`
    with a status, whether it `rotates`. What it may ask: how often each grant was `asked`."""

    def __init__(self) -> None:
        self.lifetime_s, self.delay_s, self.failing = 3600.0, 0.0, 0
        self.rotates, self.needs_secret = True, False
        self.asked: Counter[str] = Counter()
        self.served: Counter[str] = Counter()  # calls of the API, by token
        self.requests: list[dict[str, str]] = []  # to the token address
        self.codes: dict[str, Code] = {}
        self.refreshes: dict[str, Refresh] = {}
        self.devices: dict[str, Device] = {}
        self.tokens: dict[str, tuple[Family, float]] = {}
        self.api_key = "watson-key-canary"
        self.person: dict[str, Any] = {}  # who agrees, for OpenID Connect: claims of theirs
        self.forging = False  # sign what says who they are with another key
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.lock = threading.RLock()

    def issue(
        self, family: Family | None = None, *, lifetime_s: float | None = None
    ) -> dict[str, Any]:
        """An access token and a refresh token, as an answer has them."""
        family = family or Family()
        access, refresh = f"at-{secrets.token_hex(8)}", f"rt-{secrets.token_hex(8)}"
        lasts_s = self.lifetime_s if lifetime_s is None else lifetime_s
        with self.lock:
            self.tokens[access] = (family, time.time() + lasts_s)
            self.refreshes[refresh] = Refresh(family)
        return {
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer",
            "expires_in": lasts_s,
        }  # fmt: skip

    def is_valid(self, access: str) -> bool:
        family, ends = self.tokens.get(access, (Family(revoked=True), 0.0))
        return not family.revoked and time.time() < ends

    def service_account(self) -> str:
        pem = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return json.dumps(
            {"type": "service_account", "client_email": "robot@example", "private_key_id": "k1",
             "private_key": pem.decode()}
        )  # fmt: skip

    # --- What its addresses do -----------------------------------------------------------

    def authorize(self, told: dict[str, str]) -> str:
        """The person agrees at once: the address that their browser is sent to."""
        if told.get("response_type") != "code" or told.get("client_id") != CLIENT:
            raise Refuse("invalid_request")
        if told.get("code_challenge_method") != "S256" or len(told["code_challenge"]) != 43:
            raise Refuse("invalid_request", words="PKCE with S256 is needed")
        code = f"code-{secrets.token_hex(8)}"
        self.codes[code] = Code(Family(), told["redirect_uri"], told["code_challenge"])
        return told["redirect_uri"] + "?" + urlencode({"code": code, "state": told["state"]})

    def token(self, told: dict[str, str], authorization: str) -> dict[str, Any]:
        grant = told.get("grant_type", "")
        with self.lock:
            self.asked[grant] += 1
            self.requests.append(told)
        if self.failing:
            raise Refuse("server_error", self.failing)
        deeds: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
            "authorization_code": self._code, "refresh_token": self._refresh,
            DEVICE_GRANT: self._device, JWT_GRANT: self._assertion, API_KEY_GRANT: self._api_key,
            "client_credentials": self._client,
        }  # fmt: skip
        if grant not in deeds:
            raise Refuse("unsupported_grant_type")
        if grant not in (JWT_GRANT, API_KEY_GRANT):
            self._authenticate(told, authorization, secret=grant == "client_credentials")
        return deeds[grant](told)

    def _authenticate(self, told: dict[str, str], authorization: str, *, secret: bool) -> None:
        scheme, _, coded = authorization.partition(" ")
        if scheme == "Basic":
            id, _, password = base64.b64decode(coded).decode().partition(":")
        else:
            id, password = told.get("client_id", ""), told.get("client_secret", "")
        wants = secret or self.needs_secret
        if id != CLIENT or (wants and password != SECRET):
            raise Refuse("invalid_client", 401)

    def _code(self, told: dict[str, str]) -> dict[str, Any]:
        with self.lock:
            code = self.codes.get(told.get("code", ""))
            if code is None or code.redirect_uri != told.get("redirect_uri"):
                raise Refuse("invalid_grant", words="unknown code")
            if code.used:
                code.family.revoked = True
                raise Refuse("invalid_grant", words="the code was used")
            digest = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
                raise Refuse("invalid_grant", words="the verifier does not fit")
            code.used = True
            made = self.issue(code.family)
            return made | {"id_token": self.id_token()} if self.person else made

    def id_token(self) -> str:
        """Who the person is, signed; after OpenID Connect Core 1.0."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60} | self.person
        key = rsa.generate_private_key(65537, 2048) if self.forging else self.key
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, _jwk(key))

    def keys(self) -> dict[str, Any]:
        return {"keys": [_jwk(self.key).as_dict(private=False, kid="k1", alg="RS256")]}

    def _refresh(self, told: dict[str, str]) -> dict[str, Any]:
        time.sleep(self.delay_s)
        with self.lock:
            found = self.refreshes.get(told.get("refresh_token", ""))
            if found is None or found.family.revoked:
                raise Refuse("invalid_grant")
            if not self.rotates:
                return {k: v for k, v in self.issue(found.family).items() if k != "refresh_token"}
            if found.used:
                found.family.revoked = True
                raise Refuse("invalid_grant", words="the refresh token was used before")
            found.used = True
            return self.issue(found.family)

    def begin_device(self, told: dict[str, str]) -> dict[str, Any]:
        if told.get("client_id") != CLIENT:
            raise Refuse("invalid_client", 401)
        device, user = f"dc-{secrets.token_hex(8)}", secrets.token_hex(3).upper()
        self.devices[device] = Device(user, 1.0)
        page = f"{self.url}/device"
        return {
            "device_code": device, "user_code": user, "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={user}", "expires_in": 300,
            "interval": 1,
        }  # fmt: skip

    def _device(self, told: dict[str, str]) -> dict[str, Any]:
        device = self.devices.get(told.get("device_code", ""))
        if device is None:
            raise Refuse("expired_token")
        if device.denied:
            raise Refuse("access_denied")
        if time.time() - device.polled < device.interval_s:
            device.interval_s += 5
            raise Refuse("slow_down")
        device.polled = time.time()
        if not device.approved:
            raise Refuse("authorization_pending")
        del self.devices[told["device_code"]]
        return self.issue()

    def _assertion(self, told: dict[str, str]) -> dict[str, Any]:
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            claims = jwt.decode(told["assertion"], jwk.import_key(public, "RSA")).claims
        except Exception:
            raise Refuse("invalid_grant", words="the signature does not fit") from None
        wanted = {"iss": "robot@example", "aud": f"{self.url}/token", "scope": "cloud"}
        is_now = claims["iat"] - 5 <= time.time() <= claims["exp"]
        if {name: claims.get(name) for name in wanted} != wanted or not is_now:
            raise Refuse("invalid_grant", words="the claims are wrong")
        return {k: v for k, v in self.issue().items() if k != "refresh_token"}

    def _api_key(self, told: dict[str, str]) -> dict[str, Any]:
        if told.get("apikey") != self.api_key:
            raise Refuse("BXNIM0415E", 400, "Provided API key could not be found.")
        return {k: v for k, v in self.issue().items() if k != "refresh_token"}

    def _client(self, told: dict[str, str]) -> dict[str, Any]:
        return {k: v for k, v in self.issue().items() if k != "refresh_token"}

    def exchange(self, authorization: str) -> dict[str, Any]:
        """A short token for a login token, as code hosts have it."""
        self.asked["exchange"] += 1
        if authorization != "token gho_login":
            raise Refuse("bad_credentials", 401)
        made = self.issue()
        return {"token": made["access_token"], "expires_at": int(time.time() + self.lifetime_s)}

    # --- The row that leads to it, and the server -----------------------------------------

    def row(self, **more: Any) -> dict[str, Any]:
        return {
            "flow": "authorization_code or device", "authorize_url": f"{self.url}/authorize",
            "token_url": f"{self.url}/token", "device_authorization_url": f"{self.url}/device",
            "scopes": ["models", "offline"], "pkce": "S256", "client_id_setting": "TEST_OAUTH_CLIENT_ID",
        } | more  # fmt: skip

    @property
    def api(self) -> str:
        return f"{self.url}/v1"

    url = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        told = {name: values[0] for name, values in parse_qs(place.query).items()}
        one = self.server.one
        try:
            match place.path:
                case "/authorize":
                    self.send_response(302)
                    self.send_header("location", one.authorize(told))
                    self.send_header("content-length", "0")
                    self.end_headers()
                case "/.well-known/openid-configuration":
                    names = ("authorization", "token", "device_authorization")
                    paths = ("authorize", "token", "device")
                    told = {
                        f"{n}_endpoint": f"{one.url}/{p}" for n, p in zip(names, paths, strict=True)
                    }
                    more = {"issuer": one.url, "jwks_uri": f"{one.url}/keys"}
                    self._say(200, told | more | {"userinfo_endpoint": f"{one.url}/userinfo"})
                case "/keys":
                    self._say(200, one.keys())
                case "/userinfo":
                    self._open(one.person)
                case "/exchange":
                    self._say(200, one.exchange(self.headers.get("authorization", "")))
                case "/v1/models":
                    self._open({"data": [{"id": "m1"}, {"id": "m2"}]})
                case _:
                    raise Refuse("not_found", 404)
        except Refuse as refusal:
            self._refuse(refusal)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        one = self.server.one
        try:
            match urlsplit(self.path).path:
                case "/token":
                    authorization = self.headers.get("authorization", "")
                    self._say(200, one.token(self._fields(body), authorization))
                case "/device":
                    self._say(200, one.begin_device(self._fields(body)))
                case "/v1/chat/completions":
                    said = {"role": "assistant", "content": "Hello."}
                    self._open(
                        {"id": "c", "object": "chat.completion", "created": 1, "model": "m1",
                         "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
                         "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
                    )  # fmt: skip
                case _:
                    raise Refuse("not_found", 404)
        except Refuse as refusal:
            self._refuse(refusal)

    def _fields(self, body: bytes) -> dict[str, str]:
        if "json" in self.headers.get("content-type", ""):
            told: dict[str, str] = json.loads(body)
            return told
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}

    def _open(self, answer: dict[str, Any]) -> None:
        """Only for whoever has a token that holds."""
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.server.one.is_valid(token):
            self._say(401, {"error": {"message": "the token is not valid", "type": "auth"}})
            return
        self.server.one.served[token] += 1
        self._say(200, answer)

    def _refuse(self, refusal: Refuse) -> None:
        told = {"error": refusal.code, "error_description": refusal.words}
        self._say(refusal.status, {name: value for name, value in told.items() if value})

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, one: AuthorizationServer) -> None:
        self.one = one
        super().__init__(("127.0.0.1", 0), Handler)


@contextmanager
def authorization_server() -> Iterator[AuthorizationServer]:
    one = AuthorizationServer()
    server = Server(one)
    one.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
