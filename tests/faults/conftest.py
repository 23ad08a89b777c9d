from collections.abc import Iterator

import pytest

from tests.e2e.gateway import Gateway
from tests.faults.cases import configuration
from tests.faults.upstream import Upstream


@pytest.fixture(scope="package")
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="package")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("faults"), "--no-worker", "--server", "uvicorn")
    gateway.manage("bootstrap")
    gateway.apply(configuration(upstream.url, upstream.places))
    gateway.start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()
