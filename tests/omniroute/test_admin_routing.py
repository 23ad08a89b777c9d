"""Admin of what is done about failures: the error rules, and the settings of breakers and cooldowns."""

import logging
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts import roles
from accounts.models import ApiKey, GatewaySettings
from gateway import snapshot
from gateway.verdict import Failure, Policy, judge
from providers import error_rules
from providers.models import ErrorRule, Provider
from tests.factories import ProviderFactory, UserFactory

pytestmark = pytest.mark.django_db

RULES = reverse("admin:providers_errorrule_changelist")
SETTINGS = reverse("admin:accounts_gatewaysettings_change", args=[1])


def signed_in(role: str) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(username=role, role=role))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(roles.ADMINISTRATOR)


@pytest.fixture
def shipped() -> list[ErrorRule]:
    error_rules.load()
    return list(ErrorRule.objects.all())


def page(row: ErrorRule) -> str:
    return reverse("admin:providers_errorrule_change", args=[row.pk])


def form(row: ErrorRule, **fields: Any) -> dict[str, Any]:
    """What the browser sends for a rule whose form was left as it is."""
    told = {
        "provider": row.provider_id, "status": row.status, "pattern": row.pattern,
        "action": row.action, "kind": row.kind, "scope": row.scope, "cooldown_s": row.cooldown_s,
        "position": row.position, "note": row.note, "active": "on" if row.active else None,
    } | fields  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def facts() -> list[tuple[Any, ...]]:
    """What the shipped rules say, whoever changed what around them."""
    rows = ErrorRule.objects.filter(builtin=True).order_by("provider", "status", "pattern")
    return [(row.provider_id, row.status, row.pattern, row.action, row.kind) for row in rows]


# --- The rules' page -------------------------------------------------------------------------


def test_shipped_rules_are_listed(admin: Client, shipped: list[ErrorRule]) -> None:
    content = admin.get(RULES, {"all": ""}).content.decode()
    assert all(page(row) in content for row in shipped)


def test_the_operators_own_stand_first_as_they_are_judged(
    admin: Client, shipped: list[ErrorRule]
) -> None:
    provider = ProviderFactory(slug="local")
    general = ErrorRule.objects.create(status=418, action="stop", position=1)
    special = ErrorRule.objects.create(provider=provider, status=418, action="retry", position=2)
    rows = list(admin.get(RULES).context["cl"].result_list)
    assert [row.pk for row in rows[:2]] == [special.pk, general.pk]
    judged = snapshot.build().rules
    assert [(rule.status, rule.action) for rule in judged[:2]] == [(418, "retry"), (418, "stop")]
    assert [(row.status, row.pattern) for row in rows] == [
        (rule.status, rule.pattern) for rule in judged
    ]


def test_a_rule_that_is_made_is_in_force(admin: Client, shipped: list[ErrorRule]) -> None:
    fields = {
        "status": "429", "pattern": "try tomorrow", "action": "next_target", "kind": "quota",
        "scope": "", "cooldown_s": "3600", "position": "0", "active": "on",
    }  # fmt: skip
    assert admin.post(reverse("admin:providers_errorrule_add"), fields).status_code == 302
    verdict = judge(snapshot.build().rules, "openai", Failure(429, "Sorry, try tomorrow."))
    assert (verdict.action, verdict.kind, verdict.cooldown_s) == ("next_target", "quota", 3600)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"pattern": "("}, "no regular expression"),
        ({"pattern": "", "status": ""}, "a rule names a status, a pattern, or both"),
        ({"cooldown_s": "-1"}, "greater than or equal to 0"),
        ({"action": "jump"}, "is not one of the available choices"),
    ],
)
def test_a_wrong_rule_is_refused(admin: Client, fields: dict[str, str], words: str) -> None:
    row = ErrorRule.objects.create(status=500, action="stop")
    answer = admin.post(page(row), form(row) | fields)
    assert answer.status_code == 200
    assert words in answer.content.decode()


def test_an_edit_makes_a_shipped_rule_the_operators_own(
    admin: Client, shipped: list[ErrorRule]
) -> None:
    before, row = facts(), shipped[5]
    was = row.pattern
    changed = form(row, action="stop", pattern="another pattern", cooldown_s="7")
    assert admin.post(page(row), changed).status_code == 302
    row.refresh_from_db()
    assert (row.builtin, row.action, row.pattern) == (False, "stop", "another pattern")
    for _ in range(2):  # and no start brings it back beside the operator's
        error_rules.load()
        row.refresh_from_db()
        assert (row.builtin, row.action, row.active) == (False, "stop", True)
        assert facts() == before
        [replaced] = ErrorRule.objects.filter(builtin=True, active=False)
        assert replaced.pattern == was


def test_what_is_switched_off_on_its_form_stays_shipped_and_off(
    admin: Client, shipped: list[ErrorRule]
) -> None:
    row = shipped[3]
    admin.post(page(row), form(row, active=None))
    error_rules.load()
    row.refresh_from_db()
    assert (row.active, row.builtin) == (False, True)
    assert ErrorRule.objects.count() == len(shipped)


def test_an_order_by_drag_stays_and_makes_nothing_the_operators(
    admin: Client, shipped: list[ErrorRule]
) -> None:
    listed = list(admin.get(RULES).context["cl"].result_list)
    order = [listed[1], listed[0], *listed[2:]]
    sent = {
        "form-TOTAL_FORMS": len(order), "form-INITIAL_FORMS": len(order), "_save": "Save",
    } | {
        f"form-{at}-{name}": value
        for at, row in enumerate(listed)
        for name, value in (("id", row.pk), ("position", order.index(row)))
    }  # fmt: skip
    assert admin.post(RULES, sent).status_code == 302
    for _ in range(2):
        now = [row.pk for row in admin.get(RULES).context["cl"].result_list]
        assert now == [row.pk for row in order]
        error_rules.load()
    assert not ErrorRule.objects.filter(builtin=False).exists()
    assert ErrorRule.objects.count() == len(shipped)


def test_a_shipped_rule_is_switched_off_and_not_deleted(
    admin: Client, shipped: list[ErrorRule]
) -> None:
    row = shipped[0]
    delete = reverse("admin:providers_errorrule_delete", args=[row.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    admin.post(RULES, chosen)
    assert ErrorRule.objects.filter(pk=row.pk).exists()
    answer = admin.post(
        RULES, {"action": "deactivate", "_selected_action": [row.pk], "confirmed": "yes"}
    )
    assert [str(message) for message in get_messages(answer.wsgi_request)]
    own = ErrorRule.objects.create(status=500, action="stop")
    gone = reverse("admin:providers_errorrule_delete", args=[own.pk])
    assert admin.post(gone, {"post": "yes"}).status_code == 302


def test_a_viewer_sees_the_rules_and_changes_none(shipped: list[ErrorRule]) -> None:
    viewer = signed_in(roles.VIEWER)
    row = shipped[0]
    assert viewer.get(RULES).status_code == 200
    assert viewer.get(page(row)).status_code == 200
    assert viewer.post(page(row), form(row, action="stop")).status_code == 403
    assert viewer.get(reverse("admin:providers_errorrule_add")).status_code == 403
    viewer.post(RULES, {"action": "deactivate", "_selected_action": [row.pk], "confirmed": "yes"})
    row.refresh_from_db()
    assert row.active


def test_the_list_takes_as_many_queries_as_ever(
    admin: Client, shipped: list[ErrorRule], django_assert_max_num_queries: Any
) -> None:
    provider = ProviderFactory()
    for position in range(50):
        ErrorRule.objects.create(provider=provider, status=500, action="stop", position=position)
    with django_assert_max_num_queries(14):
        assert admin.get(RULES).status_code == 200


# --- At every start --------------------------------------------------------------------------


def test_bootstrap_loads_them(capsys: pytest.CaptureFixture[str]) -> None:
    ErrorRule.objects.all().delete()
    call_command("bootstrap")
    known = set(Provider.objects.values_list("slug", flat=True)) | {""}
    told = [row for row in error_rules.read() if row.provider in known]
    assert ErrorRule.objects.filter(builtin=True).count() == len(told) > 10


def test_rules_of_a_provider_that_is_not_there_wait_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    missing = {row.provider for row in error_rules.read() if row.provider} - set(
        Provider.objects.values_list("slug", flat=True)
    )
    assert missing
    with caplog.at_level(logging.INFO, logger="providers.error_rules"):
        error_rules.load()
    [said] = [record.getMessage() for record in caplog.records]
    assert all(slug in said for slug in missing)
    slug = min(missing)
    provider = ProviderFactory(slug=slug)
    error_rules.load()
    assert ErrorRule.objects.filter(provider=provider, builtin=True).exists()


# --- Settings --------------------------------------------------------------------------------


def settings_form(**fields: Any) -> dict[str, Any]:
    row = GatewaySettings.load()
    names = [
        field.name for field in row._meta.concrete_fields if field.editable and field.name != "id"
    ]
    told = {name: getattr(row, name) for name in names}
    sent = {
        name: "{}" if value == {} else "[]" if value == [] else "on" if value is True else value
        for name, value in told.items()
        if value is not None and value is not False
    }
    return sent | fields


@pytest.mark.parametrize("name", [*Policy.__struct_fields__, "max_attempts", "deadline_s", "cache_ttl_s"])  # fmt: skip
def test_a_number_of_resilience_is_visible_with_its_default(admin: Client, name: str) -> None:
    fields = admin.get(SETTINGS).context["adminform"].form
    default = getattr(GatewaySettings(), name)
    assert fields[name].value() == default
    assert getattr(Policy(), name, default) == default
    assert f'name="{name}"' in admin.get(SETTINGS).content.decode()


def test_they_are_changed_and_in_force(admin: Client) -> None:
    changed = {
        "breaker_failures": "3", "breaker_window_s": "10.5", "breaker_share": "0.25",
        "cooldown_hint_max_s": "60", "model_lock_first_s": "2", "max_attempts": "4",
    }  # fmt: skip
    answer = admin.post(SETTINGS, settings_form(**changed))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    now = snapshot.build()
    assert now.policy == Policy(
        breaker_failures=3, breaker_window_s=10.5, breaker_share=0.25, cooldown_hint_max_s=60,
        model_lock_first_s=2,
    )  # fmt: skip
    assert now.max_attempts == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [("breaker_failures", "0"), ("breaker_share", "1.5"), ("breaker_share", "0"),
     ("cooldown_first_s", "0"), ("deadline_s", "-1"), ("max_attempts", "0"), ("cache_ttl_s", "0"),
     ("thinking", "fixed"), ("allowed_ips", '["nowhere"]'), ("budgets", '{"hourly_usd": 1}')],
)  # fmt: skip
def test_a_wrong_one_is_refused(admin: Client, name: str, value: str) -> None:
    before = GatewaySettings.load().version
    answer = admin.post(SETTINGS, settings_form(**{name: value}))
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert set(errors) == {"thinking_budget" if name == "thinking" else name}
    assert GatewaySettings.load().version == before


@pytest.mark.parametrize("name", ["budgets", "soft_budgets", "allowed_ips", "denied_ips"])
def test_a_field_that_is_emptied_is_empty(admin: Client, name: str) -> None:
    answer = admin.post(SETTINGS, settings_form(**{name: ""}))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert getattr(GatewaySettings.load(), name) in ({}, [])
    assert snapshot.build().networks.is_open


def test_so_is_one_of_a_key(admin: Client) -> None:
    names = ("limits", "budgets", "soft_budgets", "allowed_ips", "denied_ips", "controls")
    fields = {"name": "laptop", "scope": "inference", "active": "on", "allowed_models": '["*"]'}
    answer = admin.post(reverse("admin:accounts_apikey_add"), fields | dict.fromkeys(names, ""))
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = ApiKey.objects.get()
    assert [getattr(row, name) for name in names] == [{}, {}, {}, [], [], []]
    assert not snapshot.build().problems


def test_a_viewer_changes_no_setting() -> None:
    viewer = signed_in(roles.VIEWER)
    content = viewer.get(SETTINGS).content.decode()
    assert "breaker" in content.lower()
    assert 'name="breaker_failures"' not in content
    assert viewer.post(SETTINGS, settings_form(breaker_failures="1")).status_code == 403
    assert GatewaySettings.load().breaker_failures == 5


def test_an_operator_may() -> None:
    operator = signed_in(roles.OPERATOR)
    assert operator.post(SETTINGS, settings_form(breaker_failures="2")).status_code == 302
    assert GatewaySettings.load().breaker_failures == 2
