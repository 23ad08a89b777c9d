"""`x-ratelimit-*`: what they say is so."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.gateway import HELLO, Gateway, copy, key_of, keyed
from tests.e2e.speakers import CHAT, GEMINI, MESSAGES, RESPONSES, Speaker

KEYS: dict[str, dict[str, float]] = {
    "five": {"rpm": 5}, "tokens": {"tpm": 1000}, "free": {}, "both": {"rpm": 600, "tpm": 60_000},
    "one-chat": {"rpm": 1}, "one-responses": {"rpm": 1}, "one-messages": {"rpm": 1},
    "one-gemini": {"rpm": 1}, "streams": {"rpm": 60}, "errors": {"rpm": 60},
}  # fmt: skip


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("rates"))
    keys = [{"name": name, "key": key_of(name), "limits": KEYS[name]} for name in KEYS]
    Gateway(folder).apply({"api_keys": keys})
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn").start()
    yield gateway
    assert gateway.stop() == 0


def ask(gateway: Gateway, key: str, model: str = "mk/plain", **more: Any) -> httpx.Response:
    body = {"model": model, "messages": HELLO, "max_tokens": 9} | more
    return gateway.post("/v1/chat/completions", body, **keyed(key_of(key)))


def told(answer: httpx.Response, kind: str) -> tuple[int, int, float]:
    """Limit, what remains, and the seconds until all of it is there again."""
    limit, left, reset = (
        answer.headers[f"x-ratelimit-{name}-{kind}"] for name in ("limit", "remaining", "reset")
    )
    return int(limit), int(left), seconds(reset)


def seconds(text: str) -> float:
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", text)
    assert "".join(n + unit for n, unit in parts) == text
    return sum(float(n) * units[unit] for n, unit in parts)


def test_requests_count_down_to_the_refusal_that_was_announced(gateway: Gateway) -> None:
    answers = [ask(gateway, "five") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    rooms = [told(answer, "requests") for answer in answers]
    assert [(limit, left) for limit, left, _ in rooms] == [
        (5, 4), (5, 3), (5, 2), (5, 1), (5, 0), (5, 0),
    ]  # fmt: skip
    # One comes back every 12 seconds, so all of them after as many times 12 as are gone.
    for gone, (_, _, reset_s) in zip((1, 2, 3, 4, 5, 5), rooms, strict=True):
        assert gone * 12 - 8 < reset_s <= gone * 12
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 12


def test_tokens_are_put_right_by_what_was_used(gateway: Gateway) -> None:
    first = ask(gateway, "tokens", max_tokens=500)
    limit, left, _ = told(first, "tokens")
    assert limit == 1000
    assert 400 <= left <= 500  # what the answer may come to is taken beforehand
    _, after, reset_s = told(ask(gateway, "tokens", max_tokens=9), "tokens")
    assert 960 - 30 <= after <= 1000 - 16  # 16 were used, and not 500
    assert 0 < reset_s < 5
    refused = ask(gateway, "tokens", max_tokens=2000)
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "tokens"
    assert told(refused, "tokens")[1] >= 900  # nothing was taken for it


def test_a_key_without_limits_is_told_of_none(gateway: Gateway) -> None:
    assert not [name for name in ask(gateway, "free").headers if name.startswith("x-ratelimit")]


def test_both_kinds_are_told_together(gateway: Gateway) -> None:
    answer = ask(gateway, "both")
    assert told(answer, "requests")[:2] == (600, 599)
    assert told(answer, "tokens")[0] == 60_000


@pytest.mark.parametrize("model", ["mk/status-500", "mk/status-400"])
def test_an_error_says_it_too(gateway: Gateway, model: str) -> None:
    answer = ask(gateway, "errors", model)
    assert told(answer, "requests")[0] == 60


def test_so_does_a_stream(gateway: Gateway) -> None:
    assert told(ask(gateway, "streams", stream=True), "requests")[:2] == (60, 59)


@pytest.mark.parametrize(
    "speaker", [CHAT, RESPONSES, MESSAGES, GEMINI], ids=lambda speaker: speaker.id
)
def test_a_refusal_says_when_to_come_back_in_every_format(
    gateway: Gateway, speaker: Speaker
) -> None:
    key = key_of(f"one-{speaker.id}")
    assert speaker.ask(gateway, key, "mk/talk").status_code == 200
    refused = speaker.ask(gateway, key, "mk/talk")
    assert refused.status_code == 429
    assert 50 <= int(refused.headers["retry-after"]) <= 60
    limit, left, reset_s = told(refused, "requests")
    assert (limit, left) == (1, 0)
    assert abs(reset_s - int(refused.headers["retry-after"])) <= 1
    if speaker is GEMINI:
        [info] = [d for d in refused.json()["error"]["details"] if "RetryInfo" in d["@type"]]
        assert 50 <= float(info["retryDelay"].rstrip("s")) <= 60
