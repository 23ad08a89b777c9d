"""Forms with files: `multipart/form-data`, read and written.

Source: RFC 7578; RFC 2046, section 5.1.
"""

import re
import secrets
from collections.abc import Iterable

from msgspec import Struct

from gateway.errors import BadRequest
from gateway.formats.types import JSONDict

CONTENT_TYPE = "multipart/form-data"
MAX_PARTS = 100

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_PARAMETER = r';\s*{}="((?:[^"\\\r\n]|\\.)*)"'
_NAME = re.compile(_PARAMETER.format("name"), re.IGNORECASE)
_FILENAME = re.compile(_PARAMETER.format("filename"), re.IGNORECASE)
_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,100}")


class Upload(Struct, frozen=True):
    """A file in a form."""

    filename: str
    content_type: str
    data: bytes


def is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == CONTENT_TYPE


def parse(content_type: str, body: bytes) -> JSONDict:
    """The fields, texts or `Upload`s; of a name that stands there more than once, or ends with
    `[]`, a list.

    Raises:
        BadRequest: It is no such form.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise BadRequest("the form has no boundary")
    boundary = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    _, *parts = (b"\r\n" + body).split(b"\r\n" + boundary)
    if not parts or not parts[-1].startswith(b"--"):
        raise BadRequest("the form does not end")
    if len(parts) > MAX_PARTS + 1:
        raise BadRequest(f"the form has more than {MAX_PARTS} parts")
    fields: JSONDict = {}
    for part in parts[:-1]:
        name, value = _part(part)
        bare = name.removesuffix("[]")
        if bare != name or bare in fields:
            before = fields.get(bare, [])
            fields[bare] = [*(before if isinstance(before, list) else [before]), value]
        else:
            fields[bare] = value
    return fields


def _part(part: bytes) -> tuple[str, str | Upload]:
    head, separator, data = part.partition(b"\r\n\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for line in head.decode(errors="replace").split("\r\n")
        for name, _, value in [line.partition(":")]
    }
    disposition = headers.get("content-disposition", "")
    named, file = _NAME.search(disposition), _FILENAME.search(disposition)
    if not separator or named is None:
        raise BadRequest("a part of the form has no name")
    if file is None:
        return named[1], data.decode(errors="replace")
    kind = headers.get("content-type", "")
    return named[1], Upload(
        file[1], kind if _TYPE.fullmatch(kind) else "application/octet-stream", data
    )


def write(fields: JSONDict) -> tuple[bytes, str]:
    """The form, and its content type. Values are texts, numbers, `Upload`s, or lists of these."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    for name, value in fields.items():
        values: Iterable[object] = value if isinstance(value, list) else [value]
        # OpenAI's clients mark a name that may stand there several times.
        own = f"{name}[]" if isinstance(value, list) else name
        for each in values:
            pieces += [f"--{boundary}\r\n".encode(), *_written(own, each), b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces), f"{CONTENT_TYPE}; boundary={boundary}"


def _written(name: str, value: object) -> list[bytes]:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if isinstance(value, Upload):
        head += f'; filename="{_quoted(value.filename)}"\r\nContent-Type: {value.content_type}'
        return [head.encode(errors="replace"), b"\r\n\r\n", value.data]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return [head.encode(errors="replace"), b"\r\n\r\n", text.encode(errors="replace")]


def _quoted(text: str) -> str:
    """As browsers do: what would end the name, or the line, is percent-encoded."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
