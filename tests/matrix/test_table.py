"""docs/formats.md says what the matrix was held against."""

from tests.matrix.clients import CLIENTS
from tests.matrix.losses import ALL, LOSSES, UNASKED
from tests.matrix.scenarios import SCENARIOS
from tests.matrix.table import PATH, TITLES, document
from tests.matrix.vendors import VENDORS


def test_the_page_is_what_the_table_makes_of_it() -> None:
    assert PATH.read_text() == document(), "`make docs` writes it"


def test_the_table_speaks_of_what_there_is() -> None:
    scenarios = {scenario.id for scenario in SCENARIOS}
    assert {loss.scenario for loss in LOSSES} | {asked for _, asked in UNASKED} <= scenarios
    for loss in LOSSES:
        assert {*loss.clients.split()} <= {*CLIENTS, ALL}
        assert {*loss.upstreams.split()} <= {*VENDORS, ALL}
    assert list(TITLES) == list(VENDORS)
