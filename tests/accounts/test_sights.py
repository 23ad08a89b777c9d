"""What nobody sees, whatever their role; what is another's; and that looking changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts import keys, roles
from accounts.models import ApiKey, User
from analytics import ids, records
from tests.accounts.browsing import make_user
from tests.accounts.rows import SECRETS, of, one_of_each
from tests.accounts.test_doors import addresses

pytestmark = pytest.mark.django_db

STAFF = (roles.ADMINISTRATOR, roles.OPERATOR, roles.VIEWER)


@pytest.fixture(autouse=True)
def configured() -> None:
    one_of_each()


def pages_of_rows() -> Iterator[str]:
    """Those of Admin for each row there is, with its history."""
    for model in admin.site._registry:
        place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for pk in model._default_manager.values_list("pk", flat=True):
            yield reverse(f"{place}_change", args=[pk])
            yield reverse(f"{place}_history", args=[pk])


def of_the_api() -> Iterator[str]:
    for section in (
        "connections",
        "providers",
        "models",
        "aliases",
        "combos",
        "keys",
        "settings",
        "alert-channels",
    ):
        yield f"/api/{section}"
    yield from ("/api/connections/main", "/api/providers/local", "/api/keys/laptop")


@pytest.mark.parametrize("role", STAFF)
def test_a_secret_is_on_no_page_and_in_no_answer(role: str) -> None:
    client, seen = of(role), {}
    for path in {*addresses(), *pages_of_rows(), *of_the_api()}:
        answer = client.get(path)
        body = "" if answer.streaming else answer.content.decode(errors="replace")
        if found := [secret for secret in SECRETS if secret in body]:
            seen[path] = found
    assert seen == {}


def test_looking_changes_nothing_that_the_history_tells_of() -> None:
    client, before = of(roles.ADMINISTRATOR), LogEntry.objects.count()
    for path in {*addresses(), *pages_of_rows()} - {reverse("account_logout")}:
        client.get(path)
        assert LogEntry.objects.count() == before, path


@pytest.mark.parametrize(
    "question",
    [
        "providers_connection_changelist?headers__x-secret__startswith=c",
        "providers_connection_changelist?headers__icontains=canary",
        "providers_connection_changelist?credential__startswith=g",
        "accounts_apikey_changelist?sha256__startswith=a",
        "accounts_invitation_changelist?sha256__startswith=a",
        "analytics_alertchannel_changelist?sealed__startswith=g",
        "accounts_user_changelist?password__startswith=md5",
        "accounts_apikey_changelist?owner__password__startswith=md5",
        "providers_provider_changelist?connections__headers__icontains=canary",
    ],
)
def test_what_is_not_shown_cannot_be_asked_for_letter_by_letter(question: str) -> None:
    page, _, query = question.partition("?")
    answer = of(roles.VIEWER).get(f"{reverse(f'admin:{page}')}?{query}")
    assert answer.status_code == 400


@pytest.fixture
def theirs() -> str:
    """A request that the administrator made with their own key."""
    row = records.Record(
        id=ids.new_id(1_800_000_000), time=records.timestamp(1_800_000_000), outcome="ok",
        status=200, client_format="openai_chat", path="/v1/chat/completions", key="laptop",
        user="administrator", requested_model="local/m",
    )  # fmt: skip
    records.insert([records.encode(row)])
    return row.id


def test_a_member_finds_nothing_of_others_by_its_id(theirs: str) -> None:
    member = of(roles.MEMBER)
    key = ApiKey.objects.get(name="laptop")
    looked_up = {
        f"/logs/{theirs}/": 404,
        f"/api/logs/{theirs}": 404,
        f"/setup/waiting/?key={key.pk}&since=0": 404,
    }
    assert {path: member.get(path).status_code for path in looked_up} == looked_up
    assert member.get(f"/playground/calls/{theirs}/").json() == {"call": None}
    assert "no such request" in member.get(f"/playground/?from={theirs}").text
    assert theirs not in member.get("/logs/?range=90d").text + member.get("/api/logs").text
    assert ">laptop<" not in member.get("/setup/").text + member.get("/playground/").text
    assert member.post(reverse("playground-call", args=[key.pk])).status_code == 403
    assert member.post(reverse("account_revoke_key", args=[key.pk])).status_code == 404
    assert ApiKey.objects.filter(pk=key.pk).exists()


@pytest.mark.parametrize("role", [roles.OPERATOR, roles.VIEWER])
def test_nobody_calls_with_a_key_of_somebody_else(role: str) -> None:
    key = ApiKey.objects.get(name="laptop")
    everyones, _ = keys.mint(name="everyone's")
    everyones.save()
    for row in (key, everyones):
        assert of(role).post(reverse("playground-call", args=[row.pk])).status_code == 403


def test_a_session_writes_nothing_without_its_token() -> None:
    """Whatever the address: a form of another site is answered before a view is."""
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    client.force_login(User.objects.get(username="administrator"))
    before = LogEntry.objects.count()
    taken = {path: client.post(path, {"post": "yes"}).status_code for path in addresses()}
    assert {path: code for path, code in taken.items() if code < 300} == {}
    assert LogEntry.objects.count() == before


def test_who_is_switched_off_is_signed_out_and_their_keys_are_dead() -> None:
    person = make_user("ada", roles.OPERATOR)
    row, key = keys.mint(name="ada's", owner=person, scope="manage")
    row.save()
    client = of("ada")
    by_key: dict[str, Any] = {"headers": {"authorization": f"Bearer {key}", "host": "localhost"}}
    assert client.get("/api/providers").status_code == 200
    assert Client(**by_key).get("/api/providers").status_code == 200
    person.is_active = False
    person.save()
    assert client.get("/api/providers").status_code == 401
    assert Client(**by_key).get("/api/providers").status_code == 401
