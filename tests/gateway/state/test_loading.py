"""What the log says has been spent reaches the state that refuses."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import keys
from accounts.models import User
from analytics.ids import first_id
from gateway import admission, soft_budgets
from gateway import runtime as module
from gateway.errors import BudgetSpent
from gateway.runtime import Runtime
from gateway.snapshot import Principal
from gateway.state import Lease
from gateway.state.memory import MemoryState
from tests.analytics.rows import log
from tests.gateway.clocks import NOON, Clock

pytestmark = pytest.mark.django_db

USD = 10**12
CALL = {"cost_picousd": 3 * USD, "input_tokens": 30, "output_tokens": 20}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Clock:
    settings.DATA_DIR = tmp_path
    clock = Clock()
    monkeypatch.setattr(module, "time", lambda: clock.wall)
    return clock


@pytest.fixture
def made() -> Iterator[list[Runtime]]:
    runtimes: list[Runtime] = []
    yield runtimes
    for runtime in runtimes:
        runtime.journal.close()


@pytest.fixture
def ops() -> User:
    return User.objects.create_user("ops", budgets={"weekly_tokens": 100})


def key(name: str, **fields: Any) -> None:
    row, _ = keys.mint(name=name, **fields)
    row.save()


def start(made: list[Runtime], clock: Clock, processes: int = 1) -> Runtime:
    runtime = Runtime()
    runtime.state = MemoryState(
        processes=processes, clock=lambda: clock.mono, wall=lambda: clock.wall
    )
    runtime.load_spending()
    made.append(runtime)
    return runtime


async def claim(runtime: Runtime, principal: Principal, tokens: int, picousd: int) -> Lease:
    paying = soft_budgets.payers(principal, runtime.snapshot.budgets)
    wanted = admission.of_key(principal, paying, tokens, picousd)
    assert wanted is not None
    return await runtime.state.claim(wanted)


def room(runtime: Runtime, name: str, tokens: int, picousd: int) -> bool:
    """Whether a call of so much would be let in now."""
    principal = next(p for p in runtime.snapshot.keys.values() if p.name == name)
    try:
        lease = asyncio.run(claim(runtime, principal, tokens, picousd))
    except BudgetSpent:
        return False
    lease.settle(0, 0)
    return True


def test_a_key_starts_where_the_log_ends(made: list[Runtime], clock: Clock) -> None:
    key("laptop", budgets={"daily_usd": 10, "monthly_usd": 12})
    log(NOON - timedelta(hours=1), **CALL)
    log(NOON - timedelta(days=2), **CALL)
    runtime = start(made, clock)
    assert room(runtime, "laptop", 1, 6 * USD)  # 3 of 10 today, 6 of 12 this month
    assert not room(runtime, "laptop", 1, 6 * USD + 1)


def test_a_user_starts_there_too_with_all_keys(
    made: list[Runtime], clock: Clock, ops: User
) -> None:
    key("laptop", owner=ops)
    key("phone", owner=ops)
    log(NOON, **CALL | {"key": "phone"})
    runtime = start(made, clock)
    assert room(runtime, "laptop", 50, 0)
    assert not room(runtime, "laptop", 51, 0)


def test_where_nobody_has_a_budget_the_log_is_left_alone(made: list[Runtime], clock: Clock) -> None:
    key("laptop")
    runtime = start(made, clock)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        runtime.load_spending()
    assert len(queries) == 0


def test_only_as_much_of_the_log_is_read_as_the_budgets_are_for(
    made: list[Runtime], clock: Clock
) -> None:
    key("laptop", budgets={"daily_usd": 10})
    log(NOON - timedelta(days=2), **CALL)
    runtime = start(made, clock)
    with CaptureQueriesContext(connection) as queries:
        runtime.load_spending()
    today = datetime(2026, 11, 25, tzinfo=UTC)
    assert all(
        first_id(today.timestamp()) in query["sql"] or "2026-11-25" in query["sql"]
        for query in queries
    )


def test_several_processes_leave_room_for_what_began_in_the_last_half_hour(
    made: list[Runtime], clock: Clock
) -> None:
    key("laptop", budgets={"daily_usd": 10})
    log(NOON - timedelta(minutes=10), **CALL)
    first = start(made, clock, processes=2)
    # 7 are left; of the 10 that were left half an hour ago the other may be running its 5.
    assert room(first, "laptop", 1, 2 * USD)
    assert not room(first, "laptop", 1, 2 * USD + 1)
    clock.advance(1800)
    first.load_spending()
    assert room(first, "laptop", 1, 3 * USD)
    assert not room(first, "laptop", 1, 4 * USD)


def test_what_was_drained_counts_once(made: list[Runtime], clock: Clock) -> None:
    key("laptop", budgets={"daily_usd": 10})
    runtime = start(made, clock)
    principal = next(iter(runtime.snapshot.keys.values()))
    lease = asyncio.run(claim(runtime, principal, 50, 3 * USD))
    assert lease is not None
    lease.settle(50, 3 * USD)
    log(NOON, **CALL)
    runtime.journal.drained_until = clock.mono - 1  # as far as is known it is not in the log
    runtime.load_spending()
    assert not room(runtime, "laptop", 1, 5 * USD)
    runtime.journal.drained_until = clock.mono + 1
    runtime.load_spending()
    assert room(runtime, "laptop", 1, 7 * USD)
    assert not room(runtime, "laptop", 1, 7 * USD + 1)
