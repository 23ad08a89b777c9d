"""OpenAI's functions of 2023, for a client that knows no tools."""

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

FUNCTIONS = Asked(model="m", id="i", created=1, request={"functions": [{"name": "weather"}]})


def test_a_client_that_knows_functions_only_gets_a_function_call() -> None:
    call = ToolCall(id="call_a", name="weather", arguments='{"city": "Graz"}')
    two = Reply(id="i", model="m", parts=(call, call), finish="tool_calls")
    choice = formats.by_name("openai_chat").encode_response(two, FUNCTIONS)["choices"][0]
    function = {"name": "weather", "arguments": '{"city": "Graz"}'}
    assert choice["message"]["function_call"] == function
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"


def test_and_so_in_a_stream() -> None:
    encoder = formats.by_name("openai_chat").StreamEncoder(FUNCTIONS)
    events: list[Event] = [
        Started("i", "m"),
        ToolCallStarted(0, "a", "weather"),
        ToolCallDelta(0, "{}"),
        ToolCallStarted(1, "b", "weather"),
        ToolCallDelta(1, "{}"),
        Finished("tool_calls"),
    ]
    out = b"".join(encoder.encode(event) for event in events)
    assert out.count(b"function_call") == 3
    assert b"tool_calls" not in out
    expected = (ToolCall(id="call_0", name="weather", arguments="{}"),)
    decoder = formats.by_name("openai_chat").StreamDecoder()
    assert fold(decoder.feed(out) + decoder.close()).parts == expected
