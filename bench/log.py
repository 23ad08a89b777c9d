"""A request log such as a company's might be: whom it asks, how often that fails, what it costs."""

import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

DAY_S = 86_400
SWING_S = 10_000  # by which the day's rhythm moves requests towards the afternoon
# Of so many requests one comes late: its process died, and its journal waited for another. So many
# wait together.
LATE_EVERY, LATE = 100, 500

Row = tuple[Any, ...]

# Provider, tier, model and its prices in 10⁻¹² USD a token in and out. One model has none.
MODELS: list[tuple[str, str, str, tuple[int, int] | None]] = [
    (
        f"provider-{number:02}",
        ("subscription", "api_key", "api_key", "cheap")[number % 4],
        f"p{number}/model-{model}",
        (200_000 * (model + 1), 1_000_003 * (model + number + 1)) if number + model else None,
    )
    for number in range(12)
    for model in range(4)
]
KEYS = [(f"key-{number:03}", f"user-{number % 40:02}") for number in range(120)]
COMBOS = ("", "", "", "best", "cheap", "coding", "auto")
TAGS = ("[]", "[]", '["team:web"]', '["team:ops"]', '["team:web","prod"]', '["batch"]', '["prod"]')
FORMATS = (
    ("openai_chat", "/v1/chat/completions"),
    ("anthropic_messages", "/v1/messages"),
    ("openai_responses", "/v1/responses"),
)
OUTCOMES = ("ok",) * 92 + ("error",) * 4 + ("aborted",) * 2 + ("truncated", "interrupted")
STATUS = {"ok": 200, "error": 502, "aborted": 499, "truncated": 200, "interrupted": 500}
FAILURES = {
    "error": (
        (429, "the provider answered 429: rate limit reached for requests"),
        (502, "the provider answered 502: <html>\r\n<h1>502 Bad Gateway</h1>\r\n</html>"),
        (504, "no answer within 120 s"),
        (
            400,
            'the provider answered 400: {"error": {"message": "\\"max_tokens\\"\tis too large"}}',
        ),
    ),
    "truncated": ((200, "the stream broke off"),),
    "interrupted": ((500, "the gateway died"),),
}


@dataclass(frozen=True)
class Log:
    """`count` requests over `days`, up to `until` (Unix seconds).

    The same seed makes the same requests, but for what is random in their ids.
    """

    count: int
    days: float
    until: float
    seed: int = 1

    def arriving(self) -> Iterator[Row]:
        """In the order in which they reach the log."""
        waiting, chance = deque[Row](), random.Random(-self.seed)
        for row in self.rows():
            if chance.random() * LATE_EVERY >= 1:
                yield row
                continue
            waiting.append(row)
            if len(waiting) > LATE:
                yield waiting.popleft()
        yield from waiting

    def rows(self) -> Iterator[Row]:
        """In the order of `analytics.records.Record`, the oldest first."""
        from analytics.ids import new_id
        from analytics.records import timestamp

        chance = random.Random(self.seed)
        first, last = _evenly(self.until - self.days * DAY_S), _evenly(self.until)
        step = (last - first) / self.count
        for number in range(self.count):
            at = _by_day(first + (number + chance.random()) * step)
            yield _row(chance, new_id(at), timestamp(at))


def _by_day(time_s: float) -> float:
    """Of times that are spread evenly, ones that are dense in the afternoon. In the same order."""
    return time_s - SWING_S * math.sin(2 * math.pi * (time_s + DAY_S / 8) / DAY_S)


def _evenly(time_s: float) -> float:
    """What `_by_day` makes that time of."""
    low, high = time_s - SWING_S, time_s + SWING_S
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if _by_day(middle) < time_s else (low, middle)
    return low


def _row(chance: random.Random, id: str, at: str) -> Row:
    pick = chance.random
    # A key is a program: it has two ways to ask, and each of those a few models that answer.
    place = int(pick() ** 2 * len(KEYS))
    (key, user), way = KEYS[place], place + (pick() < 0.3)
    provider, tier, model, prices = MODELS[(way * 7 + int(pick() ** 2 * 4)) % len(MODELS)]
    combo, tags = COMBOS[way % len(COMBOS)], TAGS[place % len(TAGS)]
    client_format, path = FORMATS[place % len(FORMATS)]
    outcome, stream = OUTCOMES[int(pick() * len(OUTCOMES))], pick() < 0.7
    status, error = chance.choice(FAILURES.get(outcome, ((STATUS[outcome], ""),)))
    tokens_in = int(chance.lognormvariate(7.5, 1.2)) + 1
    tokens_out = int(chance.lognormvariate(5.5, 1.0)) + 1 if outcome != "error" else 0
    first_ms = int(chance.lognormvariate(6.2, 0.6)) + 1
    total_ms = first_ms + tokens_out * 12
    cache = ("hit" if pick() < 0.05 else "miss") if combo == "cheap" else ""
    cost = None if prices is None else tokens_in * prices[0] + tokens_out * prices[1]
    saved = 0
    if cache == "hit":
        cost, saved, first_ms, total_ms = 0, cost or 0, 1, 2
    connection = f"{provider}-main"
    attempt = {
        "model": model,
        "connection": connection,
        "status": status,
        "error": error or None,
        "ms": total_ms,
    }
    return (
        id, at, key, user, client_format, path, stream, combo or model, provider,
        model, connection, status, outcome, error, msgspec.json.encode([attempt]).decode(),
        tokens_in, tokens_out, tokens_in // 3, tokens_in // 9, tokens_out // 4, "reported", cost,
        first_ms, total_ms, tokens_in * 4, tokens_out * 4, "[]", tags, "", "", "{}", cache, "{}",
        combo, tier, saved, "{}",
    )  # fmt: skip
