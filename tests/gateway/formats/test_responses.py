"""Whole answers and errors: read from any server, and written in the client's format."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors, formats
from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import anthropic_messages, openai_chat, openai_responses, wire
from gateway.formats.anthropic_messages.response import read_usage as read_anthropic
from gateway.formats.openai_chat.response import read_usage as read_openai
from gateway.formats.types import Asked, JSONDict, Quirks, Usage

ASKED = Asked(model="called", id="i", created=1)


@dataclass(frozen=True)
class Case:
    id: str
    told: JSONDict
    expect: Usage


OPENAI = [
    Case("nothing told", {}, Usage()),
    Case("what came from the cache is part of the input", {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}, Usage(10, 5, 4)),
    Case("reasoning is part of the output", {"prompt_tokens": 1, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}}, Usage(1, 9, 0, 0, 7)),
    Case("unless the total says that it is not, as at xAI", {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 17, "completion_tokens_details": {"reasoning_tokens": 7}}, Usage(1, 16, 0, 0, 7)),
    Case("DeepSeek's word for the cache", {"prompt_tokens": 10, "prompt_cache_hit_tokens": 6}, Usage(10, 0, 6)),
    Case("Moonshot's", {"prompt_tokens": 10, "cached_tokens": 6}, Usage(10, 0, 6)),
    Case("null is nothing", {"prompt_tokens": None, "completion_tokens": 2, "prompt_tokens_details": None}, Usage(0, 2)),
    Case("no count is below zero", {"prompt_tokens": -5, "completion_tokens": -1}, Usage()),
    Case("a float is cut", {"prompt_tokens": 3.9}, Usage(3)),
    Case("what is no number is nothing", {"prompt_tokens": float("nan"), "completion_tokens": "9"}, Usage()),
    Case("true is no number", {"prompt_tokens": True}, Usage()),
    Case("a number without sense is bounded", {"prompt_tokens": 10**30}, Usage(10**9)),
    Case("the cache is never more than the whole", {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 90}}, Usage(3, 0, 3)),
]  # fmt: skip

ANTHROPIC = [
    Case("nothing told", {}, Usage()),
    Case("what is kept for an hour is told apart", {"input_tokens": 7, "cache_creation_input_tokens": 30, "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}}, Usage(37, 0, 0, 30, 0, 20)),
    Case("the three parts of the input are one", {"input_tokens": 7, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 3, "output_tokens": 2}, Usage(100, 2, 90, 3)),
    Case("null is nothing", {"input_tokens": 7, "output_tokens": None, "cache_read_input_tokens": None}, Usage(7)),
    Case("thinking is part of the output", {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}}, Usage(0, 9, 0, 0, 5)),
    Case("no count is below zero", {"input_tokens": -7, "output_tokens": -1}, Usage()),
]  # fmt: skip


@pytest.mark.parametrize("case", OPENAI, ids=lambda case: case.id)
def test_usage_as_openai_tells_it(case: Case) -> None:
    assert read_openai(case.told) == case.expect


@pytest.mark.parametrize("case", ANTHROPIC, ids=lambda case: case.id)
def test_usage_as_anthropic_tells_it(case: Case) -> None:
    assert read_anthropic(case.told) == case.expect


COUNT = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3), st.booleans())


@given(
    told=st.dictionaries(
        st.sampled_from(
            ["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "cached_tokens",
             "cache_read_input_tokens", "cache_creation_input_tokens", "prompt_cache_hit_tokens"]
        ),
        COUNT,
    )
)  # fmt: skip
def test_whatever_is_told_counts_are_sensible(told: JSONDict) -> None:
    for usage in (read_openai(told), read_anthropic(told)):
        assert min(usage.input_tokens, usage.output_tokens, usage.cache_write_tokens) >= 0
        assert 0 <= usage.cache_read_tokens <= usage.input_tokens


# --- Answers ---------------------------------------------------------------------------------

OPENAI_ANSWER: JSONDict = {
    "id": "c1",
    "object": "chat.completion",
    "created": 5,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello",
                "reasoning_content": "Hm",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
                    {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 4}},
}  # fmt: skip
ANTHROPIC_ANSWER: JSONDict = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "output_tokens": 5, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 3},
}  # fmt: skip


def test_an_openai_answer_for_an_anthropic_client() -> None:
    reply = openai_chat.decode_response(OPENAI_ANSWER)
    assert anthropic_messages.encode_response(reply, ASKED) == {
        "id": "c1",
        "type": "message",
        "role": "assistant",
        "model": "called",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": ""},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
            {"type": "tool_use", "id": "b", "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 6,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 5,
        },
    }


def test_an_anthropic_answer_for_an_openai_client() -> None:
    body = openai_chat.encode_response(anthropic_messages.decode_response(ANTHROPIC_ANSWER), ASKED)
    message = body["choices"][0]["message"]
    assert body["model"] == "called"
    assert body["choices"][0]["finish_reason"] == "tool_calls"
    assert message["content"] == "Hello"
    assert message["reasoning_content"] == "Hm"
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    ]
    assert body["usage"]["prompt_tokens"] == 100
    assert body["usage"]["prompt_tokens_details"]["cached_tokens"] == 90


def test_thoughts_survive_the_way_to_an_openai_client_and_back() -> None:
    """What the client got is what it sends with its next turn, and the signature is still there."""
    told = openai_chat.encode_response(anthropic_messages.decode_response(ANTHROPIC_ANSWER), ASKED)
    turn = told["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": "a", "content": "1"}
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}, turn, result]}
    prompt = openai_chat.decode_request(asked)
    sent = anthropic_messages.encode_request(prompt, "m", Quirks()).body
    assert sent["messages"][1]["content"] == ANTHROPIC_ANSWER["content"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("end_turn", "stop"), ("max_tokens", "length"), ("stop_sequence", "stop"), ("tool_use", "tool_calls"),
     ("refusal", "content_filter"), ("pause_turn", "stop"), ("yet_to_be_invented", "stop"), (None, "stop")],
)  # fmt: skip
def test_reasons_to_stop(reason: str | None, finish: str) -> None:
    reply = anthropic_messages.decode_response(ANTHROPIC_ANSWER | {"stop_reason": reason})
    assert openai_chat.encode_response(reply, ASKED)["choices"][0]["finish_reason"] == finish


REFUSED = {
    "openai_chat": OPENAI_ANSWER
    | {"choices": [{"index": 0, "message": {"role": "assistant", "content": None, "refusal": "No."}, "finish_reason": "stop"}]},
    "openai_responses": {
        "id": "resp_1", "object": "response", "status": "completed", "model": "m", "created_at": 1,
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "refusal", "refusal": "No."}]}],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_refuses_and_stops_has_refused(name: str) -> None:
    reply = formats.by_name(name).decode_response(REFUSED[name])
    assert reply.finish == "refusal"
    told = anthropic_messages.encode_response(reply, ASKED)
    assert told["stop_reason"] == "refusal"
    assert told["content"] == [{"type": "text", "text": "No."}]


@pytest.mark.parametrize("name", REFUSED)
def test_openai_has_the_words_of_a_refusal_and_no_other_reason_to_stop(name: str) -> None:
    reply = formats.by_name(name).decode_response(REFUSED[name])
    (choice,) = openai_chat.encode_response(reply, ASKED)["choices"]
    assert (choice["message"]["refusal"], choice["finish_reason"]) == ("No.", "stop")
    response = openai_responses.encode_response(reply, ASKED)
    assert (response["status"], response["incomplete_details"]) == ("completed", None)
    assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_a_server_that_calls_tools_and_says_stop_means_the_calls() -> None:
    choice = OPENAI_ANSWER["choices"][0] | {"finish_reason": "stop"}
    reply = openai_chat.decode_response(OPENAI_ANSWER | {"choices": [choice]})
    assert reply.finish == "tool_calls"


def test_what_is_sniffed_of_a_relayed_answer() -> None:
    assert openai_chat.sniff_response(wire.dumps(OPENAI_ANSWER)) == Usage(10, 5, 4)
    assert anthropic_messages.sniff_response(wire.dumps(ANTHROPIC_ANSWER)) == Usage(100, 5, 90, 3)
    silent = {name: value for name, value in OPENAI_ANSWER.items() if name != "usage"}
    assert openai_chat.sniff_response(wire.dumps(silent)) is None
    halved = wire.dumps(OPENAI_ANSWER | {"x": "\ud83d"})
    assert openai_chat.sniff_response(halved) == Usage(10, 5, 4)


NO_ANSWER: list[tuple[bytes, str]] = [
    (b"<html>", "not JSON"),
    (b"", "not JSON"),
    (b"[]", "not JSON"),
    (b'{"error": "\xff"}', "not JSON"),
    (b"{}", "has no"),
    (b'{"choices": [], "content": null}', "has no"),
    (b'{"choices": 5, "content": 5}', "has no"),
    (b'{"error": {"message": "quota"}}', "quota"),
    (b'{"error": "quota"}', "quota"),
    (b'{"error": {"code": 7}}', "the upstream reports an error"),
]


@pytest.mark.parametrize("name", sorted(formats.FORMATS))
@pytest.mark.parametrize(("body", "words"), NO_ANSWER, ids=lambda value: repr(value)[:40])
def test_what_is_no_answer_is_the_upstreams_failure(name: str, body: bytes, words: str) -> None:
    with pytest.raises(UpstreamFailed, match=words):
        formats.by_name(name).sniff_response(body)


def test_an_error_inside_a_200_keeps_its_status() -> None:
    """OpenRouter and others: a limit that comes so is a limit, and its account cools down."""
    for error, status in (
        ({"message": "slow down", "code": 429}, 429),
        ({"message": "slow down", "type": "rate_limit_error"}, 429),
        ({"message": "busy", "type": "overloaded_error"}, 529),
        ({"message": "odd", "code": 7, "type": ["x"]}, 200),
    ):
        with pytest.raises(UpstreamFailed) as caught:
            openai_chat.decode_response({"error": error})
        assert caught.value.upstream_status == status


# --- Errors ----------------------------------------------------------------------------------

# The contract's table: error, status, OpenAI's type and code, Anthropic's type.
TABLE: list[tuple[GatewayError, int, str, str | None, str]] = [
    (errors.BadRequest("x", param="p"), 400, "invalid_request_error", None, "invalid_request_error"),
    (errors.NotSupported("x"), 400, "invalid_request_error", None, "invalid_request_error"),
    (errors.KeyRejected("x"), 401, "invalid_request_error", "invalid_api_key", "authentication_error"),
    (errors.BudgetSpent("x"), 402, "insufficient_quota", "budget_exceeded", "billing_error"),
    (errors.NotAllowed("x"), 403, "permission_error", None, "permission_error"),
    (errors.ModelNotFound("x"), 404, "invalid_request_error", "model_not_found", "not_found_error"),
    (errors.IdempotencyMismatch("x", param="Idempotency-Key"), 422, "invalid_request_error", "idempotency_mismatch", "invalid_request_error"),
    (errors.IdempotencyInProgress("x", retry_after_s=1), 409, "invalid_request_error", "idempotency_in_progress", "invalid_request_error"),
    (errors.AnswerNotKept("x"), 409, "invalid_request_error", "idempotency_answer_not_kept", "invalid_request_error"),
    (errors.TooLarge("x"), 413, "invalid_request_error", "request_too_large", "request_too_large"),
    (errors.MethodNotAllowed("x"), 405, "invalid_request_error", "method_not_allowed", "invalid_request_error"),
    (errors.UnsupportedEncoding("x"), 415, "invalid_request_error", "unsupported_encoding", "invalid_request_error"),
    (errors.UpgradeRequired("x"), 426, "invalid_request_error", "upgrade_required", "invalid_request_error"),
    (errors.RateLimited("x", retry_after_s=1), 429, "requests", "rate_limit_exceeded", "rate_limit_error"),
    (errors.RateLimited("x", retry_after_s=1, limit="tokens"), 429, "tokens", "rate_limit_exceeded", "rate_limit_error"),
    (errors.RateLimited("x", retry_after_s=1, limit="concurrency"), 429, "requests", "rate_limit_exceeded", "rate_limit_error"),
    (errors.UpstreamFailed("x"), 502, "upstream_error", None, "api_error"),
    (errors.UpstreamRefused("x", upstream_status=401), 502, "upstream_error", None, "api_error"),
    (errors.UpstreamRefused("x", upstream_status=422), 422, "invalid_request_error", None, "invalid_request_error"),
    (errors.UpstreamRefused("x", upstream_status=413), 413, "invalid_request_error", None, "request_too_large"),
    (errors.Unavailable("x"), 503, "service_unavailable", None, "overloaded_error"),
    (errors.StorageUnavailable("x"), 503, "service_unavailable", "storage_unavailable", "overloaded_error"),
    (errors.UpstreamTimeout("x"), 504, "timeout", None, "timeout_error"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "kind", "code", "theirs"), TABLE, ids=lambda v: type(v).__name__ if isinstance(v, GatewayError) else str(v))  # fmt: skip
def test_errors_have_the_contracts_bodies(
    error: GatewayError, status: int, kind: str, code: str | None, theirs: str
) -> None:
    assert error.status == status
    body = {"message": "x", "type": kind, "param": error.param, "code": code}
    assert openai_chat.encode_error(error, "req_1") == {"error": body}
    assert anthropic_messages.encode_error(error, "req_1") == {
        "type": "error",
        "error": {"type": theirs, "message": "x"},
        "request_id": "req_1",
    }


def test_a_new_class_of_error_has_its_ancestors_body() -> None:
    class Novel(errors.BudgetSpent):
        pass

    assert openai_chat.encode_error(Novel("x"), "r")["error"]["code"] == "budget_exceeded"
    assert anthropic_messages.encode_error(Novel("x"), "r")["error"]["type"] == "billing_error"


def test_details_stand_beside_the_message() -> None:
    error = UpstreamFailed("x", details={"attempts": [{"model": "m"}]})
    for name in sorted(formats.FORMATS.keys() - {"gemini", "gemini_array"}):  # among `details`
        body = formats.by_name(name).encode_error(error, "r")
        told = body["error"] if isinstance(body.get("error"), dict) else body
        assert told["attempts"] == [{"model": "m"}]


def test_errors_inside_a_stream_are_events_of_the_format() -> None:
    error = UpstreamFailed('broke\n\ndata: "off"')
    assert openai_chat.encode_stream_error(error, "r").startswith(b'data: {"error":{')
    told = anthropic_messages.encode_stream_error(error, "r")
    assert told.startswith(b'event: error\ndata: {"type":"error",')
    assert told.count(b"\n") == 3


BODIES: list[tuple[str, bytes, str]] = [
    ("OpenAI's", b'{"error": {"message": "no model", "type": "x"}}', "no model"),
    (
        "Anthropic's",
        b'{"type": "error", "error": {"type": "x", "message": "no model"}}',
        "no model",
    ),
    ("a string", b'{"error": "no model"}', "no model"),
    ("FastAPI's", b'{"detail": "no model"}', "no model"),
    ("a bare message", b'{"message": "no model"}', "no model"),
    ("Google's", b'[{"error": {"message": "no model", "code": 404}}]', "no model"),
    ("a page", b"<html><title>502 Bad\nGateway</title><body>x</body></html>", "502 Bad Gateway"),
    ("a page without a title", b"<h1>Bad <b>Gateway</b></h1>", "Bad  Gateway"),
    ("text", b"no model", "no model"),
    ("JSON of another kind", b'{"code": 5}', '{"code": 5}'),
    ("nothing", b"", "the upstream answered 502"),
    ("bytes", b"\xff\xfe", "\ufffd\ufffd"),
    ("control characters", b"a\x00b\x1b[31mc\r\nd", "a b [31mc d"),
    ("half a character", b'{"error": "a\\ud83d"}', "a?"),
]


@pytest.mark.parametrize(("body", "words"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])  # fmt: skip
def test_an_upstreams_error_is_understood_whatever_its_shape(body: bytes, words: str) -> None:
    assert openai_chat.decode_error(502, body) == words


@given(body=st.binary(max_size=300))
def test_an_upstreams_words_fit_into_a_log(body: bytes) -> None:
    words = anthropic_messages.decode_error(500, body * 10)
    assert 0 < len(words) <= 500
    words.encode()
    assert not any(ord(char) < 32 or ord(char) == 127 for char in words)


def test_an_answer_that_is_odd_in_every_place_is_read_or_refused() -> None:
    for odd in (None, True, 5, "x", [], {}, [None], {"x": 1}):
        message: Any = {
            "content": odd,
            "tool_calls": odd,
            "function_call": odd,
            "refusal": odd,
            "reasoning_details": odd,
        }
        reply = openai_chat.decode_response(
            {"choices": [{"message": message, "finish_reason": odd}], "usage": odd, "id": odd}
        )
        for name in formats.FORMATS:
            wire.dumps(formats.by_name(name).encode_response(reply, ASKED))


def test_a_field_of_the_body_is_not_taken_for_one_of_its_message() -> None:
    format = formats.by_name("openai_chat")
    choices = [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]
    odd = {"message": None, "choice": 5, "choices": choices, "answer": []}
    told = format.encode_response(
        format.decode_response(odd), Asked(model="m-1", id="none", created=0)
    )
    assert (told["message"], told["choice"], told["answer"]) == (None, 5, [])
    assert told["choices"][0]["message"]["content"] == "Hi"
