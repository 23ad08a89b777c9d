"""Requests: Ollama's JSON to and from the neutral form.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md (read 2026-11)
"""

from typing import Any

from gateway.errors import BadRequest, NotSupported
from gateway.formats import foreign, ndjson
from gateway.formats.functions import read_tools, write_tool
from gateway.formats.ollama_chat.messages import encode_messages, read_messages
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
from gateway.formats.thinking import EFFORTS, effort_of
from gateway.formats.types import (
    Effort,
    Encoded,
    JSONDict,
    OutputSchema,
    Part,
    Prompt,
    Quirks,
    Reasoning,
)

NAME = "ollama_chat"
STREAM_TYPE = ndjson.CONTENT_TYPE
TAKES_URLS: tuple[type[Part], ...] = ()

ROLES = ("system", "user", "assistant", "tool")
# The steps between thinking and not, for the models that know any.
_LEVELS: tuple[Effort, ...] = ("low", "medium", "high")

_KNOWN = frozenset(["model", "messages", "stream", "tools", "format", "think", "options"])
_OPTIONS = frozenset(
    [
        "temperature",
        "top_p",
        "top_k",
        "num_predict",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
    ]
)
_OPTION = "options."  # before the names of further options, in `extras`


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    """See `reading.wants`; here a request that does not say so wants a stream."""
    model, stream = body.get("model"), body.get("stream")
    return model if isinstance(model, str) else "", stream is not False


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    No messages at all is a request too: Ollama loads the model, or unloads it.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "model", str):
        raise BadRequest("model: a value is missing", param="model")
    for at, message in objects(body, "messages"):
        one_of(required(message, "role", str, at), ROLES, at + "role")
        optional(message, "content", str, at)
    optional(body, "stream", bool)
    optional(body, "tools", list)
    optional(body, "options", dict)


def decode_request(body: JSONDict) -> Prompt:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    if not body.get("messages"):
        raise BadRequest("messages: at least one message is needed", param="messages")
    options = optional(body, "options", dict) or {}
    at = _OPTION
    limit = optional(options, "num_predict", int, at)
    return Prompt(
        format=NAME,
        model=required(body, "model", str),
        messages=read_messages(body),
        stream=body.get("stream") is not False,
        include_usage=True,  # this format always tells
        tools=read_tools(body, NAME),
        max_tokens=limit if limit and limit > 0 else None,  # below: as much as there is room for
        temperature=optional(options, "temperature", float, at),
        top_p=optional(options, "top_p", float, at),
        top_k=optional(options, "top_k", int, at),
        presence_penalty=optional(options, "presence_penalty", float, at),
        frequency_penalty=optional(options, "frequency_penalty", float, at),
        stop=strings(options, "stop", at),
        seed=optional(options, "seed", int, at),
        output_schema=_output_schema(body.get("format")),
        reasoning=_reasoning(body.get("think")),
        extras={name: told for name, told in _further(body).items() if told is not None},
    )


def _further(body: JSONDict) -> JSONDict:
    """What the neutral form has no place for; options with `options.` before their names."""
    options = body.get("options") or {}
    told = others(options, _OPTIONS)
    if (options.get("num_predict") or 1) < 1:
        told["num_predict"] = options["num_predict"]
    return others(body, _KNOWN) | {_OPTION + name: value for name, value in told.items()}


def _output_schema(wanted: Any) -> OutputSchema | None:
    match wanted:
        case None | "":
            return None
        case "json":
            return OutputSchema()
        case dict():
            return OutputSchema(schema=wanted)
    raise wrong("format", "'json' or a schema")


def _reasoning(think: Any) -> Reasoning | None:
    match think:
        case None | "":
            return None
        case bool():
            return Reasoning(enabled=think)
        case str() if think in EFFORTS:
            return Reasoning(enabled=think != "none", effort=think)
    raise wrong("think", "true, false, 'low', 'medium' or 'high'")


# --- To an upstream --------------------------------------------------------------------------


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL, which is the server's root."""
    return "/api/chat"


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
        "messages": encode_messages(prompt, native, dropped),
        "stream": prompt.stream,
    }
    tools = _encode_tools(prompt, native, dropped)
    if tools:
        body["tools"] = tools
    if prompt.output_schema is not None:
        schema = prompt.output_schema.schema
        body["format"] = "json" if schema is None else schema
    think = _encode_think(prompt, quirks, dropped)
    if think is not None:
        body["think"] = think
    body["options"] = _encode_options(prompt)
    unknown = ("parallel_tool_calls", "user", "service_tier")
    dropped += [name for name in unknown if getattr(prompt, name) is not None]
    _encode_extras(prompt, native, body, dropped)
    for name in quirks.unsupported:
        if body.pop(name, body["options"].pop(name, None)) is not None:
            dropped.append(name)
    if not body["options"]:
        del body["options"]
    return Encoded(body, dropped_names(dropped))


def _encode_tools(prompt: Prompt, native: bool, dropped: list[str]) -> list[JSONDict]:
    """The tools to choose from: which to take, or that one must be taken, cannot be said here."""
    mode = prompt.tool_choice.mode if prompt.tool_choice else "auto"
    if mode == "none":
        return []
    if mode != "auto" and prompt.tools:
        raise NotSupported(
            "tool_choice: this provider cannot be made to call a tool", param="tool_choice"
        )
    if any(getattr(tool, "strict", None) for tool in prompt.tools):
        dropped.append("tools.strict")
    return [write_tool(tool, NAME, native) for tool in allowed_tools(prompt)]


def _encode_think(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> bool | str | None:
    """Most models know only whether to think, and refuse a level; a row says which take one.

    Where no row says that the model thinks, it is not asked to: one that does, does so unasked,
    and one that does not would refuse.
    """
    reasoning = prompt.reasoning
    if reasoning is None:
        return None
    if not reasoning.enabled or reasoning.effort == "none":
        return False
    if prompt.format == NAME:
        return reasoning.effort or True
    if reasoning.budget_tokens is not None:
        dropped.append("thinking.budget_tokens")
    effort = None
    if quirks.reasoning == "effort":
        levels = Quirks(efforts=quirks.efforts or _LEVELS)
        effort = effort_of(reasoning, levels)
    if reasoning.effort != effort and reasoning.effort is not None:
        dropped.append("reasoning_effort")
    return (effort or True) if quirks.reasoning not in (None, "none") else None


def _encode_options(prompt: Prompt) -> JSONDict:
    options = {
        "temperature": prompt.temperature,
        "top_p": prompt.top_p,
        "top_k": prompt.top_k,
        "num_predict": prompt.max_tokens,
        "stop": list(prompt.stop) or None,
        "seed": prompt.seed,
        "presence_penalty": prompt.presence_penalty,
        "frequency_penalty": prompt.frequency_penalty,
    }
    return {name: value for name, value in options.items() if value is not None}


def _encode_extras(prompt: Prompt, native: bool, body: JSONDict, dropped: list[str]) -> None:
    if not native:
        dropped += sorted(prompt.extras)
        return
    for name, value in prompt.extras.items():
        if name.startswith(_OPTION):
            body["options"][name.removeprefix(_OPTION)] = value
        else:
            body[name] = value
