"""Every client format by every upstream format, over real sockets."""

import asyncio
import json

import aiohttp
import pytest

from tests.e2e.gateway import KEY, Gateway
from tests.matrix import losses, scenarios
from tests.matrix.cells import Verdict, can_ask, run
from tests.matrix.clients import CLIENTS
from tests.matrix.framing import dumps
from tests.matrix.scenarios import SCENARIOS, SIGNATURE, Heard, JSONDict, Scenario
from tests.matrix.serving import Cell, Vendors
from tests.matrix.vendors import VENDORS


@pytest.mark.parametrize("upstream", VENDORS)
@pytest.mark.parametrize("client", CLIENTS)
async def test_nothing_is_lost_but_what_the_table_says(
    client: str, upstream: str, gateway: Gateway, vendors: Vendors
) -> None:
    cells = [
        Cell(client, upstream, scenario.id, streams)
        for scenario in SCENARIOS
        for streams in (False, True)
    ]
    headers = {"authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        verdicts = await asyncio.gather(
            *(_verdict(session, gateway.url, cell, vendors) for cell in cells)
        )
    wrong = [
        _explained(cell, verdict, expected)
        for cell, verdict in zip(cells, verdicts, strict=True)
        if verdict.losses != (expected := losses.expected(client, upstream, cell.scenario))
    ]
    assert not wrong, "\n".join(wrong)


async def _verdict(
    session: aiohttp.ClientSession, url: str, cell: Cell, vendors: Vendors
) -> Verdict:
    """An answer that a client cannot read is a loss too, and keeps no other cell from its own."""
    try:
        return await run(session, url, cell, vendors)
    except (AssertionError, LookupError, TypeError, ValueError, aiohttp.ClientError) as error:
        return Verdict({"unreadable"}, [f"{type(error).__name__}: {error}"])


def _explained(cell: Cell, verdict: Verdict, expected: set[str]) -> str:
    notes = "".join(f"\n    {note}" for note in verdict.notes)
    return f"{cell}: lost {sorted(verdict.losses)}, the table says {sorted(expected)}{notes}"


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_and_a_vendor_of_one_format_understand_each_other(
    name: str, scenario: Scenario, streams: bool
) -> None:
    """Without a gateway between: what the matrix measures with is right."""
    client, vendor = CLIENTS[name], VENDORS[name]
    body: JSONDict = {}
    heard = Heard()
    for number, step in enumerate(scenario.steps):
        if step.ask.goes_on:
            body = client.goes_on(body, heard, step.ask.results, "m")
        else:
            body = client.build(step.ask, "m", streams)
        wanted = scenarios.sent(scenario, number, SIGNATURE if vendor.SIGNS else "")
        seen = vendor.read(json.loads(dumps(body)))
        if wanted.max_tokens is None:
            seen.max_tokens = None
        assert (seen == wanted) is can_ask(name, scenario.id)
        if step.answer.status != 200 or step.answer.breaks:
            continue
        heard = client.read(200, json.loads(dumps(vendor.answer(step.answer, "m"))))
        assert (heard.text or heard.refusal) == (step.answer.text or _refusal(name, step.answer))
        assert tuple(heard.calls) == step.answer.calls
        assert (heard.thought, heard.signed) == (
            step.answer.thought,
            client.SIGNS and bool(step.answer.thought),
        )
        if streams:
            whole = heard
            heard = client.read_stream(b"".join(vendor.stream(step.answer, "m")))
            whole.raw = heard.raw
            assert heard == whole


def _refusal(name: str, answer: scenarios.Answer) -> str:
    return "" if name == "gemini" else answer.refusal
