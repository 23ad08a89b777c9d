"""Tests call nothing but this machine."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

pytest_plugins = ["tests.services"]

settings.register_profile("omniroute", deadline=None, max_examples=60)
settings.load_profile("omniroute")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first: begun last, one would run on alone while the other cores are idle."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


_HERE = ("127.0.0.1", "::1")
_reached: list[str] = []


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Python tells of a call before it is made, so an error here is in its place."""
    match event, arguments:
        case "socket.connect" | "socket.sendto", (_, (str(host), *_)) if host not in _HERE:
            pass
        case "socket.getaddrinfo", (str(host), *_) if host not in (*_HERE, "localhost", ""):
            if _is_numeric(host):
                return  # asks nobody; the guard judges what is connected to
        case _:
            return
    _reached.append(f"{event} {host} in {os.environ.get('PYTEST_CURRENT_TEST', 'no test')}")
    raise AssertionError(f"a test tried to reach {host}")


def _is_numeric(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


sys.addaudithook(_guard)


@pytest.fixture(scope="session", autouse=True)
def _this_machine_only() -> Iterator[None]:
    """Code under test may swallow the guard's error; the run fails all the same."""
    yield
    assert not _reached, "reached for another machine: " + "; ".join(_reached)
