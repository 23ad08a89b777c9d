"""The oddities of real streams, each in a small fixture of our own under tests/wire/."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway import formats
from gateway.errors import UpstreamFailed
from gateway.formats.fold import fold
from gateway.formats.types import Reply
from tests.gateway.formats.test_streams import cut
from tests.gateway.formats.wire import fixtures
from tests.gateway.formats.wire.case import Case
from tests.gateway.formats.wire.tables import TABLES

EACH = [(name, case) for name, table in TABLES.items() for case in table.cases]


def each(rows: list[tuple[str, Case]]) -> pytest.MarkDecorator:
    found = [pytest.param(*row, id=f"{row[0]}: {row[1].name}: {row[1].id}") for row in rows]
    return pytest.mark.parametrize(("name", "case"), found)


def stream(name: str, case: Case) -> bytes:
    return fixtures.stream_of(fixtures.WIRE / name / (case.name + TABLES[name].suffix))


def read(name: str, *pieces: bytes) -> Reply:
    decoder = formats.by_name(name).StreamDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return fold(events + decoder.close())


@each(EACH)
def test_what_a_stream_says(name: str, case: Case) -> None:
    if case.failure:
        with pytest.raises(UpstreamFailed, match=case.failure):
            read(name, stream(name, case))
        return
    assert read(name, stream(name, case)) == replace(
        TABLES[name].head,
        parts=case.parts,
        finish=case.finish,
        usage=case.usage,
        stop_sequence=case.stop_sequence,
    )


@each(EACH)
@settings(max_examples=8)  # each fixture is an example already
@given(places=st.lists(st.integers(0, 10_000), max_size=12))
def test_wherever_it_is_cut(name: str, case: Case, places: list[int]) -> None:
    data = stream(name, case)
    if case.failure:
        with pytest.raises(UpstreamFailed, match=case.failure):
            read(name, *cut(data, places))
    else:
        assert read(name, *cut(data, places)) == read(name, data)


@each([row for row in EACH if not row[1].failure])
@settings(max_examples=8)  # each fixture is an example already
@given(places=st.lists(st.integers(0, 10_000), max_size=12))
def test_a_relay_passes_it_on(name: str, case: Case, places: list[int]) -> None:
    data = stream(name, case)
    relay = formats.by_name(name).Relay(False)
    passed = b"".join(relay.feed(piece) for piece in cut(data, places)) + relay.close()
    assert passed.startswith(data.rstrip(b"\r\n"))
    assert relay.finished
    assert relay.usage == case.usage


def test_each_format_has_its_table() -> None:
    assert TABLES.keys() == formats.FORMATS.keys()


@pytest.mark.parametrize("name", TABLES)
def test_each_fixture_has_its_row_and_each_row_its_fixture(name: str) -> None:
    table = TABLES[name]
    rows = [case.name + table.suffix for case in table.cases]
    assert sorted(rows) == [path.name for path in fixtures.streams(name)]
