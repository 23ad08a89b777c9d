"""A provider that means harm: it may fail its own calls, and nothing else."""

import json
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.gateway import FORGETFUL, KEY, UPSTREAM_KEY, Gateway, request_id

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
DEEP = "[" * 100_000 + "]" * 100_000


def whole(usage: str, content: str = '"hi"', more: str = "") -> bytes:
    """An answer whose usage and content stand as they are written."""
    message = f'{{"role": "assistant", "content": {content}}}'
    choice = f'{{"index": 0, "message": {message}, "finish_reason": "stop"}}'
    body = f'{{"id": "1", "object": "chat.completion", "created": 1, "model": "m", {more}'
    return answer(f'{body}"choices": [{choice}], "usage": {usage}}}'.encode())


def answer(body: bytes, headers: str = "", status: int = 200) -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def counted(number: str) -> str:
    return f'{{"prompt_tokens": {number}, "completion_tokens": {number}, "total_tokens": {number}}}'


def failed(words: str, status: int = 500) -> bytes:
    return answer(f'{{"error": {{"message": {words}}}}}'.encode(), status=status)


HARM = {
    "as-many-tokens-as-may-be": whole(counted(str(10**12))),
    "more-tokens-than-a-machine-counts": whole(counted("1" + "0" * 30)),
    "a-number-of-five-thousand-digits": whole(counted("1" * 5000)),
    "tokens-below-nothing": whole(counted("-5")),
    "tokens-beyond-a-float": whole(counted("1e999")),
    "tokens-that-are-none": whole(counted("NaN")),
    "tokens-in-words": whole(counted('"\\ud800"')),
    "details-as-many": whole(
        '{"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details":'
        ' {"cached_tokens": 1e300, "audio_tokens": 1e18}, "completion_tokens_details": []}'
    ),
    "a-nested-answer": answer(DEEP.encode()),
    "a-nested-field": whole(counted("5"), more=f'"deep": {DEEP}, '),
    "a-nested-usage": whole(DEEP),
    "half-a-character": whole(counted("5"), content='"\\ud800\\u0000"'),
    "an-error-with-a-nul": failed('"bad\\u0000 \\ud800 \\r\\nx-evil: 1"'),
    "a-nested-error": failed(DEEP, 400),
    "a-long-header": answer(b"{}", "x-long: " + "x" * 1_000_000 + "\r\n"),
    "many-headers": answer(b"{}", "".join(f"x-{n}: 1\r\n" for n in range(50_000))),
    "a-reset-beyond-time": answer(b"{}", 'retry-after: 1e18\r\nratelimit: "a";r=0;t=1e18\r\n', 429),
    "headers-that-are-no-text": answer(b"{}", "retry-after: \xff\xfe\r\n", 429),
}


class Harmful(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        try:
            while self._answer():
                pass
        except ConnectionError:
            pass

    def _answer(self) -> bool:
        size = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b": ")
            size = int(value) if name.lower() == b"content-length" else size
        if not size:
            return False
        self.wfile.write(HARM[json.loads(self.rfile.read(size))["model"]])
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Server(("127.0.0.1", 0), Harmful) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        gateway = Gateway(tmp_path_factory.mktemp("harm"), "--no-worker", "--server", "uvicorn")
        gateway.manage("bootstrap")
        url = f"http://127.0.0.1:{server.server_address[1]}"
        gateway.apply({
            "providers": [
                {"id": "bad", "alias": "bad", "base_url": url, "allow_private_network": True},
                {"id": "worse", "alias": "worse", "base_url": url, "allow_private_network": True,
                 "format": "anthropic_messages"},
            ],
            "connections": [
                {"name": id, "provider": id, "auth": {"type": "api_key", "api_key": UPSTREAM_KEY}}
                for id in ("bad", "worse")
            ],
            "models": [
                {"id": f"bad/{harm}", "input_price": 1000, "output_price": 9000,
                 "media_prices": {"audio_input_per_mtok": 1e6}}
                for harm in HARM
            ],
            "api_keys": [{"name": "laptop", "key": KEY, "budgets": {"daily_tokens": 10**15}}],
            "settings": FORGETFUL,
        })  # fmt: skip
        yield gateway.start()
        assert gateway.stop() == 0
        server.shutdown()
    assert "Traceback" not in gateway.output()


def asked(gateway: Gateway, path: str, harm: str) -> Any:
    body = {"model": f"bad/{harm}", "messages": [{"role": "user", "content": "hi"}]}
    return gateway.post(path, body | {"max_tokens": 5})


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("harm", HARM)
def test_it_harms_its_own_call_alone(gateway: Gateway, harm: str, path: str) -> None:
    answer = asked(gateway, path, harm)
    assert answer.status_code in (200, 400, 429, 502), answer.text
    row = gateway.row(request_id(answer))
    assert row["status"] == answer.status_code
    assert 0 <= row["input_tokens"] <= 10**13
    assert row["cost_picousd"] is None or 0 <= row["cost_picousd"] < 2**63
    next_row = gateway.row(request_id(gateway.chat("bad/tokens-below-nothing")))
    assert next_row["status"] == 200
