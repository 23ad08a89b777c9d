"""Request ids sort by time, and no two are the same."""

from hypothesis import given
from hypothesis import strategies as st

from analytics.ids import first_id, new_id
from analytics.models import RequestRecord

# Milliseconds, up to the year 10889: as many as 48 bits hold.
moments = st.integers(0, 2**48 - 1)


@given(moments, moments)
def test_ids_sort_as_their_times(one: int, other: int) -> None:
    if one == other:
        return
    earlier, later = sorted((one, other))
    assert new_id((earlier + 0.5) / 1000) < new_id((later + 0.5) / 1000)


@given(moments)
def test_the_first_id_is_below_all_of_its_moment_and_above_all_before(ms: int) -> None:
    at = (ms + 0.5) / 1000
    assert first_id(at) <= new_id(at)
    if ms:
        assert new_id((ms - 0.5) / 1000) < first_id(at)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id(1_700_000_000.0) for _ in range(1000)}) == 1000


def test_an_id_is_a_ulid_and_fits_its_column() -> None:
    # The time of the ULID specification's own example, 01ARZ3NDEKTSV4RRFFQ69G5FAV.
    id = new_id(1469922850.259)
    assert id.startswith("req_01ARZ3NDEK")
    assert len(id) == RequestRecord._meta.pk.max_length == 30
    assert first_id(0) == "req_" + "0" * 26
