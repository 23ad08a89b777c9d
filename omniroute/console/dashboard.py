"""Admin's first page: how the gateway is, who needs attention, and the first steps.

A constant number of queries, however many connections there are.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from auditlog.models import LogEntry
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from msgspec import Struct

from accounts.models import ApiKey
from analytics.models import DailyUsage
from analytics.periods import Piece
from analytics.rollups import DAY
from analytics.tally import floor
from analytics.usage import Usage
from gateway import runtime
from gateway.state.health import Entry
from omniroute import health
from omniroute.console import first_call
from omniroute.console.first_call import DEMO, own_connections
from omniroute.console.health import blocks
from omniroute.console.readable import visible
from providers.models import ConnectionState, Token

MAX_NAMED = 10
MAX_CHANGES = 8


class Part(Struct, frozen=True):
    name: str
    words: str
    good: bool


class Matter(Struct, frozen=True):
    """Something for the operator to see to, and where."""

    name: str
    words: str
    link: str


class Step(Struct, frozen=True):
    words: str
    link: str
    done: bool


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What Unfold puts into the page."""
    matters, more = _matters()
    usage, today = Usage(), _today(datetime.now(UTC))
    return context | {
        "title": _("State of the gateway"),
        "today": usage.total([today]),
        "parts": _parts(),
        "matters": matters,
        "more_matters": more,
        "steps": [] if _has_answered(usage, today) else _steps(),
        "curl": first_call.curl(),
        "changes": LogEntry.objects.select_related("content_type").order_by("-id")[:MAX_CHANGES],
    }


def _today(now: datetime) -> Piece:
    """Since midnight, UTC."""
    midnight = floor(now, DAY)
    return Piece(DailyUsage, midnight, midnight + DAY)


def _has_answered(usage: Usage, today: Piece) -> bool:
    """Has a provider of the operator's ever answered a call? The days outlive the log."""
    ever = Piece(DailyUsage, datetime.min.replace(tzinfo=UTC), today.until)
    named = usage.named([ever], ["provider"])
    return any(
        sums.answered for (_dimension, name), sums in named.items() if name not in ("", DEMO)
    )


def _parts() -> list[Part]:
    told = {
        _("Database"): health.database(),
        _("State"): health.state(),
        _("Journal"): health.journal(),
        _("Worker and clock"): health.worker(),
    }
    return [Part(name, words, words.split(",")[0] == "ok") for name, words in told.items()]


def _matters() -> tuple[list[Matter], int]:
    """The first few, and how many more there are."""
    listing = reverse("admin:providers_connection_changelist")
    process = runtime.current()
    problems = process.snapshot.problems if process else ()
    found = [
        Matter(f"{p.kind} {visible(p.name)}", visible(p.reason), _page_of(p.kind)) for p in problems
    ]
    entries = [entry for told in blocks().values() for entry in told if entry.needs_attention]
    found += [_matter(entry, listing) for entry in entries]
    tokens = Token.objects.filter(needs_login=True)
    total = len(found) + tokens.count()
    found += [
        Matter(
            visible(token.connection.name),
            _("needs login: ") + visible(token.cause),
            reverse("admin:providers_connection_change", args=[token.pk]),
        )
        for token in tokens.select_related("connection")[:MAX_NAMED]
    ]
    return found[:MAX_NAMED], max(total - MAX_NAMED, 0)


def _matter(entry: Entry, listing: str) -> Matter:
    block = entry.block
    of = f"{block.connection}, {block.model}" if block.model else block.connection
    return Matter(
        visible(of), visible(block.cause), f"{listing}?{urlencode({'q': block.connection})}"
    )


_PAGES = {
    "provider": "providers_provider",
    "model": "providers_providermodel",
    "connection": "providers_connection",
    "combo": "combos_combo",
    "API key": "accounts_apikey",
    "error rule": "providers_errorrule",
}


def _page_of(kind: str) -> str:
    return reverse(f"admin:{_PAGES[kind]}_changelist")


def _steps() -> list[Step]:
    answering = own_connections().filter(health__status=ConnectionState.Status.OK)
    return [
        Step(
            _("Add a connection: an account at a provider, with its key"),
            reverse("admin:providers_connection_add"),
            own_connections().exists(),
        ),
        Step(
            _("Test it: its provider is asked for its models, which costs nothing"),
            reverse("test-all"),
            answering.exclude(health__checked=None).exists(),
        ),
        Step(
            _("Make a key for your client"),
            reverse("admin:accounts_apikey_add"),
            ApiKey.objects.filter(scope=ApiKey.Scope.INFERENCE).exists(),
        ),
    ]
