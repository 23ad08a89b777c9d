"""Who is tried next, beside whom, and when it is enough."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from analytics.records import Attempt
from gateway import admission, pipeline, routing
from gateway.attempt import Opened
from gateway.call import Call
from gateway.choice import Choice, Excluded
from gateway.controls import Controls
from gateway.deadline import Deadline
from gateway.errors import (
    BadRequest,
    BudgetSpent,
    GatewayError,
    NotSupported,
    RateLimited,
    Unavailable,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamTimeout,
)
from gateway.exchange import Exchange
from gateway.fallback import Fallback
from gateway.formats import openai_chat
from gateway.retries import RESERVE, Retries
from gateway.routing import Target
from gateway.snapshot import Budgets, Combo, Limits, Principal, Provider
from gateway.soft_budgets import payers
from gateway.state import Lease
from gateway.state.health import Health
from gateway.state.memory import MemoryState
from gateway.state.observed import Observed
from gateway.state.waiting import Lines
from gateway.verdict import Policy, Rule, Verdict
from tests.gateway.clocks import NOON, SkippingLoop
from tests.gateway.configured import ANYONE, combo, connection, model, price, provider, snapshot

PROMPT_TOKENS = 1000
NAMES = ("a", "b", "c", "d")


class FakeAnswer:
    """Of an upstream; all that counts is whether it is let go."""

    status = 200
    headers: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.closed = False

    def header(self, name: str) -> str:
        return ""

    async def read(self) -> bytes:
        return b""

    async def piece(self) -> bytes:
        return b""

    def close(self) -> None:
        self.closed = True


@dataclass
class Plan:
    """What a target does each time: after so many seconds, answer or raise this."""

    after_s: float = 0.0
    error: Exception | None = None


ANSWERS = Plan()


class Scene:
    """Targets with plans, one account each, behind the combo `all`; and a clock that skips."""

    def __init__(
        self,
        loop: SkippingLoop,
        monkeypatch: pytest.MonkeyPatch,
        *parts: Provider | Combo,
        **more: Any,
    ) -> None:
        self.loop = loop
        for module in (
            "fallback",
            "setbacks",
            "cooling",
            "call",
            "exchange",
            "pipeline",
            "state.waiting",
        ):
            monkeypatch.setattr(f"gateway.{module}.monotonic", loop.time)
        monkeypatch.setattr("gateway.setbacks.time", self.wall)
        monkeypatch.setattr("gateway.cooling.time", self.wall)
        monkeypatch.setattr("gateway.fallback.attempt", self.attempt)
        self.plans: dict[str, list[Plan]] = {}
        self.asked: list[str] = []
        self.answers: list[FakeAnswer] = []
        self.left_s: list[float] = []  # of the call's time, at each attempt
        self.snapshot = snapshot(*parts, **more)
        state = MemoryState(clock=loop.time, wall=self.wall)
        self.state = state
        self.runtime: Any = SimpleNamespace(
            state=state,
            lines=Lines(state),
            health=Health(self.snapshot.policy, wall=self.wall),
            observed=Observed(),
            retries=Retries(),
            rng=Random(7),
            snapshot=self.snapshot,
        )

    def wall(self) -> float:
        return NOON.timestamp() + self.loop.time()

    async def attempt(self, call: Call, target: Target, runtime: Any, left_s: float) -> Opened:
        name = target.connection.name
        self.asked.append(name)
        self.left_s.append(left_s)
        plans = self.plans.get(name, [ANSWERS])
        plan = plans.pop(0) if len(plans) > 1 else plans[0]
        began, answer = self.loop.time(), FakeAnswer()
        limit = Deadline(left_s)
        with limit:
            limit.expect(left_s, "response")
            await asyncio.sleep(plan.after_s)
        limit.stop()
        if plan.error is not None:
            raise plan.error
        self.answers.append(answer)
        return Opened(
            target=target, answer=answer, limit=limit, began=began, body=b"", stage=None,
            dropped=(), content_at=self.loop.time(),
        )  # fmt: skip

    def call(self, principal: Principal = ANYONE, **controls: Any) -> Call:
        scope = {"path": "/v1/chat/completions", "headers": []}
        exchange = Exchange(scope, Any, Any, "127.0.0.1")  # type: ignore[arg-type]
        call = Call(exchange, openai_chat, self.snapshot)
        call.principal, call.controls = principal, Controls(**controls)
        call.estimated_input = PROMPT_TOKENS
        call.request = {"model": "all", "max_tokens": 1000}
        return call

    def choice(self, name: str = "all") -> Choice:
        route = routing.resolve(self.snapshot, Principal(name=""), name, "openai_chat")
        return Choice(route.targets, (), {})

    async def first(self, call: Call, choice: Choice | None = None) -> Opened:
        combo = self.snapshot.combos["all"]
        fallback = Fallback(call, choice or self.choice(), self.runtime, combo.hedge_after)
        return await fallback.first_answer()

    def run(self, call: Call | None = None, choice: Choice | None = None) -> str:
        """Who answers."""
        opened = self.loop.run_until_complete(self.first(call or self.call(), choice))
        return opened.target.connection.name

    def refused(self, call: Call | None = None, choice: Choice | None = None) -> GatewayError:
        with pytest.raises(GatewayError) as refused:
            self.run(call, choice)
        return refused.value

    def in_flight(self) -> int:
        pairs = (target.key for target in self.choice().order)
        return sum(self.runtime.observed.in_flight(pair) for pair in pairs)


Make = Callable[..., Scene]


@pytest.fixture
def loop() -> Iterator[SkippingLoop]:
    loop = SkippingLoop()
    yield loop
    loop.close()


@pytest.fixture
def scene(loop: SkippingLoop, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes one, of the configuration's `parts` or of four targets a, b, c, d."""

    def make(*parts: Provider | Combo, plans: dict[str, Any] | None = None, **more: Any) -> Scene:
        settings = {name: more.pop(name) for name in [*more] if name in SETTINGS}
        made = parts or (*map(simple, NAMES), combo("all", *(f"{n}/m" for n in NAMES), **more))
        scene = Scene(loop, monkeypatch, *made, **settings)
        for name, plan in (plans or {}).items():
            scene.plans[name] = plan if isinstance(plan, list) else [plan]
        return scene

    return make


SETTINGS = ("rules", "policy", "max_attempts", "deadline_s")


def simple(alias: str, **more: Any) -> Provider:
    return provider(alias, model(f"{alias}/m", prices=price(1, 2)), **more)


def refuses(
    status: int, words: str = "no", hint_s: float | None = None, after_s: float = 0
) -> Plan:
    error = UpstreamRefused(words, upstream_status=status, retry_after_s=hint_s)
    return Plan(after_s, error)


DEAD = Plan(0, UpstreamFailed("the upstream cannot be reached"))
LATE = Plan(60, UpstreamTimeout("no response within the time limit"))
BUSY = refuses(429, hint_s=20)


# --- One after the other ----------------------------------------------------------------------


@dataclass(frozen=True)
class Next:
    """Accounts x and y at provider p with two models, then provider q."""

    id: str
    plan: Plan
    asked: list[str]  # connection and model
    rules: tuple[Rule, ...] = ()


OVERFLOW = Rule("next_target", pattern="too long", kind="context_overflow", scope="model")
NEXT = [
    Next("a 429 concerns the account", refuses(429), ["x big", "y big", "q small"]),
    Next("a refused key concerns the account", refuses(401), ["x big", "y big", "q small"]),
    Next("a spent account", refuses(402), ["x big", "y big", "q small"]),
    Next("a missing model concerns the model there", refuses(404), ["x big", "y big", "x other", "y other", "q small"]),
    Next("so does an overload", LATE, ["x big", "y big", "x other", "y other", "q small"]),
    Next("a 400 is the client's", refuses(400), ["x big"]),
    Next("a rule may say so of anything", refuses(500, "policy"), ["x big"], (Rule("stop", pattern="policy"),)),
    Next("a rule may spare the other accounts", refuses(500, "flagged"), ["x big", "x other", "q small"], (Rule("next_target", pattern="flagged"),)),
    Next("a rule may widen it to the account", refuses(404, "gone"), ["x big", "y big", "q small"], (Rule("next_connection", pattern="gone", scope="connection"),)),
    Next("a rule may ask once more", refuses(500, "hiccup"), ["x big", "x big", "y big", "y big", "x other", "x other", "y other", "y other", "q small", "q small"], (Rule("retry", pattern="hiccup"),)),
    Next("too long goes to no smaller window", refuses(400, "too long"), ["x big", "x other"], (OVERFLOW,)),
]  # fmt: skip


@pytest.mark.parametrize("case", NEXT, ids=lambda case: case.id)
def test_who_is_left_out_after_a_failure(scene: Make, case: Next) -> None:
    """`other` has a window that nobody knows, `small` one that is smaller."""
    scene_ = scene(
        provider("p", model("p/big", context_window=200), model("p/other"), accounts=["x", "y"]),
        provider("q", model("q/small", context_window=100)),
        combo("all", "p/big", "p/other", "q/small"),
        plans=dict.fromkeys("xyq", case.plan),
        rules=case.rules,
    )
    call = scene_.call()
    scene_.refused(call)
    asked = [f"{a.connection} {a.model.partition('/')[2]}" for a in call.attempts]
    assert asked[: len(case.asked)] == case.asked
    # The others have failed once: asked again where that may help, and never a third time.
    assert all(asked.count(each) <= 2 for each in asked)


def test_what_is_too_long_goes_to_a_larger_window(scene: Make) -> None:
    windows = {"a": 100, "b": 100, "c": 200, "d": 300}
    too_long = refuses(400, "too long")
    scene_ = scene(
        *(provider(n, model(f"{n}/m", context_window=w)) for n, w in windows.items()),
        combo("all", *(f"{n}/m" for n in windows)),
        plans={"a": too_long, "c": too_long},
        rules=(OVERFLOW,),
    )
    assert scene_.run() == "d"
    assert scene_.asked == ["a", "c", "d"]


def test_what_is_too_long_for_all_is_said_in_the_upstreams_words(scene: Make) -> None:
    scene_ = scene(plans=dict.fromkeys(NAMES, refuses(400, "too long")), rules=(OVERFLOW,))
    error = scene_.refused()
    assert (error.status, str(error)) == (400, "too long")


def test_one_that_stumbled_is_asked_again_when_nobody_is_left(scene: Make) -> None:
    scene_ = scene(plans={"a": [DEAD, ANSWERS], **dict.fromkeys("bcd", LATE)})
    assert scene_.run() == "a"
    assert scene_.asked == ["a", "b", "c", "d", "a"]


def test_a_pause_comes_before_asking_again(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(provider("a", model("a/m")), combo("all", "a/m"), plans={"a": [DEAD, ANSWERS]})
    began = loop.time()
    assert scene_.run() == "a"
    assert 0.1 <= loop.time() - began <= 0.3


def test_what_timed_out_is_not_asked_again(scene: Make) -> None:
    scene_ = scene(plans=dict.fromkeys(NAMES, LATE))
    error = scene_.refused()
    assert (type(error), error.status) == (UpstreamTimeout, 504)
    assert scene_.asked == ["a", "b", "c", "d"]


def test_retries_are_a_share_of_all_calls(scene: Make) -> None:
    scene_ = scene(
        provider("a", model("a/m")), combo("all", "a/m"), plans={"a": DEAD},
        policy=Policy(breaker_failures=1000),
    )  # fmt: skip
    for _ in range(30):
        scene_.runtime.retries.earn()
        scene_.refused()
    asked_again = len(scene_.asked) - 30
    assert RESERVE <= asked_again <= RESERVE + 30 * 0.2


def test_a_retry_that_is_one_too_many_leaves_the_account_alone_all_the_same(scene: Make) -> None:
    scene_ = scene(
        provider("p", model("p/m"), model("p/n"), accounts=["x"]),
        simple("q"),
        combo("all", "p/m", "p/n", "q/m"),
        plans={"x": refuses(500, "hiccup")},
        rules=(Rule("retry", pattern="hiccup", scope="connection", cooldown_s=0.0),),
    )
    while scene_.runtime.retries.take():
        pass
    assert scene_.run() == "q"
    assert scene_.asked == ["x", "q"]


def test_after_so_many_attempts_it_is_enough(scene: Make) -> None:
    scene_ = scene(plans=dict.fromkeys(NAMES, DEAD), max_attempts=2)
    assert scene_.refused().status == 502
    assert scene_.asked == ["a", "b"]


def test_after_the_deadline_no_attempt_begins(scene: Make) -> None:
    scene_ = scene(plans=dict.fromkeys(NAMES, LATE), deadline_s=100)
    assert scene_.refused().status == 504
    assert scene_.left_s == [100, 40]


def test_the_calls_own_deadline_is_held_against_nobody(scene: Make) -> None:
    scene_ = scene(
        plans=dict.fromkeys(NAMES, Plan(60)), deadline_s=10, policy=Policy(breaker_failures=1)
    )
    assert scene_.refused().status == 504
    assert scene_.runtime.health.entries(scene_.loop.time()) == []


def test_a_cooldown_is_the_accounts_alone(scene: Make) -> None:
    scene_ = scene(plans={"a": BUSY})
    assert scene_.run() == "b"
    blocks = [entry.block for entry in scene_.runtime.health.entries(scene_.loop.time())]
    assert [(b.connection, b.model, b.kind) for b in blocks] == [("a", "", "rate_limit")]
    assert scene_.run() == "b"
    assert scene_.asked == ["a", "b", "b"]


def test_one_probe_at_a_time_and_it_is_given_back(scene: Make) -> None:
    scene_ = scene(policy=Policy(breaker_failures=1, breaker_open_s=30), plans={"a": [LATE, BUSY, ANSWERS]})  # fmt: skip
    scene_.run()
    scene_.loop.skipping.now += 31
    assert scene_.run() == "b"  # the probe met a 429, which says nothing of what it was for
    scene_.loop.skipping.now += 31
    assert scene_.run() == "a"
    assert scene_.runtime.health.entries(scene_.loop.time()) == []


# --- Nobody answers ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Nobody:
    id: str
    plans: list[Plan]
    status: int
    back_s: float | None = None


NOBODY = [
    Nobody("all limited", [BUSY, refuses(429, hint_s=7)], 429, 7),
    Nobody("limited and spent", [refuses(402), BUSY], 429, 20),
    Nobody("one for another reason", [BUSY, DEAD], 502),
    Nobody("refused keys", [refuses(401), refuses(403)], 502),
    Nobody("all too late", [LATE, LATE], 504),
    Nobody("one too late, one broken", [LATE, DEAD], 502),
]


@pytest.mark.parametrize("case", NOBODY, ids=lambda case: case.id)
def test_what_is_said_when_all_failed(scene: Make, case: Nobody) -> None:
    plans = dict(zip("ab", case.plans, strict=True))
    scene_ = scene(simple("a"), simple("b"), combo("all", "a/m", "b/m"), plans=plans)
    call = scene_.call()
    error = scene_.refused(call)
    assert error.status == case.status
    assert error.retry_after_s == case.back_s
    if case.status != 429:
        assert [a["connection"] for a in error.details["attempts"]] == [
            a.connection for a in call.attempts
        ]
    assert scene_.in_flight() == 0


@pytest.mark.parametrize(("alone", "status"), [(False, 502), (True, 429)], ids=["", "no fallback"])
def test_whoever_is_out_of_order_is_no_limit_where_it_counts(
    scene: Make, alone: bool, status: int
) -> None:
    scene_ = scene(simple("a"), combo("all", "a/m"), plans={"a": BUSY})
    broken = Excluded("b/m", "b", "blocked", "it is so", 25)
    choice = Choice(scene_.choice().order, (broken,), {})
    assert scene_.refused(scene_.call(no_fallback=alone), choice).status == status


@dataclass(frozen=True)
class Meanwhile:
    """What befalls the only two between the choice and the first attempt."""

    id: str
    kinds: list[Any]
    refused: type[GatewayError]


MEANWHILE = [
    Meanwhile("both limited", ["rate_limit", "quota"], RateLimited),
    Meanwhile("both broken", ["server", "server"], Unavailable),
    Meanwhile("one of each", ["rate_limit", "server"], Unavailable),
]


@pytest.mark.parametrize("case", MEANWHILE, ids=lambda case: case.id)
def test_what_is_blocked_after_the_choice_is_not_asked(scene: Make, case: Meanwhile) -> None:
    scene_ = scene(simple("a"), simple("b"), combo("all", "a/m", "b/m"))
    choice, call = scene_.choice(), scene_.call()
    for name, kind in zip("ab", case.kinds, strict=True):
        verdict = Verdict("next_connection", kind, "connection", cooldown_s=25, cause="it is so")
        scene_.runtime.health.failed(name, "", verdict, scene_.loop.time())
    error = scene_.refused(call, choice)
    assert type(error) is case.refused
    assert error.retry_after_s == pytest.approx(25)
    assert scene_.asked == []
    assert [a.error for a in call.attempts] == ["not asked: it is so"] * 2


def test_what_cannot_be_expressed_is_for_another_to_answer(scene: Make) -> None:
    scene_ = scene(plans={"a": Plan(0, NotSupported("no audio here"))})
    assert scene_.run() == "b"


def test_what_nobody_can_express_is_the_clients_to_know(scene: Make) -> None:
    scene_ = scene(plans=dict.fromkeys(NAMES, Plan(0, NotSupported("no audio here"))))
    assert isinstance(scene_.refused(), NotSupported)


# --- An account's own limits ------------------------------------------------------------------


def narrow(alias: str, **limits: Any) -> Provider:
    account = connection(alias, limits=Limits(**limits))
    return provider(alias, model(f"{alias}/m", prices=price(1, 2)), accounts=[account])


def test_a_full_account_is_passed_over(scene: Make) -> None:
    scene_ = scene(narrow("a", concurrency=1), simple("b"), combo("all", "a/m", "b/m"))
    assert [scene_.run(), scene_.run()] == ["a", "b"]


@pytest.mark.parametrize(
    "error",
    [UpstreamFailed("no"), NotSupported("no"), BadRequest("no"), RuntimeError("a bug")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_happens_its_room_is_given_back(scene: Make, error: Exception) -> None:
    scene_ = scene(narrow("a", concurrency=1), combo("all", "a/m"), plans={"a": Plan(0, error)})
    with pytest.raises(type(error)):
        scene_.run()
    assert scene_.state.running() == {}
    assert scene_.in_flight() == 0


def test_when_all_are_full_it_is_a_429(scene: Make) -> None:
    scene_ = scene(narrow("a", rpm=1), narrow("b", rpm=2), combo("all", "a/m", "b/m"))
    assert [scene_.run() for _ in range(3)] == ["a", "b", "b"]
    error = scene_.refused()
    assert type(error) is RateLimited
    assert error.retry_after_s == pytest.approx(30, abs=1)


def test_one_full_and_one_broken_is_a_503(scene: Make) -> None:
    scene_ = scene(narrow("a", rpm=1), simple("b"), combo("all", "a/m", "b/m"))
    scene_.run()
    broken = Verdict("next_connection", "server", "model", cooldown_s=25, cause="it is so")
    choice = scene_.choice()
    scene_.runtime.health.failed("b", "b/m", broken, scene_.loop.time())
    error = scene_.refused(choice=choice)
    assert type(error) is Unavailable
    assert error.retry_after_s == pytest.approx(25)


def test_where_it_may_a_call_waits_for_its_turn(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(narrow("a", rpm=60, max_wait=5), combo("all", "a/m"))
    for _ in range(60):
        scene_.run()
    began = loop.time()
    assert scene_.run() == "a"
    assert loop.time() - began == pytest.approx(1, abs=0.1)
    latency = scene_.runtime.observed.latency_s(("a", "a/m"), loop.time())
    assert scene_.left_s[-1] == pytest.approx(899, abs=0.1)
    assert latency == 0  # how long one waits here says nothing of how fast the model is


def test_it_waits_where_there_is_room_first(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(
        narrow("a", rpm=1, max_wait=5), narrow("b", rpm=60, max_wait=5), combo("all", "a/m", "b/m")
    )
    assert [scene_.run() for _ in range(61)] == ["a", *["b"] * 60]
    assert scene_.run() == "b"


def test_of_two_it_waits_for_the_one_that_has_room_sooner(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(
        narrow("a", rpm=15, max_wait=5), narrow("b", rpm=60, max_wait=5), combo("all", "a/m", "b/m")
    )
    for _ in range(75):
        scene_.run()
    began = loop.time()
    assert scene_.run() == "b"
    assert loop.time() - began == pytest.approx(1, abs=0.1)


def test_who_waited_past_the_deadline_is_not_asked_any_more(scene: Make) -> None:
    scene_ = scene(narrow("a", rpm=20, max_wait=5), combo("all", "a/m"), deadline_s=2)
    for _ in range(20):
        scene_.run()
    assert isinstance(scene_.refused(), RateLimited)
    assert len(scene_.asked) == 20
    assert scene_.in_flight() == 20


def test_it_waits_no_longer_than_the_longest_wait(scene: Make, loop: SkippingLoop) -> None:
    parts = [narrow(name, concurrency=1, max_wait=5) for name in NAMES]
    scene_ = scene(*parts, combo("all", *(f"{name}/m" for name in NAMES)))
    for _ in NAMES:
        scene_.run()
    began = loop.time()
    assert isinstance(scene_.refused(), RateLimited)
    assert loop.time() - began == pytest.approx(5, abs=0.2)


def test_no_newcomer_passes_who_waits(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(narrow("a", concurrency=1, max_wait=5), combo("all", "a/m"))
    order: list[str] = []

    async def call(who: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        opened = await scene_.first(scene_.call(Principal(name=who)))
        order.append(who)
        await asyncio.sleep(1)
        assert opened.lease is not None
        opened.lease.settle(0, 0)

    async def all_of_them() -> None:
        await asyncio.gather(call("first", 0), call("waits", 0.1), call("late", 1))

    loop.run_until_complete(all_of_them())
    assert order == ["first", "waits", "late"]


# --- Budgets ----------------------------------------------------------------------------------


async def reserve(scene_: Scene, call: Call, picousd: int) -> Lease:
    claim = admission.of_key(call.principal, payers(call.principal, Budgets()), 2000, picousd)
    assert claim is not None
    return await scene_.state.claim(claim)


def paying(usd: float) -> Principal:
    return Principal(name="laptop", budgets=Budgets({"daily_usd": usd}))


ONE_CALL = 3 * 10**9  # of `simple` targets, in 10⁻¹² USD


def test_a_target_too_dear_for_the_budget_is_passed_over(scene: Make) -> None:
    dear = provider("dear", model("dear/m", prices=price(100, 100)))
    scene_ = scene(dear, simple("a"), combo("all", "dear/m", "a/m"))
    call = scene_.call(paying(0.01))
    call.lease = scene_.loop.run_until_complete(reserve(scene_, call, ONE_CALL))
    assert scene_.run(call) == "a"


def test_a_race_is_run_within_the_budget(scene: Make) -> None:
    """What both may cost is reserved, and not only the dearer one's."""
    scene_ = scene(hedge_after=1, plans={"a": Plan(5), "b": Plan(1)})
    call = scene_.call(paying(0.004))
    call.lease = scene_.loop.run_until_complete(reserve(scene_, call, ONE_CALL))
    assert scene_.run(call) == "a"
    assert scene_.asked == ["a"]
    wealthy = scene_.call(paying(0.006))
    wealthy.principal = Principal(name="desktop", budgets=Budgets({"daily_usd": 0.006}))
    wealthy.lease = scene_.loop.run_until_complete(reserve(scene_, wealthy, ONE_CALL))
    assert scene_.run(wealthy) == "b"


def test_no_budget_at_all_is_a_402(scene: Make) -> None:
    dear = provider("dear", model("dear/m", prices=price(100, 100)))
    scene_ = scene(dear, combo("all", "dear/m"))
    call = scene_.call(paying(0.01))
    call.lease = scene_.loop.run_until_complete(reserve(scene_, call, ONE_CALL))
    assert isinstance(scene_.refused(call), BudgetSpent)


# --- Side by side -----------------------------------------------------------------------------

LOST = "another target answered first"
LOSS = 10**9  # what reading the prompt costs at `simple` targets


def told(attempts: list[Attempt]) -> list[tuple[str, str | None, str | None]]:
    return [(a.connection, a.error, a.cost_usd) for a in attempts]


def test_a_rival_answers_first_and_the_loser_is_accounted_for(
    scene: Make, loop: SkippingLoop
) -> None:
    scene_ = scene(hedge_after=2, plans={"a": Plan(60), "b": Plan(1)})
    call, began = scene_.call(), loop.time()
    assert scene_.run(call) == "b"
    assert loop.time() - began == pytest.approx(3)
    assert scene_.asked == ["a", "b"]
    assert told(call.attempts) == [("a", LOST, "0.001")]
    assert call.lost_picousd == LOSS
    assert scene_.in_flight() == 1  # the winner's, which streams


def test_the_first_may_win_still(scene: Make) -> None:
    scene_ = scene(hedge_after=2, plans={"a": Plan(3), "b": Plan(60)})
    call = scene_.call()
    assert scene_.run(call) == "a"
    assert told(call.attempts) == [("b", LOST, "0.001")]


def test_who_is_quick_has_no_rival(scene: Make) -> None:
    scene_ = scene(hedge_after=2, plans={"a": Plan(1.9)})
    assert scene_.run() == "a"
    assert scene_.asked == ["a"]


def test_each_that_is_silent_gets_a_rival(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(hedge_after=2, plans={"a": Plan(60), "b": Plan(60), "c": Plan(1)})
    call, began = scene_.call(), loop.time()
    assert scene_.run(call) == "c"
    assert loop.time() - began == pytest.approx(5)
    assert call.lost_picousd == 2 * LOSS


def test_who_fails_is_followed_at_once(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(hedge_after=10, plans={"a": Plan(1, DEAD.error), "b": Plan(1)})
    began = loop.time()
    assert scene_.run() == "b"
    assert loop.time() - began == pytest.approx(2)


def test_who_failed_is_not_asked_again_while_another_runs(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(
        simple("a"), simple("b"), combo("all", "a/m", "b/m", hedge_after=1),
        plans={"a": Plan(2, DEAD.error), "b": Plan(30)},
    )  # fmt: skip
    assert scene_.run() == "b"
    assert scene_.asked == ["a", "b"]


def test_of_two_that_answer_at_once_one_is_let_go(scene: Make) -> None:
    parts = simple("a"), simple("b"), combo("all", "a/m", "b/m", hedge_after=2)
    scene_ = scene(*parts, plans={"a": Plan(4), "b": Plan(2)})
    call = scene_.call()
    winner = scene_.run(call)
    assert sorted(answer.closed for answer in scene_.answers) == [False, True]
    assert [(a.connection, a.error) for a in call.attempts] == [("ab".replace(winner, ""), LOST)]
    assert call.lost_picousd == LOSS
    assert scene_.in_flight() == 1


def test_a_loser_that_was_not_asked_yet_costs_nothing(scene: Make) -> None:
    slow_store = 60.0

    async def claim_at_once(claim: Any) -> Any:
        await asyncio.sleep(slow_store)

    scene_ = scene(
        simple("a"), narrow("b", rpm=10), combo("all", "a/m", "b/m", hedge_after=2),
        plans={"a": Plan(4)},
    )  # fmt: skip
    scene_.runtime.lines.claim_at_once = claim_at_once
    call = scene_.call()
    assert scene_.run(call) == "a"
    assert (call.attempts, call.lost_picousd) == ([], 0)


@pytest.mark.parametrize(
    ("plans", "after_s"),
    [
        ({"a": Plan(60), "b": Plan(60)}, 5),
        ({"a": Plan(60), "b": Plan(2)}, 4),  # at the very moment of the answer
        ({"a": Plan(4), "b": Plan(2)}, 4),
    ],
    ids=["both silent", "one answers", "both answer"],
)
def test_a_client_that_leaves_a_race_leaves_nothing_behind(
    scene: Make, loop: SkippingLoop, plans: dict[str, Plan], after_s: float
) -> None:
    parts = [narrow(name, concurrency=1) for name in "ab"]
    scene_ = scene(*parts, combo("all", "a/m", "b/m", hedge_after=2), plans=plans)
    call = scene_.call()
    call.exchange.disconnected = True

    async def leave() -> None:
        task = asyncio.create_task(scene_.first(call))
        await asyncio.sleep(after_s)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    loop.run_until_complete(leave())
    assert scene_.in_flight() == 0
    assert scene_.state.running() == {}
    assert all(answer.closed for answer in scene_.answers)
    assert sorted(a.connection for a in call.attempts) == ["a", "b"]
    # The row has what one of them costs; the other's is beside it.
    assert call.target is not None
    assert call.lost_picousd == LOSS


def test_a_client_that_leaves_is_told_of(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(plans={"a": Plan(60)})
    call = scene_.call()
    call.exchange.disconnected = True

    async def leave() -> None:
        task = asyncio.create_task(scene_.first(call))
        await asyncio.sleep(5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    loop.run_until_complete(leave())
    assert [(a.connection, a.error, a.ms) for a in call.attempts] == [
        ("a", "the client left", 5000)
    ]
    assert call.lost_picousd == 0


def test_who_always_loses_is_known_to_be_slow(scene: Make, loop: SkippingLoop) -> None:
    """Else it would be new for ever, and the fastest would be looked for there again each time."""
    scene_ = scene(hedge_after=2, plans={"a": Plan(60), "b": Plan(1)})
    scene_.run()
    assert scene_.runtime.observed.latency_s(("a", "a/m"), loop.time()) == pytest.approx(3)


# --- After the first content ------------------------------------------------------------------


def stream(scene_: Scene, *, breaks: bool) -> str:
    """One whole call, and who answered."""
    call = scene_.call()
    opened = scene_.loop.run_until_complete(scene_.first(call))
    call.take(opened)
    call.finished = not breaks
    if breaks:
        broke = Verdict("stop", "server", scope="model", cause="a stream broke")
        scene_.runtime.health.failed(*opened.target.key, broke, scene_.loop.time())
    pipeline.observe(call, opened, scene_.runtime)
    return opened.target.connection.name


def test_streams_that_all_break_open_the_breaker(scene: Make) -> None:
    """Each has begun well, which is no success yet."""
    scene_ = scene(policy=Policy(breaker_failures=3))
    assert [stream(scene_, breaks=True) for _ in range(4)] == ["a", "a", "a", "b"]


def test_complete_answers_between_broken_ones_keep_it_closed(scene: Make) -> None:
    scene_ = scene(policy=Policy(breaker_failures=3))
    assert {stream(scene_, breaks=n % 2 == 0) for n in range(12)} == {"a"}


def test_what_reports_no_usage_is_used_all_the_same(scene: Make) -> None:
    """Or the least used would always be the one that tells nothing."""
    scene_ = scene()
    call = scene_.call()
    opened = scene_.loop.run_until_complete(scene_.first(call))
    opened.text_chars = 4000
    call.take(opened)
    call.finished = True
    pipeline.observe(call, opened, scene_.runtime)
    used = scene_.runtime.observed.used_tokens(("a", "a/m"), scene_.loop.time())
    assert used > PROMPT_TOKENS


def test_who_is_too_late_is_known_to_be_slow(scene: Make, loop: SkippingLoop) -> None:
    scene_ = scene(plans={"a": LATE})
    scene_.run()
    assert scene_.runtime.observed.latency_s(("a", "a/m"), loop.time()) == pytest.approx(60)
