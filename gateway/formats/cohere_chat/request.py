"""Requests: Cohere's JSON to and from the neutral form.

Source: https://docs.cohere.com/reference/chat (read 2026-11)
"""

from gateway.errors import BadRequest, NotSupported
from gateway.formats import foreign, sse
from gateway.formats.cohere_chat.citations import NAME
from gateway.formats.cohere_chat.messages import encode_messages, read_messages, reasons
from gateway.formats.functions import read_tools, write_tool
from gateway.formats.reading import (
    allowed_tools,
    dropped_names,
    has_cache_hints,
    lost,
    objects,
    one_of,
    optional,
    others,
    required,
    strings,
    wrong,
)
from gateway.formats.thinking import budget_of
from gateway.formats.types import (
    AnyTool,
    Encoded,
    Image,
    JSONDict,
    OutputSchema,
    Prompt,
    Quirks,
    Reasoning,
    Tool,
    ToolChoice,
)

STREAM_TYPE = sse.CONTENT_TYPE
TAKES_URLS = (Image,)

ROLES = ("system", "user", "assistant", "tool")
_CHOICES = {"REQUIRED": "required", "NONE": "none"}
_KNOWN = frozenset(
    [
        "model",
        "messages",
        "stream",
        "tools",
        "tool_choice",
        "strict_tools",
        "max_tokens",
        "temperature",
        "p",
        "k",
        "seed",
        "stop_sequences",
        "presence_penalty",
        "frequency_penalty",
        "response_format",
        "thinking",
    ]
)

# The neutral names of parameters, and the names here.
_SAMPLING = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
# What it takes: narrower than others', whose clients send a `top_p` of 1 and penalties below 0.
_BOUNDS: dict[str, tuple[float, float]] = {
    "top_p": (0.01, 0.99),
    "top_k": (0, 500),
    "presence_penalty": (0, 1),
    "frequency_penalty": (0, 1),
}


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "model", str):
        raise BadRequest("model: a value is missing", param="model")
    if not required(body, "messages", list):
        raise BadRequest("messages: at least one message is needed", param="messages")
    for at, message in objects(body, "messages"):
        one_of(required(message, "role", str, at), ROLES, at + "role")
        if not isinstance(message.get("content"), str | list | None):
            raise wrong(at + "content", "a string or an array")
    optional(body, "stream", bool)
    optional(body, "tools", list)
    limit = optional(body, "max_tokens", int)
    if limit is not None and limit < 1:
        raise wrong("max_tokens", "an integer above 0")


def decode_request(body: JSONDict) -> Prompt:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    further = others(body, _KNOWN)
    return Prompt(
        format=NAME,
        model=required(body, "model", str),
        messages=read_messages(body),
        stream=body.get("stream") is True,
        include_usage=True,  # this format always tells
        tools=_tools(body),
        tool_choice=_tool_choice(body),
        max_tokens=optional(body, "max_tokens", int),
        temperature=optional(body, "temperature", float),
        top_p=optional(body, "p", float),
        top_k=optional(body, "k", int),
        presence_penalty=optional(body, "presence_penalty", float),
        frequency_penalty=optional(body, "frequency_penalty", float),
        stop=strings(body, "stop_sequences"),
        seed=optional(body, "seed", int),
        output_schema=_output_schema(body),
        reasoning=_reasoning(body),
        extras={name: told for name, told in further.items() if told is not None},
    )


def _tools(body: JSONDict) -> tuple[AnyTool, ...]:
    """Whether they are strict is said of all tools at once."""
    strict = optional(body, "strict_tools", bool)
    return tuple(
        Tool(tool.name, tool.description, tool.parameters, strict, extras=tool.extras)
        if isinstance(tool, Tool)
        else tool
        for tool in read_tools(body, NAME)
    )


def _tool_choice(body: JSONDict) -> ToolChoice | None:
    choice = optional(body, "tool_choice", str)
    one_of(choice, _CHOICES, "tool_choice")
    return ToolChoice(_CHOICES[choice]) if choice else None  # type: ignore[arg-type]


def _output_schema(body: JSONDict) -> OutputSchema | None:
    wanted = optional(body, "response_format", dict)
    if wanted is None:
        return None
    at = "response_format."
    kind = required(wanted, "type", str, at)
    one_of(kind, ("text", "json_object"), at + "type")
    if kind == "text":
        return None
    schema = optional(wanted, "json_schema", dict, at)
    return OutputSchema(schema=optional(wanted, "schema", dict, at) if schema is None else schema)


def _reasoning(body: JSONDict) -> Reasoning | None:
    thinking = optional(body, "thinking", dict)
    if thinking is None:
        return None
    kind = required(thinking, "type", str, "thinking.")
    one_of(kind, ("enabled", "disabled"), "thinking.type")
    budget = optional(thinking, "token_budget", int, "thinking.")
    return Reasoning(enabled=kind == "enabled", budget_tokens=budget)


# --- To an upstream --------------------------------------------------------------------------


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL, which has no version in it."""
    return "/v2/chat"


def encode_request(prompt: Prompt, model: str, quirks: Quirks) -> Encoded:
    """Write a request that came in another format.

    Raises:
        NotSupported: It asks for what this format cannot say, and leaving that out would
            change what is asked.
    """
    if prompt.n not in (None, 1):
        raise NotSupported("n: this provider gives one answer a call", param="n")
    native = prompt.format == NAME
    dropped: list[str] = []
    if not native:
        prompt = foreign.fitted(prompt, NAME, dropped)
        dropped += lost(prompt)
    if has_cache_hints(prompt):
        dropped.append("cache_control")
    body: JSONDict = {
        "model": model,
        "messages": encode_messages(prompt, quirks, dropped),
    }
    if prompt.stream:
        body["stream"] = True
    _encode_tools(prompt, native, body, dropped)
    body |= _sampling(prompt, quirks, dropped)
    if prompt.output_schema is not None:
        schema = prompt.output_schema.schema
        body["response_format"] = {"type": "json_object"}
        if schema is not None:
            body["response_format"]["json_schema"] = schema
    thinking = _encode_thinking(prompt, quirks, dropped)
    if thinking:
        body["thinking"] = thinking
    unknown = ("parallel_tool_calls", "user", "service_tier")
    dropped += [name for name in unknown if getattr(prompt, name) is not None]
    if native:
        body |= prompt.extras
    else:
        dropped += sorted(prompt.extras)
    for name in quirks.unsupported:
        if body.pop(name, None) is not None:
            dropped.append(name)
    return Encoded(body, dropped_names(dropped))


def _encode_tools(prompt: Prompt, native: bool, body: JSONDict, dropped: list[str]) -> None:
    """One certain tool cannot be asked for: it is the only one, and one must be called."""
    tools, choice = allowed_tools(prompt), prompt.tool_choice
    if choice and choice.mode == "named":
        tools = tuple(tool for tool in tools if getattr(tool, "name", None) == choice.name)
        if not tools:
            raise BadRequest("tool_choice: it names none of the tools", param="tool_choice")
    if not tools:
        return
    body["tools"] = [write_tool(tool, NAME, native) for tool in tools]
    if choice and choice.mode != "auto":
        body["tool_choice"] = "NONE" if choice.mode == "none" else "REQUIRED"
    strict = {tool.strict for tool in tools if isinstance(tool, Tool)}
    if strict in ({True}, {False}):
        body["strict_tools"] = strict == {True}
    elif True in strict:
        dropped.append("tools.strict")  # of all or of none


def _sampling(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> JSONDict:
    told: JSONDict = {}
    for name, theirs in _SAMPLING.items():
        value = getattr(prompt, name)
        if value is None:
            continue
        least, most = _BOUNDS.get(name, (value, value))
        if name == "max_tokens":
            least, most = 1, quirks.max_output_tokens or value
        told[theirs] = min(max(value, least), most)
        if told[theirs] != value:
            dropped.append(name)
    return told | ({"stop_sequences": list(prompt.stop)} if prompt.stop else {})


def _encode_thinking(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> JSONDict | None:
    """An effort becomes a budget; of none of the two the model decides.

    Most models of Cohere's do not think: those that do are asked to where their row says so.
    """
    reasoning = prompt.reasoning
    if reasoning is None:
        return None
    asks = reasoning.enabled and reasoning.effort != "none"
    if prompt.format != NAME and not reasons(quirks):
        if asks:
            dropped.append("reasoning_effort")
        return None
    if not asks:
        return {"type": "disabled"}
    if reasoning.effort is None and reasoning.budget_tokens is None:
        return {"type": "enabled"}
    return {"type": "enabled", "token_budget": budget_of(reasoning)}
