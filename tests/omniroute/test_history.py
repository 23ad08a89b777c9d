"""The history: every change of the configuration, who made it and through which door."""

import io
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts import keys, roles
from accounts.models import ApiKey, User
from combos.models import Combo
from providers.models import Connection, ErrorRule
from tests.factories import ComboFactory, ConnectionFactory, ProviderFactory, UserFactory

pytestmark = pytest.mark.django_db

SECRET = "sk-up-canary-51aa"


@pytest.fixture
def admin() -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username="ada", role=roles.ADMINISTRATOR))
    return client


def last() -> LogEntry:
    return LogEntry.objects.order_by("-id")[0]


def signature(entry: LogEntry) -> tuple[str, str]:
    return entry.additional_data["by"], entry.additional_data["through"]


def fields(row: Connection, **changed: Any) -> dict[str, Any]:
    return {
        "name": row.name, "provider": row.provider_id, "auth_type": row.auth_type,
        "priority": row.priority, "active": "on", "model_names": "[]", "model_map": "{}",
        "limits": "{}", "timeouts": "{}", "headers": "{}", "headroom": "0", "base_url": "",
        "api_key": "",
    } | changed  # fmt: skip


def test_a_form_that_is_saved_tells_what_differs(admin: Client) -> None:
    row = ConnectionFactory(name="main", api_key=SECRET)
    page = reverse("admin:providers_connection_change", args=[row.pk])
    assert admin.post(page, fields(row, priority=7)).status_code == 302
    assert last().changes_dict == {"priority": ["1", "7"]}
    assert signature(last()) == ("ada", "Admin")


def test_a_member_who_makes_a_key_was_not_in_admin() -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username="mia", role=roles.MEMBER))
    client.post(reverse("account_keys"), {"name": "laptop", "models": "*"})
    assert last().object_repr == "mia/laptop"
    assert signature(last()) == ("mia", "own account")


def test_a_form_that_is_saved_as_it_was_tells_nothing(admin: Client) -> None:
    row = ConnectionFactory(name="main", api_key=SECRET)
    before = LogEntry.objects.count()
    admin.post(reverse("admin:providers_connection_change", args=[row.pk]), fields(row))
    assert LogEntry.objects.count() == before


def test_of_a_secret_it_is_told_that_it_changed_and_no_more(admin: Client) -> None:
    row = ConnectionFactory(name="main", api_key=SECRET, headers={"x-key": SECRET})
    page = reverse("admin:providers_connection_change", args=[row.pk])
    admin.post(page, fields(row, api_key="sk-other", headers='{"x-key": "sk-other"}'))
    row.refresh_from_db()
    key, _ = keys.mint(name="laptop")
    key.save()
    user = User.objects.get(username="ada")
    user.set_password("correct-horse-11")
    user.save()
    told = " ".join(str(entry.changes_dict) for entry in LogEntry.objects.all())
    for secret in (SECRET, "sk-other", row.credential, key.sha256, user.password):
        assert secret not in told
    changed = LogEntry.objects.filter(object_repr="main", action=LogEntry.Action.UPDATE).get()
    assert changed.changes_dict == {
        "credential": ["********", "********"],
        "headers": ["********", "********"],
    }


def test_what_a_key_of_scope_manage_does_is_its_owners_doing() -> None:
    owner = UserFactory(username="bot", role=roles.ADMINISTRATOR)
    row, key = keys.mint(name="ci", owner=owner, scope=ApiKey.Scope.MANAGE)
    row.save()
    ProviderFactory(slug="local")
    client = Client(headers={"host": "localhost", "authorization": f"Bearer {key}"})
    entry = {"alias": "quick", "model": "local/m"}
    assert client.post("/api/aliases", entry, "application/json").status_code == 201
    assert (last().object_repr, signature(last())) == ("quick", ("bot", "API, key ci"))


def test_a_file_that_is_applied_tells_too(tmp_path: Any) -> None:
    ProviderFactory(slug="local")
    file = tmp_path / "omniroute.yaml"
    file.write_text("aliases: [{alias: quick, model: local/m}]")
    call_command("config", "apply", str(file), stdout=io.StringIO())
    assert last().object_repr == "quick"
    assert last().additional_data["by"] == ""
    file.write_text("aliases: [{alias: quick, model: local/n}]")
    call_command("config", "apply", str(file), stdout=io.StringIO())
    assert last().changes_dict == {"model": ["local/m", "local/n"]}


def test_a_check_that_changes_nothing_tells_nothing(tmp_path: Any) -> None:
    ProviderFactory(slug="local")
    before = LogEntry.objects.count()
    file = tmp_path / "omniroute.yaml"
    file.write_text("aliases: [{alias: quick, model: local/m}]")
    call_command("config", "check", str(file), stdout=io.StringIO())
    assert LogEntry.objects.count() == before


def test_signing_in_is_no_change() -> None:
    UserFactory(username="ada")
    before = LogEntry.objects.count()
    client = Client(headers={"host": "localhost"})
    page = reverse("account_login")
    client.post(page, {"login": "ada", "password": "correct-horse-9"})
    assert "_auth_user_id" in client.session
    assert LogEntry.objects.count() == before


def test_the_page_of_a_combo_tells_of_its_targets(admin: Client) -> None:
    combo: Combo = ComboFactory(name="best", targets=["a/one"])
    target = combo.targets.get()
    target.model = "b/<script>alert(1)</script>\x1b[31m\u202e"
    target.save()
    page = admin.get(reverse("admin:combos_combo_history", args=[combo.pk])).content.decode()
    assert "a/one" in page
    assert "b/&lt;script&gt;alert(1)&lt;/script&gt;⟨U+001B⟩[31m⟨U+202E⟩" in page
    assert "<script>alert" not in page


def test_what_was_deleted_is_in_the_list_of_all_changes(admin: Client) -> None:
    row = ConnectionFactory(name="short-lived", api_key=SECRET)
    row.delete()
    page = admin.get(reverse("admin:auditlog_logentry_changelist")).content.decode()
    assert "short-lived" in page
    assert "deleted" in page
    detail = reverse("admin:auditlog_logentry_change", args=[last().pk])
    shown = admin.get(detail).content.decode()
    assert SECRET not in shown
    assert "********" in shown


def test_the_list_of_changes_takes_as_many_queries_for_fifty_as_for_one(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    ConnectionFactory.create_batch(50, provider=ProviderFactory())
    with django_assert_max_num_queries(12):
        admin.get(reverse("admin:auditlog_logentry_changelist"))


@pytest.mark.parametrize("role", [roles.VIEWER, roles.ADMINISTRATOR])
def test_nobody_can_change_the_history(role: str) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(role=role))
    ConnectionFactory()
    entry = last()
    assert client.get(reverse("admin:auditlog_logentry_changelist")).status_code == 200
    for page in ("delete", "change"):
        place = reverse(f"admin:auditlog_logentry_{page}", args=[entry.pk])
        assert client.post(place, {"post": "yes", "object_repr": "x"}).status_code == 403
    assert client.get(reverse("admin:auditlog_logentry_add")).status_code == 403


def test_what_is_shipped_is_told_by_nobody_as_a_change() -> None:
    call_command("bootstrap", stdout=io.StringIO())
    assert ErrorRule.objects.filter(builtin=True).exists()
    assert Connection.objects.get().provider.slug == "demo"
    told = LogEntry.objects.values_list("content_type__model", flat=True)
    assert sorted(told) == ["apikey", "user"]
