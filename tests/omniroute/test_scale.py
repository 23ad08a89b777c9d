"""Ten thousand connections and five thousand models: the configuration is built, and Admin lists it.

Time is that of the processor: how long it takes on the wall depends on who else is at work, and
`python -m bench snapshot` measures that, beside a stream.
"""

import time
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


def cost(deed: Callable[[], Any]) -> tuple[float, int]:
    """Seconds of the processor, and queries."""
    with CaptureQueriesContext(connection) as queries:
        began = time.process_time()
        deed()
        return time.process_time() - began, len(queries)


def test_a_large_configuration_is_built_and_listed_at_the_cost_of_a_small_one() -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(UserFactory(role=roles.ADMINISTRATOR))
    lists = ["connection", "providermodel", "provider"]
    urls = {name: reverse(f"admin:providers_{name}_changelist") for name in lists}

    populate(100, 0)
    for url in urls.values():
        assert client.get(url).status_code == 200  # templates and content types are read once
    few = {name: cost(partial(client.get, url))[1] for name, url in urls.items()}
    _, queries_of_few = cost(snapshot.build)

    populate(10_000, 5_000)
    assert (Connection.objects.count(), ProviderModel.objects.count()) == (10_000, 5_000)
    for name, url in urls.items():
        seconds, queries = cost(partial(client.get, url))
        assert queries == few[name], name
        assert seconds < 0.5, name
    seconds, queries = cost(snapshot.build)
    assert queries == queries_of_few
    assert seconds < 2
    built = snapshot.build()
    assert sum(len(provider.connections) for provider in built.providers.values()) == 10_000
    assert built.problems == ()
