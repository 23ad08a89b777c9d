"""Streams that break, one after another, open the breaker, although each had begun well."""

import asyncio
from datetime import datetime

import aiohttp
import pytest

from gateway.verdict import Policy
from tests.e2e.gateway import Gateway, keyed
from tests.faults.calls import KINDS, Told, call, cooling
from tests.faults.cases import BREAKING
from tests.faults.upstream import Upstream

DEFAULT = Policy()


@pytest.mark.parametrize("fault", BREAKING)
async def test_streams_that_break_open_the_breaker(
    fault: str, gateway: Gateway, upstream: Upstream
) -> None:
    cases = BREAKING[fault]

    async def from_each() -> list[Told]:
        return await asyncio.gather(*(call(session, gateway.url, c, upstream) for c in cases))

    async with aiohttp.ClientSession(headers=keyed()) as session:
        for _ in range(DEFAULT.breaker_failures):
            left_alone = await asyncio.to_thread(cooling, gateway)
            assert not left_alone.keys() & {case.account for case in cases}
            for told in await from_each():
                assert (told.status, told.heard.ended) == (200, False)
        left_alone = await asyncio.to_thread(cooling, gateway)
        refusals = await from_each()
    for case, told in zip(cases, refusals, strict=True):
        block = left_alone[case.account]
        assert (block["kind"], block["model"]) == ("server", case.faulty)
        lasts = datetime.fromisoformat(block["until"]) - datetime.fromisoformat(block["since"])
        assert lasts.total_seconds() == pytest.approx(DEFAULT.breaker_open_s, abs=1)
        assert (told.status, told.kind) == (503, KINDS[case.client][503])
        assert 0 < int(told.come_back) <= DEFAULT.breaker_open_s
        assert upstream.calls[case.id] == DEFAULT.breaker_failures
