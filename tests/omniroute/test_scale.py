"""Ten thousand rows of everything: the configuration is built, and Admin lists it, at the cost of a few.

How long that takes is measured by `python -m bench snapshot`, beside a stream.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import roles
from accounts.models import ApiKey, User
from analytics import records
from analytics.ids import new_id
from analytics.models import RequestRecord
from bench.snapshot import populate
from combos.models import Alias, Combo, ComboTarget
from gateway import snapshot
from providers.models import Connection, ErrorRule, Provider, ProviderModel
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.long]

MANY = 10_000
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


def queries(deed: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as made:
        deed()
    return len(made)


@pytest.fixture
def client() -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(role=roles.ADMINISTRATOR))
    return client


def list_of(model: type[Any]) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")


def test_a_large_configuration_is_built_and_listed_at_the_cost_of_a_small_one(
    client: Client,
) -> None:
    urls = [list_of(model) for model in (Connection, ProviderModel, Provider)]

    populate(100, 0)
    for url in urls:
        assert client.get(url).status_code == 200  # templates and content types are read once
    few = {url: queries(partial(client.get, url)) for url in urls}
    queries_of_few = queries(snapshot.build)

    populate(10_000, 5_000)
    assert (Connection.objects.count(), ProviderModel.objects.count()) == (10_000, 5_000)
    for url in urls:
        assert queries(partial(client.get, url)) == few[url], url
    assert queries(snapshot.build) == queries_of_few
    built = snapshot.build()
    assert sum(len(provider.connections) for provider in built.providers.values()) == 10_000
    assert built.problems == ()


# --- Rows of the other lists; `first` is how many there are already ----------------------------


def users(first: int, upto: int) -> None:
    User.objects.bulk_create(User(username=f"u-{n}", role="member") for n in range(first, upto))


def keys(first: int, upto: int) -> None:
    users(first, upto)
    owners = {row.username: row for row in User.objects.all()}
    ApiKey.objects.bulk_create(
        ApiKey(name=f"k-{n}", owner=owners[f"u-{n}"], sha256=f"{n:064}") for n in range(first, upto)
    )


def aliases(first: int, upto: int) -> None:
    Alias.objects.bulk_create(Alias(alias=f"a-{n}", model="mk/m") for n in range(first, upto))


def combos(first: int, upto: int) -> None:
    Combo.objects.bulk_create(Combo(name=f"c-{n:05}") for n in range(first, upto))
    made = list(Combo.objects.order_by("name"))[first:]
    inner = made[0]
    ComboTarget.objects.bulk_create(
        target
        for row in made[1:]
        for target in (ComboTarget(combo=row, model="mk/m"), ComboTarget(combo=row, nested=inner))
    )


def rules(first: int, upto: int) -> None:
    owner, _ = Provider.objects.get_or_create(
        slug="mk", alias="mk", name="mk", base_url="https://x"
    )
    ErrorRule.objects.bulk_create(
        ErrorRule(provider=owner, status=429, action="stop", position=n) for n in range(first, upto)
    )


def requests(first: int, upto: int) -> None:
    rows = (
        records.Record(
            id=new_id(NOON + n), time=records.timestamp(NOON + n), key="laptop", user="ops",
            client_format="openai_chat", path="/v1/chat/completions", provider="mk", status=200,
            outcome="ok",
        )
        for n in range(first, upto)
    )  # fmt: skip
    records.insert([records.encode(row) for row in rows])


LISTS: list[tuple[type[Any], Callable[[int, int], None]]] = [
    (User, users),
    (ApiKey, keys),
    (Alias, aliases),
    (Combo, combos),
    (ErrorRule, rules),
    (RequestRecord, requests),
]


@pytest.mark.parametrize(("model", "make"), LISTS, ids=lambda told: told.__name__)
def test_a_list_of_ten_thousand_costs_as_many_queries_as_one_of_ten(
    client: Client, model: type[Any], make: Callable[[int, int], None]
) -> None:
    url = list_of(model)
    make(0, 10)
    assert client.get(url).status_code == 200
    few = queries(partial(client.get, url))
    make(10, MANY)
    assert model.objects.count() >= MANY
    assert queries(partial(client.get, url)) == few
    searched = {"q": "zzz"} if model is not RequestRecord else {"q": "laptop"}
    assert client.get(url, searched).status_code == 200
