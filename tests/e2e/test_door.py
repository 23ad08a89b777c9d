"""The door, under each server, on bare sockets: who comes in, and what is read of them."""

import json
import socket

import pytest

from tests.e2e.gateway import CLIENT, HELLO, KEY, Gateway, keyed, request_id
from tests.e2e.upstream import Upstream

CHAT = "/v1/chat/completions"
KEYED = f"Authorization: Bearer {KEY}"
# Every address of the data plane, as it is written and as it is mistyped.
ADDRESSES = [
    ("POST", CHAT), ("POST", "/v1/messages"), ("POST", "/v1/messages/count_tokens"),
    ("GET", "/v1/models"), ("GET", "/v1/models/mk/plain"), ("POST", "/chat/completions"),
    ("POST", "/messages"), ("POST", "/messages/count_tokens"), ("POST", "/v1/v1/messages"),
    ("GET", "/v1/v1/models"), ("POST", "/v1/nothing"), ("DELETE", CHAT), ("GET", "/v1"),
    ("POST", "/v1beta/models/x:generateContent"), ("GET", "/v1/chat/../models"),
    ("POST", "/v1/chat/completions/"), ("POST", "//v1/messages"),
]  # fmt: skip


def status_of(gateway: Gateway, *lines: str, body: bytes = b"", host: str = "") -> int:
    """The status that these header lines, and perhaps a body, are answered with."""
    head = "\r\n".join([*lines, host or f"Host: 127.0.0.1:{gateway.port}", "", ""])
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
        client.sendall(head.encode() + body)
        answer = client.makefile("rb").readline()
    return int(answer.split()[1])


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_no_address_is_open_without_a_key(door: Gateway, method: str, path: str) -> None:
    assert status_of(door, f"{method} {path} HTTP/1.1", "Content-Length: 0") in (401, 404)
    if path.startswith("/v1"):
        assert status_of(door, f"{method} {path} HTTP/1.1", "Content-Length: 0") == 401


def test_a_strangers_body_is_not_waited_for(door: Gateway) -> None:
    line = f"POST {CHAT} HTTP/1.1"
    for length in ("Content-Length: 900000", "Transfer-Encoding: chunked"):
        for stranger in ("Authorization: Bearer sk-wrong", "Cookie: sessionid=x"):
            assert status_of(door, line, length, stranger) == 401


def test_a_declared_length_over_the_limit_is_refused_unread(door: Gateway) -> None:
    assert status_of(door, f"POST {CHAT} HTTP/1.1", KEYED, "Content-Length: 1048577") == 413
    assert status_of(door, f"POST {CHAT} HTTP/1.1", KEYED, "Content-Length: 9" + "9" * 30) in (
        400,
        413,
    )


def test_a_body_over_the_limit_is_refused_without_a_declared_length(door: Gateway) -> None:
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    line = f"POST {CHAT} HTTP/1.1"
    answer = status_of(
        door, line, KEYED, "Transfer-Encoding: chunked", body=piece * 17 + b"0\r\n\r\n"
    )
    assert answer == 413


HOSTS = [
    "Host: evil.example", "Host: 127.0.0.1.evil.example", "Host: ", "Host: 127.0.0.1@evil.example",
    "Host: localhost\r\nHost: evil.example", "X-Forwarded-Host: localhost",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "path", [CHAT, "/v1/models", "/healthz", "/readyz", "/admin/", "/api/logs", "/static/x", "/x"]
)
def test_a_foreign_host_is_refused_everywhere(door: Gateway, path: str, host: str) -> None:
    assert status_of(door, f"GET {path} HTTP/1.1", KEYED, host=host) == 400


def test_a_host_is_judged_before_a_key(door: Gateway) -> None:
    assert status_of(door, f"POST {CHAT} HTTP/1.1", host="Host: evil.example") == 400


def test_codex_is_refused_its_websocket_with_426(door: Gateway) -> None:
    """It goes on with POST at once; any other status costs it seconds of every session."""
    asks = [
        "GET /v1/responses HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        "openai-beta: responses_websockets=2026-02-06",
    ]  # fmt: skip
    assert status_of(door, *asks, KEYED) == 426
    assert status_of(door, *asks) == 401


def test_fifteen_kilobytes_of_headers_are_taken(door: Gateway) -> None:
    """Codex tells of its workspaces there."""
    told = "x-codex-turn-metadata: " + json.dumps({"workspaces": "x" * 15_000})
    assert status_of(door, "GET /v1/models HTTP/1.1", KEYED, told) == 200


def test_health_needs_no_key(door: Gateway) -> None:
    assert CLIENT.get(door.url + "/healthz").json() == {"status": "ok"}
    assert CLIENT.head(door.url + "/api/hello").status_code == 200


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_and_its_headers(door: Gateway, stream: bool) -> None:
    answer = door.chat("two/m", stream=stream)
    assert answer.status_code == 200
    assert "Hello" in answer.text
    ours = {n: v for n, v in answer.headers.items() if n.startswith("x-omniroute-")}
    assert ours == {
        "x-omniroute-provider": "two",
        "x-omniroute-model": "two/m",
        "x-omniroute-connection": "two-second",
        "x-omniroute-attempts": "2",
    }
    assert answer.headers["request-id"] == request_id(answer)
    kind = "text/event-stream" if stream else "application/json"
    assert answer.headers["content-type"].startswith(kind)
    row = door.row(request_id(answer))
    assert (row["status"], row["outcome"], row["bytes_out"]) == (200, "ok", len(answer.content))


def test_many_calls_at_once_on_one_connection_are_answered_in_order(
    door: Gateway, upstream: Upstream
) -> None:
    bodies = [
        json.dumps({"model": "mk/plain", "messages": HELLO, "n": number}).encode()
        for number in range(3)
    ]
    sent = b"".join(
        f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\n{KEYED}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: {'close' if body is bodies[-1] else 'keep-alive'}\r\n\r\n".encode()
        + body
        for body in bodies
    )
    before = len(upstream.of("plain"))
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as client:
        client.sendall(sent)
        received = client.makefile("rb").read()
    assert received.count(b"HTTP/1.1 200") == 3
    assert [seen.body["n"] for seen in upstream.of("plain")[before:]] == [0, 1, 2]


def test_who_asks_for_a_websocket_amid_a_stream_gets_the_stream_first(door: Gateway) -> None:
    body = json.dumps({"model": "mk/slow", "messages": HELLO, "stream": True})
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\n{KEYED}\r\nContent-Length: {len(body)}"
    upgrade = (
        "GET /ws/logs/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as client:
        client.sendall(f"{head}\r\n\r\n{body}".encode())
        received = client.recv(10_000)
        client.sendall(upgrade.encode())
        while b"\r\n0\r\n\r\n" not in received:
            more = client.recv(10_000)
            assert more, received
            received += more
    stream, _, _ = received.partition(b"\r\n0\r\n\r\n")
    assert stream.count(b" word") == 40
    assert stream.endswith(b"data: [DONE]\n\n")
    assert stream.count(b"HTTP/1.1 ") == 1


def test_the_upstream_call_ends_when_the_client_leaves(door: Gateway, upstream: Upstream) -> None:
    before = len(upstream.of("slow"))
    body = {"model": "mk/slow", "messages": HELLO, "stream": True}
    with CLIENT.stream("POST", door.url + CHAT, json=body, headers=keyed()) as answer:
        next(answer.iter_raw())
    row = door.row(request_id(answer))
    assert row["outcome"] == "aborted"
    assert upstream.of("slow")[before:][0].closed
