"""The data plane's door: every HTTP request comes through here, and `/v1` is answered here.

In this order, whatever the address: the Host header, the key, the size of the body. A stranger's
body is never read. What is not the data plane's goes on to Django, with a bounded body.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache, partial
from time import monotonic
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from msgspec import Struct

from gateway import formats, page_calls, pipeline, runtime
from gateway.api import count_tokens, health, models, responses
from gateway.errors import BadHost, GatewayError, MethodNotAllowed, NotFound, TooLarge
from gateway.exchange import Disconnected, Exchange, Message, Receive, Scope, Send, peer_address
from gateway.formats.kinds import AnyClient
from gateway.runtime import Runtime

log = logging.getLogger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]  # what Django's handler says it is
View = Callable[[Exchange, Any, Runtime], Awaitable[None]]  # with the format of its route


class Route(Struct, frozen=True):
    """An address of the data plane. `format` is the client's, and that of its errors."""

    format: str
    views: dict[str, View]


_ROUTES = {
    "/v1/chat/completions": Route("openai_chat", {"POST": pipeline.serve}),
    "/v1/completions": Route("openai_completions", {"POST": pipeline.serve}),
    "/v1/responses": Route(
        "openai_responses", {"POST": responses.serve, "GET": responses.upgrade_required}
    ),
    "/v1/messages": Route("anthropic_messages", {"POST": pipeline.serve}),
    "/v1/messages/count_tokens": Route("anthropic_messages", {"POST": count_tokens.serve}),
    "/v1/embeddings": Route("openai_embeddings", {"POST": pipeline.serve}),
    "/v1/rerank": Route("cohere_rerank", {"POST": pipeline.serve}),
    "/v2/rerank": Route("cohere_rerank", {"POST": pipeline.serve}),  # Cohere's own SDK
    "/v1/moderations": Route("openai_moderations", {"POST": pipeline.serve}),
    "/v1/images/generations": Route("openai_images", {"POST": pipeline.serve}),
    "/v1/images/edits": Route("openai_image_edits", {"POST": pipeline.serve}),
    "/v1/audio/speech": Route("openai_speech", {"POST": pipeline.serve}),
    "/v1/audio/transcriptions": Route("openai_transcriptions", {"POST": pipeline.serve}),
    "/v1/audio/translations": Route("openai_translations", {"POST": pipeline.serve}),
    "/v1/models": Route("openai_chat", {"GET": models.listing}),
    "/v1beta/models": Route("gemini", {"GET": models.listing}),
    "/healthz": Route("openai_chat", {"GET": health.alive, "HEAD": health.alive}),
    # Claude Code asks this at its start, without a key.
    "/api/hello": Route("anthropic_messages", {"HEAD": health.alive}),
}
# What a mistyped base address asks for is served as if it were right.
_MISTYPED = {
    path.removeprefix("/v1"): route
    for path, route in _ROUTES.items()
    if path.startswith("/v1/") and path != "/v1/models"
}
ROUTES = _ROUTES | _MISTYPED

# Ollama's clients, where the operator lets them; the rest of `/api/` is the management API's.
_OLLAMA = {
    "/api/chat": Route("ollama_chat", {"POST": pipeline.serve}),
    "/api/tags": Route("ollama_chat", {"GET": models.listing}),
}

# Gemini's addresses end with what is to be done; the SDKs say /v1 by now. A model's name may hold
# slashes, and colons too.
_METHODS = {
    ":generateContent": Route("gemini", {"POST": pipeline.serve}),
    ":streamGenerateContent": Route("gemini_array", {"POST": pipeline.serve}),
    ":countTokens": Route("gemini", {"POST": count_tokens.serve}),
    ":embedContent": Route("gemini_embed_content", {"POST": pipeline.serve}),
    ":batchEmbedContents": Route("gemini_embeddings", {"POST": pipeline.serve}),
}
_STREAM = Route("gemini", {"POST": pipeline.serve})  # with alt=sse
_STORED = Route("openai_responses", {"GET": responses.read, "DELETE": responses.delete})
_STORED_INPUT = Route("openai_responses", {"GET": responses.read_input})


def find(path: str, query: bytes = b"") -> Route | None:
    """The route of a path of the data plane; None for one that does not exist."""
    if path.startswith("/v1/v1"):
        path = path[3:]
    route = ROUTES.get(path)
    if route is not None:
        return route
    if path.startswith(("/v1/models/", "/v1beta/models/")):
        method = path[path.rfind(":") :] if ":" in path else ""
        if method == ":streamGenerateContent" and b"alt=sse" in query.split(b"&"):
            return _STREAM
        format = "gemini" if path.startswith("/v1beta") else "openai_chat"
        return _METHODS.get(method) or Route(format, {"GET": models.one})
    if path.startswith("/v1/responses/"):
        return _STORED_INPUT if path.endswith("/input_items") else _STORED
    return None


def is_data_plane(path: str) -> bool:
    return path in ROUTES or path.startswith(("/v1/", "/v1beta/")) or path == "/v1"


class Door:
    """ASGI: for HTTP the data plane, and `django` behind it for everything else; `others` for what
    is no HTTP, by its type."""

    def __init__(self, django: Application, others: Mapping[str, Application]) -> None:
        self._django, self._others = django, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._others[scope["type"]](scope, receive, send)
            return
        # `serve` starts it before it listens; another server's first request waits for it.
        process = runtime.current()
        if process is None:
            process = await asyncio.to_thread(runtime.start)
            await process.open()
        process.active += 1
        try:
            exchange = Exchange(scope, receive, send, peer_address(scope, process.trusted_proxies))
            route = _OLLAMA.get(exchange.path) if process.snapshot.ollama_api else None
            if route is not None or is_data_plane(exchange.path):
                await _answer(exchange, process, route)
            elif exchange.path.startswith(page_calls.PREFIX):
                page = partial(page_calls.serve, exchange, self._django, process)
                await _guarded(exchange, formats.for_client("openai_chat"), page)
            else:
                await self._control_plane(exchange, scope, receive, send)
        finally:
            process.active -= 1

    async def _control_plane(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = BoundedBody(receive, send, CONTROL_BODY_BYTES)
        try:
            check_host(exchange)
            body.check_declared(exchange)
            await self._django(scope, body.receive, body.send)
            if body.exceeded and not body.answered:
                raise TooLarge(f"the request body is larger than {CONTROL_BODY_BYTES >> 20} MB")
        except GatewayError as error:
            await _refuse(exchange, formats.for_client("openai_chat"), error)


def _answer(exchange: Exchange, process: Runtime, route: Route | None) -> Awaitable[None]:
    route = route or find(exchange.path, exchange.scope["query_string"])
    format = formats.for_any_client(route.format if route else _format_of(exchange))

    def answer() -> Awaitable[None]:
        if _cross_origin(exchange) and exchange.scope["method"] == "OPTIONS":
            return exchange.respond(204, b"", PREFLIGHT_HEADERS)
        view = _view(route, exchange, process)
        return view(exchange, format, process)

    return _guarded(exchange, format, answer)


async def _guarded(
    exchange: Exchange, format: AnyClient, answer: Callable[[], Awaitable[None]]
) -> None:
    """Whatever goes wrong is told in the format's words."""
    try:
        check_host(exchange)
        await answer()
    except GatewayError as error:
        await _refuse(exchange, format, error)
    except Disconnected:
        return
    except Exception:
        log.exception("%s: an error of ours", exchange.id)
        if not exchange.status:
            await _refuse(exchange, format, GatewayError("the gateway failed; its log has why"))


async def _refuse(exchange: Exchange, format: AnyClient, error: GatewayError) -> None:
    body = pipeline.refusal(format, error, exchange.id)
    await exchange.respond(error.status, body, pipeline.refusal_headers(error))


def _view(route: Route | None, exchange: Exchange, process: Runtime) -> View:
    """What answers here. A stranger learns of no address that it does not exist."""
    method = exchange.scope["method"]
    view = route.views.get(method) if route else None
    if view is not None:
        return view
    pipeline.authenticate(process.snapshot, exchange)
    if route is None:
        raise NotFound(f"there is nothing at {exchange.path[:200]}")
    allowed = ", ".join(route.views)
    raise MethodNotAllowed(f"{method[:20]} is not possible here; {allowed} is")


def _format_of(exchange: Exchange) -> str:
    """The format of errors at an address that says nothing of one."""
    if exchange.path.startswith("/v1beta/"):
        return "gemini"
    anthropic = b"anthropic-version" in exchange.headers
    return "anthropic_messages" if anthropic else "openai_chat"


# --- Host and origin -------------------------------------------------------------------------


def check_host(exchange: Exchange) -> None:
    """One Host header, and one of ALLOWED_HOSTS: a page of another name must not reach us.

    Raises:
        BadHost: Otherwise.
    """
    hosts = [value for name, value in exchange.scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not is_allowed_host(hosts[0]):
        raise BadHost("the Host header is not one of ALLOWED_HOSTS")


@lru_cache(maxsize=1024)
def is_allowed_host(host: bytes) -> bool:
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


PREFLIGHT_HEADERS = [
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"*, authorization"),
    (b"access-control-max-age", b"600"),
]


def _cross_origin(exchange: Exchange) -> bool:
    """Let a page of CORS_ALLOWED_ORIGINS read the answer; others get no header, so they cannot."""
    origin = exchange.headers.get(b"origin", b"")
    if not origin or origin.decode("latin-1") not in settings.CORS_ALLOWED_ORIGINS:
        return False
    exchange.common_headers += [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"*"),
        (b"vary", b"origin"),
    ]
    return True


# --- The control plane's bodies --------------------------------------------------------------

CONTROL_BODY_BYTES = 5 << 20
CONTROL_BODY_TIMEOUT_S = 30.0


class BoundedBody:
    """Django reads a whole body before it asks who sent it; this is how much it may read.

    Past the bound, or the time, Django is told that the client left.
    """

    def __init__(self, receive: Receive, send: Send, max_bytes: int) -> None:
        self._receive, self._send = receive, send
        self._left = max_bytes
        self._until = monotonic() + CONTROL_BODY_TIMEOUT_S
        self._whole = False
        self.exceeded = self.answered = False

    def check_declared(self, exchange: Exchange) -> None:
        declared = exchange.headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._left:
            raise TooLarge(f"the request body is larger than {self._left >> 20} MB")

    async def receive(self) -> Message:
        if self._whole:  # what comes now is the disconnect, whenever that is
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - monotonic()):
                message = await self._receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._left -= len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._left < 0:
            self.exceeded = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        self.answered = True
        await self._send(message)
