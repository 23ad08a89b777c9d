"""Content blocks, of requests and of answers: Bedrock's JSON to and from parts.

A block is an object with a single key, which names its kind. What was cached is followed by a
block `cachePoint`; in the neutral form that is a hint on the part before it.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
(read 2026-11)
"""

import base64
import binascii
from collections.abc import Callable

import msgspec

from gateway.errors import BadRequest
from gateway.formats import signatures, wire
from gateway.formats.reading import beside, objects, optional, required, wrong
from gateway.formats.types import (
    Audio,
    Citation,
    File,
    Image,
    JSONDict,
    Opaque,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

NAME = "bedrock_converse"

# Claude's signatures are the same at Anthropic, Bedrock and Vertex: "signature values are
# compatible across platforms". Nobody else's models sign here. So a conversation that began at
# Bedrock goes on at Anthropic, and the other way round.
# Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking (read 2026-11)
SIGNED_BY = "anthropic_messages"

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
IMAGES = {name: f"image/{name}" for name in ("png", "jpeg", "gif", "webp")}

_MEDIA = frozenset(["format", "source"])
_DOCUMENT = frozenset(["format", "source", "name"])
_CALL = frozenset(["toolUseId", "name", "input"])
_RESULT = frozenset(["toolUseId", "content"])
_THOUGHT = frozenset(["text", "signature"])


def read_blocks(body: JSONDict, name: str, at: str = "") -> tuple[Part, ...]:
    """The blocks under `name`.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    parts: list[Part] = []
    for where, block in objects(body, name, at):
        hint = cache_hint(block)
        if hint and parts and parts[-1].cache is None:
            parts[-1] = msgspec.structs.replace(parts[-1], cache=hint)
        else:
            parts.append(read_block(block, where))
    return tuple(parts)


def cache_hint(block: JSONDict) -> JSONDict | None:
    """The hint that a `cachePoint` is, in Anthropic's words, which are everybody's here."""
    point = block.get("cachePoint") if len(block) == 1 else None
    if not isinstance(point, dict) or point.get("type") != "default":
        return None
    return point | {"type": "ephemeral"}


def cache_point(hint: JSONDict) -> JSONDict:
    ttl = hint.get("ttl")
    told: JSONDict = {"type": "default"} | ({"ttl": ttl} if ttl in ("5m", "1h") else {})
    return {"cachePoint": told}


def read_block(block: JSONDict, at: str) -> Part:
    """Raises `BadRequest` for a kind that is known and a field of it that is not as it must be."""
    if len(block) == 1:
        kind = next(iter(block))
        read = _READERS.get(kind)
        if read is not None:
            return read(block, at)
    return Opaque(format=NAME, value=block)


def _text(block: JSONDict, at: str) -> Text:
    return Text(text=required(block, "text", str, at))


def _image(block: JSONDict, at: str) -> Part:
    image = required(block, "image", dict, at)
    data = _bytes(image, at + "image.")
    if data is None:
        return Opaque(format=NAME, value=block)
    kind = required(image, "format", str, at + "image.")
    media_type = IMAGES.get(kind, f"image/{kind}")
    return Image(data=data, media_type=media_type, extras=beside(image, _MEDIA))


def _bytes(media: JSONDict, at: str) -> str | None:
    """Base64; null for what lies elsewhere, as in S3."""
    source = required(media, "source", dict, at)
    return optional(source, "bytes", str, at + "source.") if len(source) == 1 else None


def _document(block: JSONDict, at: str) -> Part:
    at += "document."
    document = required(block, "document", dict, at)
    name, kind = required(document, "name", str, at), optional(document, "format", str, at)
    data, source = _bytes(document, at), document["source"]
    text = source.get("text") if len(source) == 1 else None
    if data is None and not isinstance(text, str):
        return Opaque(format=NAME, value=block)
    return File(
        data=data,
        text=text,
        media_type=MEDIA_TYPES.get(kind or "txt", "application/octet-stream"),
        name=name,
        extras=beside(document, _DOCUMENT),
    )


def _audio(block: JSONDict, at: str) -> Part:
    audio = required(block, "audio", dict, at)
    data = _bytes(audio, at + "audio.")
    if data is None:
        return Opaque(format=NAME, value=block)
    kind = required(audio, "format", str, at + "audio.")
    return Audio(data=data, encoding=kind, extras=beside(audio, _MEDIA))


def _call(block: JSONDict, at: str) -> Part:
    at += "toolUse."
    call = required(block, "toolUse", dict, at)
    if call.get("type") == "server_tool_use":  # the provider has run it
        return Opaque(format=NAME, value=block)
    return ToolCall(
        id=required(call, "toolUseId", str, at),
        name=required(call, "name", str, at),
        arguments=wire.dumps(_object(call.get("input"), at + "input")).decode(),
        extras=beside(call, _CALL),
    )


def _object(value: object, at: str) -> JSONDict:
    if not isinstance(value, dict | None):
        raise wrong(at, "an object")
    return value or {}


def _result(block: JSONDict, at: str) -> Part:
    at += "toolResult."
    result = required(block, "toolResult", dict, at)
    if str(result.get("type", "")) not in ("", "tool_result"):  # of a tool that the provider ran
        return Opaque(format=NAME, value=block)
    status = optional(result, "status", str, at)
    told = beside(result, _RESULT)
    if status == "error":
        del told["status"]
    return ToolResult(
        call_id=required(result, "toolUseId", str, at),
        content=tuple(_inner(inner, where) for where, inner in objects(result, "content", at)),
        is_error=status == "error",
        extras=told,
    )


def _inner(block: JSONDict, at: str) -> Part:
    """Of a tool's result, in which there is no further result."""
    match block:
        case {"json": value} if len(block) == 1:
            return Text(text=wire.dumps(value).decode(), extras={"json": value})
        case {"text": _} | {"image": _} | {"document": _}:
            return read_block(block, at)
    return Opaque(format=NAME, value=block)


def _thought(block: JSONDict, at: str) -> Part:
    at += "reasoningContent."
    thought = required(block, "reasoningContent", dict, at)
    match thought:
        case {"redactedContent": str(data)}:
            return read_redacted(data)
        case {"reasoningText": dict(told)}:
            text = required(told, "text", str, at + "reasoningText.")
            signature = optional(told, "signature", str, at + "reasoningText.")
            read = read_thinking(text, signature)
            return msgspec.structs.replace(read, extras=beside(told, _THOUGHT))
    return Opaque(format=NAME, value=block)


def read_thinking(text: str, signature: str | None) -> Thinking:
    if not signature:
        return Thinking(text=text)
    signature, signed_by = signatures.unwrap(signature, SIGNED_BY)
    return Thinking(text=text, signature=signature, signed_by=signed_by)


def read_redacted(content: str) -> RedactedThinking:
    """Anthropic's `data` is text, which goes as base64 here; what else there is, is Bedrock's."""
    try:
        data = base64.b64decode(content, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return RedactedThinking(data=content, signed_by=NAME)
    if not data.isprintable() or base64.b64encode(data.encode()).decode() != content:
        return RedactedThinking(data=content, signed_by=NAME)
    data, signed_by = signatures.unwrap(data, SIGNED_BY)
    return RedactedThinking(data=data, signed_by=signed_by)


def write_redacted(part: RedactedThinking) -> str:
    if part.signed_by == NAME:
        return part.data
    data = signatures.wrap(part.data, part.signed_by, SIGNED_BY)
    return base64.b64encode(data.encode(errors="replace")).decode()


def _cited(block: JSONDict, at: str) -> Text:
    at += "citationsContent."
    cited = required(block, "citationsContent", dict, at)
    content = objects(cited, "content", at)
    citations = [read_citation(citation) for _, citation in objects(cited, "citations", at)]
    texts = [required(piece, "text", str, where) for where, piece in content]
    # How it was cut, where a single piece with its source would not say it.
    plain = len(texts) == 1 and citations
    extras = {} if plain else {"content": cited.get("content") or []}
    return Text(text="".join(texts), citations=tuple(citations), extras=extras)


def read_citation(value: JSONDict) -> Citation:
    """A citation of a document, a search result or a web page."""
    location, source = value.get("location"), value.get("source")
    web = location.get("web") if isinstance(location, dict) else None
    url = web.get("url") if isinstance(web, dict) else source
    told, title = value.get("sourceContent"), value.get("title")
    texts = [
        piece["text"]
        for piece in (told if isinstance(told, list) else ())
        if isinstance(piece, dict) and isinstance(piece.get("text"), str)
    ]
    return Citation(
        format=NAME,
        value=value,
        url=url if isinstance(url, str) and url.startswith(("https://", "http://")) else None,
        title=title if isinstance(title, str) else None,
        cited_text="".join(texts) or None,
    )


def write_citation(citation: Citation) -> JSONDict | None:
    """Null for what this format has no word for: another format's citation of no address."""
    if citation.format == NAME:
        return citation.value
    if citation.url is None:
        return None
    told: JSONDict = {"location": {"web": {"url": citation.url}}}
    if citation.title:
        told["title"] = citation.title
    if citation.cited_text:
        told["sourceContent"] = [{"text": citation.cited_text}]
    return told


_READERS: dict[str, Callable[[JSONDict, str], Part]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "audio": _audio,
    "toolUse": _call,
    "toolResult": _result,
    "reasoningContent": _thought,
    "citationsContent": _cited,
}


def read_leniently(block: JSONDict) -> Part:
    """A block of an answer; what is none that we know is for clients of the same format."""
    try:
        return read_block(block, "")
    except BadRequest:
        return Opaque(format=NAME, value=block)
