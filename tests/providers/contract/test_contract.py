"""For every row of the catalogue: what leaves for the provider, and that its answer is understood.

Each is called as it stands in its file, but for the host: its place takes a server of ours, which
answers as the vendor documents it.
"""

import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote, urlsplit

import pytest
from django.db import transaction
from msgspec import structs
from yarl import URL

from gateway import formats, routing
from gateway.attempt import Opened, attempt
from gateway.call import Call
from gateway.exchange import Exchange
from gateway.formats.types import Usage
from gateway.runtime import Runtime
from gateway.snapshot import Snapshot
from gateway.upstream import Upstreams
from tests.matrix.scenarios import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS
from tests.matrix.vendors import VENDORS
from tests.providers.contract.rows import KEY, REGION, Case, cases, connected, params
from tests.providers.contract.service import ANSWER, Service

CASES = list(cases())
pytestmark = pytest.mark.django_db  # which is made for tests with this mark

# What each format adds to its base address, as the vendor documents it.
PATHS = {
    "openai_chat": ("/chat/completions", "/chat/completions"),
    "openai_responses": ("/responses", "/responses"),
    "anthropic_messages": ("/messages", "/messages"),
    "gemini": (
        "/models/{model}:generateContent",
        "/models/{model}:streamGenerateContent?alt=sse",
    ),
    "bedrock_converse": ("/model/{model}/converse", "/model/{model}/converse-stream"),
    "cohere_chat": ("/v2/chat", "/v2/chat"),
    "ollama_chat": ("/api/chat", "/api/chat"),
}
KEY_HEADERS = {"anthropic_messages": ("x-api-key", KEY), "gemini": ("x-goog-api-key", KEY)}
HELLO = [{"role": "user", "content": "Say hello."}]
BODIES: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "messages": [{"role": "system", "content": "Be brief."}, *HELLO],
        "max_tokens": 50,
    },
    "openai_responses": {"input": HELLO, "instructions": "Be brief.", "max_output_tokens": 50},
    "anthropic_messages": {"messages": HELLO, "system": "Be brief.", "max_tokens": 50},
    "ollama_chat": {
        "messages": [{"role": "system", "content": "Be brief."}, *HELLO],
        "options": {"num_predict": 50},
    },
}
# What some refuse. It is added for those that are asked in the format that it belongs to.
PROBES: dict[str, Any] = {
    "temperature": 0.5, "top_p": 0.9, "seed": 7, "presence_penalty": 0.1, "frequency_penalty": 0.1,
    "user": "u-1", "logit_bias": {"5": 1}, "logprobs": True, "top_logprobs": 2, "n": 1,
    "parallel_tool_calls": True, "service_tier": "auto", "prediction": {}, "stop": ["END"],
}  # fmt: skip


@pytest.fixture(scope="module")
def snapshot(django_db_setup: None, django_db_blocker: Any) -> Snapshot:
    with django_db_blocker.unblock(), transaction.atomic():
        built = connected()
        transaction.set_rollback(True)
    return built


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    pool = Upstreams()
    yield pool
    await pool.close()


def test_every_provider_with_a_connection_is_usable(snapshot: Snapshot) -> None:
    assert snapshot.problems == ()
    assert len({case.row.id for case in CASES}) >= 125


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_contract(
    case: Case, streams: bool, snapshot: Snapshot, upstreams: Upstreams
) -> None:
    client = case.format if case.format in BODIES else "openai_chat"
    name = f"{case.row.alias}/{case.model}"
    target = routing.resolve(snapshot, snapshot.anyone, name, client).targets[0]
    assert case.format == target.format.NAME
    url = target.stream_url if streams else target.url
    suffix = PATHS[case.format][streams].replace("{model}", quoted(case))
    assert str(url) == case.base_url + suffix

    async with Service(case.format, urlsplit(case.base_url).path) as service:
        here = service_target(target, service.port)
        request = BODIES[client] | {"model": name, "stream": streams}
        if case.format == "openai_chat":
            request |= PROBES | ({"stream_options": {"include_usage": True}} if streams else {})
        opened = await attempt(call(snapshot, client, request), here, runtime(upstreams), 20)
        answer, usage = await heard(opened)
        arrived = service.arrived

    assert (arrived.method, arrived.path) == ("POST", urlsplit(case.base_url).path + suffix)
    check_headers(case, arrived.headers)
    check_body(case, arrived.body, opened.dropped, streams)
    assert ANSWER.text in said(client, answer, streams)
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    assert cached in (CACHED_TOKENS, 0)  # not all count them


def quoted(case: Case) -> str:
    if case.format == "bedrock_converse":
        return quote(case.model, safe="")
    return quote(case.model, safe="/")


def service_target(target: routing.Target, port: int) -> routing.Target:
    def at(url: URL) -> URL:
        return URL(f"http://127.0.0.1:{port}{url.raw_path_qs}", encoded=True)

    provider = structs.replace(target.provider, allow_private_network=True)
    return structs.replace(
        target, provider=provider, url=at(target.url), stream_url=at(target.stream_url)
    )


def call(snapshot: Snapshot, client: str, request: dict[str, Any]) -> Call:
    async def nothing(*_: Any) -> Any:
        raise AssertionError("the client is not asked for more, nor told anything")

    scope = {"path": "/", "headers": [(b"authorization", b"Bearer sk-of-the-client")]}
    made = Call(Exchange(scope, nothing, nothing, "192.0.2.1"), formats.CLIENTS[client], snapshot)
    made.request = made.own = request
    made.body = json.dumps(request).encode()
    made.model, made.stream = request["model"], request.get("stream", False)
    return made


def runtime(upstreams: Upstreams) -> Runtime:
    """As much of one as an attempt asks for; what headers tell of quotas is not looked at."""
    deaf = SimpleNamespace(hear=lambda *_: None)
    return cast(Runtime, SimpleNamespace(upstreams=upstreams, fetcher=None, quotas=deaf))


async def heard(opened: Opened) -> tuple[bytes, Usage | None]:
    try:
        if opened.stage is None:
            return opened.body, opened.usage
        data = opened.body
        while not opened.stage.finished:
            piece = await opened.answer.piece()
            data += opened.stage.feed(piece) if piece else opened.stage.close()
        return data, opened.stage.usage
    finally:
        opened.close()


@pytest.mark.parametrize("client", BODIES)
async def test_of_a_stream_is_made_one_answer_where_there_is_no_other(
    client: str, snapshot: Snapshot, upstreams: Upstreams
) -> None:
    name = "ali/qwen3-omni-flash"
    target = routing.resolve(snapshot, snapshot.anyone, name, client).targets[0]
    async with Service("openai_chat", "/compatible-mode/v1") as service:
        here = service_target(target, service.port)
        request = BODIES[client] | {"model": name, "stream": False}
        opened = await attempt(call(snapshot, client, request), here, runtime(upstreams), 20)
        answer, usage = await heard(opened)
    assert service.arrived.body["stream"] is True
    assert text_of(json.loads(answer)) == ANSWER.text
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)


# --- What left -------------------------------------------------------------------------------


def check_headers(case: Case, headers: dict[str, str]) -> None:
    expected = {"content-type": "application/json", "accept-encoding": "identity"}
    for name, template in case.row.headers.items():
        for param, value in params(case.row).items():
            template = template.replace(f"{{{param}}}", value)
        expected[name] = template
    if case.format == "anthropic_messages":
        expected["anthropic-version"] = "2023-06-01"
    if "aws" in case.row.auth:
        signature = headers["authorization"]
        assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
        assert f"/{REGION}/" in signature
        assert KEY not in str(headers)
        names = {"authorization", "x-amz-date", *expected}
    else:
        expected |= key_header(case)
        names = set(expected)
    assert {name: headers.get(name) for name in expected} == expected
    assert set(headers) - {"host", "content-length"} <= names | {"x-amz-content-sha256"}


def key_header(case: Case) -> dict[str, str]:
    if case.row.auth == ["none"]:
        return {}
    own = next((h for f, h in case.row.key_headers.items() if f.value == case.format), None)
    if own is not None:
        return {own.name: own.template.replace("{key}", KEY)}
    name, value = KEY_HEADERS.get(case.format, ("authorization", f"Bearer {KEY}"))
    return {name: value}


def check_body(case: Case, body: dict[str, Any], dropped: tuple[str, ...], streams: bool) -> None:
    unsupported = set(case.quirks.get("unsupported", []))
    assert not unsupported & set(body)
    if case.format == "openai_chat":
        asks = case.quirks.get("include_usage", True)
        deaf = {"stream_options"} if streams and not asks else set()
        assert set(dropped) == unsupported & set(PROBES) | deaf
        names = case.quirks.get("renamed", {})
        kept = {names.get(n, n): value for n, value in PROBES.items() if n not in unsupported}
        assert kept.items() <= body.items()
        limit = case.quirks.get("max_tokens_field") or "max_tokens"
        assert {name: body[name] for name in body if name.startswith("max_")} == {limit: 50}
        told = {"include_usage": True} if streams and asks else None
        assert body.get("stream_options") == told
        assert not names.keys() & body.keys()
    probes = {case.quirks.get("renamed", {}).get(name, name) for name in PROBES}
    plain = {name: value for name, value in body.items() if name not in probes or name == "stop"}
    if case.format == "openai_chat":
        plain.pop("stop", None)
    if "model" in body:
        assert body["model"] == case.model
    if case.quirks.get("streams_only"):
        assert body["stream"] is True
    seen = VENDORS[case.format].read(plain)
    assert (seen.system, seen.items) == ("Be brief.", [("user", "Say hello.")])
    assert seen.max_tokens == (None if "max_output_tokens" in unsupported else 50)


# --- What came back --------------------------------------------------------------------------


def said(client: str, answer: bytes, streams: bool) -> str:
    """The text that the client gets."""
    if not streams:
        return text_of(json.loads(answer))
    lines = answer.decode().splitlines()
    if client == "ollama_chat":
        data = lines
    else:
        data = [each[6:] for each in lines if each.startswith("data: {")]
    return "".join(text_of(json.loads(each)) for each in data)


def text_of(told: dict[str, Any]) -> str:
    match told:
        case {"choices": [{"message": {"content": str(text)}}]}:
            return text
        case {"choices": [{"delta": {"content": str(text)}}]}:
            return text
        case {"message": {"role": "assistant", "content": str(text)}}:
            return text
        case {"type": "response.output_text.delta", "delta": str(text)}:
            return text
        case {"object": "response", "output": [*_, {"content": [{"text": str(text)}]}]}:
            return text
        case {"type": "message", "content": [{"text": str(text)}]}:
            return text
        case {"type": "content_block_delta", "delta": {"text": str(text)}}:
            return text
    return ""
