"""docs/resilience.md, made of the faults and of the hints."""

from pathlib import Path

from tests.faults.calls import KINDS
from tests.faults.cases import CASES, CLIENTS, UPSTREAMS
from tests.faults.faults import FAULTS, LIMIT_S, TOTAL_S, Fault, Outcome
from tests.faults.hints import HINTS, NOT_YET, Hint
from tests.matrix.table import TITLES

PATH = Path(__file__).resolve().parents[2] / "docs/resilience.md"

INTRODUCTION = """\
# Resilience

What becomes of a call when its provider misbehaves. A test makes each of these faults on a real socket, byte by byte: for a whole answer and
for a stream, for clients of {clients}, once with another target behind the faulty one and
once without. These are {count} cases, and it fails where this page is wrong. `make docs` writes it.

Until the first content nothing has been said to the client, so the next target can answer, and the client sees nothing of the fault. Where no
other target is left it gets an error with an honest status, in its own format. After the first content no other target is asked: the
stream ends with an error event of the client's format and without the format's normal end, so that half an answer is never taken for a
whole one. Nothing stays open at the provider, and nothing of a failed call in memory. The request log has a row for each call, with what
each attempt met.

**next** The next target answers; where there is none, the client gets this status. **error event** The text so far, then an error
event. **answered** The client has the whole answer.
"""

LIMITS = """\
Where a provider says nothing, the connection's time limits decide (`timeouts`, in seconds; `first_content` and `idle` are for streams).
The test sets the one that is met to {limit} s or `total` to {total} s, leaves the others as they are, and fails where a call takes longer.

The statuses have these names in the bodies of the errors:

| | {titles} |
|---|{lines}
{kinds}
"""

HINTED = """\
## When to come back

A provider that answers 429 may say when it will answer again. Where no other target is left, the client is told so in `retry-after`
(rounded up), and a client of Gemini's format in `google.rpc.RetryInfo` too. A 429 without a hint is told as {default} s.

| the provider says | that is | the client is told |
|---|---|---|
{hints}
"""
DEFAULT_S = 5


def document() -> str:
    clients = [TITLES[name] for name in CLIENTS]
    listed = f"{', '.join(clients[:-1])} and {clients[-1]}"
    formats = " and ".join(TITLES[name] for name in UPSTREAMS)
    return "\n".join(
        [
            INTRODUCTION.format(clients=listed, count=len(CASES)),
            "| the provider | a whole answer | a stream | the attempt in the log says |",
            "|---|---|---|---|",
            *(_row(fault, fault.about) for fault in FAULTS if not fault.hint),
            # One row for all, since they differ in the hint alone.
            _row(next(fault for fault in FAULTS if fault.hint), "answers 429"),
            "",
            f"The faults in the middle of a format are made in that of {formats} and in the "
            "client's own.\n",
            _limits(),
            HINTED.format(default=DEFAULT_S, hints="\n".join(map(_hint, HINTS))),
        ]
    ).rstrip("\n") + "\n"  # fmt: skip


def _row(fault: Fault, about: str) -> str:
    said = dict.fromkeys((*fault.whole.said, *fault.stream.said))
    words = "; ".join(f"“{words}”" for words in said) or "nothing is wrong"
    return f"| {about} | {_ending(fault.whole)} | {_ending(fault.stream)} | {words} |"


def _ending(outcome: Outcome) -> str:
    match outcome.ending:
        case "works":
            return "answered"
        case "breaks":
            return "error event"
        case "fails":
            return f"next, {outcome.status}"


def _limits() -> str:
    statuses = sorted({status for kinds in KINDS.values() for status in kinds})
    rows = [
        f"| {status} | " + " | ".join(f"`{KINDS[name][status]}`" for name in CLIENTS) + " |"
        for status in statuses
    ]
    return LIMITS.format(
        limit=LIMIT_S,
        total=TOTAL_S,
        titles=" | ".join(TITLES[name] for name in CLIENTS),
        lines="---|" * len(CLIENTS),
        kinds="\n".join(rows),
    )


def _hint(hint: Hint) -> str:
    told = f"{DEFAULT_S} s: it is not read yet" if hint.id in NOT_YET else f"{hint.seconds} s"
    return f"| {hint.about} | {hint.seconds} s | {told} |"
