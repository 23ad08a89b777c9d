"""What messages and tool results are made of.

Source: https://platform.openai.com/docs/api-reference/responses/create (read 2026-11)
"""

from collections.abc import Sequence

import msgspec

from gateway.errors import NotSupported
from gateway.formats.openai_responses.wording import NAME
from gateway.formats.reading import beside, data_url, objects, optional, required, unknown_part
from gateway.formats.types import (
    Audio,
    Citation,
    File,
    Image,
    JSONDict,
    Opaque,
    Part,
    Refusal,
    Role,
    Text,
)

_PART = frozenset(
    [
        "type",
        "text",
        "annotations",
        "refusal",
        "image_url",
        "detail",
        "file_id",
        "file_data",
        "file_url",
        "filename",
        "input_audio",
    ]
)


def read_content(holder: JSONDict, name: str, at: str) -> tuple[Part, ...]:
    """A string, or a list of parts. Raises `BadRequest` for anything else."""
    content = holder.get(name)
    if content is None:
        return ()
    if isinstance(content, str):
        return (Text(text=content),)
    return tuple(_part(part, where) for where, part in objects(holder, name, at))


def _part(part: JSONDict, at: str) -> Part:
    found = _known_part(part, at)
    extras = {} if isinstance(found, Opaque) else beside(part, _PART)
    return msgspec.structs.replace(found, extras=extras) if extras else found


def _known_part(part: JSONDict, at: str) -> Part:
    match required(part, "type", str, at):
        case "input_text" | "output_text" | "text":
            text = required(part, "text", str, at)
            cited = objects(part, "annotations", at)
            return Text(text=text, citations=tuple(read_citation(item) for _, item in cited))
        case "refusal":
            return Refusal(text=required(part, "refusal", str, at))
        case "input_image" if part.get("image_url"):
            return _image(part, at)
        case "input_file":
            return _file(part, at)
        case "input_audio":
            audio = required(part, "input_audio", dict, at)
            inside = at + "input_audio."
            return Audio(
                data=required(audio, "data", str, inside),
                encoding=required(audio, "format", str, inside),
            )
    return Opaque(format=NAME, value=part)


def _image(part: JSONDict, at: str) -> Image:
    url = part["image_url"]
    if isinstance(url, dict):  # as Chat Completions has it
        url = required(url, "url", str, at + "image_url.")
    else:
        url = required(part, "image_url", str, at)
    detail = optional(part, "detail", str, at)
    inline = data_url(url)
    if inline:
        return Image(data=inline[1], media_type=inline[0], detail=detail)
    return Image(url=url, detail=detail)


def _file(part: JSONDict, at: str) -> File:
    data = optional(part, "file_data", str, at)
    inline = data_url(data) if data else None
    return File(
        url=optional(part, "file_url", str, at),
        file_id=optional(part, "file_id", str, at),
        data=inline[1] if inline else data,
        media_type=inline[0] if inline else None,
        name=optional(part, "filename", str, at),
    )


def read_citation(annotation: JSONDict) -> Citation:
    def given(name: str) -> str | None:
        value = annotation.get(name)
        return value if isinstance(value, str) else None

    def place(name: str) -> int | None:
        value = annotation.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    return Citation(
        format=NAME,
        value=annotation,
        url=given("url"),
        title=given("title") or given("filename"),
        start=place("start_index"),
        end=place("end_index"),
    )


def write_citation(citation: Citation, end: int) -> JSONDict | None:
    """An annotation; without a place of its own it is of the text up to `end`.

    Null for what this format has no word for: a citation of no address.
    """
    if citation.format == NAME:
        return citation.value
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": 0 if citation.start is None else citation.start,
        "end_index": end if citation.end is None else citation.end,
    }


def write_text(text: Text) -> JSONDict:
    """Text of the model."""
    told = [write_citation(citation, len(text.text)) for citation in text.citations]
    cited = [annotation for annotation in told if annotation]
    return {"type": "output_text", "text": text.text, "annotations": cited, "logprobs": []}


def write_content(parts: Sequence[Part], role: Role, native: bool) -> list[JSONDict]:
    """Parts of a request's message; `native`: they came in this format."""
    return [_write(part, role) | (part.extras if native else {}) for part in parts]


def _write(part: Part, role: Role) -> JSONDict:
    match part:
        case Text(text=text) if role == "assistant":
            told = write_text(part)
            cited = {"annotations": told["annotations"]} if told["annotations"] else {}
            return {"type": "output_text", "text": text} | cited
        case Refusal(text=text) if role == "assistant":
            return {"type": "refusal", "refusal": text}
        case Text(text=text) | Refusal(text=text):
            return {"type": "input_text", "text": text}
        case Image():
            where = part.url or f"data:{part.media_type or 'image/png'};base64,{part.data}"
            detail = {"detail": part.detail} if part.detail else {}
            return {"type": "input_image", "image_url": where} | detail
        case File():
            return _write_file(part)
        case Audio(data=data, encoding=encoding):
            return {"type": "input_audio", "input_audio": {"data": data, "format": encoding}}
        case Opaque(format=origin, value=value) if origin == NAME:
            return value
        case Opaque(value=value):
            raise unknown_part(value)
    raise NotSupported(f"{type(part).__name__} is not possible here", param="messages")


def _write_file(file: File) -> JSONDict:
    if file.text is not None:
        return {"type": "input_text", "text": file.text}
    given = {"file_id": file.file_id, "file_url": file.url, "filename": file.name}
    if file.data is not None:
        given["file_data"] = file.data
        if file.media_type:
            given["file_data"] = f"data:{file.media_type};base64,{file.data}"
        given["filename"] = file.name or _FILE_NAME
    named = {name: value for name, value in given.items() if value is not None}
    return {"type": "input_file", **named}


_FILE_NAME = "file.pdf"  # bytes need a name here
