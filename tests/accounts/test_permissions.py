"""Who may do what, through each door: Admin, the management API, and a file that comes in through
Admin. A deed is done when the history tells of it, whatever the answer says."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
import yaml
from auditlog.models import LogEntry
from django.db import models, transaction
from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.models import ApiKey, GatewaySettings, Invitation, User
from analytics.models import AlertChannel
from combos.models import Alias, Combo
from providers.models import Connection, ErrorRule, Provider, ProviderModel
from tests.accounts.rows import EVERY_ROLE, of, one_of_each

pytestmark = pytest.mark.django_db

EVIL = "https://evil.example/v1"


@pytest.fixture(autouse=True)
def configured() -> None:
    one_of_each()


@dataclass(frozen=True)
class Deed:
    """Something that changes a row, by as many doors as it has.

    `may` are the initials of the roles; `field` what the history has to tell of, any if empty.
    """

    what: str
    may: str
    api: tuple[str, str, Any] | None = None
    admin: tuple[str, type[models.Model], dict[str, Any]] | None = None
    file: dict[str, Any] | None = None
    field: str = ""


MAIN = {"name": "main", "provider": "local"}
LOCAL = {"id": "local", "alias": "local", "base_url": "https://models.example/v1"}


OPS = {"name": "ops", "events": ["budget_100"]}

DEEDS = [
    Deed(
        "a new connection",
        "a",
        api=("post", "/connections", MAIN | {"name": "new", "auth": {"api_key": "env:SECRET_KEY"}}),
        admin=("add", Connection, {"provider": "@local", "name": "new", "api_key": "env:SECRET_KEY"}),
        file={"connections": [MAIN | {"name": "new", "auth": {"api_key": "env:SECRET_KEY"}}]},
    ),
    Deed(
        "a new connection without a key",
        "a",
        api=("post", "/connections", MAIN | {"name": "new", "auth": {"type": "none"}}),
        admin=("add", Connection, {"provider": "@local", "name": "new", "auth_type": "none"}),
        file={"connections": [MAIN | {"name": "new", "auth": {"type": "none"}}]},
    ),
    Deed(
        "a connection's key",
        "a",
        api=("patch", "/connections/main", {"auth": {"api_key": "file:/etc/hostname"}}),
        admin=("change", Connection, {"api_key": "file:/etc/hostname"}),
        file={"connections": [MAIN | {"auth": {"api_key": "file:/etc/hostname"}}]},
        field="credential",
    ),
    Deed(
        "a connection's base URL",
        "a",
        api=("patch", "/connections/main", {
            "base_url": EVIL, "auth": {"api_key": "sk-known"}, "headers": {},
        }),
        admin=("change", Connection, {
            "base_url": EVIL, "api_key": "sk-known", "headers": "{}",
        }),
        file={"connections": [MAIN | {"base_url": EVIL, "auth": {"api_key": "sk-known"}}]},
        field="base_url",
    ),
    Deed(
        "a path at the same host, which may be somebody else's",
        "a",
        api=("patch", "/connections/main", {"base_url": "https://models.example/theirs/v1"}),
        admin=("change", Connection, {"base_url": "https://models.example/theirs/v1"}),
        file={"connections": [MAIN | {"base_url": "https://models.example/theirs/v1"}]},
        field="base_url",
    ),
    Deed(
        "a connection's proxy",
        "a",
        api=("patch", "/connections/main", {
            "proxy": "http://evil.example:80", "auth": {"api_key": "sk-known"}, "headers": {},
        }),
        admin=("change", Connection, {
            "proxy": "http://evil.example:80", "api_key": "sk-known", "headers": "{}",
        }),
        file={"connections": [MAIN | {
            "proxy": "http://evil.example:80", "auth": {"api_key": "sk-known"},
        }]},
        field="proxy",
    ),
    Deed(
        "a connection's headers",
        "a",
        api=("patch", "/connections/main", {"headers": {"host": "evil.example"}}),
        admin=("change", Connection, {"headers": '{"host": "evil.example"}'}),
        file={"connections": [MAIN | {"headers": {"host": "evil.example"}}]},
        field="headers",
    ),
    Deed(
        "a connection's parameters",
        "a",
        api=("patch", "/connections/main", {"params": {"resource": "theirs"}}),
        admin=("change", Connection, {"params": '{"resource": "theirs"}'}),
        file={"connections": [MAIN | {"params": {"resource": "theirs"}}]},
        field="params",
    ),
    Deed(
        "a connection's priority",
        "ao",
        api=("patch", "/connections/main", {"priority": 7}),
        admin=("change", Connection, {"priority": 7}),
        file={"connections": [MAIN | {"priority": 7, "headers": {"x-secret": "********"}}]},
        field="priority",
    ),
    Deed(
        "a connection that goes",
        "ao",
        api=("delete", "/connections/main", None),
        admin=("delete", Connection, {"post": "yes"}),
    ),
    Deed(
        "a new provider",
        "ao",
        api=("post", "/providers", LOCAL | {"id": "new", "alias": "new"}),
        admin=("add", Provider, {"name": "new", "slug": "new", "alias": "new", "base_url": EVIL}),
        file={"providers": [LOCAL | {"id": "new", "alias": "new"}]},
    ),
    Deed(
        "a provider's base URL",
        "a",
        api=("patch", "/providers/local", {"base_url": "https://models.example/theirs/v1"}),
        admin=("change", Provider, {"base_url": "https://models.example/theirs/v1"}),
        file={"providers": [LOCAL | {"base_url": "https://models.example/theirs/v1"}]},
        field="base_url",
    ),
    Deed(
        "another format's address",
        "a",
        api=("patch", "/providers/local", {
            "other_formats": {"gemini": "https://models.example/theirs"},
        }),
        admin=("change", Provider, {"other_formats": '{"gemini": "https://models.example/theirs"}'}),
        file={"providers": [LOCAL | {"other_formats": {"gemini": "https://models.example/x"}}]},
        field="other_formats",
    ),
    Deed(
        "another kind's path",
        "a",
        api=("patch", "/providers/local", {"other_kinds": {"embedding": {"path": "/theirs"}}}),
        admin=("change", Provider, {"other_kinds": '{"embedding": {"path": "/theirs"}}'}),
        file={"providers": [LOCAL | {"other_kinds": {"embedding": {"path": "/theirs"}}}]},
        field="other_kinds",
    ),
    Deed(
        "a private network",
        "a",
        api=("patch", "/providers/local", {"allow_private_network": True}),
        admin=("change", Provider, {"allow_private_network": "on"}),
        file={"providers": [LOCAL | {"allow_private_network": True}]},
        field="allow_private_network",
    ),
    Deed(
        "where a token is asked for",
        "a",
        api=("patch", "/providers/local", {"oauth": {"token_url": "https://models.example/x"}}),
        file={"providers": [LOCAL | {"oauth": {"token_url": "https://models.example/x"}}]},
        field="oauth",
    ),
    Deed(
        "how a provider's accounts are chosen",
        "ao",
        api=("patch", "/providers/local", {"sticky": 3}),
        admin=("change", Provider, {"sticky": 3}),
        file={"providers": [LOCAL | {"sticky": 3}]},
        field="sticky",
    ),
    Deed(
        "a model's price",
        "ao",
        api=("patch", "/models/local/m", {"input_price": 3}),
        admin=("change", ProviderModel, {"input_price": "3"}),
        file={"models": [{"id": "local/m", "input_price": 3}]},
    ),
    Deed(
        "a new alias",
        "ao",
        api=("post", "/aliases", {"alias": "new", "model": "local/m"}),
        admin=("add", Alias, {"alias": "new", "model": "local/m"}),
        file={"aliases": [{"alias": "new", "model": "local/m"}]},
    ),
    Deed(
        "a combo's strategy",
        "ao",
        api=("patch", "/combos/best", {"strategy": "random"}),
        admin=("change", Combo, {"strategy": "random"}),
        file={"combos": [{"name": "best", "strategy": "random",
                          "targets": [{"model": "local/m"}]}]},
    ),
    Deed(
        "a combo's targets",
        "ao",
        api=("patch", "/combos/best", {"targets": [{"model": "local/other"}]}),
        file={"combos": [{"name": "best", "targets": [{"model": "local/other"}]}]},
    ),
    Deed(
        "an error rule",
        "ao",
        admin=("change", ErrorRule, {"status": "503"}),
        file={"error_rules": [{"status": 503, "action": "stop"}]},
    ),
    Deed("no error rules", "ao", file={"error_rules": []}),
    Deed(
        "a new key",
        "a",
        api=("post", "/keys", {"name": "new"}),
        admin=("add", ApiKey, {"name": "new", "scope": "manage"}),
        file={"api_keys": [{"name": "new", "scopes": ["manage"], "owner": "administrator"}]},
    ),
    Deed(
        "whose a key is",
        "a",
        api=("patch", "/keys/laptop", {"owner": "operator"}),
        admin=("change", ApiKey, {"owner": "@operator"}),
        file={"api_keys": [{"name": "laptop", "owner": "operator"}]},
        field="owner",
    ),
    Deed(
        "what a key may",
        "a",
        api=("patch", "/keys/laptop", {"scopes": ["manage"]}),
        admin=("change", ApiKey, {"scope": "manage"}),
        file={"api_keys": [{"name": "laptop", "owner": "administrator", "scopes": ["manage"]}]},
        field="scope",
    ),
    Deed(
        "a key that goes",
        "a",
        api=("delete", "/keys/laptop", None),
        admin=("delete", ApiKey, {"post": "yes"}),
    ),
    Deed(
        "another key in place of one",
        "a",
        admin=("action", ApiKey, {"action": "replace", "confirmed": "yes"}),
    ),
    Deed(
        "a role",
        "a",
        api=("patch", "/users/member", {"role": "administrator"}),
        admin=("change", User, {"role": "administrator"}),
        file={"users": [{"username": "member", "role": "administrator"}]},
        field="role",
    ),
    Deed(
        "a new user",
        "a",
        api=("post", "/users", {"username": "eve", "role": "administrator"}),
        admin=("add", User, {"username": "eve", "role": "administrator",
               "password1": "correct-horse-7", "password2": "correct-horse-7"}),
        file={"users": [{"username": "eve", "role": "administrator"}]},
    ),
    Deed(
        "who is switched off",
        "a",
        api=("patch", "/users/member", {"active": False}),
        file={"users": [{"username": "member", "active": False}]},
        field="is_active",
    ),
    Deed(
        "a user that goes",
        "a",
        api=("delete", "/users/member", None),
        admin=("delete", User, {"post": "yes"}),
    ),
    Deed(
        "all of a user's sessions",
        "a",
        admin=("action", User, {"action": "delete_selected", "post": "yes"}),
    ),
    Deed(
        "an invitation",
        "a",
        api=("post", "/invitations", {"email": "eve@example.com", "role": "administrator"}),
        admin=("add", Invitation, {"email": "eve@example.com", "role": "administrator", "expires_0": "2999-01-01", "expires_1": "00:00"}),
    ),
    Deed(
        "an invitation that goes",
        "a",
        api=("delete", "/invitations/@invited", None),
        admin=("delete", Invitation, {"post": "yes"}),
    ),
    Deed(
        "where alerts go",
        "a",
        api=("patch", "/alert-channels/ops", {"url": "https://evil.example/hook"}),
        admin=("change", AlertChannel, {"url": "https://evil.example/hook"}),
        file={"alert_channels": [OPS | {"url": "https://evil.example/hook"}]},
        field="sealed",
    ),
    Deed(
        "a private network for alerts",
        "a",
        api=("patch", "/alert-channels/ops", {"allow_private_network": True}),
        admin=("change", AlertChannel, {"allow_private_network": "on"}),
        file={"alert_channels": [OPS | {"allow_private_network": True}]},
        field="allow_private_network",
    ),
    Deed(
        "a new channel",
        "a",
        api=("post", "/alert-channels", {"name": "new", "url": "env:SECRET_KEY"}),
        admin=("add", AlertChannel, {"name": "new", "url": EVIL, "events": ["budget_100"]}),
        file={"alert_channels": [{"name": "new", "url": EVIL}]},
    ),
    Deed(
        "what is told",
        "ao",
        api=("patch", "/alert-channels/ops", {"events": ["budget_80"]}),
        admin=("change", AlertChannel, {"events": ["budget_80"]}),
        file={"alert_channels": [OPS | {"events": ["budget_80"]}]},
        field="events",
    ),
    Deed(
        "the settings",
        "ao",
        api=("patch", "/settings", {"retention_days": 7}),
        admin=("change", GatewaySettings, {"retention_days": 7}),
        file={"settings": {"retention_days": 7}},
        field="retention_days",
    ),
]  # fmt: skip

# What a form names by its id.
NAMED: dict[str, Callable[[], int]] = {
    "@operator": lambda: User.objects.get(username="operator").pk,
    "@local": lambda: Provider.objects.get(slug="local").pk,
}
# Which row of each model the deeds are about.
ROWS: dict[type[models.Model], dict[str, str]] = {User: {"username": "member"}}


def by_api(client: Client, deed: Deed) -> None:
    assert deed.api
    method, path, body = deed.api
    path = path.replace("@invited", str(Invitation.objects.get().pk))
    answer = getattr(client, method)(
        f"/api{path}", json.dumps(body) if body else "", content_type="application/json"
    )
    refused = answer.status_code == 403
    assert refused or answer.status_code in (200, 201, 204), answer.text
    assert not refused or answer.json()["error"]["type"] == "permission_error"


def by_file(client: Client, deed: Deed) -> None:
    text = yaml.safe_dump(deed.file)
    told = {"text": text, "apply": "yes", "checked": sha256(text.encode()).hexdigest()}
    answer = client.post(reverse("configuration"), told)
    assert answer.status_code in (200, 302, 403)
    if answer.status_code == 200:
        assert "Applied" in answer.text or "may not change this" in answer.text


def by_admin(client: Client, deed: Deed) -> None:
    """With every field of the form that an administrator sees, which who is refused a field forges."""
    assert deed.admin
    page, model, fields = deed.admin
    row = model._default_manager.filter(**ROWS.get(model, {})).first()
    assert row
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    if page == "action":
        client.post(reverse(f"{place}_changelist"), {"_selected_action": [row.pk]} | fields)
        return
    address = reverse(f"{place}_{page}", args=[] if page == "add" else [row.pk])
    form = {} if page == "delete" else form_of(address)
    told = {
        name: str(NAMED[value]()) if isinstance(value, str) and value in NAMED else value
        for name, value in fields.items()
    }
    client.post(address, form | told)


def form_of(address: str) -> dict[str, Any]:
    root = of(roles.ADMINISTRATOR)
    answer = root.get(address)
    shown = [answer.context["adminform"].form]
    for inline in answer.context["inline_admin_formsets"]:
        shown += [inline.formset.management_form, *inline.formset.initial_forms]
    return {
        bound.html_name: value
        for form in shown
        for bound in form
        if (value := bound.value()) is not None and value is not False
    }


DOORS: dict[str, Callable[[Client, Deed], None]] = {
    "api": by_api, "admin": by_admin, "file": by_file,
}  # fmt: skip


@pytest.mark.parametrize(
    ("deed", "door"),
    [(deed, door) for deed in DEEDS for door in DOORS if getattr(deed, door) is not None],
    ids=lambda part: part if isinstance(part, str) else part.what,
)
def test_who_may_change(deed: Deed, door: str) -> None:
    could = ""
    for role in EVERY_ROLE:
        last = LogEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
        with transaction.atomic():
            DOORS[door](of(role), deed)
            told = [each.changes_dict for each in LogEntry.objects.filter(id__gt=last)]
            if any(deed.field in fields if deed.field else True for fields in told):
                could += role[0]
            transaction.set_rollback(True)
    assert could == deed.may
