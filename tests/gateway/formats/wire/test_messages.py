"""Binary fixtures are what can be read of them, and nothing besides."""

from pathlib import Path

import pytest

from tests.gateway.formats.wire import fixtures
from tests.gateway.formats.wire.messages import pack, show

BINARY = sorted(fixtures.WIRE.glob("*/*.b64"))


@pytest.mark.parametrize("path", BINARY, ids=lambda path: path.stem)
def test_a_fixture_is_what_its_messages_are_packed_to(path: Path) -> None:
    assert pack(show(fixtures.stream_of(path))) == path.read_text()
