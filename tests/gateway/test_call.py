"""What the log says of a call: at its begin what it becomes if the process dies, then what it was."""

from pathlib import Path
from typing import Any

import pytest

from analytics import records
from analytics.records import Record
from gateway import routing
from gateway.call import Call
from gateway.errors import RateLimited
from gateway.exchange import Exchange
from gateway.formats import openai_chat
from gateway.journal import Journal
from gateway.routing import Target
from gateway.snapshot import Principal
from tests.gateway.configured import model, price, provider, snapshot

RESERVED_PICOUSD = 5


class Written(Journal):
    """A journal whose lines can be read."""

    def __init__(self, root: Path) -> None:
        self.rows: list[Record] = []
        super().__init__(root, self._take)

    def _take(self, lines: list[bytes]) -> None:
        self.rows += map(records.decode, lines)


@pytest.fixture
def journal(tmp_path: Path) -> Written:
    return Written(tmp_path)


@pytest.fixture
def begun(journal: Written) -> tuple[Call, Target]:
    """A call that is about to be made, to the first of its targets."""
    known = snapshot(provider("a", model("a/m", prices=price(1, 2))))
    scope: Any = {"path": "/v1/chat/completions", "headers": []}
    call = Call(Exchange(scope, Any, Any, "127.0.0.1"), openai_chat, known)  # type: ignore[arg-type]
    call.model = "a/m"
    target = routing.resolve(known, Principal(name=""), "a/m", "openai_chat").targets[0]
    call.begin(journal, target, RESERVED_PICOUSD)
    return call, target


def test_who_answers_is_in_its_row(begun: tuple[Call, Target], journal: Written) -> None:
    call, target = begun
    call.target = target
    call.account(journal, "ok", 200)
    journal.close()
    (row,) = journal.rows
    assert (row.provider, row.model, row.connection) == ("a", "a/m", "a")
    assert (row.requested_model, row.status, row.outcome, row.error) == ("a/m", 200, "ok", "")


def test_where_nobody_was_asked_the_row_names_nobody(
    begun: tuple[Call, Target], journal: Written
) -> None:
    call, _ = begun
    call.account(journal, "error", 429, RateLimited("all are full", retry_after_s=1))
    journal.close()
    (row,) = journal.rows
    assert (row.provider, row.model, row.connection, row.tier) == ("", "", "", "")
    assert (row.cost_picousd, row.error) == (0, "all are full")
