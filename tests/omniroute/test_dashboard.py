"""Admin's first page, its search, its questions before bulk actions, and its empty lists."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts import keys, roles
from analytics import rollups
from analytics.models import RequestRecord
from combos.models import Alias
from providers import states
from providers.models import Connection, Token
from tests.analytics.rows import log
from tests.factories import (
    ComboFactory,
    ConnectionFactory,
    ProviderFactory,
    ProviderModelFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

INDEX = "/admin/"


def signed_in(role: str) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username=role, role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(roles.ADMINISTRATOR)


def answered(**fields: Any) -> None:
    log(datetime.now(UTC), **{"provider": "local"} | fields)


def test_the_first_steps_are_there_until_a_call_is_answered(admin: Client) -> None:
    page = admin.get(INDEX).content.decode()
    assert "First steps" in page
    assert f"curl {settings.PUBLIC_URL}/v1/chat/completions" in page
    assert "demo/echo" in page
    ConnectionFactory(provider=ProviderFactory(slug="local"), model_names=["m1"])
    assert "local/m1" in admin.get(INDEX).content.decode()
    for fields in ({"provider": "demo"}, {"outcome": "error"}, {"outcome": "aborted"}):
        answered(**fields)
        assert "once a provider of yours has answered a call" in admin.get(INDEX).content.decode()
    answered()
    assert "First steps" not in admin.get(INDEX).content.decode()


def test_the_first_steps_do_not_come_back_when_the_log_is_deleted(admin: Client) -> None:
    answered()
    rollups.roll_up(datetime.now(UTC))
    RequestRecord.objects.all().delete()
    assert "First steps" not in admin.get(INDEX).content.decode()


def test_a_step_that_is_done_has_its_tick(admin: Client) -> None:
    def done() -> list[str]:
        page = admin.get(INDEX).content.decode()
        return re.findall(r"✓</span> <a href=\"[^\"]*\">([\w ]+)", page)

    assert done() == []
    row = ConnectionFactory(provider=ProviderFactory(slug="local"))
    assert done() == ["Add a connection"]
    states.answered(row)
    assert done() == ["Add a connection", "Test it"]
    states.follow(row)  # saved as it is
    assert done() == ["Add a connection", "Test it"]
    row.set_api_key("another")
    states.follow(row)
    assert done() == ["Add a connection"]


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_the_day_is_that_of_the_overview(admin: Client, is_rolled_up: bool) -> None:
    answered(cost_picousd=138_000_000)
    answered(cost_picousd=12_500_000_000_001)
    answered(cost_picousd=10**12, tier="subscription")
    answered(outcome="error", status=500)
    if is_rolled_up:
        rollups.roll_up(datetime.now(UTC))
        RequestRecord.objects.all().delete()
    page = admin.get(INDEX).content.decode()
    assert '<p class="number">4</p>' in page
    assert "$12.50<" in page
    assert "25.0%" in page
    assert "1 request without a price" in page
    assert "1 request failed" in page
    assert "$12.50<" in admin.get("/?range=24h").content.decode()


def test_a_connection_that_needs_a_login_is_named(admin: Client) -> None:
    row = ConnectionFactory(name="<b>mine</b>")
    Token.objects.create(
        connection=row, changed=datetime.now(UTC), needs_login=True, cause="the refresh was refused"
    )
    page = admin.get(INDEX).content.decode()
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "needs login: the refresh was refused" in page


def test_it_takes_as_many_queries_for_many_connections_as_for_one(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    ConnectionFactory.create_batch(200, provider=ProviderFactory())
    with django_assert_max_num_queries(18):
        assert admin.get(INDEX).status_code == 200


def test_rows_are_found_by_name_and_only_a_few_of_each(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    ConnectionFactory.create_batch(50, provider=ProviderFactory(slug="local"))
    Alias.objects.create(alias="connection-alias", model="local/m")
    with django_assert_max_num_queries(24):
        page = admin.get("/admin/search/?s=connection-&extended=1").content.decode()
    assert "connection-alias" in page
    assert page.count("Connection</span>") <= 8


def test_a_combo_of_many_targets_is_found_once(admin: Client) -> None:
    ComboFactory(name="best", targets=["local/a", "local/b", "local/c"])
    page = admin.get("/admin/search/?s=best&extended=1").content.decode()
    assert page.count("/admin/combos/combo/") == 1


def listing(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("action", ["activate", "deactivate", "clear_cooldown"])
def test_a_bulk_action_names_what_it_will_change_and_asks(admin: Client, action: str) -> None:
    row = ConnectionFactory(name="<i>main</i>", active=action == "deactivate")
    was = row.active
    sent = {"action": action, "_selected_action": [row.pk]}
    page = admin.post(listing(Connection), sent).content.decode()
    assert "&lt;i&gt;main&lt;/i&gt;" in page
    assert "name=confirmed value=yes" in page
    row.refresh_from_db()
    assert row.active == was
    if action != "clear_cooldown":
        admin.post(listing(Connection), sent | {"confirmed": "yes"})
        row.refresh_from_db()
        assert row.active != was


def test_a_key_is_replaced_only_when_it_is_confirmed(admin: Client) -> None:
    row, _ = keys.mint(name="laptop")
    row.save()
    page = admin.post(listing(type(row)), {"action": "replace", "_selected_action": [row.pk]})
    assert "laptop" in page.content.decode()
    was = row.sha256
    row.refresh_from_db()
    assert row.sha256 == was


def test_a_button_of_a_row_asks_before_it_changes_anything(admin: Client) -> None:
    row = ConnectionFactory(name="main")
    for action, words in (("duplicate", "Duplicate this?"), ("clear", "Clear what cools down?")):
        page = reverse(f"admin:providers_connection_{action}_one", args=[row.pk])
        assert words in admin.get(page).content.decode()
    assert Connection.objects.filter(name__startswith="main").count() == 1
    test = admin.get(reverse("admin:providers_connection_test_one", args=[row.pk]), follow=True)
    assert "Test a connection" in test.content.decode()


def test_a_viewer_is_offered_nothing_that_changes_anything() -> None:
    row = ConnectionFactory(name="main")
    viewer = signed_in(roles.VIEWER)
    page = viewer.get(listing(Connection)).content.decode()
    for words in ("duplicate-one", "clear-one", "export_yaml", 'name="action"'):
        assert words not in page
    for action in ("duplicate", "clear", "test"):
        button = reverse(f"admin:providers_connection_{action}_one", args=[row.pk])
        assert viewer.get(button).status_code == 403
    assert "Configuration" not in viewer.get(INDEX).content.decode()


def test_an_empty_list_says_what_to_do(admin: Client) -> None:
    page = admin.get(listing(Connection)).content.decode()
    assert "A connection is an account at a provider" in page
    ConnectionFactory(name="main")
    page = admin.get(listing(Connection) + "?q=nothing-like-it").content.decode()
    assert "Nothing fits the search and the filters" in page


def test_a_list_says_no_number_that_nobody_has_counted(admin: Client) -> None:
    for _ in range(2):
        answered()
    page = admin.get(listing(RequestRecord)).content.decode()
    assert "10000" not in page
    assert "Show all" not in page
    admin.post(reverse("admin:combos_alias_add"), {"alias": "smart"})
    changes = admin.get(reverse("admin:auditlog_logentry_changelist"))
    assert "Show all" not in changes.content.decode()


def test_the_preview_of_a_combo_is_for_those_who_may_change_it() -> None:
    ComboFactory(name="best", targets=["local/a"])
    assert signed_in(roles.VIEWER).post(reverse("combo-preview")).status_code == 403
    answer = signed_in(roles.OPERATOR).post(reverse("combo-preview"))
    assert "This process serves no calls" in answer.content.decode()


def test_combos_are_looked_up_and_not_listed_in_the_form_of_each(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    ComboFactory.create_batch(40)
    combo = ComboFactory(name="best", targets=["local/a", "local/b", "local/c"])
    with django_assert_max_num_queries(16):
        page = admin.get(reverse("admin:combos_combo_change", args=[combo.pk])).content.decode()
    assert "combo-1" not in page
    asked = {"app_label": "combos", "model_name": "combotarget", "field_name": "nested"}
    found = admin.get("/admin/autocomplete/", asked | {"term": "BEST"}).json()["results"]
    assert [each["text"] for each in found] == ["best"]


def test_known_models_are_offered_once_for_all_targets(admin: Client) -> None:
    ProviderModelFactory(provider=ProviderFactory(slug="local"), name="m1")
    combo = ComboFactory(name="best", targets=["local/a", "local/b", "local/c"])
    page = admin.get(reverse("admin:combos_combo_change", args=[combo.pk])).content.decode()
    assert page.count('<option value="local/m1">') == 1
    assert page.count('list="known-models"') == 4  # one of them is the row to be added
    alias = admin.get(reverse("admin:combos_alias_add")).content.decode()
    assert alias.count('<option value="local/m1">') == 1
