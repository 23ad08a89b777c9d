"""Records and turns: what is known between calls, for a time, in bounded room."""

from gateway.state import State
from gateway.state.records import OVERHEAD_BYTES, Records
from tests.gateway.state.conftest import Store


async def test_each_name_has_turns_of_its_own(state: State) -> None:
    assert await state.turn(["a", "b"]) == [0, 0]
    assert await state.turn(["b"]) == [1]
    assert await state.turn([]) == []
    assert await state.turn(["a", "b"]) == [1, 2]


async def test_a_record_is_read_until_its_time_is_over(state: State, store: Store) -> None:
    assert await state.read("answer") is None
    await state.write("answer", b"\x00first", 10)
    await state.write("answer", b"second", 20)
    await store.advance(15)
    assert await state.read("answer") == b"second"
    await store.advance(5)
    assert await state.read("answer") is None


async def test_who_takes_first_has_it_until_it_is_dropped_or_over(
    state: State, store: Store
) -> None:
    assert await state.take("key", b"first", 10) is None
    assert await state.take("key", b"second", 10) == b"first"
    await state.drop("key")
    await state.drop("key")
    assert await state.take("key", b"third", 10) is None
    await store.advance(10)
    assert await state.take("key", b"fourth", 10) is None
    assert await state.read("key") == b"fourth"


# --- Room in memory ----------------------------------------------------------------------------

ROOM = 3 * (OVERHEAD_BYTES + 11)  # for three records of 10 bytes under a key of one letter


def kept(records: Records) -> str:
    """The keys that are still there, without touching their order."""
    return "".join(records._records)


def test_who_was_used_least_lately_makes_room() -> None:
    records = Records(ROOM)
    for key in "abc":
        records.write(key, bytes(10), 99)
    records.read("a", 0)
    records.write("d", bytes(10), 99)
    assert kept(records) == "cad"
    records.write("c", bytes(10), 99)  # in its own place: nobody has to go
    assert kept(records) == "adc"
    assert records.bytes == ROOM


def test_what_is_larger_than_all_the_room_is_not_kept_and_takes_nobodys() -> None:
    records = Records(ROOM)
    records.write("a", bytes(10), 99)
    records.write("b", bytes(10), 99)
    records.write("b", bytes(ROOM), 99)
    assert kept(records) == "a"
    records.drop("a")
    assert records.bytes == 0
