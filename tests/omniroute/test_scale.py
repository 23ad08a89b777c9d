"""Ten thousand connections and five thousand models: the configuration is built, and Admin lists it.

How long that takes is measured by `python -m bench snapshot`, beside a stream.
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
from bench.snapshot import populate
from gateway import snapshot
from providers.models import Connection, ProviderModel
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def queries(deed: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as made:
        deed()
    return len(made)


def test_a_large_configuration_is_built_and_listed_at_the_cost_of_a_small_one() -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(role=roles.ADMINISTRATOR))
    lists = ["connection", "providermodel", "provider"]
    urls = {name: reverse(f"admin:providers_{name}_changelist") for name in lists}

    populate(100, 0)
    for url in urls.values():
        assert client.get(url).status_code == 200  # templates and content types are read once
    few = {name: queries(partial(client.get, url)) for name, url in urls.items()}
    queries_of_few = queries(snapshot.build)

    populate(10_000, 5_000)
    assert (Connection.objects.count(), ProviderModel.objects.count()) == (10_000, 5_000)
    for name, url in urls.items():
        assert queries(partial(client.get, url)) == few[name], name
    assert queries(snapshot.build) == queries_of_few
    built = snapshot.build()
    assert sum(len(provider.connections) for provider in built.providers.values()) == 10_000
    assert built.problems == ()
