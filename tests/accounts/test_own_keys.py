"""A person's own keys: made within bounds, shown once, revoked by nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import keys, roles
from accounts.models import ApiKey, User
from gateway.snapshot import Principal, _globs
from tests.accounts.browsing import browser, make_user

pytestmark = pytest.mark.django_db

PAGE = "account_keys"


@pytest.fixture
def mia() -> User:
    return make_user("mia", allowed_models=["mk/*", "best"], budgets={"monthly_usd": 10})


def of(user: User) -> Client:
    client = browser()
    client.force_login(user)
    return client


def make(client: Client, **fields: Any) -> Any:
    return client.post(reverse(PAGE), {"name": "laptop", "models": "mk/*"} | fields)


def test_a_member_makes_a_key_that_calls_models_and_manages_nothing(mia: User) -> None:
    shown = make(of(mia)).context["made"]
    row = ApiKey.objects.get()
    assert row.sha256 == keys.hash_key(shown)
    assert (row.name, row.owner, row.scope) == ("mia/laptop", mia, "inference")
    assert row.allowed_models == ["mk/*"]


def test_it_is_shown_once(mia: User) -> None:
    client = of(mia)
    made = make(client)
    key = made.context["made"]
    assert "no-store" in made.headers["cache-control"]
    assert key not in client.get(reverse(PAGE)).content.decode()
    with database.cursor() as cursor:
        for table in ("accounts_apikey", "django_session", "auditlog_logentry"):
            cursor.execute(f"SELECT * FROM {table}")
            assert key not in str(cursor.fetchall())


FORGED = {
    "scope": "manage", "budgets": '{"monthly_usd": 1000000}', "limits": '{"rpm": 1000000}',
    "owner": "1", "active": "on", "controls": '["connection"]', "allowed_models": '["*"]',
    "allowed_ips": "[]", "sha256": "0" * 64, "role": "administrator", "is_superuser": "on",
}  # fmt: skip


def test_what_is_forged_into_the_form_counts_for_nothing(mia: User) -> None:
    make_user("root", roles.ADMINISTRATOR)
    make(of(mia), **FORGED)
    row = ApiKey.objects.get()
    assert (row.scope, row.budgets, row.limits, row.owner) == ("inference", {}, {}, mia)
    assert row.allowed_models == ["mk/*"]
    assert "connection" not in row.controls
    mia.refresh_from_db()
    assert (mia.role, mia.is_superuser, mia.budgets) == ("member", False, {"monthly_usd": 10})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("models", "*", "*: beyond what you may call"),
        ("models", "mk/a other/b", "other/b: beyond what you may call"),
        ("models", "", "This field is required"),
        ("name", "", "This field is required"),
        ("name", "x" * 61, "at most 60 characters"),
        ("name", "a\0b", "Null characters are not allowed"),
        ("expires", "2020-01-01", "This day is over"),
        ("expires", "tomorrow", "Enter a valid date"),
    ],
)
def test_a_mistake_is_told_at_its_field(mia: User, field: str, value: str, words: str) -> None:
    answer = make(of(mia), **{field: value})
    assert words in str(answer.context["form"].errors[field])
    assert not ApiKey.objects.exists()


def test_a_name_can_be_anothers_too_and_ones_own_only_once(mia: User) -> None:
    make(of(make_user("max")))
    make(of(mia))
    again = make(of(mia))
    assert "You have a key of this name" in str(again.context["form"].errors)
    assert set(ApiKey.objects.values_list("name", flat=True)) == {"mia/laptop", "max/laptop"}


def test_nobody_has_keys_without_number(mia: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.own_keys.MAX_KEYS", 1)
    make(of(mia))
    make(of(mia), name="second")
    assert ApiKey.objects.count() == 1


def test_ones_own_is_revoked_and_anothers_is_not_there(mia: User) -> None:
    make(of(mia))
    row = ApiKey.objects.get()
    revoke = reverse("account_revoke_key", args=[row.pk])
    assert of(make_user("max")).post(revoke).status_code == 404
    assert of(mia).get(revoke).status_code == 405
    assert ApiKey.objects.exists()
    of(mia).post(revoke)
    assert not ApiKey.objects.exists()


def test_one_sees_ones_own_only(mia: User) -> None:
    make(of(make_user("max")))
    assert list(of(mia).get(reverse(PAGE)).context["keys"]) == []


MAY = [
    (roles.ADMINISTRATOR, 200, 1), (roles.OPERATOR, 403, 0), (roles.VIEWER, 403, 0),
    (roles.MEMBER, 200, 1),
]  # fmt: skip


@pytest.mark.parametrize(("role", "status", "made"), MAY)
def test_who_makes_keys(role: str, status: int, made: int) -> None:
    client = of(make_user("eve", role))
    assert client.get(reverse(PAGE)).status_code == 200
    assert make(client).status_code == status
    assert ApiKey.objects.count() == made


def test_the_page_takes_as_many_queries_for_thirty_keys_as_for_one(
    mia: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        keys.mint(name=f"k{number}", owner=mia)[0].save()
    client = of(mia)
    with django_assert_max_num_queries(6):
        client.get(reverse(PAGE))


def test_a_form_of_another_site_makes_nothing(mia: User) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    client.force_login(mia)
    assert make(client).status_code == 403
    assert not ApiKey.objects.exists()


def test_an_expiry_is_the_end_of_its_day(mia: User) -> None:
    day = (timezone.now() + timedelta(days=30)).date()
    make(of(mia), expires=day.isoformat())
    expires = ApiKey.objects.get().expires
    assert expires is not None
    assert expires.isoformat() == f"{day}T23:59:59.999999+00:00"


# --- What a call is held to ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_key", "of_owner", "model", "allowed"),
    [
        (["*"], ["*"], "mk/a", True),
        (["*"], ["mk/*"], "mk/a", True),
        (["*"], ["mk/*"], "an/a", False),
        (["mk/*"], ["*"], "an/a", False),
        (["mk/a*", "an/*"], ["mk/*"], "mk/ab", True),
        (["mk/a*", "an/*"], ["mk/*"], "an/b", False),
        (["mk/*"], ["mk/?"], "mk/ab", False),
        (["*"], [], "mk/a", False),
        (["mk/a"], ["mk/*"], "mk/a\n", False),
    ],
)
def test_a_key_calls_what_both_it_and_its_owner_may(
    of_key: list[str], of_owner: list[str], model: str, allowed: bool
) -> None:
    principal = Principal(name="k", allowed=_globs(of_key, of_owner))
    assert principal.may_call(model) == allowed
