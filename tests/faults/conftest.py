import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.gateway import Gateway, copy
from tests.faults.preparing import prepare, readdress
from tests.faults.upstream import Upstream


@pytest.fixture(scope="package")
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="package")
def prepared(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configured data folder, which the first of pytest's workers makes for all of them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "faults-prepared"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            prepare(folder)
    return folder


@pytest.fixture(scope="package")
def gateway(
    prepared: Path, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("faults"))
    readdress(folder, upstream)
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn").start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()
