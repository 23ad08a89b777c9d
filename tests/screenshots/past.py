"""What two weeks have left behind: requests, quotas, and things that went wrong. Run inside Django.

The same rows each time, but for the clock that they end at.
"""

import json
import math
import random
from datetime import datetime, timedelta

from django.utils import timezone

from analytics import records, rollups
from analytics.models import AlertChannel, Incident
from analytics.records import Record
from providers import states
from providers.models import Connection, ConnectionState, Quota
from tests.analytics.rows import record
from tests.screenshots.team import CONNECTIONS, KEYS, MODELS, TIERS, Model

DAYS, COUNT = 15, 9000
DAY_S = 86_400
QUIET = 0.3  # of what is asked in the afternoon, in the middle of the night
# What each key asks for, and which of the models answers, by their places.
ASKS: dict[str, list[tuple[str, tuple[int, ...]]]] = {
    "web-app": [("best", (2, 0)), ("fast", (5, 4))],
    "code-review": [("coding", (1, 0))],
    "nightly-reports": [("openai/gpt-5.4-mini", (3,)), ("cheap", (5,))],
    "ada/laptop": [("coding", (1,)), ("best", (0, 2))],
    "mia/editor": [("gemini/gemini-2.5-flash", (4,))],
}
SHARES = (46, 20, 16, 12, 6)
ERRORS = ("the provider answered 529: overloaded", "no answer within 60 s")


def fill() -> None:
    now, chance = timezone.now(), random.Random(20)
    times = sorted(_moment(now, chance) for _ in range(COUNT))
    records.insert([records.encode(_request(at, chance)) for at in times])
    rollups.roll_up(now)
    _accounts(now)
    _trouble(now)


def _moment(now: datetime, chance: random.Random) -> datetime:
    """More of them by day, and fewer at weekends."""
    while True:
        at = now - timedelta(days=DAYS * chance.random())
        by_day = (1 - math.cos(2 * math.pi * (at.timestamp() / DAY_S - 0.1))) / 2
        share = (QUIET + (1 - QUIET) * by_day) * (0.5 if at.weekday() >= 5 else 1)
        if chance.random() < share:
            return at


def _request(at: datetime, chance: random.Random) -> Record:
    key = chance.choices(list(ASKS), SHARES)[0]
    asked, places = chance.choice(ASKS[key])
    model = MODELS[places[int(chance.random() ** 2 * len(places))]]
    is_failed = chance.random() < 0.02
    read, written = (int(chance.lognormvariate(*of)) + 1 for of in ((8.4, 1.0), (5.7, 0.9)))
    written = 0 if is_failed else written
    cached = int(read * chance.choice((0, 0, 0.6, 0.9)))
    first_ms = int(chance.lognormvariate(6.1, 0.5))
    total_ms = first_ms + written * chance.randrange(8, 16)
    [connection] = (name for name, of in CONNECTIONS.items() if of == model.provider)
    status, error = (502, chance.choice(ERRORS)) if is_failed else (200, "")
    attempt = {"model": model.id, "connection": connection, "status": status, "error": error or None,
               "ms": total_ms}  # fmt: skip
    return record(
        at, key=key, user=KEYS[key][0], stream=True, requested_model=asked,
        combo=asked if "/" not in asked and asked != "fast" else "", provider=model.provider,
        model=model.id, connection=connection, tier=TIERS.get(model.provider, "api_key"),
        status=status, outcome="error" if is_failed else "ok", error=error,
        attempts=json.dumps([attempt]), input_tokens=read, output_tokens=written,
        cache_read_tokens=cached, usage_source="reported",
        cost_picousd=_cost(model, read, cached, written), first_byte_ms=first_ms,
        duration_ms=total_ms, bytes_in=read * 4, bytes_out=written * 5,
        tags='["team:web"]' if key == "web-app" else "[]",
    )  # fmt: skip


def _cost(model: Model, read: int, cached: int, written: int) -> int:
    """A millionth of a dollar per million tokens is one picodollar a token."""
    price_in, price_out = (
        round(price * 10**6) for price in (model.input_price, model.output_price)
    )
    return (read - cached) * price_in + cached * price_in // 10 + written * price_out


def _accounts(now: datetime) -> None:
    """As they were found a moment ago, and not to be asked again before the pictures are taken."""
    later = now + timedelta(days=1)
    for row in Connection.objects.all():
        ConnectionState.objects.create(
            connection=row,
            since=now - timedelta(days=DAYS),
            checked=now,
            next_at=later,
            credential=states.digest(row.credential),
        )
    for name, of, limit, remaining, hours in (
        ("claude-max-ada", "5 hours", 100, 38, 2), ("claude-max-ada", "7 days", 100, 71, 90),
        ("openai-team", "requests", 5000, 4120, 1), ("openai-team", "tokens", 800_000, 96_000, 1),
        ("groq-free", "requests", 14_400, 11_020, 9),
    ):  # fmt: skip
        Quota.objects.create(
            connection=Connection.objects.get(name=name), name=of, limit=limit,
            remaining=remaining, resets_at=now + timedelta(hours=hours), observed=now,
            unit="%" if limit == 100 else "",
        )  # fmt: skip


def _trouble(now: datetime) -> None:
    AlertChannel.objects.create(
        name="ops-mail", kind="email", recipients="ops@example.com", events=["budget_100"]
    )
    for event, subject, text, hours, is_over in (
        ("budget_80", "key:code-review monthly_usd", "The key code-review has spent 82% of its monthly 40 USD.", 7, False),
        ("breaker_open", "connection:groq-free", "groq-free has not answered for 5 minutes.", 30, True),
        ("error_rate", "requests", "24 of 310 requests of the last 10 minutes have failed", 54, True),
    ):  # fmt: skip
        opened = now - timedelta(hours=hours)
        resolved = opened + timedelta(minutes=25) if is_over else None
        Incident.objects.create(
            event=event, subject=subject, text=text, opened=opened, seen=resolved or now,
            resolved=resolved,
        )  # fmt: skip
