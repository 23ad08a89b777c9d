"""Every fault, to every client, with another target behind the faulty one and without."""

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from gateway.retries import RESERVE
from tests.e2e.gateway import Gateway, keyed, until
from tests.faults.asked import TEXT
from tests.faults.calls import Told, call, cooling, earn_retries
from tests.faults.cases import CLIENTS, Case, cases_of
from tests.faults.faults import FAULTS, Fault
from tests.faults.judging import judge
from tests.faults.misbehaving import BEHAVIOURS
from tests.faults.upstream import Upstream

# Of the bulky ones the gateway holds up to 64 MB each.
BULKY_AT_ONCE = 4


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
async def test_what_becomes_of_it_is_what_the_table_says(
    fault: Fault, gateway: Gateway, upstream: Upstream
) -> None:
    cases = [case for client in CLIENTS for case in cases_of(fault, client)]
    answers: list[Told | str] = []
    async with aiohttp.ClientSession(headers=keyed()) as session:
        for some in _at_once(cases):
            await earn_retries(session, gateway.url, sum(case.is_asked_again for case in some))
            answers += await asyncio.gather(
                *(_call(session, gateway.url, case, upstream) for case in some)
            )
    left_alone = await asyncio.to_thread(cooling, gateway)
    rows = await asyncio.to_thread(_rows, gateway, answers)
    wrong = []
    for case, told in zip(cases, answers, strict=True):
        problems = [told] if isinstance(told, str) else judge(case, told, rows[told.id], left_alone)
        wrong += [f"{case.id}: {problem}" for problem in problems]
    assert not wrong, "\n".join(wrong)
    if fault.id == "fails-once":  # and is held against nobody
        async with aiohttp.ClientSession(headers=keyed()) as session:
            for case in cases:
                again = await call(session, gateway.url, case, upstream)
                assert again.headers["x-omniroute-connection"] == case.account
                assert again.heard.text == TEXT
    # Nothing stays open at the provider, whatever it was about to say.
    until(lambda: not any(upstream.is_busy(case.id) for case in cases))


def _at_once(cases: list[Case]) -> Iterator[list[Case]]:
    """So many that each has its retry: every other case is alone."""
    size = BULKY_AT_ONCE if cases[0].fault.bulky else 2 * int(RESERVE)
    for at in range(0, len(cases), size):
        yield cases[at : at + size]


async def _call(
    session: aiohttp.ClientSession, url: str, case: Case, upstream: Upstream
) -> Told | str:
    """An answer that a client cannot read, or that does not end, keeps no other case from its own."""
    try:
        return await call(session, url, case, upstream)
    except (AssertionError, LookupError, ValueError, TimeoutError, aiohttp.ClientError) as error:
        return f"{type(error).__name__}: {error}"


def _rows(gateway: Gateway, answers: list[Told | str]) -> dict[str, dict[str, Any]]:
    return {told.id: gateway.row(told.id) for told in answers if not isinstance(told, str)}


def test_every_fault_has_its_bytes(upstream: Upstream) -> None:
    assert {fault.id for fault in FAULTS} == {*upstream.places, *BEHAVIOURS}
