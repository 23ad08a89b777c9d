"""Clients that leave before they have what they asked for."""

import time

import httpx
import pytest

from tests.e2e.gateway import KEY, Gateway, until
from tests.e2e.upstream import Upstream

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize("prompt_bytes", [10, 300_000], ids=["short prompt", "long prompt"])
@pytest.mark.parametrize("stream", [True, False], ids=["mid-stream", "before the answer"])
def test_the_upstream_call_ends_when_the_client_leaves(
    door: Gateway, upstream: Upstream, stream: bool, prompt_bytes: int
) -> None:
    before = {row["id"] for row in door.rows("outcome = 'aborted'")}
    seen_before = len(upstream.of("slow"))
    # A server stops reading while it has more of a body than was asked for, and sees no end then.
    messages = [{"role": "user", "content": "a" * prompt_bytes}]
    request = {"model": "mk/slow", "messages": messages, "stream": stream}
    headers = {"authorization": f"Bearer {KEY}"}
    with pytest.raises(httpx.ReadTimeout if not stream else Left):
        hang_up(door.url + CHAT, request, headers)
    left = time.monotonic()
    call = until(lambda: upstream.of("slow")[seen_before:])[0]
    closed = until(lambda: call.closed)
    assert closed - left < 1
    rows = until(lambda: [r for r in door.rows("outcome = 'aborted'") if r["id"] not in before])
    assert len(rows) == 1
    assert rows[0]["usage_source"] == "estimated"
    assert (rows[0]["output_tokens"] > 0) is stream


class Left(Exception):
    pass


def hang_up(url: str, request: dict[str, object], headers: dict[str, str]) -> None:
    """Leave after some of a stream, or, before anything came, after a while."""
    with (
        httpx.Client(timeout=0.6) as client,
        client.stream("POST", url, json=request, headers=headers) as answer,
    ):
        for _ in answer.iter_raw():
            if answer.num_bytes_downloaded > 1500:
                raise Left
