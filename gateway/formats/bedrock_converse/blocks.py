"""Parts as Bedrock's content blocks."""

import base64
import re

from gateway.errors import NotSupported
from gateway.formats import custom_tools, signatures, wire
from gateway.formats.bedrock_converse.content import (
    IMAGES,
    MEDIA_TYPES,
    NAME,
    SIGNED_BY,
    cache_point,
    write_citation,
    write_redacted,
)
from gateway.formats.reading import unknown_part
from gateway.formats.types import (
    Audio,
    File,
    Image,
    JSONDict,
    Opaque,
    Part,
    RedactedThinking,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

MAX_NAME_CHARS = 200
_FORMATS = {media_type: name for name, media_type in MEDIA_TYPES.items()} | {
    "application/csv": "csv",
    "text/x-markdown": "md",
    "application/xhtml+xml": "html",
}
_IMAGE_FORMATS = {media_type: name for name, media_type in IMAGES.items()} | {"image/jpg": "jpeg"}
_AUDIO = frozenset(
    ["mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg"]
) | frozenset(["mpga", "pcm", "webm"])
# Of a document's fields those that Anthropic has too, by the same names.
_DOCUMENT = ("context", "citations")
# A name holds letters, digits, single blanks, hyphens, parentheses and square brackets.
_FORBIDDEN = re.compile(r"[^A-Za-z0-9 ()\[\]-]+")
_BLANKS = re.compile(r"\s+")


class Writer:
    """Writes the parts of one request, or of one answer.

    `dropped` names what could not be said. `is_own`: the parts came in this format, and so did
    their `extras`. `caches`: the model takes cache points.
    """

    def __init__(self, is_own: bool, caches: bool = True) -> None:
        self.is_own, self._caches = is_own, caches
        self._names: set[str] = set()
        self.dropped: list[str] = []

    def blocks(self, part: Part) -> list[JSONDict]:
        """The part's block, and after it the cache point where its hint asks for one.

        Raises:
            NotSupported: It cannot be said, and what is asked would change without it.
        """
        block = self._block(part)
        return [block, *self.cache_points(part.cache)]

    def cache_points(self, hint: JSONDict | None) -> list[JSONDict]:
        if hint is None:
            return []
        if not self._caches:
            self.dropped.append("cache_control")
            return []
        return [cache_point(hint)]

    def _block(self, part: Part) -> JSONDict:
        if isinstance(part, Opaque):
            if part.format == NAME:
                return dict(part.value)
            raise unknown_part(part.value)
        if not self.is_own and not isinstance(part, File):
            self.dropped += [f"content.{name}" for name in part.extras]
        match part:
            case Text():
                return self._text(part)
            case Refusal(text=text):
                return {"text": text}
            case Thinking(text=text, signature=signature, signed_by=signed_by):
                told: JSONDict = {"text": text} | self._extras(part)
                if signature:
                    told["signature"] = signatures.wrap(signature, signed_by, SIGNED_BY)
                return {"reasoningContent": {"reasoningText": told}}
            case RedactedThinking():
                return {"reasoningContent": {"redactedContent": write_redacted(part)}}
            case ToolCall():
                return {"toolUse": _call(part) | self._extras(part)}
            case ToolResult():
                return self._result(part)
            case Image():
                return {"image": _image(part) | self._extras(part)}
            case File():
                return self._document(part)
            case Audio(data=data, encoding=encoding) if encoding in _AUDIO:
                audio: JSONDict = {"format": encoding, "source": {"bytes": data}}
                return {"audio": audio | self._extras(part)}
        raise NotSupported(
            f"{type(part).__name__} cannot be sent to this provider", param="messages"
        )

    def _extras(self, part: Part) -> JSONDict:
        return part.extras if self.is_own else {}

    def _text(self, part: Text) -> JSONDict:
        if self.is_own and "json" in part.extras:
            return {"json": part.extras["json"]}
        if not self.is_own:
            self.dropped += ["content.citations"] if part.citations else []
            return {"text": part.text}
        cited = [told for item in part.citations if (told := write_citation(item))]
        if not cited and "content" not in part.extras:
            return {"text": part.text}
        content = part.extras.get("content", [{"text": part.text}])
        return {"citationsContent": {"content": content, "citations": cited}}

    def _result(self, part: ToolResult) -> JSONDict:
        content = []
        for inner in part.content:
            if isinstance(inner, Text) and not inner.text:
                continue  # empty text is refused here
            if isinstance(inner, ToolResult | ToolCall | Thinking | RedactedThinking):
                raise NotSupported(
                    f"{type(inner).__name__} inside a tool's result", param="messages"
                )
            content.append(self._block(inner))
        result: JSONDict = {"toolUseId": part.call_id, "content": content}
        status = {"status": "error"} if part.is_error else {}
        return {"toolResult": result | status | self._extras(part)}

    def _document(self, file: File) -> JSONDict:
        if file.text is not None:
            kind = _FORMATS.get(file.media_type or "", "txt")
            source = self._plain(file.text)
        elif file.data is not None:
            kind, source = _document_format(file), {"bytes": file.data}
        elif file.url is not None:
            raise _not_fetched()
        else:
            raise NotSupported(
                "a file of another provider cannot be sent to this one", param="messages"
            )
        name = (self.is_own and file.name) or self._name(file.name)
        document: JSONDict = {"format": kind, "name": name, "source": source}
        for field, value in file.extras.items():
            if self.is_own or field in _DOCUMENT:
                document[field] = value
            else:
                self.dropped.append(f"content.{field}")
        return {"document": document}

    def _plain(self, text: str) -> JSONDict:
        """As it came; from elsewhere as bytes, which every model takes that takes documents."""
        if self.is_own:
            return {"text": text}
        return {"bytes": base64.b64encode(text.encode(errors="replace")).decode()}

    def _name(self, name: str | None) -> str:
        """One that Bedrock takes, and that no other document of the request has."""
        stem = _BLANKS.sub(" ", _FORBIDDEN.sub(" ", name or "")).strip() or "document"
        stem = stem[: MAX_NAME_CHARS - 10].strip()
        found, number = stem, 1
        while found in self._names:
            number += 1
            found = f"{stem} ({number})"
        self._names.add(found)
        return found


def _call(call: ToolCall) -> JSONDict:
    arguments = custom_tools.to_arguments(call.arguments) if call.custom else call.arguments
    return {"toolUseId": call.id, "name": call.name, "input": object_of(arguments)}


def object_of(arguments: str) -> JSONDict:
    """Arguments as the object that this format wants; what does not parse is kept as text."""
    try:
        value = wire.loads(arguments or "{}")
    except ValueError:
        return {"_unparsed": arguments}
    return value if isinstance(value, dict) else {"_unparsed": arguments}


def _image(image: Image) -> JSONDict:
    if image.data is None:
        raise _not_fetched()
    kind = _IMAGE_FORMATS.get((image.media_type or "image/png").lower())
    if kind is None:
        raise NotSupported(
            f"an image can be {', '.join(IMAGES)} at this provider", param="messages"
        )
    return {"format": kind, "source": {"bytes": image.data}}


def _not_fetched() -> NotSupported:
    return NotSupported("this provider takes no addresses, only the bytes", param="messages")


def _document_format(file: File) -> str:
    media_type = (file.media_type or "").partition(";")[0].strip().lower()
    _, _, ending = (file.name or "").lower().rpartition(".")
    if media_type in _FORMATS:
        return _FORMATS[media_type]
    if ending in MEDIA_TYPES:
        return ending
    if media_type.startswith("text/") or media_type in ("application/json", "application/xml"):
        return "txt"
    if not media_type:
        return "pdf"
    raise NotSupported(
        f"a document can be {', '.join(MEDIA_TYPES)} at this provider", param="messages"
    )
