"""docs/resilience.md says what the faults were held against."""

from tests.faults.cases import CASES
from tests.faults.faults import FAULTS
from tests.faults.table import PATH, document


def test_the_page_is_what_the_table_makes_of_it() -> None:
    assert PATH.read_text() == document(), "`make docs` writes it"


def test_the_table_speaks_of_what_there_is() -> None:
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
    assert len({case.id for case in CASES}) == len(CASES)
