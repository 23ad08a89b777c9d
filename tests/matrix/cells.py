"""A cell of the matrix: run through a gateway, and what was lost on the way, by name.

Nothing is lost where the vendor gets all that the client's format can say, and the client all
that it would get from a vendor of its own format.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

from tests.matrix import scenarios
from tests.matrix.clients import CLIENTS
from tests.matrix.losses import UNASKED
from tests.matrix.scenarios import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    SCENARIOS,
    SIGNATURE,
    Answer,
    Heard,
    JSONDict,
    Scenario,
    Seen,
)
from tests.matrix.serving import Cell, Vendors
from tests.matrix.vendors import VENDORS

DROPPED = "x-omniroute-dropped"
BY_ID = {scenario.id: scenario for scenario in SCENARIOS}


@dataclass
class Verdict:
    """`losses`: short names, as `losses.py` has them. `notes`: more, for who reads a failure."""

    losses: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


async def run(
    session: aiohttp.ClientSession, gateway_url: str, cell: Cell, vendors: Vendors
) -> Verdict:
    """Ask what the scenario asks, and judge both directions of each exchange."""
    client, scenario, verdict = CLIENTS[cell.client], BY_ID[cell.scenario], Verdict()
    body: JSONDict = {}
    heard = Heard()
    for number, step in enumerate(scenario.steps):
        model = f"to-{cell.upstream}/{cell.model(number)}"
        if step.ask.goes_on:
            body = client.goes_on(body, heard, step.ask.results, model)
        else:
            body = client.build(step.ask, model, cell.streams)
        url = gateway_url + client.path(model, cell.streams)
        async with session.post(url, json=body) as response:
            pieces = []
            async for piece in response.content.iter_any():
                vendors.note_heard(cell.upstream, cell.model(number))
                pieces.append(piece)
            data = b"".join(pieces)
            if response.status == 200 and cell.streams:
                heard = client.read_stream(data)
            else:
                heard = client.read(response.status, json.loads(data))
            dropped = response.headers.get(DROPPED, "")
        seen = vendors.seen.get((cell.upstream, cell.model(number)))
        if dropped:
            verdict.notes.append(f"dropped: {dropped}")
        if seen is None:
            verdict.losses.add("refused" if heard.status == 400 else "lost altogether")
            verdict.notes.append(f"{heard.status}: {heard.error}")
            return verdict
        if isinstance(seen, str):
            verdict.losses.add("the vendor refuses")
            verdict.notes.append(seen)
            return verdict
        wanted = _wanted(cell, scenario, number)
        seen.items, wanted.items = _in_order(seen.items, cell), _in_order(wanted.items, cell)
        lost = lost_in_request(seen, wanted)
        if lost - MOVED and not dropped:
            verdict.losses.add("silently")
        lost |= lost_in_answer(heard, step.answer, cell)
        if lost:
            verdict.losses |= lost
            verdict.notes += [f"saw {seen}", f"heard {heard}"]
    return verdict


def _wanted(cell: Cell, scenario: Scenario, step: int) -> Seen:
    signature = SIGNATURE if VENDORS[cell.upstream].SIGNS else ""
    wanted = scenarios.sent(scenario, step, signature)
    if not can_ask(cell.client, cell.scenario):
        wanted.stop = []
    return wanted


def _in_order(items: list[scenarios.Item], cell: Cell) -> list[scenarios.Item]:
    """Ollama's messages hold pictures beside their text, neither before nor behind it."""
    if "ollama_chat" not in (cell.client, cell.upstream):
        return items
    return sorted(items, key=lambda item: item[0] != "picture")


def can_ask(client: str, scenario: str) -> bool:
    return (client, scenario) not in UNASKED


# What arrives, in another place.
MOVED = {"picture beside the result"}


def lost_in_request(seen: Seen, wanted: Seen) -> set[str]:
    names = ("system", "tools", "schema", "stop", "thinks")
    lost = {name for name in names if getattr(seen, name) != getattr(wanted, name)}
    if wanted.max_tokens is not None and seen.max_tokens != wanted.max_tokens:
        lost.add("max_tokens")
    if seen.items == wanted.items:
        return lost
    missing = list((Counter(wanted.items) - Counter(seen.items)).elements())
    added = list((Counter(seen.items) - Counter(wanted.items)).elements())
    if not missing and not added:
        return lost | {"order"}
    for item in missing:
        lost.add(_lost(item, added))
    return lost | {f"added {kind}" for kind, *_ in added}


def _lost(item: scenarios.Item, added: list[scenarios.Item]) -> str:
    """What became of an item; what it became is taken from those that were added."""
    kind = item[0]
    if kind == "thought":
        for other in [other for other in added if other[0] == "thought"]:
            added.remove(other)
            return "signature" if other[1] == item[1] else "thought's text"
    if kind == "result picture" and ("picture", item[2]) in added:
        added.remove(("picture", item[2]))
        for other in [other for other in added if other[1].startswith("Content returned by")]:
            added.remove(other)
        return "picture beside the result"
    return kind


def lost_in_answer(heard: Heard, answer: Answer, cell: Cell) -> set[str]:
    if answer.status != 200:
        return _lost_in_error(heard, answer)
    if answer.breaks:
        return _lost_in_break(heard, answer, cell)
    if heard.status != 200:
        return {"answer"}
    best = _best(cell, answer)
    names = ("text", "thought", "calls", "finish", "stop_sequence", "ended")
    lost = {name for name in names if getattr(heard, name) != getattr(best, name)}
    if answer.refusal:
        lost = _lost_in_refusal(heard, best, answer, cell)
    if (heard.input_tokens, heard.output_tokens) != (INPUT_TOKENS, OUTPUT_TOKENS):
        lost.add("usage")
    signs = CLIENTS[cell.client].SIGNS and VENDORS[cell.upstream].SIGNS
    if answer.thought and signs and not heard.signed:
        lost.add("signature")
    if lost & {"finish", "stop_sequence"} and answer.stop_sequence:
        lost = lost - {"finish", "stop_sequence"} | {"stop sequence not told"}
    return lost


def _best(cell: Cell, answer: Answer) -> Heard:
    """What a vendor of the client's own format would have made of it."""
    told = VENDORS[cell.client].answer(answer, "m")
    return CLIENTS[cell.client].read(200, told)


def _lost_in_refusal(heard: Heard, best: Heard, answer: Answer, cell: Cell) -> set[str]:
    lost = set()
    says_why = cell.upstream != "gemini"  # Google's API gives no words
    if says_why and heard.refusal + heard.text != answer.refusal:
        lost.add("refusal's words")
    if best.finish == "refusal" and heard.finish != "refusal":
        lost.add("refusal not told")
    return lost


def _lost_in_error(heard: Heard, answer: Answer) -> set[str]:
    """What is the provider's own fault comes as 502, with what each attempt came to."""
    lost = set()
    if heard.status != (answer.status if answer.status < 500 else 502):
        lost.add("status")
    if answer.error not in heard.error:
        lost.add("error's words")
    return lost


def _lost_in_break(heard: Heard, answer: Answer, cell: Cell) -> set[str]:
    if not cell.streams:
        return set() if heard.status == 502 and heard.error else {"status"}
    lost = set()
    if heard.status != 200 or heard.text != answer.text:
        lost.add("text")
    if heard.ended or not heard.error:
        lost.add("a clean end")
    if answer.error not in heard.error:
        lost.add("error's words")
    return lost
