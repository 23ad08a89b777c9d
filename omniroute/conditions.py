"""What is wrong now and somebody should be told, as the rooms know it: budgets, accounts, requests,
and what gateway processes say of themselves."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.db.models import Count, Q

from accounts.models import ApiKey, GatewaySettings, User
from analytics import spending
from analytics.alerts import processes
from analytics.alerts.incidents import Condition
from analytics.costs import format_usd
from analytics.ids import first_id
from analytics.models import RequestRecord
from gateway.state import budgets
from omniroute.console.readable import visible
from providers.models import Connection, ConnectionState, Token

BREAKER_OPEN = timedelta(minutes=5)
RENEWALS = 3  # in a row
NEARLY = (4, 5)  # 80 %, in whole numbers
Status = ConnectionState.Status


def found(now: datetime) -> list[Condition]:
    """All of it. However many accounts, keys and users there are, it takes the same few queries."""
    settings = GatewaySettings.load()
    return [
        *_budgets(settings, now),
        *_accounts(),
        *_renewals(),
        *_breakers(now),
        *_errors(settings, now),
        *_journal(settings, now),
    ]


# --- Budgets ----------------------------------------------------------------------------------

Limits = Mapping[str, float]  # by name: `daily_usd`


def _budgets(settings: GatewaySettings, now: datetime) -> Iterator[Condition]:
    keys, users = ApiKey.objects.filter(active=True), User.objects.filter(is_active=True)
    paying: dict[str, dict[str, tuple[Limits, Limits]]] = {
        "key": {row.name: (row.budgets, row.soft_budgets) for row in keys},
        "user": {row.username: (row.budgets, row.soft_budgets) for row in users},
        "total": {"": (settings.budgets, settings.soft_budgets)},
    }
    for by, limits in paying.items():
        yield from _budgets_of(by, limits, now)


def _budgets_of(
    by: str, paying: Mapping[str, tuple[Limits, Limits]], now: datetime
) -> Iterator[Condition]:
    today = budgets.calendar(now.timestamp())
    named = {name for pair in paying.values() for limits in pair for name in limits}
    periods = {name.partition("_")[0] for name in named}
    if not periods:
        return
    spent = spending.spent(by, {each: budgets.midnight(today.first[each]) for each in periods})
    for who, (hard, soft) in paying.items():
        for limits, kind in ((hard, "budget"), (soft, "soft budget")):
            for name, limit in limits.items():
                period, _, unit = name.partition("_")
                amount = spent.get((who, period), budgets.NOTHING)[budgets.UNITS.index(unit)]
                whose = f"{by} {who}".strip()
                began = f"{budgets.midnight(today.first[period]):%Y-%m-%d}"
                subject = f"{whose}: {kind} {name} of {limit:g} since {began}"
                yield from _reached(subject, unit, limit, amount)


def _reached(subject: str, unit: str, limit: float, amount: int) -> Iterator[Condition]:
    allowed = budgets.allowance(limit, unit)
    part, whole = NEARLY
    told = f"{format_usd(amount)} USD" if unit == "usd" else f"{amount} {unit}"
    text = f"{visible(subject)}, {told} spent"
    if amount >= allowed:
        yield Condition("budget_100", subject, f"Spent: {text}")
    if amount * whole >= allowed * part:
        yield Condition("budget_80", subject, f"At 80 %: {text}")


# --- Accounts ---------------------------------------------------------------------------------


def _accounts() -> Iterator[Condition]:
    """By probes, by calls, and by tokens that nobody can renew."""
    lost: dict[str, str] = {}
    tokens = Token.objects.filter(needs_login=True, connection__active=True)
    lost |= dict(tokens.values_list("connection__name", "cause"))
    rows = ConnectionState.objects.filter(connection__active=True)
    told = rows.values_list("connection__name", "cause")
    lost |= dict(told.filter(status=Status.NEEDS_LOGIN))
    for name, cause in lost.items():
        yield _of_account("needs_login", name, "needs login", cause)
    for name, cause in told.filter(status=Status.OUT_OF_CREDIT):
        yield _of_account("out_of_credit", name, "is out of credit", cause)


def _renewals() -> Iterator[Condition]:
    rows = Token.objects.filter(failures__gte=RENEWALS, needs_login=False, connection__active=True)
    for name, cause in rows.values_list("connection__name", "cause"):
        yield _of_account("renewal_failed", name, "has a token that is not renewed", cause)


def _breakers(now: datetime) -> Iterator[Condition]:
    """Of accounts that there still are."""
    long_ago = (now - BREAKER_OPEN).timestamp()
    open_ones = [each for each in processes.breakers(now) if each.since <= long_ago]
    rows = Connection.objects.filter(active=True, name__in={each.connection for each in open_ones})
    active = set(rows.values_list("name", flat=True)) if open_ones else set()
    for each in open_ones:
        if each.connection in active:
            place = f"{each.model} at {each.connection}" if each.model else each.connection
            text = f"The breaker of {place} has been open for five minutes: {each.cause}"
            yield Condition("breaker_open", f"breaker:{place}", visible(text))


def _of_account(event: str, name: str, how: str, cause: str) -> Condition:
    text = f"Connection {name} {how}: {cause}" if cause else f"Connection {name} {how}"
    return Condition(event, f"connection:{name}", visible(text))


# --- The gateway itself -----------------------------------------------------------------------


def _errors(settings: GatewaySettings, now: datetime) -> Iterator[Condition]:
    """What was wrong with the request counts on neither side, nor one whose client left."""
    since = now - timedelta(seconds=settings.alert_error_window_s)
    rows = RequestRecord.objects.filter(id__gte=first_id(since.timestamp())).order_by()
    outcomes = RequestRecord.Outcome
    failed = Q(outcome=outcomes.ERROR, status__gte=500)
    failed |= Q(outcome__in=(outcomes.TRUNCATED, outcomes.INTERRUPTED))
    sums = rows.aggregate(
        failed=Count("id", filter=failed),
        judged=Count("id", filter=failed | Q(outcome=outcomes.OK)),
    )
    failures, judged = sums["failed"], sums["judged"]
    if judged >= settings.alert_error_requests and failures >= settings.alert_error_share * judged:
        minutes = settings.alert_error_window_s / 60
        text = f"{failures} of {judged} requests of the last {minutes:g} minutes have failed"
        yield Condition("error_rate", "requests", text)


def _journal(settings: GatewaySettings, now: datetime) -> Iterator[Condition]:
    waiting = processes.longest_journal(now)
    if waiting > settings.alert_journal_mb << 20:
        text = f"{waiting >> 20} MB of the journal wait for the database"
        yield Condition("journal_backlog", "journal", text)
