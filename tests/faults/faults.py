"""What a provider does wrong and what becomes of it. docs/resilience.md is made of this table."""

from dataclasses import dataclass, field
from typing import Literal

from tests.faults.hints import HINTS, REFUSED, Hint

# Short, for the limit that a fault runs into; every other is the default, which nobody waits for.
LIMIT_S = 0.3
# The limit of a whole answer, which begins with the call; what breaks later has begun by then.
TOTAL_S = 1.0


@dataclass(frozen=True)
class Outcome:
    """`works`: the client has the whole answer. `fails`: before any content, so that the next
    target answers, and without one the client gets `status`: 200 where it works the second time.
    `breaks`: after it, so that the stream ends with an error event. `said`: what the log's attempt
    says, one of these.
    """

    ending: Literal["works", "fails", "breaks"]
    status: int = 200
    said: tuple[str, ...] = ()

    @property
    def is_asked_again(self) -> bool:
        """Where there is no other target. Another call would meet a time limit or a 429 too."""
        return self.ending == "fails" and self.status in (200, 502)


WORKS = Outcome("works")


def fails(*said: str, status: int = 502) -> Outcome:
    return Outcome("fails", status, said)


def breaks(*said: str) -> Outcome:
    return Outcome("breaks", 200, said)


@dataclass(frozen=True)
class Fault:
    """`about` completes "the provider …". `limits`: the connection's, in seconds, that it runs
    into. `upstreams`: the formats in which it is tried, where not in all. `bulky`: the gateway
    holds a lot of it. `hint`: it is a 429, and says when to come back."""

    id: str
    about: str
    whole: Outcome
    stream: Outcome
    limits: dict[str, float] = field(default_factory=dict)
    upstreams: tuple[str, ...] = ()
    bulky: bool = False
    hint: Hint | None = None

    def outcome(self, streams: bool) -> Outcome:
        return self.stream if streams else self.whole

    def limit_s(self, streams: bool) -> float | None:
        """After how long the gateway gives up; None where it is told at once."""
        of_streams = ("first_content", "idle")
        met = [s for name, s in self.limits.items() if streams or name not in of_streams]
        return min(met, default=None)


REPORTED = "the model has a headache"
BROKE_OFF = "the upstream broke off its answer"
ENDED = "the upstream's stream broke off"
BROKEN_CONNECTION = (
    "the connection to the upstream broke",
    "the upstream closed the connection without an answer",
)
NO_CONNECTION = "no connection to the upstream within the time limit"
NOT_JSON = "the upstream's answer is not JSON"
COMPRESSED = "the upstream sent a compressed body, which was not asked for"
TOO_LARGE = "the answer is larger than 64 MB"

# What happens below the format is the same in all of them.
ANY = ("openai_chat",)

FAULTS = (
    Fault(
        "refuses", "refuses the connection",
        fails("the upstream cannot be reached"), fails("the upstream cannot be reached"),
        upstreams=ANY,
    ),
    Fault(
        "never-accepts", "lets no connection come about",
        fails(NO_CONNECTION, status=504), fails(NO_CONNECTION, status=504),
        {"connect": LIMIT_S},
        upstreams=ANY,
    ),
    Fault(
        "resets", "resets the connection when it has the request",
        fails(*BROKEN_CONNECTION), fails(*BROKEN_CONNECTION),
        upstreams=ANY,
    ),
    Fault(
        "hangs-up", "closes the connection without an answer",
        fails(*BROKEN_CONNECTION), fails(*BROKEN_CONNECTION),
        upstreams=ANY,
    ),
    Fault(
        "hangs-before-headers", "takes the request and never answers",
        fails("no response within the time limit", status=504),
        fails("no response within the time limit", status=504),
        {"first_byte": LIMIT_S},
        upstreams=ANY,
    ),
    Fault(
        "hangs-after-headers", "sends the headers of a 200 and nothing more",
        fails("no end of the answer within the time limit", status=504),
        fails("no content within the time limit", status=504),
        {"first_content": LIMIT_S, "total": TOTAL_S},
    ),
    Fault(
        "only-pings", "keeps the connection alive and says nothing",
        fails("no end of the answer within the time limit", status=504),
        fails("no content within the time limit", status=504),
        {"first_content": LIMIT_S, "total": TOTAL_S},
    ),
    Fault(
        "stalls", "falls silent in the middle",
        fails("no end of the answer within the time limit", status=504),
        breaks("no further content within the time limit"),
        {"idle": LIMIT_S, "total": TOTAL_S},
    ),
    Fault(
        "endless", "does not come to an end",
        fails("no end of the answer within the time limit", status=504),
        breaks("no further content within the time limit"),
        {"total": TOTAL_S},
    ),
    Fault(
        "cut", "closes the connection in the middle of an event",
        fails(BROKE_OFF), breaks(BROKE_OFF),
    ),
    Fault(
        "reset-midway", "resets the connection in the middle",
        fails(*BROKEN_CONNECTION, BROKE_OFF), breaks(*BROKEN_CONNECTION, BROKE_OFF),
    ),
    Fault(
        "ends-early", "ends in the middle as if all had been said",
        fails(NOT_JSON), breaks(ENDED),
    ),
    Fault("empty", "answers 200 with nothing in it", fails(NOT_JSON), fails(ENDED)),
    Fault(
        "error-first", "answers 200, and what comes is an error", fails(REPORTED), fails(REPORTED),
    ),
    Fault(
        "error-midway", "reports an error in the middle of the stream",
        fails(REPORTED), breaks(REPORTED),
    ),
    Fault(
        "fails-once", "answers 500 once",
        fails(REPORTED, status=200), fails(REPORTED, status=200),
        upstreams=ANY,
    ),
    Fault("drips", "sends one byte at a time", WORKS, WORKS),
    Fault(
        "html", "answers 200 with a page of HTML",
        fails(NOT_JSON), fails("the upstream answered text/html to a streaming request"),
    ),
    Fault(
        "bomb", "answers with gzip that unpacks to 1 GB", fails(COMPRESSED), fails(COMPRESSED),
        upstreams=ANY,
    ),
    Fault(
        "huge", "answers with 100 MB of JSON",
        fails(TOO_LARGE), fails("an event of the stream is over 32 MB"),
        upstreams=ANY,
        bulky=True,
    ),
    Fault(
        "huge-error", "answers 500 with 100 MB of JSON",
        fails(REPORTED), fails(REPORTED),
        upstreams=ANY,
        bulky=True,
    ),
    *(
        Fault(
            f"429-{hint.id}", f"answers 429 with {hint.about}",
            fails(REFUSED, status=429), fails(REFUSED, status=429), upstreams=(hint.upstream,), hint=hint,
        )
        for hint in HINTS
    ),
)  # fmt: skip
BY_ID = {fault.id: fault for fault in FAULTS}
