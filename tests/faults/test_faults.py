"""Every fault, to every client, with another target behind the faulty one and without."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.gateway import Gateway, keyed, until
from tests.faults.asked import TEXT
from tests.faults.calls import KINDS, Told, call
from tests.faults.cases import CLIENTS, WELL, Case, cases_of
from tests.faults.faults import BY_ID, FAULTS, Fault
from tests.faults.hints import NOT_YET, is_told
from tests.faults.misbehaving import BEHAVIOURS, LONG
from tests.faults.upstream import Upstream
from tests.matrix.scenarios import Ask

# How late a busy machine may be; the limits that are not met are longer by far.
LATE_MS = 5000


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
async def test_what_becomes_of_it_is_what_the_table_says(
    fault: Fault, client: str, gateway: Gateway, upstream: Upstream
) -> None:
    cases = cases_of(fault, client)
    async with aiohttp.ClientSession(headers=keyed()) as session:
        answers = await asyncio.gather(
            *(_call(session, gateway.url, case, upstream) for case in cases)
        )
    rows = await asyncio.to_thread(_rows, gateway, answers)
    wrong = []
    for case, told in zip(cases, answers, strict=True):
        problems = [told] if isinstance(told, str) else judge(case, told, rows[told.id])
        wrong += [f"{case.id}: {problem}" for problem in problems]
    assert not wrong, "\n".join(wrong)
    if fault.once:
        async with aiohttp.ClientSession(headers=keyed()) as session:
            for case in cases:
                told = await call(session, gateway.url, case, upstream)
                assert told.headers["x-omniroute-connection"] == case.account
                assert told.heard.text == TEXT
    # Nothing stays open at the provider, whatever it was about to say.
    until(lambda: not any(upstream.is_busy(case.id) for case in cases))


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


# Of each: how the call is made, how large its body is, and what may be kept of all calls together:
# less than two bodies, or than four answers of which 64 MB were read.
KEPT = [
    ("refuses", False, CLIENTS[:1], 20, 40),
    ("error-midway", True, CLIENTS[:1], 20, 40),
    ("huge", False, CLIENTS, 0, 240),
]


@pytest.mark.parametrize(
    ("fault", "streams", "clients", "body_mb", "kept_mb"), KEPT, ids=[row[0] for row in KEPT]
)
async def test_of_a_call_that_failed_nothing_is_kept(
    fault: str, streams: bool, clients: tuple[str, ...], body_mb: int, kept_mb: int,
    gateway: Gateway, upstream: Upstream,
) -> None:  # fmt: skip
    ask = Ask("Say hello." + "x" * (body_mb << 20))
    cases = [
        case
        for client in clients
        for case in cases_of(BY_ID[fault], client)
        if case.upstream == "openai_chat" and case.streams == streams
    ]
    async with aiohttp.ClientSession(headers=keyed()) as session:
        await call(session, gateway.url, cases[0], upstream, ask)
        before = resident_mb(gateway)
        for case in [*cases, cases[-1]]:
            await call(session, gateway.url, case, upstream, ask)
    assert resident_mb(gateway) < before + kept_mb


def resident_mb(gateway: Gateway) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) >> 10


def judge(case: Case, told: Told, row: dict[str, Any]) -> list[str]:
    """What is wrong with the answer, or with what the log makes of it."""
    expected = case.fault.outcome(case.streams)
    tried = json.loads(row["attempts"])
    wrong: list[str] = []

    def same(what: str, found: object, wanted: object) -> None:
        if found != wanted:
            wrong.append(f"{what} is {found!r}, not {wanted!r}")

    if case.key in told.raw.decode() or case.key in json.dumps(row):
        wrong.append("the account's key is told")
    if expected.ending == "breaks":
        outcome, status, attempts = "truncated", 200, [case.account]
        same("a clean end", told.heard.ended, False)
        if not told.heard.error:
            wrong.append("no error ends the stream")
        if not told.heard.text or not LONG.startswith(told.heard.text):
            wrong.append(f"the text is {told.heard.text!r}")
    elif expected.ending == "fails" and case.alone:
        outcome, status, attempts = "error", expected.status, [case.account]
        same("the error", told.kind, KINDS[case.client][status])
        if case.fault.hint:
            # When this fails because a hint is read that was not, it is to leave NOT_YET.
            heeded = is_told(case.fault.hint, told.come_back)
            same("that the hint is told", heeded, case.fault.hint.id not in NOT_YET)
    else:
        failed = [case.account] if expected.ending == "fails" else []
        outcome, status = "ok", 200
        attempts = [*failed, WELL if failed else case.account]
        same("the text", told.heard.text, TEXT)
        same("a clean end", told.heard.ended, True)
        same("the answer's account", told.headers.get("x-omniroute-connection"), attempts[-1])
    same("the status", told.status, status)
    same("the row's status", row["status"], status)
    same("the row's outcome", row["outcome"], outcome)
    same("that the row has an error", bool(row["error"]), outcome != "ok")
    same("who was tried", [attempt["connection"] for attempt in tried], attempts)
    same("the count of attempts", told.headers.get("x-omniroute-attempts"), str(len(attempts)))
    if expected.said:
        wrong += _wrong_attempt(case, tried[0])
    if outcome == "ok":
        same("the last attempt's error", tried[-1]["error"], None)
    return wrong


def _wrong_attempt(case: Case, attempt: dict[str, Any]) -> list[str]:
    said, limit_s = case.fault.outcome(case.streams).said, case.fault.limit_s(case.streams)
    wrong = []
    if not any(words in (attempt["error"] or "") for words in said):
        wrong.append(f"the attempt's error is {attempt['error']!r}, not {said}")
    earliest_ms = 0 if limit_s is None else limit_s * 1000 - 1
    if not earliest_ms <= attempt["ms"] <= (limit_s or 0) * 1000 + LATE_MS:
        wrong.append(f"the attempt took {attempt['ms']} ms")
    return wrong


def test_every_fault_has_its_bytes(upstream: Upstream) -> None:
    assert {fault.id for fault in FAULTS} == {*upstream.places, *BEHAVIOURS}
