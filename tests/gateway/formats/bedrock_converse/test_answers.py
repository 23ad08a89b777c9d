"""Answers and errors of Bedrock, and what its clients would be told."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, RateLimited, UpstreamFailed
from gateway.formats import aws_eventstream, bedrock_converse, wire
from gateway.formats.types import (
    Asked,
    Citation,
    File,
    Finish,
    Image,
    JSONDict,
    Opaque,
    Part,
    PartSent,
    RedactedThinking,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

ASKED = Asked(model="m", id="id", created=0)


def answer(*content: JSONDict, **fields: Any) -> JSONDict:
    return {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
        "metrics": {"latencyMs": 5},
    } | fields


CITED: JSONDict = {
    "title": "Ruby Facts",
    "source": "https://example.com/ruby",
    "sourceContent": [{"text": "made in "}, {"text": "1993"}],
    "location": {"searchResultLocation": {"searchResultIndex": 0, "start": 0, "end": 1}},
}


@dataclass(frozen=True)
class Case:
    id: str
    block: JSONDict
    part: Part


BLOCKS = [
    Case("a text", {"text": "Hi"}, Text(text="Hi")),
    Case(
        "a call, with what says that it is one",
        {"toolUse": {"toolUseId": "1", "name": "n", "input": {"a": 1.0}, "type": "tool_use"}},
        ToolCall(id="1", name="n", arguments='{"a":1.0}', extras={"type": "tool_use"}),
    ),
    Case(
        "a call that the provider made itself",
        {"toolUse": {"toolUseId": "1", "name": "n", "input": {}, "type": "server_tool_use"}},
        Opaque(
            format="bedrock_converse",
            value={
                "toolUse": {"toolUseId": "1", "name": "n", "input": {}, "type": "server_tool_use"}
            },
        ),
    ),
    Case(
        "a thought that Claude signed",
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "s"}}},
        Thinking(text="Hm", signature="s", signed_by="anthropic_messages"),
    ),
    Case(
        "a thought that nobody signed",
        {"reasoningContent": {"reasoningText": {"text": "Hm"}}},
        Thinking(text="Hm"),
    ),
    Case(
        "a redacted thought is Anthropic's, in base64",
        {"reasoningContent": {"redactedContent": "RXFRQg=="}},
        RedactedThinking(data="EqQB", signed_by="anthropic_messages"),
    ),
    Case(
        "a redacted thought that is no text is Bedrock's",
        {"reasoningContent": {"redactedContent": "/wD/"}},
        RedactedThinking(data="/wD/", signed_by="bedrock_converse"),
    ),
    Case(
        "a cited text",
        {"citationsContent": {"content": [{"text": "In 1993"}], "citations": [CITED]}},
        Text(
            text="In 1993",
            citations=(
                Citation(
                    format="bedrock_converse",
                    value=CITED,
                    url="https://example.com/ruby",
                    title="Ruby Facts",
                    cited_text="made in 1993",
                ),
            ),
        ),
    ),
    Case(
        "what is not known yet",
        {"hologram": {"a": 1}},
        Opaque(format="bedrock_converse", value={"hologram": {"a": 1}}),
    ),
    Case(
        "what is not as it must be",
        {"text": 5},
        Opaque(format="bedrock_converse", value={"text": 5}),
    ),
]


@pytest.mark.parametrize("case", BLOCKS, ids=lambda case: case.id)
def test_a_block_is_a_part_and_the_part_that_block(case: Case) -> None:
    sent = answer(case.block)
    reply = bedrock_converse.decode_response(sent)
    assert reply.parts == (case.part,)
    assert bedrock_converse.encode_response(reply, ASKED) == sent


FINISHES: list[tuple[str, Finish]] = [
    ("end_turn", "stop"),
    ("tool_use", "tool_calls"),
    ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"),
    ("stop_sequence", "stop_sequence"),
    ("guardrail_intervened", "content_filter"),
    ("content_filtered", "content_filter"),
    ("malformed_tool_use", "stop"),
]


@pytest.mark.parametrize(("reason", "finish"), FINISHES)
def test_a_stop_reason_is_a_finish_and_comes_out_again(reason: str, finish: Finish) -> None:
    sent = answer(stopReason=reason)
    reply = bedrock_converse.decode_response(sent)
    assert reply.finish == finish
    assert bedrock_converse.encode_response(reply, ASKED) == sent


COUNTED = [
    ({}, None),
    ({"inputTokens": 3, "outputTokens": 61, "totalTokens": 64}, Usage(3, 61)),
    (
        {
            "inputTokens": 3,
            "outputTokens": 61,
            "totalTokens": 2435,
            "cacheReadInputTokens": 2074,
            "cacheReadInputTokenCount": 2074,
            "cacheWriteInputTokens": 297,
        },
        Usage(2374, 61, 2074, 297),
    ),
    ({"inputTokens": None, "outputTokens": -1, "cacheReadInputTokens": "7"}, Usage()),
]


@pytest.mark.parametrize(("told", "usage"), COUNTED)
def test_what_the_cache_gave_is_part_of_the_input(told: JSONDict, usage: Usage | None) -> None:
    sent = answer(usage=told)
    assert bedrock_converse.decode_response(sent).usage == usage
    assert bedrock_converse.sniff_response(wire.dumps(sent)) == usage


def test_what_only_bedrock_knows_comes_out_again() -> None:
    sent = answer(
        {"text": "Hi"},
        usage={
            "inputTokens": 1,
            "outputTokens": 2,
            "totalTokens": 3,
            "cacheReadInputTokens": 0,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 0}],
        },
        trace={"guardrail": {"actionReason": "No action."}},
        performanceConfig={"latency": "standard"},
        serviceTier={"type": "default"},
        additionalModelResponseFields={"stop_sequence": None, "more": 1},
    )
    reply = bedrock_converse.decode_response(sent)
    assert bedrock_converse.encode_response(reply, ASKED) == sent


@pytest.mark.parametrize(
    "fields", [{"stop_sequence": "|"}, {"delta": {"stop_sequence": "|"}}], ids=str
)
def test_which_stop_sequence_was_met_is_told_where_it_was_asked_for(fields: JSONDict) -> None:
    sent = answer(stopReason="stop_sequence", additionalModelResponseFields=fields)
    assert bedrock_converse.decode_response(sent).stop_sequence == "|"


def test_another_formats_answer_is_written_without_what_is_strange() -> None:
    reply = Reply(
        format="openai_chat",
        id="x",
        model="y",
        parts=(
            Refusal(text="No."),
            Opaque(format="openai_chat", value={"type": "audio"}),
            Text(text="t", extras={"strange": 1}),
        ),
        finish="refusal",
        usage=Usage(10, 1, 4, 2),
        extras={"system_fingerprint": "f"},
    )
    assert bedrock_converse.encode_response(reply, ASKED) == {
        "output": {"message": {"role": "assistant", "content": [{"text": "No."}, {"text": "t"}]}},
        "stopReason": "refusal",
        "usage": {
            "inputTokens": 4,
            "outputTokens": 1,
            "totalTokens": 11,
            "cacheReadInputTokens": 4,
            "cacheWriteInputTokens": 2,
        },
    }


# --- Errors ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    id: str
    body: bytes
    words: str
    status: int = field(default=400)


FAILURES = [
    Failure("as most services say it", b'{"message":"No such model"}', "No such model"),
    Failure("as others do", b'{"Message":"Not authorized"}', "Not authorized"),
    Failure("without words", b"{}", "{}"),
    Failure("without a body", b"", "the upstream answered 400"),
    Failure(
        "a wrong signature, whose explanation repeats the session token",
        b'{"message":"The request signature we calculated does not match.\\n\\nThe Canonical String '
        b"for this request should have been\\n'POST\\nx-amz-security-token:t'\"}",
        "The request signature we calculated does not match.",
    ),
]


@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.id)
def test_an_errors_words(case: Failure) -> None:
    assert bedrock_converse.decode_error(case.status, case.body) == case.words


def test_an_error_inside_a_200_is_a_failure() -> None:
    with pytest.raises(UpstreamFailed, match="Too many tokens"):
        bedrock_converse.decode_response({"message": "Too many tokens"})
    with pytest.raises(UpstreamFailed, match="Too many tokens"):
        bedrock_converse.sniff_response(b'{"message":"Too many tokens"}')


def test_our_own_errors_in_amazons_words() -> None:
    error = RateLimited("slower, please", retry_after_s=1)
    assert bedrock_converse.encode_error(error, "id") == {"message": "slower, please"}
    [frame] = aws_eventstream.Splitter().feed(bedrock_converse.encode_stream_error(error, "id"))
    message = aws_eventstream.read(frame)
    assert message.headers[":message-type"] == "exception"
    assert message.headers[":exception-type"] == "throttlingException"
    assert wire.loads(message.payload) == {"message": "slower, please"}


UNTOLD: list[tuple[str, Part]] = [
    ("an image of a kind that Bedrock has not", Image(data="TU0=", media_type="image/tiff")),
    ("a document of such a kind", File(data="AAAA", media_type="video/mp4", name="a.mp4")),
    ("an image that lies elsewhere", Image(url="https://example.com/a.png")),
    ("what another format knows", Opaque(format="gemini", value={"executableCode": {}})),
]


@pytest.mark.parametrize("part", [row[1] for row in UNTOLD], ids=[row[0] for row in UNTOLD])
def test_what_this_format_has_no_block_for_is_left_out_of_an_answer(part: Part) -> None:
    reply = Reply(id="i", model="m", parts=(Text(text="Hi"), part))
    sent = bedrock_converse.encode_response(reply, ASKED)
    assert sent["output"]["message"]["content"] == [{"text": "Hi"}]
    assert bedrock_converse.StreamEncoder(ASKED).encode(PartSent(part)) == b""


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["output", "message", "content", "text", "toolUse", "usage", "stopReason"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(
    body=st.dictionaries(
        st.sampled_from(["output", "usage", "stopReason", "message", "metrics"]), VALUES
    ),
    content=st.lists(VALUES, max_size=3),
)
def test_any_answer_is_read_or_is_a_failure(body: JSONDict, content: list[Any]) -> None:
    for sent in (body, answer(**body) | {"output": {"message": {"content": content}}}):
        with suppress(UpstreamFailed):
            bedrock_converse.encode_response(bedrock_converse.decode_response(sent), ASKED)
        with suppress(UpstreamFailed):
            bedrock_converse.sniff_response(wire.dumps(sent))


@given(data=st.binary(max_size=60))
def test_any_bytes_are_no_worse(data: bytes) -> None:
    with suppress(UpstreamFailed):
        bedrock_converse.sniff_response(data)
    assert isinstance(bedrock_converse.decode_error(500, data), str)
    assert isinstance(bedrock_converse.encode_error(GatewayError("x"), "id"), dict)


def test_what_is_nested_too_deeply_to_be_read_is_a_failure() -> None:
    for data in (b'{"usage":' + b"[" * 5000, b'{"x":' * 5000 + b"1" + b"}" * 5000):
        with pytest.raises(UpstreamFailed):
            bedrock_converse.sniff_response(data)
        with pytest.raises(UpstreamFailed):
            bedrock_converse.StreamDecoder().feed(aws_eventstream.event("metadata", data))
