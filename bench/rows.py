"""`python -m bench rows --count 1000000`: a request log to look at, in the database that the environment
names (`DATABASE_URL`, `DATA_DIR`), which must have been migrated and hold no requests yet.

The same seed makes the same requests, but for what is random in their ids.
"""

import argparse
import json
import math
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

BATCH = 20_000
FILL_BATCH = 400_000
DAY_S = 86_400
SWING_S = 10_000  # by which the day's rhythm moves requests towards the afternoon

# Provider, tier, models with their prices in 10⁻¹² USD a token in and out.
PROVIDERS: dict[str, tuple[str, dict[str, tuple[int, int]]]] = {
    f"provider-{number}": (
        ("subscription", "api_key", "api_key", "cheap")[number % 4],
        {
            f"p{number}/model-{model}": (200_000 * (model + 1), 1_000_000 * (model + number + 1))
            for model in range(3)
        },
    )
    for number in range(8)
}
MODELS = [
    (slug, tier, model, prices)
    for slug, (tier, models) in PROVIDERS.items()
    for model, prices in models.items()
]
KEYS = [(f"key-{number}", f"user-{number % 20}") for number in range(30)]
COMBOS = ("", "", "", "best", "cheap", "coding", "auto")
TAGS = ("[]", "[]", "[]", '["team:web"]', '["team:ops"]', '["team:web","prod"]', '["batch"]')
OUTCOMES = ("ok",) * 47 + ("error", "aborted", "truncated")
STATUS = {"ok": 200, "error": 502, "aborted": 499, "truncated": 200}
WORDS = {"error": "the provider answered 502: overloaded", "truncated": "the stream broke off"}


@dataclass(frozen=True)
class Log:
    """`count` requests over `days`, up to `until` (Unix seconds)."""

    count: int
    days: float
    until: float
    seed: int = 1

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """In the order of `analytics.records.Record`, the oldest first."""
        from analytics.ids import new_id
        from analytics.records import timestamp

        chance = random.Random(self.seed)
        since, step = self.until - self.days * DAY_S, self.days * DAY_S / self.count
        for number in range(self.count):
            at = since + (number + chance.random()) * step
            at = min(at - SWING_S * math.sin(2 * math.pi * (at + DAY_S / 8) / DAY_S), self.until)
            yield _row(chance, new_id(at), timestamp(at))


def _row(chance: random.Random, id: str, at: str) -> tuple[Any, ...]:
    pick = chance.random
    # A key is a program: it has two ways to ask, and each of those a few models that answer.
    place = int(pick() ** 2 * len(KEYS))
    (key, user), way = KEYS[place], place + (pick() < 0.3)
    provider, tier, model, (price_in, price_out) = MODELS[
        (way + int(pick() ** 2 * 4)) % len(MODELS)
    ]
    combo, tags = COMBOS[way % len(COMBOS)], TAGS[place % len(TAGS)]
    outcome, stream = OUTCOMES[int(pick() * len(OUTCOMES))], pick() < 0.7
    tokens_in = int(chance.lognormvariate(7.5, 1.2)) + 1
    tokens_out = int(chance.lognormvariate(5.5, 1.0)) + 1 if outcome != "error" else 0
    first_ms = int(chance.lognormvariate(6.2, 0.6)) + 1
    total_ms = first_ms + tokens_out * 12
    cache = ("hit" if pick() < 0.05 else "miss") if combo == "cheap" else ""
    cost: int | None = tokens_in * price_in + tokens_out * price_out
    saved = 0
    if cache == "hit":
        cost, saved, first_ms, total_ms = 0, cost or 0, 1, 2
    if model == "p7/model-2":
        cost = None
    connection, status = f"{provider}-main", STATUS[outcome]
    attempt = {
        "model": model,
        "connection": connection,
        "status": status,
        "error": None,
        "ms": total_ms,
    }
    return (
        id, at, key, user, "openai_chat", "/v1/chat/completions", stream, combo or model, provider,
        model, connection, status, outcome, WORDS.get(outcome, ""), json.dumps([attempt]),
        tokens_in, tokens_out, tokens_in // 3, 0, 0, "reported", cost, first_ms, total_ms,
        tokens_in * 4, tokens_out * 4, "[]", tags, "", "", "{}", cache, "{}", combo, tier, saved,
        "{}",
    )  # fmt: skip


def insert(log: Log) -> float:
    """Seconds that it took to make the rows and put them in, with a note of each to be counted."""
    from django.db import connection, transaction

    from analytics.partitions import make

    began, batch = time.monotonic(), list[tuple[Any, ...]]()
    if connection.vendor == "postgresql":
        last = datetime.fromtimestamp(log.until, UTC).date()
        for day in range(int(log.days) + 2):
            make(last - timedelta(days=int(log.days) + 1 - day))
    put = _copy if connection.vendor == "postgresql" else _many
    for row in log.rows():
        batch.append(row)
        if len(batch) == BATCH:
            with transaction.atomic():
                put(batch)
            batch.clear()
    with transaction.atomic():
        put(batch)
    return time.monotonic() - began


def _copy(rows: list[tuple[Any, ...]]) -> None:
    from django.db import connection

    from analytics.records import Record

    columns = ", ".join(f'"{name}"' for name in Record.__struct_fields__)
    lines = "\n".join("\t".join(map(_cell, row)) for row in rows)
    statement = f"COPY analytics_requestrecord ({columns}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(lines + "\n")
    _note(rows)


def _cell(value: Any) -> str:
    return "\\N" if value is None else str(value).replace("\\", "\\\\")


def _many(rows: list[tuple[Any, ...]]) -> None:
    from django.db import connection

    from analytics.records import Record

    columns = ", ".join(f'"{name}"' for name in Record.__struct_fields__)
    places = ", ".join(["%s"] * len(Record.__struct_fields__))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO analytics_requestrecord ({columns}) VALUES ({places})", rows
        )
    _note(rows)


def _note(rows: list[tuple[Any, ...]]) -> None:
    from analytics.models import Uncounted

    for first in range(0, len(rows), 5000):
        ids = [row[0] for row in rows[first : first + 5000]]
        Uncounted.objects.create(ids=ids, requests=len(ids))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench rows", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=90)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute.settings")
    import django

    django.setup()
    from django.utils import timezone

    from analytics import rollups
    from analytics.models import RequestRecord

    if RequestRecord.objects.exists():
        sys.exit("the log of this database holds requests: nothing was added")
    seconds = insert(Log(told.count, told.days, time.time(), told.seed))
    print(f"{told.count:,} requests inserted in {seconds:.0f} s")
    began, rollups.BATCH = time.monotonic(), FILL_BATCH  # nobody else waits to write
    counted = rollups.roll_up(timezone.now())
    seconds = time.monotonic() - began
    print(f"{counted:,} rolled up in {seconds:.0f} s, 100,000 in {seconds / counted * 1e5:.1f} s")
