"""Images, sounds and documents: `inlineData` and `fileData`.

Source: https://ai.google.dev/api/caching#Blob (read 2026-11)
"""

import base64
import binascii
import mimetypes

from gateway.errors import NotSupported
from gateway.formats.reading import optional, others, required
from gateway.formats.types import Audio, File, Image, JSONDict, Part

_BLOB = frozenset(["data", "mimeType", "displayName"])
_FILE_DATA = frozenset(["fileUri", "mimeType", "displayName"])
# Names of sounds that differ from the end of their media type.
_ENCODINGS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}
_SUBTYPES = {"mp3": "mpeg"}
# Addresses that only Google can read: they are ids of files there.
_GOOGLES = ("gs://", "https://generativelanguage.googleapis.com/")


def read_blob(part: JSONDict, at: str) -> tuple[Part, JSONDict]:
    """What `inlineData` holds, and what it says besides."""
    blob = required(part, "inlineData", dict, at)
    inside = at + "inlineData."
    rest = others(blob, _BLOB)
    name = optional(blob, "displayName", str, inside)
    media_type = optional(blob, "mimeType", str, inside) or "application/octet-stream"
    data = required(blob, "data", str, inside)
    kind, _, subtype = media_type.partition("/")
    if kind == "image" and name is None:
        return Image(data=data, media_type=media_type), rest
    if kind == "audio" and name is None:
        return Audio(data=data, encoding=_ENCODINGS.get(subtype, subtype)), rest
    text = _text(data) if kind == "text" else None
    if text is not None:
        return File(text=text, media_type=media_type, name=name), rest
    return File(data=data, media_type=media_type, name=name), rest


def _text(data: str) -> str | None:
    """Base64 as the text that it is; null where writing it again would give other bytes."""
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return text if _base64(text) == data else None


def _base64(text: str) -> str:
    return base64.b64encode(text.encode(errors="replace")).decode()


def read_file(part: JSONDict, at: str) -> tuple[Part, JSONDict]:
    """What `fileData` points to, and what it says besides."""
    file = required(part, "fileData", dict, at)
    inside = at + "fileData."
    url = required(file, "fileUri", str, inside)
    media_type = optional(file, "mimeType", str, inside)
    name = optional(file, "displayName", str, inside)
    rest = others(file, _FILE_DATA)
    if url.startswith(_GOOGLES):
        return File(file_id=url, media_type=media_type, name=name), rest
    if name is None and (media_type or "").startswith("image/"):
        return Image(url=url, media_type=media_type), rest
    return File(url=url, media_type=media_type, name=name), rest


def write(part: Image | Audio | File) -> JSONDict:
    """Raises `NotSupported` for a file that lies at another provider."""
    match part:
        case Image(url=str(url)):
            return _file_data(url, part.media_type or _guess(url, "image/jpeg"))
        case Image():
            return _blob(part.data or "", part.media_type or "image/png")
        case Audio(data=data, encoding=encoding):
            return _blob(data, f"audio/{_SUBTYPES.get(encoding, encoding)}")
        case File(text=str(text)):
            return _blob(_base64(text), part.media_type or "text/plain", part.name)
        case File(data=str(data)):
            return _blob(data, part.media_type or "application/pdf", part.name)
        case File(url=str(url)):
            return _file_data(url, part.media_type or _guess(url, None), part.name)
        case File(file_id=str(id)) if id.startswith(_GOOGLES):
            return _file_data(id, part.media_type, part.name)
    raise NotSupported("a file of another provider cannot be sent to this one", param="messages")


def _guess(url: str, otherwise: str | None) -> str | None:
    path = url.partition("?")[0].partition("#")[0]
    return mimetypes.types_map.get("." + path.rpartition(".")[2].lower(), otherwise)


def _blob(data: str, media_type: str, name: str | None = None) -> JSONDict:
    blob = {"mimeType": media_type, "data": data}
    return {"inlineData": blob | ({"displayName": name} if name else {})}


def _file_data(url: str, media_type: str | None, name: str | None = None) -> JSONDict:
    told = {"fileUri": url, "mimeType": media_type, "displayName": name}
    return {"fileData": {key: value for key, value in told.items() if value is not None}}
