"""What holds for all clients: keys, addresses, headers, bodies, and how a broken stream ends."""

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from omniroute import settings
from tests.e2e.clients.asking import (
    CHAT,
    JSON,
    MESSAGES,
    RESPONSES,
    UPSTREAMS,
    events,
    left,
    post,
    results_in,
)
from tests.e2e.gateway import CLIENT, HELLO, KEY, Gateway, keyed, request_id
from tests.e2e.upstream import Upstream

GENERATE = "/v1beta/models/{model}:generateContent"
STREAM = "/v1beta/models/{model}:streamGenerateContent?alt=sse"
CONTENTS = [{"role": "user", "parts": [{"text": "Say hello."}]}]


@dataclass(frozen=True)
class Asks:
    """A client's format: where it asks, and its least request."""

    id: str
    path: str
    body: JSON

    def __call__(
        self, gateway: Gateway, model: str, stream: bool = False, **headers: str
    ) -> httpx.Response:
        path, body = self.path, {**self.body, "model": model, "stream": stream}
        if self.id == "gemini":
            path, body = (STREAM if stream else GENERATE).format(model=model), self.body
        return post(gateway, path, body, **headers)


ASKS = [
    Asks("chat", CHAT, {"messages": HELLO}),
    Asks("responses", RESPONSES, {"input": "Say hello.", "store": False}),
    Asks("messages", MESSAGES, {"messages": HELLO, "max_tokens": 100}),
    Asks("gemini", "", {"contents": CONTENTS}),
]
each = pytest.mark.parametrize("asks", ASKS, ids=lambda asks: asks.id)


# --- Keys and addresses ------------------------------------------------------------------------


@each
@pytest.mark.parametrize(
    "headers",
    [{"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}, {"x-goog-api-key": KEY}, {}],
    ids=["Bearer", "x-api-key", "x-goog-api-key", "?key="],
)
def test_a_key_may_come_in_any_way_at_any_address(
    gateway: Gateway, asks: Asks, headers: dict[str, str]
) -> None:
    path = asks.path or GENERATE.format(model="mk/talk")
    url = gateway.url + path + ("" if headers else f"?key={KEY}")
    answer = CLIENT.post(url, json=asks.body | {"model": "mk/talk"}, headers=headers)
    assert answer.status_code == 200
    assert "Hello" in answer.text


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21", "2099-01-01"])
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_any_anthropic_version_chooses_the_shape_of_the_list_whatever_the_key_is_in(
    gateway: Gateway, version: str, header: str
) -> None:
    key = {header: f"Bearer {KEY}" if header == "authorization" else KEY}
    named = key | {"anthropic-version": version}
    answer = CLIENT.get(gateway.url + "/v1/models", headers=named)
    assert {row["type"] for row in answer.json()["data"]} == {"model"}
    plain = CLIENT.get(gateway.url + "/v1/models", headers=key)
    assert plain.json()["object"] == "list"
    body = {"model": "an/talk", "messages": HELLO, "max_tokens": 9}
    assert CLIENT.post(gateway.url + MESSAGES, json=body, headers=named).status_code == 200


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/v1/chat/completions", 0), ("/chat/completions", 0),
        ("/v1/v1/responses", 1), ("/responses", 1),
        ("/v1/v1/messages", 2), ("/messages", 2), ("/messages?beta=true", 2),
    ],
)  # fmt: skip
def test_a_base_url_of_another_client_is_served(gateway: Gateway, path: str, asked: int) -> None:
    assert post(gateway, path, ASKS[asked].body | {"model": "mk/talk"}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/messages/count_tokens?beta=true"])
def test_tokens_are_counted_at_either_address(gateway: Gateway, path: str) -> None:
    assert post(gateway, path, {"model": "an/talk", "messages": HELLO}).json() == {
        "input_tokens": 42
    }


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("model", ["mk/talk", "mk%2Ftalk"])
def test_geminis_models_may_have_a_slash_beside_openais_list(
    gateway: Gateway, upstream: Upstream, version: str, model: str
) -> None:
    answer = post(gateway, f"/{version}/models/{model}:generateContent", {"contents": CONTENTS})
    assert left(upstream, answer).model == "talk"
    assert CLIENT.get(gateway.url + "/v1/models", headers=keyed()).json()["object"] == "list"


# --- Bodies and headers ------------------------------------------------------------------------


def test_bodies_of_32_megabytes_are_taken_by_default() -> None:
    assert settings.MAX_BODY_MB >= 32


@each
@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_first_turn_of_ninety_kilobytes_arrives_whole(
    gateway: Gateway, upstream: Upstream, asks: Asks, provider: str
) -> None:
    told = "0123456789abcde\n" * 6000
    bodies: dict[str, JSON] = {
        "chat": {"messages": [{"role": "user", "content": told}]},
        "responses": {"input": told},
        "messages": {"messages": [{"role": "user", "content": told}]},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": told}]}]},
    }
    answer = Asks(asks.id, asks.path, asks.body | bodies[asks.id])(gateway, f"{provider}/talk")
    assert json.dumps(told) in json.dumps(left(upstream, answer).body)


@each
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "br"])
def test_a_compressed_body_is_refused_for_what_it_is(
    gateway: Gateway, asks: Asks, encoding: str
) -> None:
    data = json.dumps(asks.body | {"model": "mk/talk"}).encode()
    data = gzip.compress(data) if encoding == "gzip" else zlib.compress(data)
    path = asks.path or GENERATE.format(model="mk/talk")
    headers = {"content-encoding": encoding, "content-type": "application/json"} | keyed()
    answer = CLIENT.post(gateway.url + path, content=data, headers=headers)
    assert answer.status_code == 415
    assert encoding in answer.json()["error"]["message"]
    assert gateway.row(request_id(answer))["status"] == 415


def test_a_body_that_says_it_is_not_compressed_is_read(gateway: Gateway) -> None:
    answer = post(
        gateway, CHAT, {"model": "mk/talk", "messages": HELLO}, content_encoding="identity"
    )
    assert answer.status_code == 200


@each
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/event-stream"])
def test_what_is_accepted_does_not_say_whether_to_stream(
    gateway: Gateway, asks: Asks, stream: bool, accept: str
) -> None:
    answer = asks(gateway, "mk/talk", stream, accept=accept)
    kind = "text/event-stream" if stream else "application/json"
    assert answer.headers["content-type"].startswith(kind)


@each
def test_nothing_is_compressed_whatever_is_accepted(gateway: Gateway, asks: Asks) -> None:
    answer = asks(gateway, "mk/talk", accept_encoding="gzip, deflate, br, zstd")
    assert "content-encoding" not in answer.headers


@each
@pytest.mark.parametrize("agent", ["", "claude-cli/0.24.4 (external, cli)", "ls/JS", "node-fetch"])
def test_what_a_client_calls_itself_changes_nothing(
    gateway: Gateway, asks: Asks, agent: str
) -> None:
    assert "Hello" in asks(gateway, "mk/talk", user_agent=agent).text


@each
def test_what_nodes_fetch_adds_makes_no_browser_of_it(gateway: Gateway, asks: Asks) -> None:
    headers = {"sec_fetch_mode": "cors", "accept_language": "*", "x_stainless_retry_count": "2"}
    assert asks(gateway, "mk/talk", stream=False, **headers).status_code == 200


@each
@pytest.mark.parametrize("model", ["mk/talk", "mk/status-400", "mk/status-429", "mk/status-500"])
def test_every_answer_has_its_id_in_both_headers(gateway: Gateway, asks: Asks, model: str) -> None:
    answer = asks(gateway, model)
    assert answer.headers["request-id"] == request_id(answer)
    assert request_id(answer).startswith("req_")
    if answer.status_code == 429:
        assert answer.headers["retry-after"] == "7"


@each
def test_a_429_without_a_hint_gets_one(gateway: Gateway, asks: Asks) -> None:
    """It is when the account has cooled down. Codex gives up without the header, and Gemini's clients read the body alone."""
    answer = asks(gateway, "mk/status-429-html")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    if asks.id == "gemini":
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
        assert info in answer.json()["error"]["details"]


@each
@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_400_of_a_provider_is_one_for_the_client(
    gateway: Gateway, asks: Asks, provider: str
) -> None:
    answer = asks(gateway, f"{provider}/status-400")
    assert answer.status_code == 400
    assert "refused" in answer.json()["error"]["message"]


@each
def test_a_provider_without_accounts_left_is_a_503_or_502_and_never_the_clients_fault(
    gateway: Gateway, asks: Asks
) -> None:
    assert asks(gateway, "dead/x").status_code in (502, 503)


# --- Streams that break ------------------------------------------------------------------------


@each
@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("fault", ["ends", "fails"])
def test_a_broken_stream_ends_with_the_formats_own_error_event(
    gateway: Gateway, asks: Asks, provider: str, fault: str
) -> None:
    """Of either kind: the provider says that it fails, or breaks off without a word."""
    answer = asks(gateway, f"{provider}/{fault}", stream=True)
    if fault == "fails" and answer.status_code == 502:
        return  # its first words and its failure came in one piece: nothing was passed on
    told = events(answer)
    last = told[-1]
    check = {
        "chat": _ends_chat, "responses": _ends_responses, "messages": _ends_messages,
        "gemini": _ends_gemini,
    }[asks.id]  # fmt: skip
    check(last.name, last.data)
    text = json.dumps([event.data for event in told])
    for end in ("[DONE]", "message_stop", "response.completed", '"finishReason"'):
        assert end not in text
    assert "finish_reason" not in text or '"finish_reason": "stop"' not in text


def _ends_chat(name: str, data: JSON) -> None:
    assert name == ""
    assert data["error"]["message"]
    assert {"type", "code"} <= data["error"].keys()


def _ends_responses(name: str, data: JSON) -> None:
    assert (name, data["type"]) == ("response.failed", "response.failed")
    assert data["response"]["status"] == "failed"
    assert data["response"]["error"]["code"]
    assert data["response"]["error"]["message"]


def _ends_messages(name: str, data: JSON) -> None:
    assert (name, data["type"]) == ("error", "error")
    assert data["error"]["type"] in ("overloaded_error", "api_error")
    assert data["error"]["message"]


def _ends_gemini(name: str, data: JSON) -> None:
    assert name == ""
    assert data["error"]["code"] in (502, 503)
    assert data["error"]["status"] == "UNAVAILABLE"
    assert data["error"]["message"]


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_gemini_stream_holds_data_and_nothing_else(gateway: Gateway, provider: str) -> None:
    """No comments, no names of events, no mark of the end: four clients fail on them."""
    answer = ASKS[3](gateway, f"{provider}/talk", stream=True)
    lines = [line for line in answer.text.split("\n") if line.strip()]
    assert all(line.startswith("data: {") for line in lines)


# --- What crosses into another format ----------------------------------------------------------


@each
@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_half_a_character_as_an_escape_does_not_break_an_answer(
    gateway: Gateway, asks: Asks, provider: str, stream: bool
) -> None:
    answer = asks(gateway, f"{provider}/emoji", stream)
    told = [event.data for event in events(answer)] if stream else [answer.json()]
    text = "".join(piece for data in told for piece in said(asks.id, data))
    assert text.encode("utf-16", "surrogatepass").decode("utf-16") == "a\U0001f600b"


def said(format: str, data: Any) -> list[str]:
    """The text in an answer or in an event."""
    match format, data:
        case "chat", {"choices": [{"message": {"content": str(text)}}]}:
            return [text]
        case "chat", {"choices": [{"delta": {"content": str(text)}}]}:
            return [text]
        case "responses", {"type": "response.output_text.delta", "delta": str(text)}:
            return [text]
        case "responses", {"object": "response", "output": [{"content": [{"text": str(text)}]}]}:
            return [text]
        case "messages", {"type": "message", "content": [{"text": str(text)}]}:
            return [text]
        case "messages", {"delta": {"text": str(text)}}:
            return [text]
        case "gemini", {"candidates": [{"content": {"parts": list(parts)}}]}:
            return [part["text"] for part in parts]
    return []


TWICE = [{"role": "user", "content": "First."}, {"role": "user", "content": "Second."}]
PLACES: list[tuple[str, list[JSON]]] = [
    ("two users in a row", TWICE),
    ("the system last", [*TWICE, {"role": "system", "content": "Rule."}]),
    ("the system in the middle", [TWICE[0], {"role": "system", "content": "Rule."}, TWICE[1]]),
    ("several systems", [{"role": "system", "content": "Rule."}, {"role": "system", "content": "Rule two."}, *TWICE]),
    ("a developer", [{"role": "developer", "content": "Rule."}, *TWICE]),
]  # fmt: skip


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("messages", [p[1] for p in PLACES], ids=[p[0] for p in PLACES])
def test_messages_may_stand_in_any_order(
    gateway: Gateway, upstream: Upstream, provider: str, messages: list[JSON]
) -> None:
    sent = left(upstream, post(gateway, CHAT, {"model": f"{provider}/talk", "messages": messages}))
    told = json.dumps(sent.body)
    assert told.index("First.") < told.index("Second.")
    assert ("Rule." in told) == (messages is not TWICE)
    if provider == "an":
        assert [m["role"] for m in sent.body["messages"]] == ["user"]


EMPTY: list[tuple[str, object]] = [
    ("null", None),
    ("empty", ""),
    ("absent", "absent"),
    ("no parts", []),
]
RESULTS: list[tuple[str, object]] = [
    ("a text", "rain"),
    ("parts", [{"type": "text", "text": "ra"}, {"type": "text", "text": "in"}]),
]


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("content", [e[1] for e in EMPTY], ids=[e[0] for e in EMPTY])
@pytest.mark.parametrize("result", [r[1] for r in RESULTS], ids=[r[0] for r in RESULTS])
def test_results_of_parallel_calls_stay_with_their_calls(
    gateway: Gateway, upstream: Upstream, provider: str, content: object, result: object
) -> None:
    def call(id: str, city: str) -> JSON:
        function = {"name": "weather", "arguments": json.dumps({"city": city})}
        return {"id": id, "type": "function", "function": function}

    says: JSON = {"role": "assistant", "tool_calls": [call("c1", "Oslo"), call("c2", "Rome")]}
    says |= {} if content == "absent" else {"content": content}
    body = {"model": f"{provider}/talk", "tools": [WEATHER], "messages": [
        *HELLO, says, {"role": "tool", "tool_call_id": "c2", "content": result},
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
    ]}  # fmt: skip
    sent = left(upstream, post(gateway, CHAT, body)).body
    assert results_in(provider, sent) == {"c1": "sun", "c2": "rain"}


WEATHER: JSON = {"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}},
}}}  # fmt: skip


@pytest.mark.parametrize("provider", UPSTREAMS)
@pytest.mark.parametrize("asked", [0, 1, 2], ids=["chat", "responses", "messages"])
def test_an_empty_list_of_tools_is_no_list_of_tools(
    gateway: Gateway, upstream: Upstream, provider: str, asked: int
) -> None:
    asks = ASKS[asked]
    answer = post(gateway, asks.path, asks.body | {"model": f"{provider}/talk", "tools": []})
    own = UPSTREAMS[asked] == provider
    assert left(upstream, answer).body.get("tools") == ([] if own else None)


SCHEMA: JSON = {
    "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
    "properties": {"city": {"$ref": "#/$defs/city"}, "more": {"type": "object", "properties": {}}},
    "$defs": {"city": {"type": "string"}}, "additionalProperties": False,
}  # fmt: skip


@pytest.mark.parametrize("provider", UPSTREAMS)
def test_a_tools_schema_arrives_as_it_is_but_for_what_google_refuses(
    gateway: Gateway, upstream: Upstream, provider: str
) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
    body = {"model": f"{provider}/talk", "messages": HELLO, "tools": [tool]}
    sent = left(upstream, post(gateway, CHAT, body)).body["tools"][0]
    schema = {
        "mk": lambda: sent["function"]["parameters"],
        "rs": lambda: sent["parameters"],
        "an": lambda: sent["input_schema"],
        "gm": lambda: sent["functionDeclarations"][0]["parametersJsonSchema"],
    }[provider]()
    kept = {name: told for name, told in SCHEMA.items() if name != "$schema"}
    assert schema == (kept if provider == "gm" else SCHEMA)


CHOICES: list[tuple[str, str, JSON, object]] = [
    ("required", "an", {"tool_choice": "required"}, {"type": "any"}),
    ("required", "gm", {"tool_choice": "required"}, {"mode": "ANY"}),
    ("required", "rs", {"tool_choice": "required"}, "required"),
    ("a function", "an", {"tool_choice": {"type": "function", "function": {"name": "weather"}}}, {"type": "tool", "name": "weather"}),
    ("a function", "gm", {"tool_choice": {"type": "function", "function": {"name": "weather"}}}, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ("a function", "rs", {"tool_choice": {"type": "function", "function": {"name": "weather"}}}, {"type": "function", "name": "weather"}),
    ("absent", "an", {}, None), ("absent", "gm", {}, None), ("absent", "rs", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "asked", "told"), [c[1:] for c in CHOICES], ids=[f"{c[0]} to {c[1]}" for c in CHOICES]
)  # fmt: skip
def test_a_choice_of_tool_keeps_its_meaning(
    gateway: Gateway, upstream: Upstream, provider: str, asked: JSON, told: object
) -> None:
    body = {"model": f"{provider}/talk", "messages": HELLO, "tools": [WEATHER], **asked}
    sent = left(upstream, post(gateway, CHAT, body)).body
    if provider == "gm":
        sent = {"tool_choice": sent.get("toolConfig", {}).get("functionCallingConfig")}
    assert sent.get("tool_choice") == told
