"""Small examples in every format, written by the formats themselves."""

from gateway.errors import GatewayError
from gateway.formats import FORMATS, Format
from gateway.formats.types import (
    Asked,
    Event,
    Finished,
    Image,
    Message,
    Prompt,
    Quirks,
    Reply,
    Started,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    ToolResult,
    Usage,
)
from omniroute.console.readable import pretty
from omniroute.console.translation import stream_text

ID, MODEL, CREATED = "msg_0123456789", "some-model", 1_790_000_000

# A picture of one red pixel.
_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)

PROMPT = Prompt(
    format="",
    model=MODEL,
    messages=(
        Message("system", (Text(text="You know the weather."),)),
        Message(
            "user",
            (
                Text(text="Is it warmer in Paris than in this picture?"),
                Image(data=_PNG, media_type="image/png"),
            ),
        ),
        Message(
            "assistant", (ToolCall(id="call_1", name="weather", arguments='{"city":"Paris"}'),)
        ),
        Message("user", (ToolResult(call_id="call_1", content=(Text(text="18 °C, cloudy"),)),)),
    ),
    tools=(
        Tool(
            name="weather",
            description="The weather in a city.",
            parameters={
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        ),
    ),
    max_tokens=500,
    temperature=0.5,
)

_USAGE = Usage(input_tokens=120, output_tokens=24, cache_read_tokens=100)

REPLY = Reply(
    id=ID,
    model=MODEL,
    parts=(
        Text(text="Paris is cloudy. I look up Rome too."),
        ToolCall(id="call_2", name="weather", arguments='{"city":"Rome"}'),
    ),
    finish="tool_calls",
    usage=_USAGE,
    created=CREATED,
)

EVENTS: tuple[Event, ...] = (
    Started(ID, MODEL, CREATED),
    TextDelta("Paris is cloudy. "),
    TextDelta("I look up Rome too."),
    ToolCallStarted(0, "call_2", "weather"),
    ToolCallDelta(0, '{"city":'),
    ToolCallDelta(0, '"Rome"}'),
    Finished("tool_calls", _USAGE),
)

_ASKED = Asked(model=MODEL, id=ID, created=CREATED, include_usage=True)


def example(kind: str, name: str) -> str:
    """A request, response or stream in the format `name`; empty where it can say no such thing."""
    format = FORMATS.get(name)
    try:
        return _written(kind, format) if format else ""
    except GatewayError:
        return ""


def _written(kind: str, format: Format) -> str:
    if kind == "request":
        return pretty(format.encode_request(PROMPT, MODEL, Quirks()).body)
    if kind == "response":
        return pretty(format.encode_response(REPLY, _ASKED))
    encoder = format.StreamEncoder(_ASKED)
    return stream_text(format, b"".join([encoder.encode(event) for event in EVENTS]))
