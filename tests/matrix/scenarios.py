"""What is asked and what is answered in a cell of the matrix, in no format's words."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

JSONDict = dict[str, Any]
Finish = Literal["stop", "length", "calls", "refusal", "stop sequence"]

# One pixel, as a PNG in base64.
RED = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
BLUE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    parameters: JSONDict


@dataclass(frozen=True)
class Call:
    name: str
    arguments: JSONDict


@dataclass(frozen=True)
class Result:
    """What a tool gave: a text, and maybe a picture (base64 of a PNG)."""

    text: str
    picture: str = ""


@dataclass(frozen=True)
class Ask:
    """A request. Where `goes_on`, it is the second turn: what the first one brought, sent back,
    and `results` after it; otherwise they answer `called`, which stand in the history."""

    question: str
    system: str = ""
    picture: str = ""
    tools: tuple[Tool, ...] = ()
    called: tuple[Call, ...] = ()
    results: tuple[Result, ...] = ()
    schema: JSONDict | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    thinks: bool = False
    goes_on: bool = False


@dataclass(frozen=True)
class Answer:
    """What the vendor answers: an error of that `status`, or the rest. `breaks`: after the text
    it fails with `error`."""

    text: str = ""
    thought: str = ""
    calls: tuple[Call, ...] = ()
    refusal: str = ""
    finish: Finish = "stop"
    stop_sequence: str = ""
    status: int = 200
    error: str = ""
    breaks: bool = False


# The vendors count so, each in its own words: the input includes what came from a cache.
INPUT_TOKENS, CACHED_TOKENS, OUTPUT_TOKENS = 31, 12, 17
SIGNATURE = "c2lnbmVkIGJ5IG5vYm9keSBlbHNlIQ=="


@dataclass(frozen=True)
class Step:
    ask: Ask
    answer: Answer


@dataclass(frozen=True)
class Scenario:
    """`about` says what is asked, for the reader of docs/formats.md."""

    id: str
    title: str
    about: str
    steps: tuple[Step, ...]


# --- What leaves and what comes back, as a client's or a vendor's module has read it ------------

# "user" or "assistant" and a text; "picture" and its base64; "thought", its text and signature;
# "call", the name and the arguments; "result" and "result picture" with the tool's name.
Item = tuple[str, ...]


@dataclass
class Seen:
    """A request as a vendor reads it. `max_tokens` only counts where the scenario gives it."""

    system: str = ""
    items: list[Item] = field(default_factory=list)
    tools: list[JSONDict] = field(default_factory=list)
    schema: JSONDict | None = None
    stop: list[str] = field(default_factory=list)
    max_tokens: int | None = None
    thinks: bool = False


@dataclass
class Heard:
    """An answer as a client reads it.

    `raw` is what the client sends back of it; `ended`: there was a clean end; `error` is what an
    error body, or the event that ends a stream, says.
    """

    status: int = 200
    text: str = ""
    thought: str = ""
    signed: bool = False
    calls: list[Call] = field(default_factory=list)
    refusal: str = ""
    finish: str = ""
    stop_sequence: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    ended: bool = False
    error: str = ""
    raw: Any = None


# --- The scenarios ----------------------------------------------------------------------------

WEATHER = Tool(
    "weather",
    "The weather of the coming days.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Its name, as it is written there."},
            "days": {"type": "integer"},
        },
        "required": ["city"],
    },
)
SCHEMA: JSONDict = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "sights": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city", "sights"],
    "additionalProperties": False,
}
TEXT = 'Grüße aus Tromsø: 世界, 👋 \n\n"quoted"'
TROMSØ = Call("weather", {"city": "Tromsø", "days": 3})
ROME = Call("weather", {"city": 'Rome "Roma"', "days": 1})
QUESTION = "How will it be in Tromsø?"

SCENARIOS = (
    Scenario(
        "text", "Text", "A system prompt and a question; the answer is text.",
        (Step(Ask("Say hello — in 世界.", system="Be brief."), Answer(text=TEXT)),),
    ),
    Scenario(
        "image", "Image", "A picture, inline, beside the question.",
        (Step(Ask("What is it?", picture=RED), Answer(text="A pixel.")),),
    ),
    Scenario(
        "tool", "One tool", "A tool with a schema; the model calls it.",
        (Step(Ask(QUESTION, tools=(WEATHER,)), Answer(calls=(TROMSØ,), finish="calls")),),
    ),
    Scenario(
        "tools", "Parallel tools", "Words, then two calls at once; then both results.",
        (
            Step(
                Ask(QUESTION, tools=(WEATHER,)),
                Answer(text="I will look.", calls=(TROMSØ, ROME), finish="calls"),
            ),
            Step(
                Ask(
                    QUESTION, tools=(WEATHER,), goes_on=True,
                    results=(Result("snow"), Result("sun")),
                ),
                Answer(text="Snow there, sun here."),
            ),
        ),
    ),
    Scenario(
        "tool-image", "Tool result with image", "A tool's result that holds a text and a picture.",
        (
            Step(
                Ask(
                    QUESTION, tools=(WEATHER,), called=(TROMSØ,),
                    results=(Result("the radar", picture=BLUE),),
                ),
                Answer(text="Clouds."),
            ),
        ),
    ),
    Scenario(
        "thinking", "Thinking over two turns",
        "The model thinks, which its provider signs, and calls a tool; thought, signature and "
        "result go back.",
        (
            Step(
                Ask(QUESTION, tools=(WEATHER,), thinks=True),
                Answer(thought="It is far up north. 🧭", calls=(TROMSØ,), finish="calls"),
            ),
            Step(
                Ask(
                    QUESTION, tools=(WEATHER,), thinks=True, goes_on=True,
                    results=(Result("snow"),),
                ),
                Answer(text="Snow."),
            ),
        ),
    ),
    Scenario(
        "schema", "JSON schema", "An answer that follows a schema.",
        (
            Step(
                Ask("Name a city.", schema=SCHEMA),
                Answer(text='{"city": "Tromsø", "sights": ["the bridge"]}'),
            ),
        ),
    ),
    Scenario(
        "stop", "Stop sequence", "Two stop sequences; the answer ends before the second.",
        (
            Step(
                Ask("Count.", stop=("END", "###")),
                Answer(text="One, two", finish="stop sequence", stop_sequence="###"),
            ),
        ),
    ),
    Scenario(
        "length", "Length limit", "An answer that is cut at the limit.",
        (Step(Ask("Count.", max_tokens=64), Answer(text="One, two, th", finish="length")),),
    ),
    Scenario(
        "refusal", "Refusal", "The model, or its provider, does not want to.",
        (Step(Ask("Help."), Answer(refusal="That I cannot help with.", finish="refusal")),),
    ),
    Scenario(
        "upstream-error", "Upstream error", "A 400 with the provider's words; a 500.",
        (
            Step(Ask("Hello."), Answer(status=400, error="this model takes no greetings")),
            Step(Ask("Hello."), Answer(status=500, error="the model has a headache")),
        ),
    ),
    Scenario(
        "broken", "Mid-stream error", "After some text the provider fails; a plain answer breaks off.",
        (Step(Ask("Hello."), Answer(text="Hello", error="the model lost its voice", breaks=True)),),
    ),
)  # fmt: skip


def sent(scenario: Scenario, step: int, signature: str) -> Seen:
    """What a vendor should see, if nothing were lost; `signature`: what it signs a thought with."""
    ask = scenario.steps[step].ask
    items: list[Item] = [("user", ask.question)]
    if ask.picture:
        items.insert(0, ("picture", ask.picture))
    calls = ask.called
    if ask.goes_on:
        before = scenario.steps[step - 1].answer
        calls = before.calls
        if before.thought:
            items.append(("thought", before.thought, signature))
        if before.text:
            items.append(("assistant", before.text))
    items += [("call", call.name, canonical(call.arguments)) for call in calls]
    for call, result in zip(calls, ask.results, strict=True):
        items.append(("result", call.name, result.text))
        if result.picture:
            items.append(("result picture", call.name, result.picture))
    return Seen(
        system=ask.system,
        items=items,
        tools=[tool_seen(t.name, t.description, t.parameters) for t in ask.tools],
        schema=ask.schema,
        stop=list(ask.stop),
        max_tokens=ask.max_tokens,
        thinks=ask.thinks,
    )


def tool_seen(name: Any, description: Any, parameters: Any) -> JSONDict:
    return {"name": name, "description": description, "parameters": parameters}


def canonical(value: object) -> str:
    """JSON that is equal where its values are."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
