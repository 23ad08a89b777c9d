"""The neutral form: what a request, an answer and a stream mean, whatever the wire says.

It is the union of the formats, not their intersection. A field that only one format knows
travels in `extras` and comes back out where the other end speaks the same format.

`msgspec.Struct` and not `dataclass`: a stream makes one event a token, and these are built
four times as fast.
"""

from typing import Any, Literal

from msgspec import Struct, field

JSONDict = dict[str, Any]

Role = Literal["system", "developer", "user", "assistant"]
Finish = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "stop_sequence"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Part(Struct, frozen=True, kw_only=True):
    """What a message is made of. `cache` is a cache hint as its format gave it."""

    cache: JSONDict | None = None
    extras: JSONDict = field(default_factory=dict)


class Citation(Struct, frozen=True, kw_only=True):
    """Where a text has it from. `start` and `end` are the characters of the text it speaks of.

    `value` is the citation whole, as the format called `format` gave it.
    """

    format: str
    value: JSONDict
    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    start: int | None = None
    end: int | None = None


class Text(Part, frozen=True):
    text: str
    citations: tuple[Citation, ...] = ()


class Image(Part, frozen=True):
    """By `url`, or inline: `data` is base64 and `media_type` says of what."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None


class File(Part, frozen=True):
    """A document: by `url`, by a provider's `file_id`, as base64 `data`, or as plain `text`."""

    url: str | None = None
    file_id: str | None = None
    data: str | None = None
    text: str | None = None
    media_type: str | None = None
    name: str | None = None


class Audio(Part, frozen=True):
    data: str
    encoding: str  # wav, mp3, …


class Thinking(Part, frozen=True):
    """What the model thought. The signature must come back as it was, or the turn is refused.

    `signed_by` names the format whose provider signed: to any other it says nothing. A signature
    without text belongs to the part that follows (Gemini signs calls and texts).
    """

    text: str
    signature: str | None = None
    signed_by: str | None = None


class RedactedThinking(Part, frozen=True):
    """Thoughts that only the provider of the format `signed_by` can read."""

    data: str
    signed_by: str | None = None


class Refusal(Part, frozen=True):
    text: str


class ToolCall(Part, frozen=True):
    """`arguments` is JSON text exactly as the model wrote it, which may not even parse.

    Of a call to a custom tool it is the free text that the tool takes.
    """

    id: str
    name: str
    arguments: str
    custom: bool = False


class ToolResult(Part, frozen=True):
    call_id: str
    content: tuple[Part, ...]
    is_error: bool = False


class Opaque(Part, frozen=True):
    """A part that only the format it came from knows; `value` is it, whole."""

    format: str
    value: JSONDict


class Message(Struct, frozen=True):
    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extras: JSONDict = field(default_factory=dict)


class ToolGroup(Struct, frozen=True):
    """Tools within tools. `value` is what the group says of itself, one object for all its tools,
    and `member` what the tool is called within it."""

    value: JSONDict
    member: str


class Tool(Struct, frozen=True):
    """A function that the model may call. `parameters` is a JSON schema.

    Of a tool in a group `name` says both, since most formats know no groups. One that is `added`
    came in the midst of the messages, where its own format still has it.

    `original`: fields by which its own format says the same in words that are no JSON schema.
    """

    name: str
    description: str | None = None
    parameters: JSONDict | None = None
    strict: bool | None = None
    cache: JSONDict | None = None
    extras: JSONDict = field(default_factory=dict)
    group: ToolGroup | None = None
    added: bool = False
    original: JSONDict | None = None


class CustomTool(Struct, frozen=True):
    """A tool that takes free text, which a `grammar` may bound; see `custom_tools`."""

    name: str
    description: str | None = None
    grammar: JSONDict | None = None
    extras: JSONDict = field(default_factory=dict)
    group: ToolGroup | None = None
    added: bool = False


class OpaqueTool(Struct, frozen=True):
    """A tool that the provider runs itself; `kind` names it in a refusal."""

    format: str
    kind: str
    value: JSONDict
    added: bool = False


AnyTool = Tool | CustomTool | OpaqueTool


class ToolChoice(Struct, frozen=True):
    """`named` goes with a `name`; the others without. `allowed` narrows the tools, if not empty."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None
    allowed: tuple[str, ...] = ()


class OutputSchema(Struct, frozen=True):
    """Structured output; `schema` is null for "any JSON object". `original`: see `Tool`."""

    name: str | None = None
    schema: JSONDict | None = None
    strict: bool | None = None
    description: str | None = None
    original: JSONDict | None = None


class Reasoning(Struct, frozen=True):
    """How much to think: an effort, a budget in tokens, or off.

    `adaptive` is Anthropic's "decide yourself"; `display` says whether the thoughts are shown.
    """

    enabled: bool = True
    effort: Effort | None = None
    budget_tokens: int | None = None
    adaptive: bool = False
    display: str | None = None


class Prompt(Struct, frozen=True, kw_only=True):
    """A request. `format` is where it came from, and whose the `extras` are."""

    format: str
    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False  # OpenAI's stream_options: the client wants the usage chunk
    tools: tuple[AnyTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    output_schema: OutputSchema | None = None
    reasoning: Reasoning | None = None
    user: str | None = None
    service_tier: str | None = None
    extras: JSONDict = field(default_factory=dict)


class Usage(Struct, frozen=True):
    """Token counts, each >= 0. `input_tokens` includes what was read from and written to a cache,
    `output_tokens` what was spent on reasoning, and `cache_write_tokens` what is kept for an hour.

    `units` is what else is paid for, by the names of `analytics.media`: `{"queries": 1}`.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0
    units: dict[str, int] = {}


class Reply(Struct, frozen=True, kw_only=True):
    """An answer: the fold of its events. `usage` is null where the upstream gave none.

    `format` is where it came from, and whose the `extras` are.
    """

    format: str = ""
    id: str
    model: str
    parts: tuple[Part, ...]
    finish: Finish = "stop"
    stop_sequence: str | None = None
    usage: Usage | None = None
    created: int | None = None  # Unix seconds
    extras: JSONDict = field(default_factory=dict)


# A stream, event by event. Parts do not interleave in the neutral form except tool calls, whose
# deltas name their call by `index` (0, 1, … in the order in which the calls started).


class Started(Struct, frozen=True):
    id: str
    model: str
    created: int | None = None
    usage: Usage | None = None  # what is known already; Anthropic tells the input here


class TextDelta(Struct, frozen=True):
    text: str


class RefusalDelta(Struct, frozen=True):
    text: str


class ThinkingDelta(Struct, frozen=True):
    text: str


class ThinkingSigned(Struct, frozen=True):
    """Ends a run of ThinkingDelta, which may be empty, with the signature of the whole of it."""

    signature: str
    signed_by: str | None = None


class CitationSent(Struct, frozen=True):
    """Of the text that is being written."""

    citation: Citation


class ToolCallStarted(Struct, frozen=True):
    index: int
    id: str
    name: str
    custom: bool = False


class ToolCallDelta(Struct, frozen=True):
    index: int
    arguments: str


class PartSent(Struct, frozen=True):
    """A part that comes in one piece: an image, redacted thinking, a server tool's result."""

    part: Part


class Finished(Struct, frozen=True):
    finish: Finish
    usage: Usage | None = None
    stop_sequence: str | None = None


Event = (
    Started
    | TextDelta
    | RefusalDelta
    | ThinkingDelta
    | ThinkingSigned
    | CitationSent
    | ToolCallStarted
    | ToolCallDelta
    | PartSent
    | Finished
)


class Quirks(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What a provider's row, or a model's, says about how it wants to be asked."""

    include_usage: bool = True  # understands OpenAI's stream_options
    streams_only: bool = False  # it gives its answers as streams alone
    # Null, of these two: unknown. What was said in the server's own format is left as it was said.
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    developer_role: bool | None = None  # takes messages of role `developer`
    alternate_roles: bool = False  # refuses two messages of one role in a row
    unsupported: tuple[str, ...] = ()  # parameters that it refuses, dropped visibly
    renamed: dict[str, str] = {}  # parameters that it knows by other names
    short_call_ids: bool = False  # ids of calls have nine letters and digits there
    # How it is told how much to think; null: as most models of its format are.
    reasoning: Literal["effort", "budget", "adaptive", "none"] | None = None
    efforts: tuple[Effort, ...] = ()  # those it takes, the others become the nearest; (): all
    max_output_tokens: int | None = None  # it refuses a `max_tokens` above
    # The field of a message in which it takes a model's thoughts back; null: it takes none.
    thoughts: Literal["reasoning_content", "reasoning_details"] | None = None
    tool_result_media: bool = False  # a tool's result may hold images, where its format lets it


class Asked(Struct, frozen=True, kw_only=True):
    """What an answer repeats of its request.

    `model` is what the client called, `request` its body as it came. `id` and `created` (Unix
    seconds) are the answer's where the upstream tells none, and so is `estimate` where the format
    cannot do without a usage.
    """

    model: str
    id: str
    created: int
    include_usage: bool = False
    request: JSONDict = field(default_factory=dict)
    estimate: Usage = Usage()


class Encoded(Struct, frozen=True):
    """A request body ready to be sent, and the names of fields it could not express.

    `address` is where it goes under the base URL, encoded, if it is not where all of its format go.
    A `form` goes as one, see `multipart`; of a `file` only the file of that name in the body goes,
    as it is. `headers` are further ones, in lower case.
    """

    body: JSONDict
    dropped: tuple[str, ...] = ()
    address: str = ""
    form: bool = False
    file: str = ""
    headers: dict[str, str] = {}
