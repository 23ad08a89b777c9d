"""A host of files on a real socket; the path says what it does."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpcore
from msgspec import Struct

PUBLIC = "8.8.8.8"

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 40
GIF = b"GIF89a" + b"\0" * 40
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 40
PDF = b"%PDF-1.7\n" + b"\0" * 40
HTML = b"<!doctype html><title>Sign in</title>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'


class Seen(Struct):
    path: str
    headers: dict[str, str]


def answer(body: bytes, kind: str = "", status: int = 200, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}"
    return (head + (f"Content-Type: {kind}\r\n" if kind else "") + "\r\n").encode() + body


def redirect(where: str, status: int = 302) -> bytes:
    return answer(b"", status=status, headers=f"Location: {where}\r\nSet-Cookie: a=canary\r\n")


FILES = {
    "/cat.png": answer(PNG, "image/png"),
    "/cat.jpg": answer(JPEG, "image/jpeg"),
    "/cat.gif": answer(GIF, "image/gif"),
    "/cat.webp": answer(WEBP, "image/webp"),
    "/unnamed-type": answer(PNG),
    "/mistyped.png": answer(JPEG, "image/png"),
    "/stored": answer(PNG, "application/octet-stream"),
    "/paper.pdf": answer(PDF, "application/pdf"),
    "/2401.00001": answer(PDF, "application/pdf"),
    "/notes.txt": answer(b"some notes", "Text/Plain; charset=utf-8"),
    "/odd-type": answer(b"some notes", 'text/plain,"x" y'),
    "/page.png": answer(HTML, "text/html"),
    "/page-as-image.png": answer(HTML, "image/png"),
    "/drawing.svg": answer(SVG, "image/svg+xml"),
    "/page.pdf": answer(HTML, "application/pdf"),
    "/empty.png": answer(b"", "image/png"),
    "/missing.png": answer(PNG, "image/png", status=404),
    "/partial.png": answer(PNG, "image/png", status=206),
    "/packed.png": answer(PNG, "image/png", headers="Content-Encoding: gzip\r\n"),
    "/short.png": answer(PNG, "image/png").replace(b"Content-Length: 48", b"Content-Length: 99"),
    "/not-http": b"220 smtp.example ESMTP\r\n",
    "/long-header": b"HTTP/1.1 200 X\r\nX: " + b"x" * (1 << 20),
    "/3": redirect("/2"),
    "/4": redirect("/3"),
    "/2": redirect("1"),
    "/1": redirect("/cat.png", 308),
    "/loop": redirect("/loop"),
    "/nowhere": answer(b"", status=302),
    "/file": redirect("file:///etc/passwd"),
    "/script": redirect("javascript:alert(1)"),
    "/no-url": redirect("http://[::1"),
    "/loopback": redirect("http://127.0.0.1/cat.png"),
    "/metadata": redirect("http://169.254.169.254/latest/meta-data/"),
    "/credential": redirect("http://user:secret@8.8.8.8/cat.png"),
}  # fmt: skip


class FileHost:
    """Runs in a thread of its own until `close`; `tls` makes it one of https."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.files = dict(FILES)
        self.seen: list[Seen] = []
        self.open = self.most_open = self.abandoned = 0
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    @property
    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            path = lines[0].split(" ")[1]
            self.seen.append(Seen(path, {k.lower(): v for k, v in headers.items()}))
            async for piece in self._pieces(path.partition("?")[0], reader):
                writer.write(piece)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            self.abandoned += 1
        finally:
            self.open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _pieces(self, path: str, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        match path.split("/"):
            case [_, "hang", *_]:
                await reader.read()  # until the other side leaves
                self.abandoned += 1
            case [_, "drip"]:
                yield b"HTTP/1.1 200 X\r\nContent-Type: image/png\r\n\r\n" + PNG
                while True:
                    yield b"\0"
                    await asyncio.sleep(0.01)
            case [_, "endless"]:
                yield b"HTTP/1.1 200 X\r\nContent-Type: image/png\r\n\r\n" + PNG
                while True:
                    yield b"\0" * (64 << 10)
            case [_, "slow", *_]:
                await asyncio.sleep(0.05)
                yield answer(PNG, "image/png")
            case [_, "of", size, *_]:
                yield answer(PNG.ljust(int(size), b"\0"), "image/png")
            case [_, "declares", size]:
                yield b"HTTP/1.1 200 X\r\nContent-Length: %s\r\n\r\n" % size.encode()
                await reader.read()
                self.abandoned += 1
            case _:
                yield self.files.get(path, answer(b"no such file", status=404))


class Network(httpcore.AnyIOBackend):
    """Public addresses lead to this machine, so that the rules can stay on. Keeps what is called."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.dead: set[str] = set()

    async def connect_tcp(self, host: str, port: int, *rest: Any) -> httpcore.AsyncNetworkStream:
        self.called.append(host)
        if host in self.dead:
            raise httpcore.ConnectError("no route")
        return await super().connect_tcp("127.0.0.1", port, *rest)
