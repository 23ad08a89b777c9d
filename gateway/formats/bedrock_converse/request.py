"""Requests: Bedrock's JSON to and from the neutral form.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
(read 2026-11)
"""

import re
from urllib.parse import quote, unquote

from gateway.errors import BadRequest, NotSupported
from gateway.formats import aws_eventstream, foreign, wire
from gateway.formats.bedrock_converse.blocks import Writer
from gateway.formats.bedrock_converse.content import NAME, read_blocks
from gateway.formats.bedrock_converse.reasoning import (
    encode_reasoning,
    is_signed,
    read_reasoning,
)
from gateway.formats.bedrock_converse.tools import encode_tools, read_choice, read_tools
from gateway.formats.reading import (
    dropped_names,
    given,
    objects,
    one_of,
    optional,
    others,
    over,
    required,
    strings,
    wrong,
)
from gateway.formats.types import (
    Encoded,
    JSONDict,
    Message,
    OutputSchema,
    Part,
    Prompt,
    Quirks,
    RedactedThinking,
    Text,
    Thinking,
    ToolResult,
)

STREAM_TYPE = aws_eventstream.CONTENT_TYPE
TAKES_URLS: tuple[type[Part], ...] = ()

MAX_TEMPERATURE = 1
# Where Claude's own answer says which stop sequence it met; models that do not say are not asked.
_STOPPED_AT = ["/stop_sequence", "/delta/stop_sequence"]
_TIERS = ("priority", "default", "flex", "reserved")
_ROLES = ("user", "assistant", "system")
_KNOWN = frozenset(
    [
        "modelId",
        "messages",
        "system",
        "inferenceConfig",
        "toolConfig",
        "outputConfig",
        "additionalModelRequestFields",
        "serviceTier",
    ]
)
_INFERENCE = frozenset(["maxTokens", "temperature", "topP", "stopSequences"])
_FIELDS = frozenset(["thinking", "top_k"])
_PATH = re.compile(r"/model/([^/]+)/converse(-stream)?$")


def wants(path: str, body: JSONDict) -> tuple[str, bool]:
    """The model, and whether its answer is to be streamed: both stand in the address."""
    found = _PATH.search(path)
    return (unquote(found[1]), found[2] is not None) if found else ("", False)


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL.

    A model may be an ARN: its slashes and colons are percent-encoded. A signature is made of the
    path encoded once more, as everywhere at Amazon except in S3.
    """
    return f"/model/{quote(model, safe='')}/converse{'-stream' if stream else ''}"


def check_request(body: JSONDict) -> None:
    """What must be right before a body is relayed as it is.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    if not required(body, "messages", list):
        raise BadRequest("messages: at least one message is needed", param="messages")
    for at, message in objects(body, "messages"):
        one_of(required(message, "role", str, at), _ROLES, at + "role")
        required(message, "content", list, at)
    optional(body, "system", list)
    optional(body, "toolConfig", dict)
    optional(body, "inferenceConfig", dict)


def decode_request(body: JSONDict) -> Prompt:
    """Read a request. Its model stands in the address (`wants`); SDKs call it `modelId`.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    messages = [_message(message, at) for at, message in objects(body, "messages")]
    system = read_blocks(body, "system")
    if system:
        messages.insert(0, Message("system", system))
    sampling = optional(body, "inferenceConfig", dict) or {}
    fields = optional(body, "additionalModelRequestFields", dict) or {}
    config = optional(body, "toolConfig", dict) or {}
    tier = optional(body, "serviceTier", dict) or {}
    inside = "inferenceConfig."
    return Prompt(
        format=NAME,
        model=optional(body, "modelId", str) or "",
        messages=tuple(messages),
        include_usage=True,  # this format always tells
        tools=read_tools(config),
        tool_choice=read_choice(config),
        max_tokens=optional(sampling, "maxTokens", int, inside),
        temperature=optional(sampling, "temperature", float, inside),
        top_p=optional(sampling, "topP", float, inside),
        top_k=optional(fields, "top_k", int, "additionalModelRequestFields."),
        stop=strings(sampling, "stopSequences", inside),
        output_schema=_output_schema(body),
        reasoning=read_reasoning(body),
        service_tier=optional(tier, "type", str, "serviceTier."),
        extras=_extras(body, sampling, fields, config),
    )


def _extras(body: JSONDict, sampling: JSONDict, fields: JSONDict, config: JSONDict) -> JSONDict:
    """What the neutral form has no place for, shaped as the body is."""
    inside = {
        "inferenceConfig": others(sampling, _INFERENCE),
        "additionalModelRequestFields": others(fields, _FIELDS),
        "toolConfig": others(config, frozenset(["tools", "toolChoice"])),
        "outputConfig": others(body.get("outputConfig") or {}, frozenset(["textFormat", "effort"])),
        "serviceTier": others(body.get("serviceTier") or {}, frozenset(["type"])),
    }
    return others(body, _KNOWN) | {name: told for name, told in inside.items() if told}


def _message(message: JSONDict, at: str) -> Message:
    role = required(message, "role", str, at)
    known = frozenset(["role", "content"])
    return Message(role, read_blocks(message, "content", at), extras=others(message, known))  # type: ignore[arg-type]  # checked


def _output_schema(body: JSONDict) -> OutputSchema | None:
    config = optional(body, "outputConfig", dict) or {}
    wanted, at = optional(config, "textFormat", dict, "outputConfig."), "outputConfig.textFormat."
    if wanted is None:
        return None
    one_of(required(wanted, "type", str, at), ("json_schema",), at + "type")
    structure = required(wanted, "structure", dict, at)
    at += "structure.jsonSchema."
    told = required(structure, "jsonSchema", dict, at)
    try:
        schema = wire.loads(required(told, "schema", str, at))
    except ValueError:
        raise wrong(at + "schema", "JSON as a string") from None
    if not isinstance(schema, dict):
        raise wrong(at + "schema", "the JSON of an object")
    return OutputSchema(
        name=optional(told, "name", str, at),
        schema=schema,
        strict=True,
        description=optional(told, "description", str, at),
    )


# --- To an upstream --------------------------------------------------------------------------


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """See `openai_chat.readdress`; the model stands in the address, and usage comes unasked."""
    dropped = tuple(name for name in quirks.unsupported if name in body)
    if not dropped:
        return body, False, ()
    return {name: told for name, told in body.items() if name not in dropped}, False, dropped


def encode_request(prompt: Prompt, model: str, quirks: Quirks) -> Encoded:
    """Write a request; the model is not in it, but in `address`.

    System messages become `system`, wherever they stood.

    Raises:
        NotSupported: It asks for what this format cannot say, and leaving that out would
            change what is asked.
    """
    if prompt.n not in (None, 1):
        raise NotSupported("n: this provider gives one answer a call", param="n")
    is_own = prompt.format == NAME
    writer = Writer(is_own, caches="cache_control" not in quirks.unsupported)
    if not is_own:
        prompt = foreign.fitted(prompt, NAME, writer.dropped)
    body: JSONDict = {"messages": _encode_messages(prompt, quirks, writer)}
    system = _encode_system(prompt, writer)
    if system:
        body["system"] = system
    dropped = writer.dropped
    sampling = _sampling(prompt, quirks, dropped)
    if sampling:
        body["inferenceConfig"] = sampling
    tools = encode_tools(prompt, writer)
    if tools:
        body["toolConfig"] = tools
    if prompt.top_k is not None:
        body["additionalModelRequestFields"] = {"top_k": prompt.top_k}
    if prompt.stop and not is_own:
        body["additionalModelResponseFieldPaths"] = _STOPPED_AT
    _encode_output(prompt, body)
    encode_reasoning(prompt, quirks, body, dropped)
    _encode_tier(prompt, body, dropped)
    unknown = ("seed", "presence_penalty", "frequency_penalty", "user", "parallel_tool_calls")
    dropped += [name for name in unknown if _is_asked(getattr(prompt, name))]
    if is_own:
        body = over(body, prompt.extras)
    else:
        dropped += sorted(prompt.extras)
    _leave_out(body, quirks, dropped)
    return Encoded(body, dropped_names(dropped))


def _is_asked(value: object) -> bool:
    """Parallel tool calls are what models here do by themselves."""
    return value is not None and value is not True


def _sampling(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> JSONDict:
    limit, temperature = quirks.max_output_tokens, prompt.temperature
    most = prompt.max_tokens
    if most is not None and limit is not None and most > limit:
        dropped.append("max_tokens")
        most = limit
    if temperature is not None and temperature > MAX_TEMPERATURE:  # OpenAI's goes to 2
        dropped.append("temperature")
        temperature = MAX_TEMPERATURE
    stop = [text for text in prompt.stop if text]
    return given(
        maxTokens=most, temperature=temperature, topP=prompt.top_p, stopSequences=stop or None
    )


def _encode_tier(prompt: Prompt, body: JSONDict, dropped: list[str]) -> None:
    tier = prompt.service_tier
    if tier in _TIERS:
        body["serviceTier"] = {"type": tier}
    elif tier not in (None, "auto"):
        dropped.append("service_tier")


def _encode_output(prompt: Prompt, body: JSONDict) -> None:
    output = prompt.output_schema
    if output is None:
        return
    if output.schema is None:
        raise NotSupported(
            "response_format: this provider gives JSON by a schema only (json_schema)",
            param="response_format",
        )
    schema = {"schema": wire.dumps(output.schema).decode()} | given(
        name=output.name or None, description=output.description or None
    )
    body["outputConfig"] = {
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}
    }


# Names of `Quirks.unsupported` that stand elsewhere in a body of this format.
_PLACES = {
    "temperature": ("inferenceConfig", "temperature"),
    "top_p": ("inferenceConfig", "topP"),
    "stop": ("inferenceConfig", "stopSequences"),
    "max_tokens": ("inferenceConfig", "maxTokens"),
    "top_k": ("additionalModelRequestFields", "top_k"),
    "tool_choice": ("toolConfig", "toolChoice"),
    "service_tier": ("serviceTier", "type"),
}


def _leave_out(body: JSONDict, quirks: Quirks, dropped: list[str]) -> None:
    for name in quirks.unsupported:
        place, field = _PLACES.get(name, (name, None))
        if field is None:
            lost = body.pop(place, None)
        else:
            lost = body.get(place, {}).pop(field, None)
            if body.get(place) == {}:
                del body[place]
        if lost is not None:
            dropped.append(name)


def _encode_system(prompt: Prompt, writer: Writer) -> list[JSONDict]:
    blocks: list[JSONDict] = []
    for message in prompt.messages:
        if _is_system(message, prompt):
            for part in message.parts:
                if not isinstance(part, Text) and not writer.is_own:
                    raise NotSupported(
                        "messages: a system message holds text only at this provider",
                        param="messages",
                    )
                blocks += [] if _is_empty(part) else writer.blocks(part)
    return blocks


def _is_system(message: Message, prompt: Prompt) -> bool:
    """Bedrock's own may stand among the messages, where it adds tools."""
    if prompt.format == NAME and message is not prompt.messages[0]:
        return False
    return message.role in ("system", "developer")


def _encode_messages(prompt: Prompt, quirks: Quirks, writer: Writer) -> list[JSONDict]:
    """Messages of one role in a row become one: the roles alternate here."""
    sent: list[tuple[Message, list[Part]]] = []
    for message in prompt.messages:
        if _is_system(message, prompt):
            continue
        if message.name:
            writer.dropped.append("name")
        parts = [part for part in message.parts if _is_sent(part, prompt, quirks, writer)]
        if not parts:
            continue
        if sent and sent[-1][0].role == message.role:
            sent[-1][1].extend(parts)
        else:
            sent.append((message, parts))
    if not sent:
        raise BadRequest(
            "messages: this provider needs a message that is no system message", param="messages"
        )
    return [_turn(message, parts, writer) for message, parts in sent]


def _turn(message: Message, parts: list[Part], writer: Writer) -> JSONDict:
    if not writer.is_own:
        # Results stand first in the turn that answers the calls.
        parts.sort(key=lambda part: not isinstance(part, ToolResult))
    blocks = [block for part in parts for block in writer.blocks(part)]
    turn: JSONDict = {"role": message.role, "content": blocks}
    return turn | (message.extras if writer.is_own else {})


def _is_empty(part: Part) -> bool:
    return isinstance(part, Text) and not part.text


def _is_sent(part: Part, prompt: Prompt, quirks: Quirks, writer: Writer) -> bool:
    """Empty texts are refused here, and so are thoughts that Claude has not signed."""
    if isinstance(part, Thinking | RedactedThinking) and prompt.format != NAME:
        if quirks.reasoning in ("none", "effort") or not is_signed(part):
            writer.dropped.append("thinking")
            return False
        return True
    return not _is_empty(part)
