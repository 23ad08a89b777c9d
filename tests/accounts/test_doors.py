"""Every page of Admin and every address of the management API, by every role: nothing is forgotten
here, since they are asked for and not listed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts import keys, roles
from accounts.models import GatewaySettings, User
from analytics.models import AlertChannel
from combos.models import Alias
from omniroute.api import api
from providers.models import ErrorRule
from tests.accounts.browsing import browser, make_user
from tests.analytics.rows import log
from tests.factories import (
    ComboFactory,
    ConnectionFactory,
    ProviderFactory,
    ProviderModelFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

MODELS = sorted((m._meta.app_label, str(m._meta.model_name)) for m in admin.site._registry)
STAFF = (roles.ADMINISTRATOR, roles.OPERATOR, roles.VIEWER)
# Which pages of Admin an operator may write: all but those of accounts, with one exception.
OPERATORS = {"providers", "combos", "analytics"}


def of(role: str) -> Client:
    client = browser()
    client.force_login(make_user("somebody", role))
    return client


@pytest.mark.parametrize(("app", "model"), MODELS, ids=lambda name: str(name))
def test_no_page_of_admin_lets_a_viewer_write_or_a_member_in(app: str, model: str) -> None:
    viewer = of(roles.VIEWER)
    user = User.objects.get()
    for page, args in (("add", []), ("delete", [user.pk]), ("change", [user.pk])):
        address = reverse(f"admin:{app}_{model}_{page}", args=args)
        assert viewer.post(address, {"role": "administrator"}).status_code in (302, 403, 404)
    user.refresh_from_db()
    assert user.role == roles.VIEWER
    User.objects.update(role=roles.MEMBER)
    for page in ("changelist", "add"):
        answer = viewer.get(reverse(f"admin:{app}_{model}_{page}"))
        assert answer.status_code in (302, 403)


def test_what_hands_out_rights_an_operator_can_only_look_at() -> None:
    operator = of(roles.OPERATOR)
    for model in ("user", "apikey", "invitation"):
        assert operator.get(reverse(f"admin:accounts_{model}_changelist")).status_code == 200
        assert operator.post(reverse(f"admin:accounts_{model}_add"), {}).status_code == 403


def test_allauths_own_pages_which_show_secrets_are_not_there() -> None:
    shown = {app for app, _ in MODELS}
    assert not shown & {"account", "mfa", "socialaccount", "usersessions", "auth", "sessions"}


def test_nobody_takes_their_own_role_away() -> None:
    client = of(roles.ADMINISTRATOR)
    user = User.objects.get()
    page = reverse("admin:accounts_user_change", args=[user.pk])
    told = {
        "username": "somebody", "role": "member", "allowed_models": '["*"]', "budgets": "{}",
        "soft_budgets": "{}",
    }  # fmt: skip
    client.post(page, told)
    client.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [user.pk], "post": "yes"}
    client.post(reverse("admin:accounts_user_changelist"), chosen)
    user.refresh_from_db()
    assert (user.role, user.is_active) == (roles.ADMINISTRATOR, True)


# --- The management API ------------------------------------------------------------------------

OPERATIONS = [
    (method, path)
    for path, methods in api.get_openapi_schema()["paths"].items()
    for method in methods
]
# What a member may read, which is of their own calls; the rest is refused or not found.
MEMBERS = re.compile(r"^/api/(logs|usage)\b")


def send(client: Client, method: str, path: str, **headers: str) -> Any:
    address = re.sub(r"\{[^}]+\}", "something", path)
    body = {} if method == "get" else {"data": "{}", "content_type": "application/json"}
    return getattr(client, method)(address, headers=headers, **body)


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: str(part))
def test_an_address_of_the_api_is_closed_to_whoever_may_not(method: str, path: str) -> None:
    assert send(browser(), method, path).status_code in (401, 405)
    row, key = keys.mint(name="k", owner=make_user("root", roles.ADMINISTRATOR))
    row.save()
    inference = send(browser(), method, path, authorization=f"Bearer {key}")
    assert inference.status_code in (403, 401)
    member = of(roles.MEMBER)
    if not (method == "get" and MEMBERS.match(path)):
        assert send(member, method, path).status_code in (400, 403, 404)
    if method != "get":
        User.objects.filter(username="somebody").update(role=roles.VIEWER)
        assert send(member, method, path).status_code in (400, 403, 404, 503)


# --- Every address -----------------------------------------------------------------------------

OPEN = re.compile(
    r"^/(account/(login|logout|inactive|join|oidc)/|account/second-factor/webauthn/login/"
    r"|readyz|admin/jsi18n/|admin/login/|api/docs|api/openapi.json)"
)


def addresses(
    patterns: list[URLPattern | URLResolver] | None = None, prefix: str = "/"
) -> Iterator[str]:
    for one in patterns if patterns is not None else get_resolver().url_patterns:
        path = prefix + re.sub(r"<(?:(int):)?[^>]+>", _sample, str(one.pattern))
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, path)
        elif not re.search(r"[\^(\\$]", path):
            yield path


def _sample(found: re.Match[str]) -> str:
    return "1" if found[1] else "something"


def test_nobody_sees_a_page_without_signing_in() -> None:
    client = browser()
    seen = {
        path: status
        for path in set(addresses())
        if not OPEN.match(path)
        and (status := client.get(path).status_code) not in (301, 302, 401, 403, 404, 405)
    }
    assert seen == {}


# What a POST of somebody who may only look comes to, where it is no 403: it reads.
READS = re.compile(
    r"/(admin/((\w+/\w+/(\w+/(history/)?)?)?|search/|translator/|login/|password_change/)"
    r"|logs/(export\.\w+)?|setup/)"
)


def test_whatever_a_viewer_sends_changes_nothing() -> None:
    viewer = of(roles.VIEWER)
    rows = one_of_each()
    told = LogEntry.objects.count()
    others = [
        (path, status)
        for path in filled_in(rows)
        if not re.match(r"/(account|api|admin/logout)/", path)
        and (status := viewer.post(path, {"name": "mine"}).status_code) not in (403, 404, 405)
        and not READS.fullmatch(path)
    ]
    assert others == []
    for row, actions in ((row, admin.site._registry[type(row)].actions or ()) for row in rows):
        listing = f"/admin/{row._meta.app_label}/{row._meta.model_name}/"
        for action in ("delete_selected", *actions):
            chosen = {"action": action, "_selected_action": [row.pk]}
            viewer.post(listing, chosen | {"confirmed": "yes", "post": "yes"})
        row.refresh_from_db()
    assert LogEntry.objects.count() == told


def one_of_each() -> list[Any]:
    key, _ = keys.mint(name="a-key")
    key.save()
    combo = ComboFactory(targets=["a/b"])
    return [
        *(key, combo, ConnectionFactory(), ProviderModelFactory(), ProviderFactory()),
        *(GatewaySettings.load(), Alias.objects.create(alias="quick", model="a/b")),
        ErrorRule.objects.create(status=404, action="stop", kind="client", note="shown as it is"),
        AlertChannel.objects.create(name="hook", events=[]),
        UserFactory(role=roles.MEMBER),
    ]


def filled_in(rows: list[Any]) -> Iterator[str]:
    """Every address; of Admin, with those rows in the places of some."""
    pks = {f"/admin/{row._meta.app_label}/{row._meta.model_name}/": row.pk for row in rows}
    for path in sorted(set(addresses())):
        listing = "/".join([*path.split("/")[:4], ""])
        if listing in pks:
            yield path.replace("/something/", f"/{pks[listing]}/")
        elif "something" not in path:
            yield path


def test_no_page_tells_a_member_of_anybody_else() -> None:
    member = of(roles.MEMBER)
    other = make_user("canary-user")
    key, _ = keys.mint(name="canary-key", owner=other, budgets={"daily_usd": 1})
    key.save()
    ConnectionFactory(name="canary-connection")
    mine = log(timezone.now(), user="somebody", key="somebody/own-key", model="mk/own-model")
    theirs = log(
        timezone.now(), user="canary-user", key="canary-key", model="mk/canary-model",
        combo="canary-combo", tags='["canary-tag"]', provider="canary-provider",
    )  # fmt: skip
    paths = [*addresses(), f"/logs/{mine}/", f"/logs/{theirs}/", f"/api/logs/{theirs}"]
    pages = {path: member.get(path) for path in paths}
    shown = {
        path: answer.content.decode()
        for path, answer in pages.items()
        if answer.status_code == 200 and not answer.streaming  # files: test_log_pages.py
    }
    assert {path for path, text in shown.items() if "canary" in text} == set()
    for path in ("/", "/overview.csv", "/costs.csv", "/logs/", f"/logs/{mine}/", "/api/logs"):
        assert "own-model" in shown[path]
