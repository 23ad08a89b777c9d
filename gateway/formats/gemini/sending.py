"""Requests: the neutral form to Google's JSON, and a client's own on its way to Google.

Source: https://ai.google.dev/api/generate-content (read 2026-11)
"""

from collections.abc import Iterator
from urllib.parse import quote

from msgspec.structs import replace

from gateway.errors import BadRequest, NotSupported
from gateway.formats import foreign
from gateway.formats.gemini import config, signing, tools
from gateway.formats.gemini.parts import Writer, with_extras, write_part
from gateway.formats.gemini.signing import NAME
from gateway.formats.reading import dropped_names, has_cache_hints, lost
from gateway.formats.types import (
    Encoded,
    Image,
    JSONDict,
    Message,
    Part,
    Prompt,
    Quirks,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

_COLLECTIONS = ("models/", "tunedModels/", "publishers/", "projects/")
_SYSTEM = ("system", "developer")


def address(model: str, stream: bool) -> str:
    """Where its upstreams take requests, under their base URL."""
    name = model if model.startswith(_COLLECTIONS) else f"models/{model}"
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/{quote(name, safe='/')}:{method}"


def readdress(body: JSONDict, model: str, quirks: Quirks) -> tuple[JSONDict, bool, tuple[str, ...]]:
    """A request of this format for an upstream of this format: as it is, the path says the model.

    Another provider's signatures, which the client got from an earlier turn, do not leave: Google
    refuses them.
    """
    sent = body
    if "model" in body:
        sent = {name: value for name, value in body.items() if name != "model"}
    contents = body.get("contents")
    if isinstance(contents, list) and any(map(_has_foreign, contents)):
        sent = sent | {"contents": [_without_foreign(content) for content in contents]}
    return sent, False, ()


def _has_foreign(content: JSONDict) -> bool:
    parts = content.get("parts")
    return isinstance(parts, list) and any(map(_is_foreign, parts))


def _is_foreign(part: object) -> bool:
    return isinstance(part, dict) and (
        signing.is_foreign(part.get("thoughtSignature"))
        or signing.is_foreign(part.get("thought_signature"))
    )


def _without_foreign(content: JSONDict) -> JSONDict:
    if not _has_foreign(content):
        return content
    kept = []
    for part in content["parts"]:
        if not _is_foreign(part):
            kept.append(part)
        elif part.get("thought") is not True:
            names = ("thoughtSignature", "thought_signature")
            kept.append({name: value for name, value in part.items() if name not in names})
    return content | {"parts": kept or [{"text": ""}]}


def encode_request(prompt: Prompt, model: str, quirks: Quirks) -> Encoded:
    """Write a request; its model and whether it streams go into the address.

    System messages become `systemInstruction`, wherever they stood.

    Raises:
        NotSupported: It asks for what this format cannot say, and leaving that out would
            change what is asked.
    """
    native = prompt.format == NAME
    dropped: list[str] = []
    if not native:
        prompt = foreign.fitted(prompt, NAME, dropped)
        dropped += lost(prompt)
    if has_cache_hints(prompt):
        dropped.append("cache_control")
    body: JSONDict = {"contents": _contents(prompt, quirks, dropped)}
    system = _system(prompt)
    if system:
        body["systemInstruction"] = {"parts": system}
    body |= tools.write(prompt, dropped)
    generation = config.write(prompt, quirks, dropped)
    if generation:
        body["generationConfig"] = generation
    unknown = ("user", "service_tier")
    dropped += [name for name in unknown if getattr(prompt, name) is not None]
    if native:
        _restore(body, prompt.extras)
    else:
        dropped += sorted(prompt.extras)
    _leave_out(body, quirks, dropped)
    return Encoded(body, dropped_names(dropped))


def _restore(body: JSONDict, extras: JSONDict) -> None:
    """What the request said besides, at the path where it stood."""
    for path, value in extras.items():
        outer, dot, name = path.partition(".")
        if dot and outer in ("generationConfig", "toolConfig"):
            with_extras(body.setdefault(outer, {}), {name: value})
        else:
            body[path] = value


def _leave_out(body: JSONDict, quirks: Quirks, dropped: list[str]) -> None:
    generation = body.get("generationConfig", {})
    for name in quirks.unsupported:
        if body.pop(name, None) is not None or generation.pop(name, None) is not None:
            dropped.append(name)


def _system(prompt: Prompt) -> list[JSONDict]:
    parts = [p for message in prompt.messages if message.role in _SYSTEM for p in message.parts]
    if prompt.format == NAME:
        return [with_extras(write_part(part, {}), part.extras) for part in parts]
    if not all(isinstance(part, Text) for part in parts):
        raise NotSupported(
            "messages: a system message holds text only at this provider", param="messages"
        )
    return [{"text": part.text} for part in parts if isinstance(part, Text) and part.text]


# --- Contents ----------------------------------------------------------------------------------


def _contents(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> list[JSONDict]:
    """Of other formats, messages of one role in a row become one: all results of a turn's calls
    stand in one content here."""
    native = prompt.format == NAME
    messages = [message for message in prompt.messages if message.role not in _SYSTEM]
    if not native:
        messages = list(_merged(messages, dropped))
    if not messages:
        raise BadRequest(
            "messages: this provider needs a message that is no system message", param="messages"
        )
    names = {
        part.id: part.name
        for message in messages
        for part in message.parts
        if isinstance(part, ToolCall)
    }
    present = len(messages) if native else _present_turn(messages)
    sent = []
    for position, message in enumerate(messages):
        parts = message.parts if native else _prepared(message, names, quirks, dropped)
        written = _written(parts, names, native, dropped)
        if position >= present:
            _sign_first_call(written)
        role = "model" if message.role == "assistant" else "user"
        sent.append({"role": role, "parts": written} | (message.extras if native else {}))
    return sent


def _merged(messages: list[Message], dropped: list[str]) -> Iterator[Message]:
    last: Message | None = None
    for message in messages:
        if message.name:
            dropped.append("name")
        if last is not None and last.role == message.role:
            last = replace(last, parts=last.parts + message.parts)
            continue
        if last is not None and last.parts:
            yield last
        last = message
    if last is not None and (last.parts or last.role == "user"):
        yield last


def _present_turn(messages: list[Message]) -> int:
    """Where it begins: after the last message in which the user said something."""
    for position in reversed(range(len(messages))):
        message = messages[position]
        answers = any(isinstance(part, ToolResult) for part in message.parts)
        if message.role == "user" and not answers:
            return position
    return 0


def _sign_first_call(parts: list[JSONDict]) -> None:
    """Google signs the first of parallel calls, and asks for that one's signature."""
    for part in parts:
        if "functionCall" in part:
            part.setdefault("thoughtSignature", signing.SKIP)
            return


def _prepared(
    message: Message, names: dict[str, str], quirks: Quirks, dropped: list[str]
) -> tuple[Part, ...]:
    if message.role == "assistant":
        return tuple(_with_signature_at_call(_own_thoughts(message, dropped)))
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    order = {id: position for position, id in enumerate(names)}
    results.sort(key=lambda result: order.get(result.call_id, len(order)))
    said = [p for p in message.parts if not (isinstance(p, ToolResult) or _is_empty(p))]
    dropped += ["detail" for p in said if isinstance(p, Image) and p.detail not in (None, "auto")]
    if quirks.tool_result_media:
        return (*results, *said)
    shown = [part for result in results for part in _shown(result)]
    return (*map(_texts_only, results), *shown, *said)


def _is_empty(part: Part) -> bool:
    return isinstance(part, Text) and not part.text


def _shown(result: ToolResult) -> list[Part]:
    """Most models want text of a function: the rest is the user's, with a word on whose it is."""
    rest = [part for part in result.content if not isinstance(part, Text)]
    if not rest:
        return []
    return [Text(text=f"Content returned by tool call {result.call_id}:"), *rest]


def _texts_only(result: ToolResult) -> ToolResult:
    texts = tuple(part for part in result.content if isinstance(part, Text))
    return replace(result, content=texts)


def _own_thoughts(message: Message, dropped: list[str]) -> list[Part]:
    """The parts without the thoughts that Google did not sign, and without empty texts."""
    kept: list[Part] = []
    for part in message.parts:
        if isinstance(part, Thinking | RedactedThinking) and not signing.is_googles(part):
            dropped.append("thinking")
        elif not _is_empty(part):
            kept.append(part)
    return kept


def _with_signature_at_call(parts: list[Part]) -> list[Part]:
    """The signature just before the first call, where some formats put all thoughts first."""
    first = next((i for i, part in enumerate(parts) if isinstance(part, ToolCall)), None)
    signed = next((i for i, part in enumerate(parts) if isinstance(part, Thinking)), None)
    if first is None or signed is None or isinstance(parts[first - 1], Thinking) or signed > first:
        return parts
    thought = parts[signed]
    return [*parts[:signed], *parts[signed + 1 : first], thought, *parts[first:]]


def _written(
    parts: tuple[Part, ...], names: dict[str, str], native: bool, dropped: list[str]
) -> list[JSONDict]:
    writer = Writer()
    for part in parts:
        if isinstance(part, Thinking) and signing.is_googles(part):
            writer.think(replace(part, signed_by=NAME))
        elif isinstance(part, Thinking) and part.signature is None:
            writer.think(part)  # of this format's own client: the others' are left out before
        elif isinstance(part, Thinking | RedactedThinking):
            dropped.append("thinking")
        else:
            sent = write_part(part, names)
            writer.add(with_extras(sent, part.extras) if native else sent)
    return writer.done()
