"""What each role may do, and that nothing else than the role says so."""

from dataclasses import dataclass

import pytest
from django.apps import apps
from django.contrib import admin

from accounts import roles
from accounts.models import User

EVERY_ROLE = (roles.ADMINISTRATOR, roles.OPERATOR, roles.VIEWER, roles.MEMBER)


@dataclass(frozen=True)
class Case:
    permission: str
    allowed: str  # initials of the roles that may


CASES = [
    Case("providers.view_connection", "aov"),
    Case("providers.change_connection", "ao"),
    Case("providers.add_provider", "ao"),
    Case("providers.delete_providermodel", "ao"),
    Case("providers.change_credential", "a"),
    Case("combos.change_combo", "ao"),
    Case("combos.delete_alias", "ao"),
    Case("accounts.change_gatewaysettings", "ao"),
    Case("analytics.view_requestrecord", "aov"),
    Case("accounts.view_user", "aov"),
    Case("accounts.add_user", "a"),
    Case("accounts.change_user", "a"),
    Case("accounts.delete_user", "a"),
    Case("accounts.view_apikey", "aov"),
    Case("accounts.add_apikey", "a"),
    Case("accounts.change_apikey", "a"),
    Case("accounts.delete_apikey", "a"),
    # Another address for a user's mail is another way into the account.
    Case("account.change_emailaddress", "a"),
    Case("auth.change_permission", "a"),
    Case("sessions.delete_session", "a"),
    Case("nonsense", "a"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.permission)
def test_who_may(case: Case) -> None:
    allowed = "".join(role[0] for role in EVERY_ROLE if roles.allows(role, case.permission))
    assert allowed == case.allowed


def test_every_role_is_in_the_table() -> None:
    assert {role for role, _ in roles.CHOICES} == set(EVERY_ROLE)


@pytest.mark.parametrize("role", ["", "root", "Administrator", "superuser"])
def test_a_role_that_is_not_there_may_nothing(role: str) -> None:
    assert not roles.allows(role, "providers.view_provider")


def test_an_operator_changes_no_row_of_admin_that_hands_out_rights() -> None:
    admin.autodiscover()
    changeable = {
        model._meta.label
        for model in admin.site._registry
        if roles.allows(roles.OPERATOR, f"{model._meta.app_label}.change_{model._meta.model_name}")
    }
    assert not changeable & {"accounts.User", "accounts.ApiKey", "account.EmailAddress"}
    assert changeable <= {model._meta.label for model in apps.get_models()}
    assert "providers.Connection" in changeable


@pytest.mark.parametrize(
    ("role", "is_superuser", "is_staff"),
    [
        (roles.ADMINISTRATOR, True, True),
        (roles.OPERATOR, False, True),
        (roles.VIEWER, False, True),
        (roles.MEMBER, False, False),
    ],
)
@pytest.mark.django_db
def test_djangos_flags_follow_from_the_role(role: str, is_superuser: bool, is_staff: bool) -> None:
    user = User.objects.create_user("u", role=role, is_superuser=not is_superuser)
    user.is_staff = not is_staff
    user.save()
    user.refresh_from_db()
    assert (user.is_superuser, user.is_staff) == (is_superuser, is_staff)
    assert user.has_module_perms("providers") == is_staff


@pytest.mark.django_db
def test_a_flag_that_was_granted_behind_the_roles_back_gives_nothing() -> None:
    User.objects.create_user("u", role=roles.MEMBER)
    User.objects.update(is_superuser=True, is_staff=True)
    user = User.objects.get()
    assert not user.has_perm("providers.view_provider")
    assert not user.has_module_perms("providers")


@pytest.mark.django_db
def test_who_is_switched_off_may_nothing() -> None:
    user = User.objects.create_user("u", role=roles.ADMINISTRATOR, is_active=False)
    assert not user.has_perm("providers.view_provider")
    assert not user.has_module_perms("providers")
