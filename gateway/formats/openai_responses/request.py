"""Requests: the Responses API's JSON to and from the neutral form.

Source: https://platform.openai.com/docs/api-reference/responses/create (read 2026-11)
"""

import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.errors import BadRequest, NotSupported
from gateway.formats import foreign, sse
from gateway.formats.openai_responses.items import (
    ROLES,
    is_foreign,
    kind_of,
    read_messages,
    write_messages,
)
from gateway.formats.openai_responses.tools import (
    Names,
    is_hosted,
    read_choice,
    read_tools,
    write_choice,
    write_tools,
)
from gateway.formats.openai_responses.wording import NAME
from gateway.formats.reading import (
    dropped_names,
    has_cache_hints,
    limit_of,
    lost,
    objects,
    one_of,
    optional,
    others,
    required,
    wrong,
)
from gateway.formats.thinking import EFFORTS, effort_of
from gateway.formats.types import (
    Encoded,
    File,
    Image,
    JSONDict,
    Message,
    OutputSchema,
    Prompt,
    Quirks,
    Reasoning,
    Text,
)

STREAM_TYPE = sse.CONTENT_TYPE
TAKES_URLS = (Image, File)

# Longer ones are refused; Claude Code's is a JSON document.
MAX_USER_CHARS = 64
MIN_OUTPUT_TOKENS = 16  # fewer are refused
# What a request may have instead of an input of its own.
_INPUTS = ("previous_response_id", "conversation", "prompt")
# Fields that mean the same in Chat Completions.
_SHARED = frozenset(
    ["metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "store"]
)

_KNOWN = frozenset(
    [
        "model",
        "input",
        "instructions",
        "stream",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "temperature",
        "top_p",
        "text",
        "reasoning",
        "user",
        "service_tier",
    ]
)


def max_tokens(body: JSONDict) -> int | None:
    """How much the answer may be at most, as far as the request says so."""
    return limit_of(body, ("max_output_tokens",))


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "model", str):
        raise BadRequest("model: a value is missing", param="model")
    given = body.get("input")
    if given is None and not any(body.get(name) for name in _INPUTS):
        raise BadRequest("input: a value is missing", param="input")
    if isinstance(given, list):
        for at, item in objects(body, "input"):
            optional(item, "type", str, at)
            if kind_of(item) == "message":
                one_of(required(item, "role", str, at), ROLES, at + "role")
    elif given is not None and not isinstance(given, str):
        raise wrong("input", "a string or an array")
    optional(body, "stream", bool)
    for name in ("instructions", "previous_response_id"):
        optional(body, name, str)
    optional(body, "tools", list)
    for name in ("reasoning", "text"):
        optional(body, name, dict)
    limit = optional(body, "max_output_tokens", int)
    if limit is not None and limit < 1:
        raise wrong("max_output_tokens", "an integer above 0")
    for name in ("temperature", "top_p"):
        optional(body, name, float)


def decode_request(body: JSONDict) -> Prompt:
    """Read a request.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    names = Names(body)
    choice = body.get("tool_choice")
    extras = others(body, _KNOWN) | dict(_inner_extras(body))
    if is_hosted(choice):
        extras["tool_choice"] = choice
    return Prompt(
        format=NAME,
        model=required(body, "model", str),
        messages=tuple(_messages(body, names)),
        stream=body.get("stream") is True,
        tools=read_tools(body, names),
        tool_choice=read_choice(body, names),
        parallel_tool_calls=optional(body, "parallel_tool_calls", bool),
        max_tokens=optional(body, "max_output_tokens", int),
        temperature=optional(body, "temperature", float),
        top_p=optional(body, "top_p", float),
        output_schema=_output_schema(body),
        reasoning=_reasoning(body),
        user=optional(body, "user", str),
        service_tier=optional(body, "service_tier", str),
        extras={name: value for name, value in extras.items() if value is not None},
    )


def _messages(body: JSONDict, names: Names) -> Iterator[Message]:
    instructions = optional(body, "instructions", str)
    if instructions:
        yield Message("system", (Text(text=instructions),), extras={"field": "instructions"})
    given = body.get("input")
    if isinstance(given, str):
        yield Message("user", (Text(text=given),), extras={"field": "input"})
    else:
        yield from read_messages(objects(body, "input"), names)


# What the neutral form has a place for, of fields that hold others.
_READ = {"text": ("format",), "reasoning": ("effort",)}


def _inner_extras(body: JSONDict) -> Iterator[tuple[str, Any]]:
    """`text.verbosity` and the like, each by its path."""
    for outer, known in _READ.items():
        for name, value in (optional(body, outer, dict) or {}).items():
            if name not in known:
                yield f"{outer}.{name}", value


def _output_schema(body: JSONDict) -> OutputSchema | None:
    wanted = optional(optional(body, "text", dict) or {}, "format", dict, "text.")
    at = "text.format."
    match wanted:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return OutputSchema()
        case {"type": "json_schema"}:
            return OutputSchema(
                name=optional(wanted, "name", str, at),
                schema=optional(wanted, "schema", dict, at) or {},
                strict=optional(wanted, "strict", bool, at),
                description=optional(wanted, "description", str, at),
            )
    raise wrong("text.format", "a type of 'text', 'json_object' or 'json_schema'")


def _reasoning(body: JSONDict) -> Reasoning | None:
    wanted = optional(body, "reasoning", dict) or {}
    effort = optional(wanted, "effort", str, "reasoning.")
    if effort is None:
        return None
    one_of(effort, EFFORTS, "reasoning.effort")
    return Reasoning(enabled=effort != "none", effort=effort)  # type: ignore[arg-type]


# --- To an upstream --------------------------------------------------------------------------


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    return "/responses"


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """See `openai_chat.readdress`; usage always comes unasked here.

    Thoughts of other providers, which the client got from an earlier turn of ours, are left out:
    OpenAI refuses a request with a signature that is not its own.
    """
    dropped = [name for name in quirks.unsupported if name in body]
    items = body.get("input")
    kept = [item for item in items if not _is_foreign(item)] if isinstance(items, list) else items
    changed = isinstance(items, list) and kept is not None and len(kept) < len(items)
    if body.get("model") == model and not dropped and not changed:
        return body, False, ()
    sent = {name: value for name, value in body.items() if name not in dropped}
    sent["model"] = model
    if changed:
        sent["input"] = kept
        dropped.append("thinking")
    return sent, False, tuple(dropped)


def _is_foreign(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning" and is_foreign(item)


def encode_request(prompt: Prompt, model: str, quirks: Quirks) -> Encoded:
    """Write a request that came in another format.

    Raises:
        NotSupported: It asks for what this format cannot say, and leaving that out would
            change what is asked.
    """
    native = prompt.format == NAME
    if prompt.n not in (None, 1):
        raise NotSupported("n: this provider gives one answer a call", param="n")
    if prompt.stop:
        raise NotSupported("stop: this provider knows no stop sequences", param="stop")
    dropped: list[str] = []
    prompt = foreign.fitted(prompt, NAME, dropped)
    if not native:
        dropped += lost(prompt)
    if has_cache_hints(prompt):
        dropped.append("cache_control")
    body: JSONDict = {"model": model, **_input(prompt, dropped)}
    if prompt.stream:
        body["stream"] = True
    tools = write_tools(prompt.tools, native)
    body |= {"tools": tools} if tools else {}
    if prompt.tool_choice and (native or prompt.tools):
        body["tool_choice"] = write_choice(prompt.tool_choice, prompt.tools)
    body |= _given(
        parallel_tool_calls=prompt.parallel_tool_calls if native or prompt.tools else None,
        max_output_tokens=_max_tokens(prompt, quirks, dropped),
        temperature=prompt.temperature,
        top_p=prompt.top_p,
        text=_text(prompt),
        reasoning=_encode_reasoning(prompt, quirks, dropped),
        user=_user(prompt.user, dropped),
    )
    unknown = ["seed", "top_k", "presence_penalty", "frequency_penalty"]
    if native or prompt.format == "openai_chat":  # tiers are OpenAI's own
        body |= _given(service_tier=prompt.service_tier)
    else:
        unknown.append("service_tier")
    dropped += [name for name in unknown if getattr(prompt, name) is not None]
    if native:
        paths = tuple(f"{outer}." for outer in _READ)
        body |= {name: v for name, v in prompt.extras.items() if not name.startswith(paths)}
    else:
        _encode_foreign(prompt, quirks, body, dropped)
    for name in quirks.unsupported:
        if body.pop(name, None) is not None:
            dropped.append(name)
    return Encoded(body, dropped_names(dropped))


def _given(**fields: Any) -> JSONDict:
    return {name: value for name, value in fields.items() if value is not None}


def _input(prompt: Prompt, dropped: list[str]) -> JSONDict:
    """`instructions`, where the conversation begins with some, and `input`."""
    messages, sent = prompt.messages, {}
    native = prompt.format == NAME
    if not native:  # whose extras say nothing of items, whatever they are called
        messages = tuple(msgspec.structs.replace(told, extras={}) for told in messages)
    # A foreign conversation of nothing else is its own input: one is needed here.
    if len(messages) > (not native) and _is_instructions(messages[0], native):
        sent["instructions"] = "".join(p.text for p in messages[0].parts if isinstance(p, Text))
        messages = messages[1:]
    if native and not messages:
        return sent
    if len(messages) == 1 and messages[0].extras.get("field") == "input":
        return sent | {"input": "".join(p.text for p in messages[0].parts if isinstance(p, Text))}
    return sent | {"input": list(write_messages(messages, dropped))}


def _is_instructions(message: Message, native: bool) -> bool:
    if native:
        return message.extras.get("field") == "instructions"
    return message.role == "system" and [type(part) for part in message.parts] == [Text]


def _max_tokens(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> int | None:
    wanted = prompt.max_tokens
    if wanted is None:
        return None
    at_least = 0 if prompt.format == NAME else MIN_OUTPUT_TOKENS
    limit = min(max(wanted, at_least), quirks.max_output_tokens or sys.maxsize)
    if limit != wanted:
        dropped.append("max_tokens")
    return limit


def _user(user: str | None, dropped: list[str]) -> str | None:
    if user is None or len(user) <= MAX_USER_CHARS:
        return user
    dropped.append("user")
    return None


def _inner(prompt: Prompt, outer: str) -> JSONDict:
    """What `_inner_extras` took out of a field."""
    if prompt.format != NAME:
        return {}
    start = outer + "."
    extras = prompt.extras.items()
    return {name.removeprefix(start): v for name, v in extras if name.startswith(start)}


def _text(prompt: Prompt) -> JSONDict | None:
    text = _inner(prompt, "text")
    if prompt.format == "openai_chat" and prompt.extras.get("verbosity"):
        text["verbosity"] = prompt.extras["verbosity"]
    output = prompt.output_schema
    if output is not None and output.schema is None:
        text["format"] = {"type": "json_object"}
    elif output is not None:
        given = _given(strict=output.strict, description=output.description)
        schema = {"name": output.name or "answer", "schema": output.schema, **given}
        text["format"] = {"type": "json_schema", **schema}
    return text or None


def _encode_reasoning(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> JSONDict | None:
    """An effort as it is; of a budget the nearest effort, which is visibly not the same."""
    wanted, sent = prompt.reasoning, _inner(prompt, "reasoning")
    if wanted is None or (not wanted.enabled and not wanted.effort):
        return sent or None
    if quirks.reasoning == "none":
        dropped.append("reasoning_effort")
        return None
    effort = effort_of(wanted, quirks)
    if effort is None:
        dropped.append("thinking")  # "decide yourself" is what such a model does unasked
    elif wanted.effort is None:
        dropped.append("thinking.budget_tokens")
    elif effort != wanted.effort:
        dropped.append("reasoning_effort")
    sent |= _given(effort=effort)
    shows = wanted.adaptive or wanted.budget_tokens is not None or wanted.display is not None
    if shows and wanted.display != "omitted":
        sent["summary"] = "auto"  # such a client shows thoughts
    return sent or None


def _encode_foreign(prompt: Prompt, quirks: Quirks, body: JSONDict, dropped: list[str]) -> None:
    """What only this format asks for, and fields that Chat Completions has too.

    Nobody fetches a foreign request's answer again, so it is not kept; then thoughts must come
    with it, encrypted, to be there on the next turn.
    """
    same = _SHARED | {"verbosity"} if prompt.format == "openai_chat" else frozenset()
    body["store"] = False
    body |= {name: value for name, value in prompt.extras.items() if name in same & _SHARED}
    # A model that does not think refuses to be asked for thoughts.
    thinks = quirks.reasoning not in (None, "none")
    if thinks or body.get("reasoning", {}).get("effort", "none") != "none":
        body["include"] = ["reasoning.encrypted_content"]
    dropped += sorted(name for name in prompt.extras if name not in same)
