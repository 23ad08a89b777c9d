"""The management API, `/api/…`: what Admin and files can set, through the same functions."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import NinjaAPI

from accounts.models import GatewaySettings
from analytics.alerts import delivery
from analytics.models import AlertChannel
from gateway import runtime
from gateway.state.health import Entry
from omniroute import health
from omniroute.api import errors, invitations, logs, oauth, routing
from omniroute.api.auth import authenticate, require
from omniroute.api.sections import SECTIONS, router
from omniroute.configuration import schema, write
from omniroute.console.health import accounts, as_json
from providers import listing
from providers.credentials import CredentialUnreadable
from providers.listing import ListFailed
from providers.models import Connection, Token
from providers.probing import Outcome, test_connection

api = NinjaAPI(title="OmniRoute", version="1", auth=authenticate, urls_namespace="management")
errors.register(api)


def tested(row: Connection) -> dict[str, Any]:
    outcome: Outcome = test_connection(row)
    return {"name": row.name, "ok": outcome.ok, "message": outcome.message, "ms": outcome.ms}


@api.post("/connections/test-all")
def test_all(request: HttpRequest) -> dict[str, Any]:
    require(request, "providers.change_connection")
    rows = list(Connection.objects.active().select_related("provider"))
    with ThreadPoolExecutor(8) as pool:
        return {"items": list(pool.map(tested, rows))}


@api.post("/connections/{name}/test")
def test_one(request: HttpRequest, name: str) -> dict[str, Any]:
    require(request, "providers.change_connection")
    return tested(get_object_or_404(Connection.objects.select_related("provider"), name=name))


@api.post("/connections/{name}/import-models")
def import_models(request: HttpRequest, name: str) -> dict[str, Any]:
    """A row for each model that the provider lists and that has none, without a price."""
    require(request, "providers.add_providermodel")
    row = get_object_or_404(Connection.objects.select_related("provider"), name=name)
    try:
        return {"imported": listing.import_models(row)}
    except (ListFailed, CredentialUnreadable) as error:
        raise errors.ApiError(502, f"{name}: {error}") from None


@api.post("/alert-channels/{name}/test", tags=["alert-channels"])
def test_channel(request: HttpRequest, name: str) -> dict[str, Any]:
    """Send a message that says it is a test, once and now."""
    require(request, "analytics.change_alertchannel")
    sent = delivery.test(get_object_or_404(AlertChannel, name=name))
    return {"name": name, "ok": sent.status == sent.Status.DELIVERED, "message": sent.error}


for _name, _section in SECTIONS.items():
    api.add_router(f"/{_name}", router(_section), tags=[_name])
api.add_router("/invitations", invitations.routes, tags=["invitations"])
api.add_router("", logs.routes, tags=["log"])
api.add_router("", routing.routes, tags=["routing"])
api.add_router("/oauth", oauth.routes, tags=["oauth"])


@api.get("/settings")
def read_settings(request: HttpRequest) -> dict[str, Any]:
    require(request, "accounts.view_gatewaysettings")
    row = GatewaySettings.load()
    return {name: getattr(row, name) for name in schema.SettingsEntry.model_fields}


@api.patch("/settings")
def change_settings(request: HttpRequest, entry: schema.SettingsEntry) -> dict[str, Any]:
    require(request, "accounts.change_gatewaysettings")
    write.settings(entry)
    return read_settings(request)


@api.get("/health")
def state_of_the_gateway(request: HttpRequest) -> dict[str, Any]:
    """The parts that `/readyz` names, how each account is, what cools down, and rows that the
    snapshot had to leave out."""
    require(request, "providers.view_connection")
    process = runtime.current()
    problems = process.snapshot.problems if process else ()
    return {
        "database": health.database(),
        "database_kind": connection.vendor,
        "state": health.state(),
        "journal": health.journal(),
        "journal_backlog_bytes": process.journal.backlog_bytes if process else None,
        "worker": health.worker(),
        "connections": [_block(entry) for entry in process.on_loop(process.blocks())]
        if process
        else [],
        "accounts": [
            {"connection": account.connection, "provider": account.provider} | as_json(account)
            for account in accounts()
        ],
        "tokens": [
            {
                "connection": token.connection.name,
                "needs_login": token.needs_login,
                "cause": token.cause,
                "expires": _moment(token.expires.timestamp()) if token.expires else None,
            }
            for token in Token.objects.filter(failures__gt=0).select_related("connection")
        ],
        "problems": [{"kind": p.kind, "name": p.name, "reason": p.reason} for p in problems],
    }


def _block(entry: Entry) -> dict[str, Any]:
    block = entry.block
    return {
        "connection": block.connection,
        "model": block.model or None,
        "state": entry.state,
        "kind": block.kind,
        "cause": block.cause,
        "since": _moment(block.since),
        "until": _moment(block.until),
        "needs_attention": entry.needs_attention,
    }


def _moment(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
