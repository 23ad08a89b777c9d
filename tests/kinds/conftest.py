from collections.abc import Iterator

import pytest

from tests.e2e.gateway import Gateway
from tests.kinds import configuration
from tests.kinds.vendor import Vendors


@pytest.fixture(scope="session")
def vendors() -> Iterator[Vendors]:
    vendors = Vendors(configuration.ANSWERS)
    yield vendors
    vendors.close()


@pytest.fixture(scope="session")
def kinds(vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests, in front of every vendor."""
    gateway = Gateway(
        tmp_path_factory.mktemp("kinds"), "--no-worker", "--server", "uvicorn",
        FETCH_PRIVATE_NETWORKS="1",
    )  # fmt: skip
    gateway.manage("bootstrap")
    gateway.apply(configuration.document(vendors.url))
    gateway.start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()
