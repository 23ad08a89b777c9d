"""Every test process has a data folder of its own, and calls nothing but this machine."""

import os
import socket
import tempfile
from typing import Any

# Before Django's settings are read: what the developer's environment says is not for tests.
_folder = tempfile.TemporaryDirectory(prefix="omniroute-test-")
os.environ["DATA_DIR"] = _folder.name
for _name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "PUBLIC_URL"):
    os.environ.pop(_name, None)

import pytest
from hypothesis import settings

pytest_plugins = ["tests.services"]

settings.register_profile("omniroute", deadline=None, max_examples=60)
settings.load_profile("omniroute")

_connect = socket.socket.connect


def _connect_here(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
        raise AssertionError(f"a test tried to reach {address[0]}")
    _connect(self, address)


@pytest.fixture(autouse=True)
def _this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _connect_here)
