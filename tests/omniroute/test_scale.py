"""Ten thousand rows of everything: the configuration is built, and Admin lists it, at the cost of a few.

How long that takes is measured by `python -m bench snapshot` and `python -m bench lists`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import roles
from analytics.models import RequestRecord
from bench.many import LISTS
from bench.snapshot import populate
from gateway import snapshot
from providers.models import Connection, Provider, ProviderModel
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.long]

MANY = 10_000


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


@pytest.mark.parametrize(("model", "make"), LISTS, ids=lambda told: told.__name__)
def test_a_list_of_ten_thousand_costs_as_many_queries_as_one_of_ten(
    client: Client, model: type[Any], make: Callable[[int, int], object]
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
