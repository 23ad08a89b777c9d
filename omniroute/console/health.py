"""The state of every account: what probes and calls have found out, and what keeps calls away now.

The one place that joins the database's word with that of this process's gateway. However many
connections there are, it takes the same few queries.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from time import time
from typing import Any, Literal

from django.db.models import QuerySet
from msgspec import Struct, structs

from gateway import runtime
from gateway.state.health import Entry
from providers import quotas
from providers.models import Connection, ConnectionState, Token
from providers.quotas import Known

State = Literal["off", "ok", "degraded", "cooling", "needs_login", "out_of_credit"]
WORDS: dict[State, str] = {
    "off": "switched off",
    "ok": "ok",
    "degraded": "degraded",
    "cooling": "cooling down",
    "needs_login": "needs login",
    "out_of_credit": "out of credit",
}
Colour = Literal["good", "warn", "bad", ""]
COLOURS: dict[State, Colour] = {
    "off": "",
    "ok": "good",
    "degraded": "warn",
    "cooling": "warn",
    "needs_login": "bad",
    "out_of_credit": "bad",
}
# The worst first: the one that needs its owner goes before the one that passes.
_ORDER: tuple[State, ...] = ("needs_login", "out_of_credit", "cooling", "degraded")
_OF_STATUS: dict[str, State] = {
    "degraded": "degraded",
    "needs_login": "needs_login",
    "out_of_credit": "out_of_credit",
}
_OF_BLOCK: dict[str, State] = {
    "credential": "needs_login",
    "quota": "out_of_credit",
    "rate_limit": "cooling",
    "reserve": "cooling",
}


class Account(Struct, frozen=True):
    """How a connection is.

    Args:
        cause, since: Why it is so, and since when; of one that is ok neither.
        until: When calls may go there again, where that is known.
        checked: When a probe asked it last; null: none did.
        blocks: What keeps calls from it, or from a model on it, in this process.
    """

    connection: str
    provider: str
    state: State
    cause: str = ""
    since: datetime | None = None
    until: datetime | None = None
    checked: datetime | None = None
    is_probed: bool = False
    quotas: tuple[Known, ...] = ()
    blocks: tuple[Entry, ...] = ()


class _Sign(Struct, frozen=True):
    """One reason to say that an account is in a state."""

    state: State
    cause: str
    since: datetime | None
    until: datetime | None = None


def with_health(rows: QuerySet[Connection]) -> QuerySet[Connection]:
    """With all that `accounts` reads of each."""
    return rows.select_related("provider", "token", "health").prefetch_related("quotas")


def accounts(rows: Iterable[Connection] | None = None) -> list[Account]:
    """How these connections are, or all; `rows` come from `with_health`."""
    found = blocks()
    if rows is None:
        rows = with_health(Connection.objects.all())
    return [_account(row, found.get(row.name, [])) for row in rows]


def blocks() -> dict[str, list[Entry]]:
    """By connection, in this process; nothing in one that serves no calls."""
    process = runtime.current()
    found: dict[str, list[Entry]] = {}
    for entry in process.on_loop(process.blocks()) if process else ():
        found.setdefault(entry.block.connection, []).append(entry)
    return found


def _account(row: Connection, entries: list[Entry]) -> Account:
    health: ConnectionState | None = getattr(row, "health", None)
    token: Token | None = getattr(row, "token", None)
    signs = [*_of_state(health), *_of_token(token), *map(_of_entry, entries)]
    worst = min(signs, key=lambda sign: _ORDER.index(sign.state), default=_Sign("ok", "", None))
    if not row.active:
        worst = _Sign("off", "", None)
    return Account(
        connection=row.name,
        provider=row.provider.slug,
        checked=health.checked if health else None,
        is_probed=row.active and row.is_probed,
        quotas=tuple(_as_it_is(quotas.known(each), time()) for each in row.quotas.all()),
        blocks=tuple(entries),
        **structs.asdict(worst),
    )


def _of_state(health: ConnectionState | None) -> list[_Sign]:
    if health is None or health.status == ConnectionState.Status.OK:
        return []
    return [_Sign(_OF_STATUS[health.status], health.cause, health.since)]


def _of_token(token: Token | None) -> list[_Sign]:
    if token is None or not (token.needs_login or token.failures):
        return []
    state: State = "needs_login" if token.needs_login else "degraded"
    return [_Sign(state, token.cause, token.changed)]


def _of_entry(entry: Entry) -> _Sign:
    block = entry.block
    state: State = _OF_BLOCK.get(block.kind, "degraded")
    if block.model and state != "cooling":
        state = "degraded"  # a model that is not to be had is not the whole account
    cause = f"{block.model}: {block.cause}" if block.model else block.cause
    return _Sign(state, cause, _at(block.since), _at(block.until))


def _as_it_is(known: Known, now: float) -> Known:
    """Of a window that has begun anew nobody has said yet what is left."""
    return structs.replace(known, remaining=None) if known.is_reset(now) else known


def _at(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


# --- As JSON ----------------------------------------------------------------------------------


def as_json(account: Account) -> dict[str, Any]:
    """For the management API: `state` and `quotas`."""
    return {
        "state": {
            "status": account.state,
            "cause": account.cause,
            "since": _text(account.since),
            "until": _text(account.until),
            "checked": _text(account.checked),
            "probed": account.is_probed,
        },
        "quotas": [quota_as_json(known) for known in account.quotas],
    }


def quota_as_json(known: Known) -> dict[str, Any]:
    return {
        "name": known.name,
        "model": known.model or None,
        "unit": known.unit,
        "limit": known.limit,
        "remaining": known.remaining,
        "window_s": known.window_s,
        "resets_at": None if known.resets_at is None else _text(_at(known.resets_at)),
        "observed": _text(_at(known.observed)),
        "stale": known.is_stale(time()) or known.is_reset(time()),
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
