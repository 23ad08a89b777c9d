"""Budgets in Redis: what this process has a part in, and how it says so.

For each subject and each day, week or month that it has a budget for, Redis holds what is spent or
reserved in all, and how much of that each process has been granted. A process knows its own part
too. So whatever happened to the line between them, it can be put right by stating the part again;
and what a dead process had reserved stays spent, as its journal's replay will say in the log.

Where Redis has lost everything, each process states its part anew, beginning with the log as it
was read when that was noticed, and what was settled or reserved here and is not in that reading.
"""

from collections.abc import Callable, Mapping

from gateway.errors import BudgetSpent
from gateway.state.budgets import (
    DAY_S,
    NOTHING,
    UNITS,
    Amounts,
    Calendar,
    Ledger,
    Logged,
    allowance,
    budget_spent,
    calendar,
)
from gateway.state.line import Op

# A call may be settled some time after the period in which it began.
KEPT_S = 2 * DAY_S


class Share:
    """This process's part in what one subject spends in one period.

    Args:
        key: Redis's.
        until: When the period ends; in days since 1970.
        logged: What the log said of it when this part began to be counted.
        granted: All that was granted, less what was given back.
        held: The part of it that running calls have reserved.
        known: The part of it that `logged` holds by now; above 0 once the line has been closed.
    """

    __slots__ = (
        "first", "granted", "held", "key", "known", "logged", "period", "subject", "until",
    )  # fmt: skip

    def __init__(self, key: str, subject: str, period: str, now: Calendar, logged: Logged) -> None:
        self.key, self.subject, self.period = key, subject, period
        self.first, self.until = now.first[period], now.next[period]
        self.logged = self.sums(logged)
        self.granted = self.held = self.known = NOTHING

    def sums(self, logged: Logged) -> Amounts:
        return logged.since(self.subject, self.period, self.first)

    def grant(self, amounts: Amounts) -> None:
        self.granted = plus(self.granted, amounts)
        self.held = plus(self.held, amounts)

    def settle(self, reserved: Amounts, spent: Amounts) -> None:
        self.granted = plus(self.granted, minus(spent, reserved))
        self.held = minus(self.held, reserved)

    def rebase(self, logged: Logged, unlogged: Amounts) -> None:
        """Prepare for a Redis that knows nothing: of what was granted, see what the log holds."""
        self.logged = self.sums(logged)
        self.known = minus(self.granted, plus(self.held, unlogged))

    def statement(self, wall: float, *, joins: bool) -> Op:
        ttl_ms = max(int((self.until * DAY_S + KEPT_S - wall) * 1000), 1000)
        parts = [floats(part) for part in (self.logged, self.granted, self.known)]
        return ("state", self.key, *parts, joins, ttl_ms)

    def stated(self, anew: bool) -> None:
        """Redis has it; `anew`: it knew of no part of this process's, and `known` was left out."""
        if anew:
            self.granted = minus(self.granted, self.known)
        self.known = NOTHING


def plus(left: Amounts, right: Amounts) -> Amounts:
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]


def minus(left: Amounts, right: Amounts) -> Amounts:
    return left[0] - right[0], left[1] - right[1], left[2] - right[2]


def floats(amounts: Amounts) -> tuple[float, ...]:
    """What Lua counts with; a whole number of 64 bits would be too short for large sums."""
    return tuple(map(float, amounts))


class Payer:
    """A subject's budgets in their present periods, as a claim names them.

    `op` has for each share its key and its budgets: (unit, counted from 1; what is allowed).
    """

    __slots__ = ("calendar", "limits", "names", "op", "shares", "subject")

    def __init__(
        self, subject: str, limits: Mapping[str, float], now: Calendar, shares: tuple[Share, ...]
    ) -> None:
        self.subject, self.limits, self.calendar, self.shares = subject, limits, now, shares
        by_period: dict[str, list[str]] = {share.period: [] for share in shares}
        for name in limits:
            by_period[name.partition("_")[0]].append(name)
        self.names = list(by_period.values())
        self.op = [
            (share.key, [self._budget(name) for name in names])
            for share, names in zip(shares, self.names, strict=True)
        ]

    def _budget(self, name: str) -> tuple[int, float]:
        unit = name.partition("_")[2]
        return UNITS.index(unit) + 1, float(allowance(self.limits[name], unit))

    def refusal(
        self, share: int, budget: int, spent: float, wanted: Amounts, now: float
    ) -> BudgetSpent:
        name = self.names[share][budget]
        limit, unit = self.limits[name], name.partition("_")[2]
        left = allowance(limit, unit) - int(spent)
        return budget_spent(self.subject, name, limit, left, wanted[UNITS.index(unit)], now)


class Shares:
    """Those of this process. `made` is told of each new one before a claim names it."""

    def __init__(self, prefix: str, ledger: Ledger, made: Callable[[Share], None]) -> None:
        self._prefix, self._ledger, self._made = prefix, ledger, made
        self._shares: dict[str, Share] = {}
        self._payers: dict[str, Payer] = {}
        self._raised: Logged | None = None

    def payer(self, subject: str, limits: Mapping[str, float], now: float) -> Payer:
        today = self._ledger.calendar
        if now // DAY_S != today.today:
            today = self._ledger.calendar = calendar(now)
        payer = self._payers.get(subject)
        if payer is not None and payer.calendar is today and payer.limits is limits:
            return payer
        if payer is None or payer.calendar is not today or payer.limits != limits:
            periods = dict.fromkeys(name.partition("_")[0] for name in limits)
            shares = tuple(self._share(subject, period, today) for period in periods)
            payer = self._payers[subject] = Payer(subject, limits, today, shares)
        return payer

    def _share(self, subject: str, period: str, now: Calendar) -> Share:
        key = f"{self._prefix}spent:{subject}:{period}:{now.first[period]}"
        share = self._shares.get(key)
        if share is None:
            logged = self._ledger.logged
            share = self._shares[key] = Share(key, subject, period, now, logged)
            share.granted = self._ledger.unlogged(subject, share.first, logged)
            self._made(share)
        return share

    def all(self) -> list[Share]:
        return list(self._shares.values())

    def rebase(self) -> None:
        """The line is closed; when it opens again, Redis may know nothing."""
        logged = self._ledger.logged
        for share in self._shares.values():
            share.rebase(logged, self._ledger.unlogged(share.subject, share.first, logged))

    def raises(self) -> list[Op]:
        """What the log says more than when this was asked before."""
        logged, before = self._ledger.logged, self._raised
        if logged is before:
            return []
        self._raised = logged
        return [
            ("raise", share.key, floats(sums))
            for share in self._shares.values()
            if (sums := share.sums(logged)) != (share.sums(before) if before else NOTHING)
        ]

    def drop_ended(self, now: float) -> None:
        """Leave what nothing new is spent in; calls that began in it have it still."""
        today = now // DAY_S
        for key in [key for key, share in self._shares.items() if share.until <= today]:
            del self._shares[key]
