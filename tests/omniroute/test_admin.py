"""Django Admin: secrets go in and never come out, roles hold, and what is duplicated is whole."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts import keys, roles
from accounts.models import ApiKey, User
from combos.models import Combo
from providers.models import Connection, Provider, ProviderModel
from tests.factories import (
    ComboFactory,
    ConnectionFactory,
    ProviderFactory,
    ProviderModelFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

SECRET = "sk-up-canary-8d2c"


@pytest.fixture
def provider() -> Provider:
    return ProviderFactory(slug="local", name="Local")


@pytest.fixture
def connection(provider: Provider) -> Connection:
    return ConnectionFactory(name="main", provider=provider, api_key=SECRET)


def signed_in(role: str) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username=role, role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(roles.ADMINISTRATOR)


def form(row: Connection, **fields: Any) -> dict[str, Any]:
    """What the browser sends for a connection whose form was left as it is."""
    return {
        "name": row.name, "provider": row.provider_id, "auth_type": row.auth_type,
        "priority": row.priority, "active": "on", "model_names": "[]", "model_map": "{}",
        "limits": "{}", "timeouts": "{}", "headers": "{}", "headroom": "0", "base_url": "",
        "api_key": "",
    } | fields  # fmt: skip


def moved(row: Provider) -> dict[str, Any]:
    """What the browser sends for a provider whose address somebody has changed."""
    return {
        "name": row.name, "slug": row.slug, "alias": row.alias, "format": "openai_chat",
        "tier": "api_key", "quirks": "{}", "base_url": "https://evil.example/v1",
        "other_formats": "{}", "other_kinds": "{}", "account_strategy": "fill-first", "sticky": 1,
    }  # fmt: skip


def change(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def listing(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def act(client: Client, action: str, *rows: Any) -> list[str]:
    """Run a list action; what it says."""
    chosen = [row.pk for row in rows]
    sent = {"action": action, "_selected_action": chosen, "confirmed": "yes"}
    answer = client.post(listing(rows[0]), sent)
    return [str(message) for message in get_messages(answer.wsgi_request)]


# --- Secrets ---------------------------------------------------------------------------------


def test_a_stored_key_is_on_no_page(admin: Client, connection: Connection) -> None:
    history = reverse("admin:providers_connection_history", args=[connection.pk])
    delete = reverse("admin:providers_connection_delete", args=[connection.pk])
    for page in (change(connection), listing(Connection), history, delete):
        content = admin.get(page).content.decode()
        assert SECRET not in content
        assert connection.credential not in content


def test_a_blank_key_keeps_the_stored_one(admin: Client, connection: Connection) -> None:
    assert admin.post(change(connection), form(connection, priority=9)).status_code == 302
    connection.refresh_from_db()
    assert (connection.priority, connection.read_auth()) == (9, {"api_key": SECRET})


def test_a_new_key_replaces_it(admin: Client, connection: Connection) -> None:
    admin.post(change(connection), form(connection, api_key="sk-new"))
    connection.refresh_from_db()
    assert connection.read_auth() == {"api_key": "sk-new"}


def test_another_host_needs_the_key_again(admin: Client, connection: Connection) -> None:
    moved = form(connection, base_url="https://evil.example/v1")
    assert b"needs its API key entered again" in admin.post(change(connection), moved).content
    connection.refresh_from_db()
    assert connection.base_url == ""
    assert admin.post(change(connection), moved | {"api_key": SECRET}).status_code == 302


def test_a_header_is_shown_no_more_and_stays_where_it_was_given_for(
    admin: Client, connection: Connection
) -> None:
    connection.headers = {"x-team": SECRET}
    connection.save()
    assert SECRET not in admin.get(change(connection)).text
    kept = form(connection, headers='{"x-team": "********"}')
    assert admin.post(change(connection), kept).status_code == 302
    connection.refresh_from_db()
    assert connection.headers == {"x-team": SECRET}
    moved = kept | {"base_url": "https://evil.example/v1", "api_key": SECRET}
    assert "needs the header x-team entered again" in admin.post(change(connection), moved).text
    told = moved | {"headers": '{"x-team": "another"}'}
    assert admin.post(change(connection), told).status_code == 302


def test_a_connection_without_a_provider_is_told_so(admin: Client) -> None:
    answer = admin.post(reverse("admin:providers_connection_add"), {"name": "new"})
    assert "This field is required." in answer.text


@pytest.mark.parametrize(
    "entered",
    [
        {"limits": '{"rpm": Infinity}'},
        {"limits": '{"rpm": 1e999}'},
        {"timeouts": '{"total": 1e300}'},
        {"model_names": r'["\ud83d"]'},
        {"model_names": r'["a\u0000b"]'},
        {"limits": r'["\ud83d"]'},
    ],
    ids=str,
)
def test_json_that_no_database_or_page_can_hold_is_told_at_its_field(
    admin: Client, connection: Connection, entered: dict[str, str]
) -> None:
    page = reverse("admin:providers_connection_change", args=[connection.pk])
    answer = admin.post(page, form(connection, **entered))
    assert list(answer.context["adminform"].form.errors) == list(entered)


@pytest.mark.parametrize("field", ["headers", "params"])
def test_json_of_another_shape_is_told_so(
    admin: Client, connection: Connection, field: str
) -> None:
    for value in ("[1]", '{"a": {"b": 1}}'):
        answer = admin.post(change(connection), form(connection, **{field: value}))
        assert "an object whose values are strings is expected" in answer.text


def test_a_provider_with_keys_cannot_be_moved_under_them(
    admin: Client, connection: Connection
) -> None:
    page = admin.post(change(connection.provider), moved(connection.provider))
    assert b"needs its API key entered again" in page.content


def test_nor_under_their_headers(admin: Client, provider: Provider) -> None:
    ConnectionFactory(name="main", provider=provider, headers={"x-team": SECRET})
    page = admin.post(change(provider), moved(provider))
    assert "needs the header x-team entered again" in page.text
    provider.refresh_from_db()
    assert provider.base_url == "https://models.example/v1"


def test_a_key_of_ours_is_shown_once(admin: Client) -> None:
    fields = {
        "name": "laptop", "scope": "inference", "active": "on", "allowed_models": '["*"]',
        "limits": "{}", "budgets": "{}", "allowed_ips": "[]",
    }  # fmt: skip
    answer = admin.post(reverse("admin:accounts_apikey_add"), fields)
    said = " ".join(str(message) for message in get_messages(answer.wsgi_request))
    row = ApiKey.objects.get()
    key = said.partition("sk-omni-")[2].split()[0].rstrip(".")
    assert keys.hash_key("sk-omni-" + key) == row.sha256
    admin.get(listing(ApiKey))  # which shows the message, and with that it is gone
    assert key not in admin.get(change(row)).content.decode()


def test_a_replaced_key_is_another(admin: Client) -> None:
    row, old = keys.mint(name="laptop")
    row.save()
    [said] = act(admin, "replace", row)
    row.refresh_from_db()
    assert row.sha256 != keys.hash_key(old)
    assert row.sha256 == keys.hash_key("sk-omni-" + said.partition("sk-omni-")[2])


# --- Roles -----------------------------------------------------------------------------------


def test_an_operator_changes_what_is_no_secret(connection: Connection) -> None:
    operator = signed_in(roles.OPERATOR)
    forged = form(
        connection, priority=5, api_key="sk-stolen", base_url="https://evil.example/v1",
        headers='{"x": "y"}',
    )  # fmt: skip
    assert operator.post(change(connection), forged).status_code == 302
    connection.refresh_from_db()
    assert connection.priority == 5
    assert connection.read_auth() == {"api_key": SECRET}
    assert (connection.base_url, connection.headers) == ("", {})


def test_what_is_wrong_beyond_an_operators_form_is_told_above_it(connection: Connection) -> None:
    Provider.objects.update(base_url="https://{resource}.example/v1")
    page = signed_in(roles.OPERATOR).post(change(connection), form(connection, priority=5))
    assert page.status_code == 200
    assert "resource: a value is missing" in page.text
    connection.refresh_from_db()
    assert connection.priority != 5


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [
        (roles.OPERATOR, "admin:accounts_apikey_add", 403),
        (roles.OPERATOR, "admin:accounts_user_add", 403),
        (roles.OPERATOR, "admin:combos_combo_add", 200),
        (roles.VIEWER, "admin:combos_combo_add", 403),
        (roles.VIEWER, "admin:providers_connection_changelist", 200),
        (roles.MEMBER, "admin:index", 302),
    ],
)
def test_a_role_sees_what_its_table_says(role: str, page: str, status: int) -> None:
    assert signed_in(role).get(reverse(page)).status_code == status


def test_a_forged_flag_makes_nobody_an_administrator(admin: Client) -> None:
    fields = {
        "username": "eve", "role": roles.MEMBER, "password1": "correct-horse-7",
        "password2": "correct-horse-7", "is_superuser": "on", "is_staff": "on",
    }  # fmt: skip
    admin.post(reverse("admin:accounts_user_add"), fields)
    eve = User.objects.get(username="eve")
    assert (eve.is_superuser, eve.is_staff) == (False, False)


def test_of_a_builtin_provider_only_what_the_operator_decides_can_be_changed(admin: Client) -> None:
    row = ProviderFactory(builtin=True)
    sent = {"name": "Mine", "account_strategy": "round-robin", "sticky": 2}
    assert admin.post(change(row), sent).status_code == 302
    was = row.name
    row.refresh_from_db()
    assert (row.name, row.account_strategy, row.sticky) == (was, "round-robin", 2)


# --- Actions ---------------------------------------------------------------------------------


def test_a_duplicated_connection_needs_a_key_of_its_own(
    admin: Client, connection: Connection
) -> None:
    act(admin, "duplicate", connection)
    copy = Connection.objects.get(name="main 2")
    assert (copy.active, copy.credential) == (False, "")
    assert copy.uid != connection.uid


def test_a_duplicated_provider_has_its_models_and_is_the_operators(
    admin: Client, provider: Provider
) -> None:
    ProviderModelFactory(provider=provider, name="m", input_price=1)
    act(admin, "duplicate", provider)
    copy = Provider.objects.get(slug="local-2")
    assert [model.name for model in copy.offered_models.all()] == ["m"]
    assert provider.offered_models.count() == 1
    assert not copy.builtin


def test_a_duplicated_combo_has_its_targets_in_order(admin: Client) -> None:
    combo = ComboFactory(name="best", targets=["b/x", "a/y"])
    act(admin, "duplicate", combo)
    copy = Combo.objects.get(name="best-2")
    assert [target.model for target in copy.targets.all()] == ["b/x", "a/y"]
    assert combo.targets.count() == 2


def test_rows_are_switched_off_one_by_one(admin: Client, connection: Connection) -> None:
    from accounts.models import GatewaySettings

    before = GatewaySettings.load().version
    act(admin, "deactivate", connection)
    connection.refresh_from_db()
    assert not connection.active
    assert GatewaySettings.load().version > before


def test_a_failed_test_says_why_and_no_secret(admin: Client) -> None:
    unreachable = ProviderFactory(base_url="http://127.0.0.1:9/v1", allow_private_network=True)
    row = ConnectionFactory(name="main", provider=unreachable, api_key=SECRET)
    [said] = act(admin, "test", row)
    assert "it cannot be reached" in said
    assert SECRET not in said


@pytest.mark.parametrize("model", [Connection, Provider, ProviderModel, Combo, ApiKey, User])
def test_a_list_takes_as_many_queries_for_fifty_rows_as_for_one(
    admin: Client, connection: Connection, model: Any, django_assert_max_num_queries: Any
) -> None:
    ConnectionFactory.create_batch(50, provider=connection.provider)
    ProviderModelFactory.create_batch(50, provider=connection.provider)
    ComboFactory.create_batch(50, targets=["local/m1"])
    for number in range(50):
        row, _ = keys.mint(name=f"k{number}", owner=User.objects.get(username="administrator"))
        row.save()
    with django_assert_max_num_queries(14):
        assert admin.get(listing(model)).status_code == 200


def test_a_name_in_angle_brackets_stays_text(admin: Client, provider: Provider) -> None:
    Provider.objects.filter(pk=provider.pk).update(name="<script>alert(1)</script>")
    assert b"<script>alert(1)" not in admin.get(listing(Provider)).content


def test_five_wrong_passwords_lock_the_name_for_a_while() -> None:
    UserFactory(username="ops")
    client = Client(headers={"host": "localhost"})
    page = reverse("account_login")
    for _ in range(5):
        client.post(page, {"login": "ops", "password": "wrong"})
    client.post(page, {"login": "ops", "password": "correct-horse-9"})
    assert "_auth_user_id" not in client.session
