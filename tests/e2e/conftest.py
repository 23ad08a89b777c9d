from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway, copy
from tests.e2e.upstream import Upstream


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def prepared(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder, configured once and copied from then on."""
    folder = tmp_path_factory.mktemp("prepared")
    Gateway(folder).prepare(upstream.url)
    return folder


@pytest.fixture(scope="session")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests that leave it as it was."""
    yield from _running(prepared, tmp_path_factory.mktemp("gateway"), "uvicorn")


@pytest.fixture(scope="session")
def daphne(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """And one on the other server."""
    yield from _running(prepared, tmp_path_factory.mktemp("daphne"), "daphne")


def _running(prepared: Path, folder: Path, server: str) -> Iterator[Gateway]:
    options = ("--no-worker", "--server", server)
    gateway = Gateway(copy(prepared, folder), *options, MAX_BODY_MB="1").start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


@pytest.fixture(scope="session", params=["gateway", "daphne"], ids=["uvicorn", "daphne"])
def door(request: pytest.FixtureRequest) -> Gateway:
    """The two, one after the other."""
    gateway: Gateway = request.getfixturevalue(request.param)
    return gateway


@pytest.fixture
def own_gateway(prepared: Path, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Makes gateways that a test may stop, kill or configure."""
    made: list[Gateway] = []

    def make(*options: str, **environment: str) -> Gateway:
        gateway = Gateway(copy(prepared, tmp_path / f"{len(made)}"), *options, **environment)
        made.append(gateway)
        return gateway.start()

    yield make
    for gateway in made:
        if gateway.process.poll() is None:
            gateway.kill()
