"""A call of no arguments, which some models write as nothing: clients parse what they are given."""

import pytest

from gateway import formats
from gateway.formats.fold import fold
from gateway.formats.types import (
    Asked,
    Event,
    Finished,
    Reply,
    Started,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
)

# Anthropic's clients, and Cohere's, take nothing for no arguments.
NAMES = sorted(formats.CLIENTS.keys() & formats.FORMATS.keys() - {"anthropic_messages"})
EVENTS: list[Event] = [
    Started("i", "m"),
    ToolCallStarted(0, "call_a", "look"),
    ToolCallStarted(1, "call_b", "weather"),
    ToolCallDelta(1, '{"city":"Graz"}'),
    ToolCallStarted(2, "call_c", "look"),
    ToolCallDelta(2, ""),
    Finished("tool_calls"),
]
TOLD = ["{}", '{"city":"Graz"}', "{}"]


def asked(**request: object) -> Asked:
    return Asked(model="m", id="i", created=1, request=request)


def arguments(reply: Reply) -> list[str]:
    return [part.arguments for part in reply.parts if isinstance(part, ToolCall)]


@pytest.mark.parametrize("name", NAMES)
def test_in_a_stream_it_is_an_empty_object(name: str) -> None:
    encoder = formats.by_name(name).StreamEncoder(asked())
    sent = b"".join(encoder.encode(event) for event in EVENTS)
    decoder = formats.by_name(name).StreamDecoder()
    assert arguments(fold(decoder.feed(sent) + decoder.close())) == TOLD


@pytest.mark.parametrize("name", NAMES)
def test_in_an_answer_it_is_an_empty_object(name: str) -> None:
    format = formats.by_name(name)
    assert arguments(format.decode_response(format.encode_response(fold(EVENTS), asked()))) == TOLD


def test_so_it_is_for_a_client_that_knows_functions_only() -> None:
    encoder = formats.by_name("openai_chat").StreamEncoder(asked(functions=[{"name": "look"}]))
    sent = b"".join(encoder.encode(event) for event in EVENTS)
    decoder = formats.by_name("openai_chat").StreamDecoder()
    assert arguments(fold(decoder.feed(sent) + decoder.close())) == TOLD[:1]
