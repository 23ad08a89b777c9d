"""How `make chaos` judges what clients met: a gateway that lets them down must not pass."""

import json
from dataclasses import dataclass, replace

import pytest

from bench import upstream
from bench.client import Reply
from bench.gateway import Row
from bench.verdicts import End, Met, end, faults

PRICE = 138


def body(chunks: list[bytes]) -> bytes:
    """What a client reads: without HTTP's chunks."""
    return b"".join(chunk.split(b"\r\n", 1)[1][:-2] for chunk in chunks if chunk != upstream.END)


OPENAI = body(upstream.OPENAI_STREAM + upstream.OPENAI_STREAM_END)
ANTHROPIC = body(upstream.ANTHROPIC_STREAM)
HALF_OPENAI = body(upstream.OPENAI_STREAM[:9])
HALF_ANTHROPIC = body(upstream.ANTHROPIC_STREAM[:9])
OPENAI_ERROR = b'data: {"error": {"message": "it broke", "type": "upstream_error"}}\n\n'
ANTHROPIC_ERROR = (
    b'event: error\ndata: {"type": "error", "error": {"type": "api_error", "message": "it broke"}}'
    b"\n\n"
)


@dataclass(frozen=True)
class Case:
    id: str
    expect: End
    body: bytes = b""
    format: str = "openai"
    stream: bool = True
    status: int = 200
    whole: bool = True


CASES = [
    Case("a whole stream", "answered", OPENAI),
    Case("a whole stream of Anthropic's", "answered", ANTHROPIC, "anthropic"),
    Case("an answer", "answered", upstream.OPENAI_ANSWER.split(b"\r\n\r\n")[1], stream=False),
    Case("half a stream and an error", "broken", HALF_OPENAI + OPENAI_ERROR),
    Case("the same of Anthropic's", "broken", HALF_ANTHROPIC + ANTHROPIC_ERROR, "anthropic"),
    Case("another format's error", "wrong", HALF_ANTHROPIC + OPENAI_ERROR, "anthropic"),
    Case("an error, and then the end of a good stream", "wrong", HALF_OPENAI + OPENAI_ERROR + b"data: [DONE]\n\n"),
    Case("a clean end in the middle", "wrong", HALF_OPENAI + b"data: [DONE]\n\n"),
    Case("no end", "wrong", HALF_OPENAI),
    Case("nothing at all", "wrong", b""),
    Case("a page of HTML", "wrong", b"<html>", stream=False),
    Case("an error with a good status", "wrong", b'{"error": {}}', stream=False),
    Case("a connection that broke", "cut", HALF_OPENAI, whole=False),
    Case("no connection", "cut", status=0, whole=False),
    Case("no budget", "spent", b"{}", status=402),
    Case("a refusal", "refused", b"{}", status=502),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_how_a_call_ended(case: Case) -> None:
    reply = Reply(case.format, case.stream, status=case.status, body=case.body, whole=case.whole)
    assert end(reply) == case.expect


def reply(id: str, body: bytes = OPENAI, **more: object) -> Reply:
    told = Reply("openai", True, status=200, body=body, whole=True, headers={"x-request-id": id})
    return replace(told, **more)  # type: ignore[arg-type]


GOOD = Met(
    replies=[*(reply(str(n)) for n in range(999)), reply("b", HALF_OPENAI + OPENAI_ERROR)],
    lost=[],
    rows=[*(Row(str(n), "k", "ok", PRICE) for n in range(999)), Row("b", "k", "truncated", 70)],
    seen={"answered": 999, "after: cut": 1, "before: 500": 300},
    budgets={"k": 1.0},
    price=PRICE,
)
REFUSED = [
    reply(f"r{n}", json.dumps({"error": n}).encode(), status=502, stream=False) for n in range(3)
]
IN_KILLED = reply("", b"", status=0, whole=False)


def test_what_went_well_has_no_fault() -> None:
    assert faults(GOOD) == []
    # What was under way in the killed process is one row, whatever became of it, and no failure.
    killed = replace(
        GOOD,
        replies=[*GOOD.replies, IN_KILLED],
        lost=[IN_KILLED],
        rows=[*GOOD.rows, Row("x", "k", "interrupted", 200)],
    )
    assert faults(killed) == []


REFUSALS = replace(
    GOOD,
    replies=[*GOOD.replies, *REFUSED],
    rows=[*GOOD.rows, *(Row(f"r{n}", "k", "error", 0) for n in range(3))],
)
FAULTY = [
    ("three of a thousand refused", REFUSALS, "only 99.70%"),
    ("a stream that ends as if it were whole",
     replace(GOOD, replies=[*GOOD.replies[:-1], reply("b", HALF_OPENAI + b"data: [DONE]\n\n")]),
     "neither whole"),
    ("a stream of whose end nobody was told", replace(GOOD, seen={"after: cut": 2}), "broke 2 streams"),
    ("an answer that is not in the log", replace(GOOD, rows=GOOD.rows[1:]), "not in the log"),
    ("a row of another end",
     replace(GOOD, rows=[*GOOD.rows[:-1], Row("b", "k", "ok", PRICE)]), "broken but ok"),
    ("one call as two rows", replace(GOOD, rows=[*GOOD.rows, Row("x", "k", "ok", PRICE)]),
     "1 rows of calls that nobody knows"),
    ("an answer charged twice",
     replace(GOOD, rows=[Row("0", "k", "ok", 2 * PRICE), *GOOD.rows[1:]]), "cost 276"),
    ("more spent than the budget", replace(GOOD, budgets={"k": 1e-8}), "USD of 1e-08"),
    ("less in Redis than in the log", replace(GOOD, spent={"k": 100 * PRICE}), "Redis"),
    ("far more in Redis than in the log", replace(GOOD, spent={"k": 2000 * PRICE}), "Redis"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("met", "words"), [row[1:] for row in FAULTY], ids=[row[0] for row in FAULTY]
)
def test_what_went_wrong_is_said(met: Met, words: str) -> None:
    assert any(words in fault for fault in faults(met)), faults(met)
