"""Budgets beyond which it is told, and nobody refused."""

import logging
from collections.abc import Iterable
from typing import NamedTuple

from analytics.costs import PICO, format_usd
from gateway.snapshot import Budgets, Principal, Snapshot
from gateway.state.budgets import UNITS, Logged

log = logging.getLogger(__name__)


class Passed(NamedTuple):
    """A soft budget of which nothing is left in its present period, which began on day `since`."""

    subject: str
    name: str
    since: int
    words: str


def payers(principal: Principal, total: Budgets) -> tuple[tuple[str, Budgets], ...]:
    """Whose budgets a call is paid from, each with the name that it is counted under."""
    key, user = principal.budgets, principal.user_budgets
    paying = [(f"key:{principal.name}", key)] if key else []
    paying += [(f"user:{principal.user}", user)] if user else []
    paying += [("total:", total)] if total else []
    return tuple(paying)


def passed(paying: Iterable[tuple[str, Budgets]], logged: Logged) -> list[Passed]:
    """What has been passed, as far as the log knows: up to some seconds late."""
    return [
        Passed(subject, name, logged.calendar.first[period], _words(subject, name, limit, spent))
        for subject, budgets in paying
        for name, limit in budgets.soft.items()
        for period, unit in [name.split("_")]
        if (spent := _spent(logged, subject, period, unit)) >= limit
    ]


def _spent(logged: Logged, subject: str, period: str, unit: str) -> float:
    amount = logged.spent.get((subject, period), (0, 0, 0))[UNITS.index(unit)]
    return amount / 10**PICO if unit == "usd" else amount


def _words(subject: str, name: str, limit: float, spent: float) -> str:
    unit = name.split("_")[1]
    told = format_usd(round(spent * 10**PICO)) if unit == "usd" else f"{spent:.0f}"
    shown = "USD" if unit == "usd" else unit
    return (
        f"the {subject.partition(':')[0]}'s soft {name} budget of {limit:g} {shown}: {told} spent"
    )


class Notices:
    """Says each passed budget once a period in the log of the process."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str, int]] = set()

    def tell(self, snapshot: Snapshot, logged: Logged) -> None:
        paying = dict(
            payer
            for principal in (snapshot.anyone, *snapshot.keys.values())
            for payer in payers(principal, snapshot.budgets)
        )
        found = passed(paying.items(), logged)
        for each in found:
            if (each.subject, each.name, each.since) not in self._said:
                log.warning("%s (%s)", each.words, each.subject)
        self._said = {(each.subject, each.name, each.since) for each in found}
