"""Asking a provider for a token: Authlib's client, over the one guarded HTTP client.

Of Authlib it is the protocol (`authlib.oauth2`: requests, PKCE, how a client says who it is, errors)
and not its integrations: those bring sessions of their own, which know no address rules.
"""

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from authlib.common.urls import url_decode
from authlib.oauth2.client import OAuth2Client
from msgspec import Struct

from omniroute import http, moments
from providers.oauth.claims import expiry
from providers.oauth.row import Row

TIMEOUT_S = 15.0
HIDDEN_CHARS = 8  # shorter ones are no secrets, but words such as `code`
# Answers that say nothing about the credential: asking again may help.
_TRANSIENT = frozenset([408, 425, 429])


class Refused(Exception):
    """The provider says no. The message is its own, cut short, and holds no secret of ours."""

    def __init__(self, code: str, words: str = "") -> None:
        told = f"{code}: {words[:200]}" if words else code
        # It is written down, and a database takes no NUL and no half of a character.
        super().__init__("".join(each if each.isprintable() else " " for each in told))
        self.code = code


class Granted(Struct, frozen=True):
    """A token. `expires` in Unix seconds; null where nobody says. `claims`: the answer's rest."""

    access_token: str
    refresh_token: str = ""
    expires: float | None = None
    lifetime_s: float | None = None
    told: dict[str, Any] = {}


class Place(Struct, frozen=True):
    """How the provider may be reached, and what its addresses ask for."""

    allow_private: bool = False
    proxy: str = ""
    params: Mapping[str, str] = {}


class Client(Struct, frozen=True):
    """Who asks, at a provider's row. Without an id it is one of those that need none."""

    row: Row
    place: Place
    id: str = ""
    secret: str = ""

    def authorization_url(self, redirect_uri: str, state: str, verifier: str) -> str:
        """Where a person signs in."""
        row = self.row
        inner = self._inner({}, redirect_uri=redirect_uri, scope=" ".join(self.scopes) or None)
        url, _ = inner.create_authorization_url(
            row.at(row.authorize_url, self.place.params),
            state="" if row.state_in_redirect else state,
            code_verifier=verifier if row.pkce else None,
            **row.extra_params,
        )
        path, _, query = url.partition("?")
        told = _renamed(
            dict(url_decode(query)), row.authorize_names | _absent(self.id, "client_id")
        )
        return f"{path}?{urlencode(told)}"

    @property
    def scopes(self) -> list[str]:
        """The row's, or of those the ones that the connection asks for."""
        asked = self.place.params.get("scope", "")
        return asked.split() or self.row.scopes

    def fetch(
        self,
        grant_type: str,
        fields: Mapping[str, str],
        *,
        url: str = "",
        names: Mapping[str, str] = {},
    ) -> Granted:
        """A token for `fields`, by any grant.

        Raises:
            Refused: The provider says no.
            http.CallFailed: There is no answer, or none that says anything.
        """
        where = self.row.at(url or self.row.token_url, self.place.params)
        names = names or self.row.token_names
        inner = self._inner(names)
        return granted(
            inner.fetch_token(where, auth=self._auth(inner), grant_type=grant_type, **fields)
        )

    def refresh(self, refresh_token: str) -> Granted:
        """Raises as `fetch`. Without a new refresh token the old one goes on."""
        row = self.row
        inner = self._inner(row.refresh_names)
        where = row.at(row.refresh_url or row.token_url, self.place.params)
        return granted(
            inner.refresh_token(where, refresh_token=refresh_token, auth=self._auth(inner))
        )

    def send(
        self, method: str, url: str, fields: Mapping[str, str], names: Mapping[str, str] = {}
    ) -> "Answer":
        """Another request of the protocol, with the client's id in it."""
        session = _Session(self.row, self.place, names)
        body = {**({"client_id": self.id} if self.id else {}), **fields}
        return session.request(method, self.row.at(url, self.place.params), data=body)

    def exchange(self, token: str) -> Granted:
        """A short token for the one that signing in gave. Raises as `fetch`."""
        session = _Session(self.row, self.place, {})
        headers = {"authorization": self.row.exchange_header.format(token)}
        where = self.row.at(self.row.exchange_url, self.place.params)
        return granted(session.request("GET", where, headers=headers).told())

    def _inner(self, names: Mapping[str, str], **more: Any) -> Any:
        return OAuth2Client(
            _Session(self.row, self.place, names),
            client_id=self.id,
            client_secret=self.secret or None,
            token_endpoint_auth_method=f"client_secret_{self.row.client_auth}"
            if self.secret
            else "none",
            code_challenge_method=self.row.pkce,
            **more,
        )

    def _auth(self, inner: Any) -> Any:
        return inner.client_auth(inner.token_endpoint_auth_method) if self.id else _Nobody()


class _Nobody:
    """The client authentication of a client that has no id."""

    def prepare(self, method: str, uri: str, headers: Any, body: Any) -> Any:
        return uri, headers, body


class Answer:
    """What Authlib reads of a response."""

    def __init__(self, row: Row, status: int, body: bytes, sent: Iterable[str]) -> None:
        self._row, self.status_code = row, status
        self._body, self._sent = body, [value for value in sent if len(value) >= HIDDEN_CHARS]

    def json(self) -> Any:
        told = http.parse(self._body)
        if not isinstance(told, dict):
            return told
        found = {name: _at(told, path) for name, path in self._row.answer.items()}
        return told | {name: value for name, value in found.items() if value is not None}

    def raise_for_status(self) -> None:
        if self.status_code >= 500 or self.status_code in _TRANSIENT:
            raise http.CallFailed(f"it answered {self.status_code}")
        if self.status_code >= 400:
            raise Refused(f"it answered {self.status_code}")

    def told(self) -> dict[str, Any]:
        """The answer's object.

        Raises:
            Refused: It is an error.
            http.CallFailed: It is none, or one of the server's own.
        """
        try:
            told = self.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            self.raise_for_status()
            raise http.CallFailed("it answers with no JSON object")
        if told.get("error"):
            raise self._refused(told["error"], told.get("error_description"))
        self.raise_for_status()
        return told

    def _refused(self, error: Any, words: Any) -> Exception:
        """An error in the standard's shape, or an object as some write it; what it repeats of what
        was sent is a secret."""
        if isinstance(error, dict):
            words = error.get("message") or error.get("error_description")
            error = error.get("code") or error.get("type") or error.get("status")
        status = self.status_code
        if status >= 500 or (status in _TRANSIENT and error != "slow_down"):
            return http.CallFailed(f"it answered {status}")
        told = str(words or "")
        for value in self._sent:
            told = told.replace(value, "[hidden]")
        return Refused(str(error)[:60], told)


class _Session:
    """What Authlib calls a session."""

    def __init__(self, row: Row, place: Place, names: Mapping[str, str]) -> None:
        self._row, self._place, self._names = row, place, names

    def post(
        self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any
    ) -> Answer:
        told = dict(headers)
        url, told, body = auth.prepare("POST", url, told, urlencode(data))
        answer = self.request("POST", url, headers=told, data=dict(url_decode(body)))
        # Authlib takes any object without `error` for a token.
        answer.told()
        return answer

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        data: Mapping[str, str] | None = None,
    ) -> Answer:
        place, row = self._place, self._row
        own = {
            name: v.replace("{uuid}", str(uuid.uuid4())) for name, v in row.token_headers.items()
        }
        sent = {"accept": "application/json", "accept-encoding": "identity", **own}
        sent |= {k.lower(): v for k, v in headers.items() if k.lower() == "authorization"}
        body = b""
        if data is not None and method == "POST":
            body, sent["content-type"] = _encoded(_renamed(data, self._names), row.encoding)
        status, answer = http.send(
            method, url, sent, body,
            allow_private=place.allow_private, proxy=place.proxy, timeout_s=TIMEOUT_S,
        )  # fmt: skip
        secrets = [*(data or {}).values(), headers.get("authorization", "").rpartition(" ")[2]]
        return Answer(row, status, answer, secrets)


def _encoded(fields: Mapping[str, str], encoding: str) -> tuple[bytes, str]:
    if encoding == "json":
        return json.dumps(fields).encode(), "application/json"
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _renamed(fields: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {
        names.get(k, k): v for k, v in fields.items() if names.get(k, k) and v not in ("", None)
    }


def _absent(value: str, name: str) -> dict[str, str]:
    return {} if value else {name: ""}


def _at(told: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(told, dict):
            return None
        told = told.get(step)
    return told


def granted(told: Mapping[str, Any]) -> Granted:
    token = told.get("access_token")
    if not isinstance(token, str) or not token:
        raise http.CallFailed("it answers without a token")
    refresh_token = told.get("refresh_token")
    lifetime_s = _lifetime_s(told.get("expires_in"))
    expires = moment(told.get("expires_at"))
    if lifetime_s is not None:
        expires = time.time() + lifetime_s
    elif expires is None:
        expires = expiry(token)
    if lifetime_s is None and expires is not None:
        lifetime_s = max(expires - time.time(), 0)
    return Granted(
        access_token=token,
        refresh_token=refresh_token if isinstance(refresh_token, str) else "",
        expires=expires,
        lifetime_s=lifetime_s,
        told=dict(told),
    )


def _lifetime_s(value: Any) -> float | None:
    seconds = moments.number(value)
    return None if seconds is None else moments.bounded(max(seconds, 0.0))


def moment(value: Any) -> float | None:
    """Unix seconds, milliseconds, or a date as ISO 8601 has it."""
    number = moments.number(value)
    if number is not None:
        return moments.dated(number / 1000 if number > 1e11 else number)
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moments.dated((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
