"""Forms with files: `multipart/form-data`, read as they arrive, and written.

Source: RFC 7578; RFC 2046, section 5.1.
"""

import re
import secrets
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from gateway.errors import BadRequest
from gateway.formats.types import JSONDict

CONTENT_TYPE = "multipart/form-data"
MAX_PARTS = 100
MAX_HEAD_BYTES = 16 << 10

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


class Incoming(Struct, frozen=True):
    """A file in a form that is not held: it may still be on its way.

    `digest` says what is in it, where that was asked for.
    """

    filename: str
    content_type: str
    digest: str = ""


class Form:
    """Reads a form, wherever the network cut it.

    `fields` are what is whole: texts or `Upload`s; of a name that stands there more than once, or
    ends with `[]`, a list. The first file of the name `streamed` is an `Incoming`: its bytes are
    given out and not kept.
    """

    def __init__(self, content_type: str, streamed: str = "", max_bytes: int | None = None) -> None:
        """`max_bytes`: of all that is kept. Raises `BadRequest` where there is no boundary."""
        found = _BOUNDARY.search(content_type)
        if found is None:
            raise BadRequest("the form has no boundary")
        self._mark = b"\r\n--" + (found[1] or found[2]).encode("latin-1", "replace")
        self.streamed, self._max_bytes = streamed, max_bytes
        self._held = b"\r\n"  # before the first boundary too
        self._state: Literal["before", "head", "body", "file", "over"] = "before"
        self._begun: tuple[str, str | None, str] = ("", None, "")  # name, filename, type
        self._is_fresh = False  # has the part's body not begun yet?
        self._pieces: list[bytes] = []
        self._kept = 0
        self.parts = 0  # that have begun
        self.fields: JSONDict = {}
        self.file: Incoming | None = None

    @property
    def is_over(self) -> bool:
        return self._state == "over"

    @property
    def is_past_file(self) -> bool:
        """Was there one, and is it whole?"""
        return self.file is not None and self._state != "file"

    def feed(self, data: bytes) -> bytes:
        """What there is of the streamed file in it.

        Raises:
            BadRequest: It is no such form, or keeps too much.
        """
        held, out = self._held + data, list[bytes]()
        while self._state != "over":
            if self._state == "head":
                head, separator, rest = held.partition(b"\r\n\r\n")
                if head.startswith(b"--"):
                    self._state = "over"
                elif separator:
                    self._begin(head)
                    held = b"\r\n" + rest  # which may be that of the next boundary already
                    self._is_fresh = True
                    continue
                elif len(held) > MAX_HEAD_BYTES:
                    raise BadRequest("a part of the form has no name")
                break
            at = held.find(self._mark)
            whole = held[:at] if at >= 0 else held[: -len(self._mark)]
            if at < 0 and len(whole) < 2:
                break
            held = held[at + len(self._mark) :] if at >= 0 else held[len(whole) :]
            self._take(whole[2:] if self._is_fresh else whole, out)
            self._is_fresh = False
            if at < 0:
                break
            self._end()
        self._held = b"" if self._state == "over" else held
        return out[0] if len(out) == 1 else b"".join(out)

    def close(self) -> None:
        """Nothing more comes. Raises `BadRequest` where that is not its end."""
        if self._state == "head" and self._held.startswith(b"--"):
            self._state = "over"
        if self._state != "over":
            raise BadRequest("the form does not end")

    def _begin(self, head: bytes) -> None:
        headers = {
            name.strip().lower(): value.strip()
            for line in head.decode(errors="replace").split("\r\n")
            for name, _, value in [line.partition(":")]
        }
        disposition = headers.get("content-disposition", "")
        named, file = _NAME.search(disposition), _FILENAME.search(disposition)
        if named is None:
            raise BadRequest("a part of the form has no name")
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise BadRequest(f"the form has more than {MAX_PARTS} parts")
        kind = headers.get("content-type", "")
        kind = kind if _TYPE.fullmatch(kind) else "application/octet-stream"
        self._begun = (named[1], file[1] if file else None, kind)
        self._state = "body"
        if file is not None and self.file is None and named[1] == self.streamed:
            self._state, self.file = "file", Incoming(file[1], kind)

    def _take(self, data: bytes, out: list[bytes]) -> None:
        if self._state == "file":
            out.append(data)
        elif self._state == "body":
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        self._kept += len(data)
        if self._max_bytes is not None and self._kept > self._max_bytes:
            name = self._begun[0][:100]
            raise BadRequest(f"{name}: a field of the form is too long", param=name)
        self._pieces.append(data)

    def _end(self) -> None:
        if self._state == "body":
            name, filename, kind = self._begun
            data = b"".join(self._pieces)
            self._pieces = []
            text = data.decode(errors="replace")
            self._add(name, text if filename is None else Upload(filename, kind, data))
        self._state = "head"

    def _add(self, name: str, value: str | Upload) -> None:
        bare = name.removesuffix("[]")
        if bare != name or bare in self.fields:
            before = self.fields.get(bare, [])
            self.fields[bare] = [*(before if isinstance(before, list) else [before]), value]
        else:
            self.fields[bare] = value


def is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == CONTENT_TYPE


def parse(content_type: str, body: bytes) -> JSONDict:
    """The fields of a whole form, see `Form`.

    Raises:
        BadRequest: It is no such form.
    """
    form = Form(content_type)
    form.feed(body)
    form.close()
    return form.fields


def write(fields: JSONDict) -> tuple[bytes, str]:
    """The form, and its content type. Values are texts, numbers, `Upload`s, or lists of these."""
    before, after, content_type = around(fields)
    return before + after, content_type


def around(fields: JSONDict) -> tuple[bytes, bytes, str]:
    """A form with an `Incoming` file as its last part: what stands before and after the file's
    bytes, and the content type."""
    boundary = secrets.token_hex(16)
    pieces: list[bytes] = []
    last = [(name, value) for name, value in fields.items() if isinstance(value, Incoming)]
    for name, value in fields.items():
        if isinstance(value, Incoming):
            continue
        values: Iterable[object] = value if isinstance(value, list) else [value]
        # OpenAI's clients mark a name that may stand there several times.
        own = f"{name}[]" if isinstance(value, list) else name
        for each in values:
            pieces += [f"--{boundary}\r\n".encode(), *_written(own, each), b"\r\n"]
    end = f"--{boundary}--\r\n".encode()
    for name, value in last[:1]:
        pieces += [f"--{boundary}\r\n".encode(), *_file_head(name, value)]
        end = b"\r\n" + end
    return b"".join(pieces), end, f"{CONTENT_TYPE}; boundary={boundary}"


def _written(name: str, value: object) -> list[bytes]:
    if isinstance(value, Upload):
        return [*_file_head(name, value), value.data]
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return [head.encode(errors="replace"), b"\r\n\r\n", text.encode(errors="replace")]


def _file_head(name: str, file: Upload | Incoming) -> list[bytes]:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    head += f'; filename="{_quoted(file.filename)}"\r\nContent-Type: {file.content_type}'
    return [head.encode(errors="replace"), b"\r\n\r\n"]


def _quoted(text: str) -> str:
    """As browsers do: what would end the name, or the line, is percent-encoded."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
