"""docs/resilience.md, made of the faults and of the hints."""

from pathlib import Path

from gateway.retries import PAUSE_S
from gateway.verdict import Policy
from tests.faults.calls import KINDS
from tests.faults.cases import CASES, CLIENTS, UPSTREAMS
from tests.faults.faults import FAULTS, LIMIT_S, TOTAL_S, Fault, Outcome
from tests.faults.hints import HINTS, Hint
from tests.matrix.table import TITLES

PATH = Path(__file__).resolve().parents[2] / "docs/resilience.md"

INTRODUCTION = """\
# Resilience

What becomes of a call when its provider misbehaves. A test makes each of these faults on a real socket, byte by byte: for a whole answer and
for a stream, for clients of {clients}, once with another account or target behind the faulty one
and once without. These are {count} cases, and it fails where this page is wrong. `make docs` writes it.

Until the first content nothing has been said to the client, so the next target can answer, and the client sees nothing of the fault. Where no
other target is left, the same one is asked once more after about {pause} s, unless another call would meet the same: a time limit or a 429. Then
the client gets an error with an honest status, in its own format. After the first content no other target is asked: the stream ends with an
error event of the client's format and without the format's normal end, so that half an answer is never taken for a whole one. Nothing
stays open at the provider, and nothing of a failed call in memory. The request log has a row for each call, with who could be tried and
what each attempt met.

**next** The next target answers; where there is none, the client gets this status. **next, again** Where there is none, the same one is
asked once more, and then the client gets this status. **error event** The text so far, then an error event. **answered** The client has
the whole answer.
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
## Who is left alone afterwards

A connection that answers 429 cools down until the time at which it says that it will answer again. Nothing else cools down: no other
connection of the provider, and where the words name a limit of the model, no other model of the connection. Where no other target is left, the
client is told that time in `retry-after` (rounded up), and a client of Gemini's format in `google.rpc.RetryInfo` too.

| the provider says | that is | what cools down |
|---|---|---|
{hints}

Any other of these faults is held against nobody until it repeats itself: after {failures} failures in a row, all within {window:g} s, the breaker
of this model on this connection opens for {open:g} s. Streams that break in the middle count too. Where no other target is left, the
client gets a 503 with `retry-after`, and nobody is asked. `GET /api/health` tells who is left alone, why and until when.
"""


def document() -> str:
    clients = [TITLES[name] for name in CLIENTS]
    listed = f"{', '.join(clients[:-1])} and {clients[-1]}"
    formats = " and ".join(TITLES[name] for name in UPSTREAMS)
    return "\n".join(
        [
            INTRODUCTION.format(clients=listed, count=len(CASES), pause=PAUSE_S),
            "| the provider | a whole answer | a stream | the attempt in the log says |",
            "|---|---|---|---|",
            *(_row(fault, fault.about) for fault in FAULTS if not fault.hint),
            # One row for all, since they differ in the hint alone.
            _row(next(fault for fault in FAULTS if fault.hint), "answers 429"),
            "",
            f"The faults in the middle of a format are made in that of {formats} and in the "
            "client's own.\n",
            _limits(),
            _hinted(),
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
            told = "answered" if outcome.status == 200 else outcome.status
            return f"next, again, {told}" if outcome.is_asked_again else f"next, {told}"


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


def _hinted() -> str:
    policy = Policy()
    return HINTED.format(
        hints="\n".join(map(_hint, HINTS)),
        failures=policy.breaker_failures,
        window=policy.breaker_window_s,
        open=policy.breaker_open_s,
    )


def _hint(hint: Hint) -> str:
    what = "the model on the connection" if hint.of_model else "the connection"
    return f"| {hint.about} | {hint.seconds} s | {what} |"
