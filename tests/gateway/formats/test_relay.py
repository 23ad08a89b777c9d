"""The same format on both ends: bytes pass as they are, and what accounting reads is right."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.errors import UpstreamFailed
from gateway.formats import anthropic_messages, openai_chat, sse, wire
from gateway.formats.types import Usage

DONE = b"data: [DONE]\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse.frame(json.dumps({"id": "c", "choices": [choice], **more}).encode())


def event(kind: str, **content: Any) -> bytes:
    return sse.frame(wire.dumps({"type": kind, **content}), kind)


USAGE = sse.frame(b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}')
BEGIN = chunk({"role": "assistant", "content": ""})
TEXT = chunk({"content": "Hello"})
STOP = chunk({}, "stop")
START = event("message_start", message={"id": "m", "usage": {"input_tokens": 3}})
WORD = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"})
END = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2})
LAST = event("message_stop")


def test_the_piece_itself_is_passed_on_where_nothing_is_left_out() -> None:
    """No copy is made of what most pieces are."""
    piece = BEGIN + TEXT
    assert openai_chat.Relay(True).feed(piece) is piece
    piece = START + WORD
    assert anthropic_messages.Relay(False).feed(piece) is piece


@pytest.mark.parametrize("size", [10_000, 1, 7])
def test_a_usage_chunk_that_we_alone_asked_for_is_left_out(size: int) -> None:
    data = BEGIN + TEXT + STOP + USAGE + DONE
    relay = openai_chat.Relay(True)
    passed = b"".join(relay.feed(data[at : at + size]) for at in range(0, len(data), size))
    assert passed + relay.close() == BEGIN + TEXT + STOP + DONE
    assert relay.usage == Usage(3, 2)
    assert relay.finished


def test_usage_in_a_chunk_with_content_is_passed_on() -> None:
    """Leaving the chunk out would lose its content; a client that did not ask ignores it."""
    relay = openai_chat.Relay(True)
    piece = chunk({"content": "x"}, usage={"prompt_tokens": 1, "completion_tokens": 1})
    assert relay.feed(piece) == piece
    assert relay.usage == Usage(1, 1)


@dataclass(frozen=True)
class Case:
    id: str
    piece: bytes
    chars: int  # that the model wrote


FIRST = [
    Case("text", TEXT, 5),
    Case("thinking", chunk({"reasoning_content": "Hm"}), 2),
    Case("thinking in OpenRouter's field", chunk({"reasoning": "Hm"}), 2),
    Case("a refusal", chunk({"refusal": "No"}), 2),
    Case("a tool call", chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}), 2),
    Case("arguments as an object", chunk({"tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}), 7),
    Case("a legacy call", chunk({"function_call": {"name": "f", "arguments": "{}"}}), 2),
    Case("content in parts", chunk({"content": [{"type": "text", "text": "Hello"}]}), 5),
    Case("half a character", chunk({"tool_calls": [{"function": {"arguments": "\ud83d"}}]}), 1),
    Case("a message beside no delta", sse.frame(b'{"choices":[{"message":{"content":"Hello"}}]}'), 5),
    Case("an empty answer", STOP, 0),
]  # fmt: skip


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.id)
def test_content_starts_an_answer(case: Case) -> None:
    relay = openai_chat.Relay(False)
    relay.feed(BEGIN)
    assert not relay.started
    relay.feed(case.piece)
    assert relay.started
    assert relay.text_chars == case.chars


ERRORS: list[tuple[str, Any, bytes, bytes, int | None]] = [
    ("openai", openai_chat.Relay, TEXT, sse.frame(b'{"error":{"message":"busy","code":429}}'), 429),
    ("openai, no status", openai_chat.Relay, TEXT, sse.frame(b'{"error":"busy"}'), 200),
    (
        "anthropic",
        anthropic_messages.Relay,
        START + WORD,
        event("error", error={"type": "overloaded_error", "message": "busy"}),
        529,
    ),
]


@pytest.mark.parametrize(
    ("make", "content", "error", "status"),
    [case[1:] for case in ERRORS],
    ids=[case[0] for case in ERRORS],
)
def test_an_error_fails_the_attempt_before_content_and_is_passed_on_after(
    make: Any, content: bytes, error: bytes, status: int | None
) -> None:
    with pytest.raises(UpstreamFailed, match="busy") as caught:
        make(False).feed(error)
    assert caught.value.upstream_status == status
    relay = make(False)
    assert relay.feed(content + error) == content + error
    assert str(relay.failed) == "busy"
    assert not relay.finished


def test_what_an_end_lacks_is_added() -> None:
    relay: Any = openai_chat.Relay(False)
    relay.feed(TEXT + STOP)
    assert relay.close() == DONE
    relay = anthropic_messages.Relay(False)
    relay.feed(START + WORD + END)
    assert relay.close() == b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    assert relay.usage == Usage(3, 2)
    assert relay.finished


def test_a_last_event_without_its_empty_line_gets_one() -> None:
    relay: Any = openai_chat.Relay(False)
    relay.feed(TEXT + STOP)
    relay.feed(b"data: [DONE]")
    assert relay.close() == DONE
    relay = anthropic_messages.Relay(False)
    relay.feed(START + WORD + END)
    assert relay.feed(LAST.rstrip()) == b""
    assert relay.close() == LAST


def test_half_an_event_never_reaches_the_client() -> None:
    relay = openai_chat.Relay(False)
    assert relay.feed(TEXT + TEXT[:20]) == TEXT
    with pytest.raises(UpstreamFailed, match="broke off"):
        relay.close()


def test_an_end_without_an_answer_is_a_failure() -> None:
    with pytest.raises(UpstreamFailed, match="without an answer"):
        openai_chat.Relay(False).feed(BEGIN + DONE)


def test_comments_and_named_events_pass_between_chunks() -> None:
    data = b": OPENROUTER PROCESSING\n\n" + TEXT + b"id: 7\n" + STOP + DONE
    relay = openai_chat.Relay(False)
    assert relay.feed(data) == data
    assert relay.finished
    assert relay.text_chars == 5


def test_what_is_no_stream_at_all_is_a_failure() -> None:
    page = b"data: <html>502 Bad Gateway</html>\n\n"
    for relay in (openai_chat.Relay(False), anthropic_messages.Relay(False)):
        with pytest.raises(UpstreamFailed, match="something else"):
            relay.feed(page)


def test_bytes_that_are_no_utf_8_are_a_failure() -> None:
    with pytest.raises(UpstreamFailed):
        openai_chat.Relay(False).feed(b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n')
    with pytest.raises(UpstreamFailed):
        anthropic_messages.Relay(False).feed(b'event: x\ndata: {"type":"\xff"}\n\n')


def test_a_blank_event_between_chunks_does_not_shift_what_is_left_out() -> None:
    for blank in (b"data: \n\n", b"data:  \n\n", b"data:\n\n"):
        data = TEXT + blank + STOP + USAGE + DONE
        assert openai_chat.Relay(True).feed(data) == TEXT + blank + STOP + DONE


def test_an_end_is_recognised_with_blanks_around_it() -> None:
    relay = openai_chat.Relay(False)
    relay.feed(TEXT + STOP + b"data:[DONE] \n\n")
    assert relay.finished
