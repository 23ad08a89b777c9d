"""What has failed is left alone for as long as it says, or the policy does, and not for longer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from gateway.state import health as module
from gateway.state.blocks import PROBE_S, Block
from gateway.state.health import FORGET_S, Health
from gateway.verdict import Kind, Policy, Scope, Verdict
from tests.gateway.clocks import Clock

DEFAULT = Policy()


class Told:
    """A process's health under a clock that the test moves."""

    def __init__(self, policy: Policy = DEFAULT, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.published: list[bytes] = []
        self.health = Health(policy, self.published.append, lambda: self.clock.wall)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def fail(
        self, verdict: Verdict, times: int = 1, model: str = "m", connection: str = "c"
    ) -> None:
        for _ in range(times):
            self.health.failed(connection, model, verdict, self.clock.mono)

    def succeed(self, took: float = 0.0, model: str = "m", connection: str = "c") -> None:
        now = self.clock.mono
        self.health.answered(connection, model, now, began=now - took)
        self.health.succeeded(connection, model, now)

    def break_off(self) -> None:
        """A stream that fails after its first content."""
        self.health.answered("c", "m", self.clock.mono, began=self.clock.mono)
        self.fail(BROKEN)

    def block(self, model: str = "m", connection: str = "c") -> Block | None:
        return self.health.blocked(connection, model, self.clock.mono)

    def left(self, model: str = "m") -> float:
        """Seconds until a call may go, as time shows and not as anyone says."""
        for seconds in range(20_000):
            if self.health.blocked("c", model, self.clock.mono + seconds + 0.001) is None:
                return seconds
        raise AssertionError("it never ends")

    def take(self, model: str = "m") -> bool:
        assert self.block(model) is None
        return self.health.take_probe("c", model, self.clock.mono)

    def give_back(self, model: str = "m") -> None:
        self.health.give_back("c", model, self.clock.mono)


def verdict(
    kind: Kind,
    scope: Scope = "connection",
    hint_s: float | None = None,
    cooldown_s: float | None = None,
) -> Verdict:
    return Verdict("next_connection", kind, scope, cooldown_s, hint_s, f"it is the {kind}")


BUSY, REFUSED, SPENT = verdict("rate_limit"), verdict("credential"), verdict("quota")
GONE, BROKEN = verdict("model", "model"), verdict("server", "model")


# --- How long --------------------------------------------------------------------------------


@dataclass(frozen=True)
class InARow:
    id: str
    failures: Sequence[Verdict]
    lasts: Sequence[float]  # seconds, each failure coming when the one before is over
    policy: Policy = field(default_factory=Policy)


IN_A_ROW = [
    InARow("a 429 doubles up to the cap", [BUSY] * 10, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]),
    InARow("never so often that a number is too large", [BUSY] * 1200, [1, 2, 4, 8, 16, 32, 64] + [120] * 1193),
    InARow("the provider's own hint goes before", [verdict("rate_limit", hint_s=7)] * 3, [7, 7, 7]),
    InARow("up to the cap of hints", [verdict("rate_limit", hint_s=86_400)], [3600]),
    InARow("a hint of nothing is none", [verdict("rate_limit", hint_s=0)] * 2, [1, 2]),
    InARow("after hints it goes on doubling", [verdict("rate_limit", hint_s=7), BUSY, BUSY], [7, 2, 4]),
    InARow("a refused key", [REFUSED] * 3, [120, 120, 120]),
    InARow("a spent account", [SPENT] * 2, [120, 120]),
    InARow("a spent account that says when it is filled", [verdict("quota", hint_s=600)], [600]),
    InARow("a missing model doubles from a minute to twenty", [GONE] * 7, [60, 120, 240, 480, 960, 1200, 1200]),
    InARow("one error is none", [BROKEN] * 4, [0] * 4),
    InARow("five open the breaker, and from then on one keeps it open", [BROKEN] * 7, [0, 0, 0, 0, 30, 30, 30]),
    InARow("an error that says when to come back", [verdict("server", "model", hint_s=9)], [9]),
    InARow("what is the client's fault is nobody else's", [verdict("client", "model")] * 20, [0] * 20),
    InARow("too long for the model is neither", [verdict("context_overflow", "model")] * 20, [0] * 20),
    InARow("a rule's time is exact", [verdict("rate_limit", hint_s=7, cooldown_s=5000)] * 2, [5000, 5000]),
    InARow("and may be none", [verdict("credential", cooldown_s=0)], [0]),
    InARow("whatever the failure", [verdict("client", cooldown_s=3)], [3]),
    InARow("of another kind it begins anew", [BUSY, BUSY, GONE, GONE], [1, 2, 60, 120]),
    InARow("the policy's first and cap", [BUSY] * 3, [3, 6, 10], Policy(cooldown_first_s=3, cooldown_max_s=10)),
    InARow("its cap of hints", [verdict("rate_limit", hint_s=100)], [50], Policy(cooldown_hint_max_s=50)),
    InARow("its time for keys", [REFUSED], [9], Policy(cooldown_auth_s=9)),
    InARow("its lock of models", [GONE] * 3, [5, 10, 12], Policy(model_lock_first_s=5, model_lock_max_s=12)),
    InARow("its breaker", [BROKEN] * 3, [0, 4, 4], Policy(breaker_failures=2, breaker_open_s=4)),
]  # fmt: skip


@pytest.mark.parametrize("case", IN_A_ROW, ids=lambda case: case.id)
def test_how_long_it_is_left_alone(case: InARow) -> None:
    told = Told(case.policy)
    for failure, lasts in zip(case.failures, case.lasts, strict=True):
        told.fail(failure)
        if not lasts:
            assert told.block() is None
            continue
        told.wait(lasts - 0.01)
        assert told.block() is not None
        told.wait(0.02)
        assert told.block() is None


@pytest.mark.parametrize("failure", [BUSY, GONE])
def test_after_a_success_it_begins_anew(failure: Verdict) -> None:
    told = Told()
    told.fail(failure)
    first = told.left()
    told.wait(first)
    told.fail(failure)
    told.wait(told.left())
    told.succeed()
    told.fail(failure)
    assert told.left() == first


@pytest.mark.parametrize("failure", [BUSY, GONE])
def test_after_long_silence_too(failure: Verdict) -> None:
    told = Told()
    told.fail(failure)
    first = told.left()
    told.wait(first + FORGET_S)
    told.fail(failure)
    assert told.left() == first


def test_a_newer_cooldown_never_shortens_a_longer_one() -> None:
    told = Told()
    told.fail(verdict("rate_limit", hint_s=300))
    told.wait(10)
    told.fail(verdict("rate_limit", hint_s=5))
    told.fail(REFUSED)
    assert told.left() == 290
    told.fail(verdict("rate_limit", hint_s=301))
    assert told.left() == 301


def test_calls_that_were_under_way_count_as_one() -> None:
    told = Told()
    told.fail(BUSY, times=64)
    assert told.left() == 1
    told.wait(1)
    told.fail(BUSY, times=64)
    assert told.left() == 2


# --- Of what ---------------------------------------------------------------------------------

SCOPES = [
    (BUSY, True, True),
    (REFUSED, True, True),
    (SPENT, True, True),
    (verdict("rate_limit", "model"), True, False),
    (GONE, True, False),
    (BROKEN, True, False),
]


@pytest.mark.parametrize(("failure", "here", "beside"), SCOPES, ids=lambda case: str(case))
def test_of_what_a_failure_is_held_against(failure: Verdict, here: bool, beside: bool) -> None:
    """The model on this connection, its other models, and never the provider's other accounts."""
    told = Told()
    told.fail(failure, times=5)
    assert (told.block() is not None, told.block("other") is not None) == (here, beside)
    assert told.block(connection="another account") is None


def test_a_block_says_what_why_since_when_and_until_when() -> None:
    told = Told()
    told.wait(5)
    told.fail(GONE)
    at = told.clock.wall
    assert told.block() == Block("c", "m", "model", "it is the model", at, at + 60)
    told.wait(60)
    told.fail(REFUSED)
    block = told.block("any")
    assert block is not None
    assert (block.model, block.kind, block.until) == ("", "credential", at + 180)


# --- Success ---------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [BUSY, REFUSED, SPENT, GONE, BROKEN], ids=lambda v: v.kind)
def test_a_success_ends_it(failure: Verdict) -> None:
    told = Told()
    told.fail(failure, times=5)
    told.wait(0.5)
    told.succeed()
    assert told.block() is None
    assert told.health.entries(told.clock.mono) == []


def test_not_the_success_of_a_call_that_was_under_way_when_it_began() -> None:
    """Of calls that run at once some still pass while others find the limit."""
    told = Told()
    told.fail(verdict("rate_limit", hint_s=60))
    told.wait(1)
    told.succeed(took=2)
    assert told.left() == 59
    told.succeed(took=0.5)
    assert told.block() is None


def test_a_success_of_one_model_says_nothing_of_another() -> None:
    told = Told()
    told.fail(GONE)
    told.fail(REFUSED)
    told.wait(1)
    told.succeed(model="other")
    assert told.block("other") is None
    assert told.block("m") is not None


# --- The breaker -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Calls:
    id: str
    calls: str  # x failed, b broke off, . succeeded, a space is ten seconds
    opens: bool
    policy: Policy = field(default_factory=Policy)


CALLS = [
    Calls("five of five", "xxxxx", True),
    Calls("four of four", "xxxx", False),
    Calls("five within a minute", "x x x x x", True),
    Calls("five within more", "x  x  x  x  x", False),
    Calls("a success between them", "xxxx.xxxx", False),
    Calls("after it five more", "xxxx.xxxxx", True),
    Calls("three of ten help still", "..x.x...x." * 40, False),
    Calls("five in a row of a target that mostly answers", "x.." * 6 + "xxxxx", False),
    Calls("but not half of them and more", "x.." * 6 + "xxxxxx", True),
    Calls("all successes before the first failure count for nothing", "." * 900 + "xxxxx", True),
    Calls("nor do those of more than a minute ago", "x" + "." * 90 + "      xxxxx", True),
    Calls("nor those of more than a hundred calls ago", "x" + "." * 98 + "x" * 50, True),
    Calls("of those less than half", "x" + "." * 98 + "x" * 49, False),
    Calls("a hundred successes, and it counts from nothing", "x" + "." * 100 + "xxxxx", True),
    Calls("streams that all break off", "bbbbb", True),
    Calls("and one that does not", "bbb.bb", False),
    Calls("another number", "xx", True, Policy(breaker_failures=2)),
    Calls("another share", "x.." * 6 + "xxxxx", True, Policy(breaker_share=0.3)),
    Calls("another window", "x x x x x", False, Policy(breaker_window_s=30)),
]


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.id)
def test_when_the_breaker_opens(case: Calls) -> None:
    told = Told(case.policy)
    for at, call in enumerate(case.calls):
        assert told.block() is None, at
        match call:
            case "x":
                told.fail(BROKEN)
            case "b":
                told.break_off()
            case ".":
                told.succeed()
            case " ":
                told.wait(10)
    assert (told.block() is not None) == case.opens


def test_failures_that_come_late_do_not_keep_it_open() -> None:
    told = Told()
    told.fail(BROKEN, times=5)
    told.wait(20)
    told.fail(BROKEN, times=50)
    assert told.left() == 10


def test_closed_by_a_success_it_takes_five_again() -> None:
    told = Told()
    told.fail(BROKEN, times=5)
    told.wait(30)
    told.succeed()
    told.fail(BROKEN, times=4)
    assert told.block() is None
    told.fail(BROKEN)
    assert told.left() == 30


# --- One call tries first --------------------------------------------------------------------


@pytest.mark.parametrize("failure", [REFUSED, SPENT, GONE, BROKEN], ids=lambda v: v.kind)
def test_when_the_time_is_over_one_call_tries(failure: Verdict) -> None:
    told = Told()
    told.fail(failure, times=5)
    told.wait(told.left())
    assert told.take()
    block = told.block()
    assert block is not None
    assert block.probing
    told.wait(1)
    told.succeed(took=1)
    assert told.block() is None
    assert not told.take()


@pytest.mark.parametrize("failure", [REFUSED, SPENT, GONE, BROKEN], ids=lambda v: v.kind)
def test_when_it_fails_the_time_begins_again(failure: Verdict) -> None:
    told = Told()
    told.fail(failure, times=5)
    first = told.left()
    told.wait(first)
    told.take()
    told.fail(failure)
    told.give_back()  # as a caller does whatever came of it
    block = told.block()
    assert block is not None
    assert not block.probing
    assert told.left() >= first
    told.wait(told.left())
    assert told.take()


def test_given_back_another_may_try() -> None:
    told = Told()
    told.fail(GONE)
    told.wait(60)
    assert told.take()
    told.wait(1)
    told.give_back()
    assert told.take()


def test_a_probe_that_nobody_hears_of_is_given_up() -> None:
    told = Told()
    told.fail(GONE)
    told.wait(60)
    assert told.take()
    assert told.left() == PROBE_S
    told.wait(PROBE_S)
    assert told.take()


def test_a_failure_that_says_nothing_of_it_leaves_it_to_the_next() -> None:
    told = Told()
    told.fail(REFUSED)
    told.wait(120)
    assert told.take()
    told.fail(BROKEN)  # the key was not even looked at
    told.give_back()
    assert told.take()


def test_of_the_connection_and_the_model_one_call_tries_both() -> None:
    told = Told()
    told.fail(REFUSED)
    told.fail(GONE)
    told.wait(120)
    assert told.take()
    assert told.block("other") is not None
    told.wait(1)
    told.succeed(took=1)
    assert told.block("other") is None
    assert told.health.entries(told.clock.mono) == []


def test_after_a_rate_limit_all_may_come() -> None:
    told = Told()
    told.fail(BUSY)
    told.wait(1)
    assert not told.take()
    assert told.block() is None


# --- Pages and hands -------------------------------------------------------------------------


def test_what_a_page_shows() -> None:
    told = Told()
    told.fail(REFUSED)
    told.wait(70)
    told.fail(GONE, connection="d")
    told.fail(BUSY, connection="e")
    told.wait(55)
    shown = [
        (e.block.connection, e.block.kind, e.state, round(e.left_s), e.needs_attention)
        for e in told.health.entries(told.clock.mono)
    ]
    assert shown == [("c", "credential", "half_open", 0, True), ("d", "model", "blocked", 5, False)]
    told.take()
    assert told.health.entries(told.clock.mono)[0].state == "probing"


@pytest.mark.parametrize("failure", [REFUSED, SPENT])
def test_a_key_that_is_refused_again_needs_attention_until_it_works(failure: Verdict) -> None:
    told = Told()

    def needs_attention() -> bool:
        return any(entry.needs_attention for entry in told.health.entries(told.clock.mono))

    told.fail(failure)
    assert not needs_attention()  # two minutes, and it may have been a mistake
    told.wait(120)
    told.fail(failure)
    assert needs_attention()
    told.wait(10 * FORGET_S)
    assert needs_attention()
    told.succeed()
    assert not needs_attention()


def test_what_is_long_over_is_forgotten() -> None:
    told = Told()
    told.fail(GONE)
    told.wait(60 + FORGET_S - 1)
    assert len(told.health.entries(told.clock.mono)) == 1
    told.wait(2)
    assert told.health.entries(told.clock.mono) == []


CLEARED = [
    (None, None, set()),
    ("c", None, {"d/m"}),
    ("c", "m", {"c/", "d/m"}),
    ("c", "", {"c/m", "d/m"}),
    ("e", None, {"c/", "c/m", "d/m"}),
]


@pytest.mark.parametrize(("connection", "model", "left"), CLEARED)
def test_an_operator_clears_it(connection: str | None, model: str | None, left: set[str]) -> None:
    told = Told()
    told.fail(REFUSED)
    told.fail(GONE)
    told.fail(GONE, connection="d")
    told.health.clear(told.clock.mono, connection, model)
    entries = told.health.entries(told.clock.mono)
    assert {f"{e.block.connection}/{e.block.model}" for e in entries} == left


def test_cleared_by_an_operator_the_breaker_counts_from_nothing() -> None:
    told = Told()
    told.fail(BROKEN, times=4)
    told.health.clear(told.clock.mono, "c")
    told.fail(BROKEN, times=4)
    assert told.block() is None


def test_names_that_any_client_may_make_up_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_PLACES", 10)
    told = Told()
    for number in range(30):
        told.fail(GONE, model=f"m{number}")
        told.fail(BROKEN, model=f"n{number}")
    blocked = {e.block.model for e in told.health.entries(told.clock.mono)}
    assert blocked == {f"m{number}" for number in range(20, 30)}


def test_an_account_of_which_nothing_is_known_may_be_called() -> None:
    told = Told()
    told.succeed()
    assert told.block() is None
    assert not told.take()
    assert told.published == []


# --- Several processes -----------------------------------------------------------------------


def listening(told: Told) -> Told:
    """Another process at the same time."""
    other = Told(told.health.policy, told.clock)
    hear(other, told.published)
    return other


def hear(told: Told, words: Sequence[bytes]) -> None:
    for word in words:
        told.health.apply(word, told.clock.mono)


@pytest.mark.parametrize("failure", [BUSY, REFUSED, SPENT, GONE, BROKEN], ids=lambda v: v.kind)
def test_what_one_process_finds_the_other_knows(failure: Verdict) -> None:
    one = Told()
    one.fail(failure, times=5)
    other = listening(one)
    assert other.block() == one.block()
    assert other.left() == one.left()
    assert other.published == []  # it passes nothing on


def test_one_process_probes_for_all() -> None:
    one = Told()
    one.fail(GONE)
    other = listening(one)
    one.wait(60)
    assert one.take()
    hear(other, one.published)
    assert other.block() is not None
    one.give_back()
    hear(other, one.published)
    assert other.block() is None
    one.succeed()
    hear(other, one.published)
    assert other.health.entries(one.clock.mono) == []


def test_the_next_failure_in_a_row_may_be_another_process_s() -> None:
    one = Told()
    one.fail(GONE)
    other = listening(one)
    one.wait(60)
    other.fail(GONE)
    assert other.left() == 120


def test_a_clock_that_is_ahead_makes_no_one_wait_longer() -> None:
    one, other = Told(), Told()
    one.clock.wall += 3000
    one.fail(GONE)
    hear(other, one.published)
    assert other.left() == 60


def test_nor_does_one_that_is_ahead_or_behind_hide_what_is_found_or_cleared_after() -> None:
    one, other = Told(), Told()
    one.clock.wall += 3000
    one.fail(GONE)
    one.wait(1)
    hear(other, one.published)
    other.health.clear(other.clock.mono)
    assert other.block() is None
    hear(one, other.published)
    assert one.block() is None
    one.health.clear(one.clock.mono)
    hear(other, one.published)
    other.fail(GONE)
    assert other.left() == 60


def test_nor_does_it_keep_a_success_from_ending_what_is_over() -> None:
    one, other = Told(), Told()
    one.clock.wall += 3000
    one.fail(GONE)
    hear(other, one.published)
    other.wait(60)
    assert other.take()
    other.wait(1)
    other.succeed(took=1)
    assert other.health.entries(other.clock.mono) == []


def test_a_process_that_starts_learns_all_of_it() -> None:
    one = Told()
    one.fail(REFUSED)
    one.fail(GONE)
    one.wait(20)
    new = Told(clock=one.clock)
    new.health.apply(one.health.dump(one.clock.mono), one.clock.mono)
    assert new.left("other") == 100
    assert new.health.entries(one.clock.mono) == one.health.entries(one.clock.mono)


def test_what_has_been_cleared_an_old_dump_does_not_bring_back() -> None:
    one = Told()
    one.fail(GONE)
    old = one.health.dump(one.clock.mono)
    one.wait(1)
    one.health.clear(one.clock.mono)
    new = Told(clock=one.clock)
    new.health.apply(one.health.dump(one.clock.mono), one.clock.mono)
    new.health.apply(old, one.clock.mono)
    assert new.block() is None


@pytest.mark.parametrize("data", [b"", b"[", b"{}", b'[{"type":"Else"}]', b'[{"type":"Block"}]'])
def test_what_is_no_word_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        Told().health.apply(data, 0)
