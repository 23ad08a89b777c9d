"""A proxy on loopback: HTTP's CONNECT and SOCKS5 at one port. It remembers what it was asked for."""

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer


class Proxy:
    """`asked`: hosts and ports, as they were named. With `password`, who has none is refused."""

    def __init__(self, password: str = "") -> None:
        self.asked: list[tuple[str, int]] = []
        self.password, self.port = password, 0

    def url(self, scheme: str) -> str:
        user = f"user:{self.password}@" if self.password else ""
        return f"{scheme}://{user}127.0.0.1:{self.port}"


class Handler(StreamRequestHandler):
    server: "Server"

    def handle(self) -> None:
        first = self.rfile.read(1)
        upstream = self._socks() if first == b"\x05" else self._connect(first)
        if upstream is None:
            return
        with upstream:
            back = threading.Thread(target=_pump, args=(upstream, self.connection), daemon=True)
            back.start()
            _pump(self.connection, upstream)
            back.join(5)

    def _connect(self, first: bytes) -> socket.socket | None:
        line = (first + self.rfile.readline()).decode().split()
        headers = {}
        while header := self.rfile.readline().decode().strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        coded = headers.get("proxy-authorization", "").removeprefix("Basic ")
        if self.server.proxy.password not in base64.b64decode(coded).decode():
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return None
        host, _, port = line[1].rpartition(":")
        upstream = self._reach(host.strip("[]"), int(port))
        self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        return upstream

    def _socks(self) -> socket.socket | None:
        methods = self.rfile.read(self.rfile.read(1)[0])
        wanted = 2 if self.server.proxy.password else 0
        if wanted not in methods:
            self.wfile.write(b"\x05\xff")
            return None
        self.wfile.write(bytes([5, wanted]))
        if wanted:
            self.rfile.read(1)
            self.rfile.read(self.rfile.read(1)[0])
            password = self.rfile.read(self.rfile.read(1)[0]).decode()
            self.wfile.write(bytes([1, password != self.server.proxy.password]))
        kind = self.rfile.read(4)[3]
        if kind == 1:
            host = socket.inet_ntoa(self.rfile.read(4))
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, self.rfile.read(16))
        else:
            host = self.rfile.read(self.rfile.read(1)[0]).decode()
        upstream = self._reach(host, int.from_bytes(self.rfile.read(2), "big"))
        self.wfile.write(b"\x05\x00\x00\x01" + bytes(6))
        return upstream

    def _reach(self, host: str, port: int) -> socket.socket:
        self.server.proxy.asked.append((host, port))
        return socket.create_connection((host, port), 5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Server(ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), Handler)


@contextmanager
def proxy(password: str = "") -> Iterator[Proxy]:
    one = Proxy(password)
    with Server(one) as server:
        one.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield one
        finally:
            server.shutdown()
            thread.join()
