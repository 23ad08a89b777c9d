"""A long sound goes through, and the gateway does not grow by it."""

import http.client
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.gateway import FORGETFUL, KEY, UPSTREAM_KEY, Gateway, keyed

SIZE = 40 << 20
PIECE = b"\x00\xff" * (32 << 10)
BOUND = 12 << 20  # a body that was held would be more than three times that


class Ear(BaseHTTPRequestHandler):
    """Counts what it hears."""

    protocol_version = "HTTP/1.1"
    heard = 0

    def do_POST(self) -> None:
        while size := int(self.rfile.readline(), 16):
            type(self).heard += len(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        answer = b'{"text": "hm", "usage": {"type": "duration", "seconds": 2}}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Not to the test's output."""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gateway = Gateway(tmp_path, "--no-worker", "--server", "uvicorn")
    gateway.manage("bootstrap")
    gateway.apply({
        "providers": [{
            "id": "ear", "alias": "ear", "allow_private_network": True,
            "base_url": f"http://127.0.0.1:{server.server_address[1]}",
        }],
        "connections": [{
            "name": "ear", "provider": "ear", "auth": {"type": "api_key", "api_key": UPSTREAM_KEY},
        }],
        "models": [{"id": "ear/m", "kind": "transcription"}],
        "api_keys": [{"name": "laptop", "key": KEY}],
        "settings": FORGETFUL,
    })  # fmt: skip
    yield gateway.start()
    assert gateway.stop() == 0
    server.shutdown()
    server.server_close()


def peak(gateway: Gateway) -> int:
    """The most memory that the process has had at once, in bytes."""
    told = Path(f"/proc/{gateway.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    assert found is not None
    return int(found[1]) << 10


def hear(gateway: Gateway, size: int) -> None:
    head = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\near/m\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.mp3"\r\n\r\n'
    )
    end = b"\r\n--b--\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    headers = keyed() | {
        "content-type": "multipart/form-data; boundary=b",
        "content-length": str(len(head) + size + len(end)),
    }
    body = (each for each in (head, *[PIECE] * (size // len(PIECE)), end))
    connection.request("POST", "/v1/audio/transcriptions", body, headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    connection.close()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_forty_megabytes_pass_and_none_of_them_stays(gateway: Gateway) -> None:
    hear(gateway, len(PIECE) * 16)  # what a first call loads
    before = peak(gateway)
    Ear.heard = 0
    hear(gateway, SIZE)
    assert Ear.heard > SIZE
    assert peak(gateway) - before < BOUND
