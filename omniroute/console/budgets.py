"""Budgets as they stand: spent, reserved, left, and where the period is heading."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from time import time

from msgspec import Struct

from accounts.models import ApiKey, GatewaySettings, User
from analytics import spending
from analytics.models import GatewayProcess
from gateway import runtime
from gateway.state.budgets import (
    DAY_S,
    NOTHING,
    PERIODS,
    UNITS,
    Amounts,
    Calendar,
    allowance,
    calendar,
    midnight,
)

# Of a period that has hardly begun nothing can be said.
LEAST_SHARE = 0.05

Spent = Mapping[tuple[str, str], Amounts]


class Standing(Struct, frozen=True):
    """One budget in its present period; amounts in 10⁻¹² USD, tokens or requests.

    `forecast` is what the whole period comes to if it goes on as it has gone; null: too early.
    """

    kind: str  # key, user, total
    name: str
    period: str
    unit: str
    soft: bool
    limit: int
    spent: int
    reserved: int
    forecast: int | None
    until: str

    @property
    def left(self) -> int:
        return max(self.limit - self.spent - self.reserved, 0)

    @property
    def percent(self) -> int:
        used = self.spent + self.reserved
        return min(100 * used // self.limit, 100) if self.limit > 0 else 100

    @property
    def is_exceeded_soon(self) -> bool:
        return self.forecast is not None and self.forecast > self.limit


class _Payer(Struct, frozen=True):
    kind: str
    name: str
    hard: Mapping[str, float]
    soft: Mapping[str, float]

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.name}"


def standings(user: User, now: float | None = None) -> list[Standing]:
    """Those that `user` may see, the fullest first: a member's own, or all."""
    now = time() if now is None else now
    payers = list(_payers(user))
    if not payers:
        return []
    today = calendar(now)
    spent, reserved = _spent(payers, today), _reserved()
    found = [each for payer in payers for each in _of(payer, spent, reserved, today, now)]
    return sorted(found, key=lambda each: (-each.percent, each.kind, each.name))


def _payers(user: User) -> Iterator[_Payer]:
    keys, people = ApiKey.objects.usable(), User.objects.filter(is_active=True)
    if not user.has_perm("accounts.view_apikey"):
        keys, people = keys.filter(owner=user), people.filter(pk=user.pk)
    if user.has_perm("accounts.view_gatewaysettings"):
        settings = GatewaySettings.load()
        if settings.budgets or settings.soft_budgets:
            yield _Payer("total", "", settings.budgets, settings.soft_budgets)
    columns = ("budgets", "soft_budgets")
    for row in keys.exclude(budgets={}, soft_budgets={}).values_list("name", *columns):
        yield _Payer("key", *row)
    for row in people.exclude(budgets={}, soft_budgets={}).values_list("username", *columns):
        yield _Payer("user", *row)


def _spent(payers: Iterable[_Payer], today: Calendar) -> Spent:
    """As this process has read it from the log within the last seconds, or read now."""
    process = runtime.current()
    if process is not None and process.logged.calendar == today:
        return process.logged.spent
    starts: dict[str, datetime] = {period: midnight(today.first[period]) for period in PERIODS}
    return {
        (f"{kind}:{name}", period): amounts
        for kind in {payer.kind for payer in payers}
        for (name, period), amounts in spending.spent(kind, starts).items()
    }


def _reserved() -> dict[str, Amounts]:
    """By the running calls of all processes, as each said last."""
    found: dict[str, Amounts] = {}
    for told in GatewayProcess.objects.alive().values_list("reserved", flat=True):
        for subject, (usd, tokens, requests) in told.items():
            had = found.get(subject, NOTHING)
            found[subject] = (had[0] + usd, had[1] + tokens, had[2] + requests)
    return found


def _of(
    payer: _Payer, spent: Spent, reserved: Mapping[str, Amounts], today: Calendar, now: float
) -> Iterator[Standing]:
    for soft, limits in ((False, payer.hard), (True, payer.soft)):
        for name, limit in limits.items():
            period, _, unit = name.partition("_")
            place = UNITS.index(unit)
            used = spent.get((payer.subject, period), NOTHING)[place]
            yield Standing(
                kind=payer.kind,
                name=payer.name,
                period=period,
                unit=unit,
                soft=soft,
                limit=allowance(limit, unit),
                spent=used,
                reserved=reserved.get(payer.subject, NOTHING)[place],
                forecast=forecast(used, today.first[period], today.next[period], now),
                until=f"{midnight(today.next[period]):%Y-%m-%d}",
            )


def forecast(spent: int, first: int, following: int, now: float) -> int | None:
    """What the days from `first` until `following` (since 1970) come to at the pace so far."""
    passed, length = round(now - first * DAY_S), (following - first) * DAY_S
    return spent * length // passed if passed >= LEAST_SHARE * length else None
