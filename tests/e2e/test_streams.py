"""Streams: cut anywhere, broken off, read slowly."""

import json
import time

import httpx
import pytest

from tests.e2e.gateway import CLIENT, HELLO, Gateway, keyed, request_id, until
from tests.e2e.upstream import FLOOD_EVENTS, Upstream

BROKEN = (
    "cut-mid-event", "ends-early", "hangs-mid-stream", "reset-mid-stream", "fin-after-40",
    "error-mid-stream",
)  # fmt: skip


def events(answer: httpx.Response) -> list[str]:
    return [event for event in answer.text.split("\n\n") if event]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_stream_ends_with_an_error_and_not_with_done(
    gateway: Gateway, upstream: Upstream, fault: str
) -> None:
    answer = gateway.chat(f"idle/{fault}", stream=True)
    assert json.loads(events(answer)[-1].removeprefix("data: "))["error"]["message"]
    assert "[DONE]" not in answer.text
    row = gateway.row(request_id(answer))
    assert (row["status"], row["outcome"], row["usage_source"]) == (200, "truncated", "estimated")
    assert row["output_tokens"] > 0
    assert json.loads(row["attempts"])[-1]["error"]


@pytest.mark.parametrize("fault", ["cut-mid-event", "ends-early", "hangs-mid-stream"])
def test_a_broken_stream_ends_with_an_error_for_anthropics_clients_too(
    gateway: Gateway, fault: str
) -> None:
    answer = gateway.messages(f"idle/{fault}", stream=True)
    last = [event for event in answer.text.split("\n\n") if event][-1]
    assert last.startswith("event: error\ndata: ")
    assert "message_stop" not in answer.text
    row = gateway.row(request_id(answer))
    assert (row["outcome"], row["usage_source"]) == ("truncated", "estimated")
    assert row["output_tokens"] > 0


def test_of_a_stream_that_falls_silent_nothing_stays_open(
    gateway: Gateway, upstream: Upstream
) -> None:
    gateway.chat("idle/hangs-mid-stream", stream=True)
    until(lambda: upstream.of("hangs-mid-stream")[-1].closed, 1)


def test_a_finish_without_done_is_a_whole_answer(gateway: Gateway) -> None:
    answer = gateway.chat("mk/no-done", stream=True)
    assert answer.text.endswith("data: [DONE]\n\n")
    row = gateway.row(request_id(answer))
    assert (row["outcome"], row["output_tokens"]) == ("ok", 5)


def test_a_stream_may_be_cut_at_any_byte(gateway: Gateway) -> None:
    answer = gateway.chat("mk/drip", stream=True)
    chunks = [json.loads(event.removeprefix("data: ")) for event in events(answer)[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == "Grüße, 世界 👋"
    translated = gateway.messages("mk/drip", stream=True)
    deltas = [json.loads(event.partition("data: ")[2]) for event in events(translated)]
    text = "".join(d["delta"]["text"] for d in deltas if d["type"] == "content_block_delta")
    assert text == "Grüße, 世界 👋"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_client_may_read_more_slowly_than_the_upstream_may_pause(
    gateway: Gateway, path: str
) -> None:
    body = {"model": "idle/flood", "messages": HELLO, "max_tokens": 9, "stream": True}
    url = gateway.url + path
    with CLIENT.stream("POST", url, json=body, headers=keyed(), timeout=20) as answer:
        received = answer.iter_raw()
        size = len(next(received))
        time.sleep(0.9)  # twice the idle limit of the connection
        size += sum(len(piece) for piece in received)
    assert size > FLOOD_EVENTS * 50_000
    assert gateway.row(request_id(answer))["outcome"] == "ok"


def test_a_stream_is_passed_on_as_it_comes(gateway: Gateway, upstream: Upstream) -> None:
    body = {"model": "mk/slow", "messages": HELLO, "stream": True}
    url = gateway.url + "/v1/chat/completions"
    with CLIENT.stream("POST", url, json=body, headers=keyed()) as answer:
        pieces = [time.monotonic() for piece in answer.iter_raw() if b" word" in piece]
    assert len(pieces) > 30
    assert pieces[-1] - pieces[0] > 1
