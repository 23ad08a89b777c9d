import time
from collections.abc import Iterator

import pytest

from providers.models import Provider
from tests.factories import ProviderFactory
from tests.providers.oauth.server import CLIENT, AuthorizationServer, authorization_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthorizationServer]:
    monkeypatch.setenv("TEST_OAUTH_CLIENT_ID", CLIENT)
    with authorization_server() as one:
        yield one


class Clock:
    """Time as both sides see it, moved by hand."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", made)
    return made


@pytest.fixture
def provider(server: AuthorizationServer) -> Provider:
    return ProviderFactory(
        slug="acme", base_url=server.api, allow_private_network=True, oauth=server.row()
    )
