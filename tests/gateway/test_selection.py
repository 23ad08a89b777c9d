"""Which candidates fit a call, in which order they stand, and what is said where none does."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from gateway import directory, routing
from gateway.choice import Ask, Choice
from gateway.controls import Controls
from gateway.errors import BadRequest, GatewayError, NotAllowed, RateLimited, Unavailable
from gateway.formats.needs import Needs
from gateway.names import Named
from gateway.selection import Chooser, undisturbed
from gateway.snapshot import Combo, Principal, Provider, Snapshot
from gateway.state.health import Health
from gateway.state.observed import Observed
from gateway.verdict import Kind, Scope, Verdict
from tests.gateway.clocks import Clock
from tests.gateway.configured import ANYONE, combo, connection, model, price, provider, snapshot

USD = 10**12


class Scene:
    """A configuration, what has happened to it, and a clock."""

    def __init__(self, *parts: Provider | Combo) -> None:
        self.snapshot: Snapshot = snapshot(*parts)
        self.clock = Clock()
        self.health = Health(wall=lambda: self.clock.wall)
        self.observed = Observed()
        self.rng = Random(7)
        self.turns: Counter[str] = Counter()

    def fail(
        self, connection: str, kind: Kind = "rate_limit", model: str = "", **more: Any
    ) -> None:
        """`connection`, or `model` on it, is left alone for half a minute."""
        scope: Scope = "model" if model else "connection"
        told: dict[str, Any] = {"cooldown_s": 30.0, "cause": f"it is the {kind}"} | more
        verdict = Verdict("next_connection", kind, scope, **told)
        self.health.failed(connection, model, verdict, self.clock.mono)

    def choose(self, name: str, principal: Principal = ANYONE, **wishes: Any) -> "Chosen":
        asked = ask(principal, **wishes)
        route = routing.resolve(self.snapshot, principal, name, "openai_chat")
        turns = {turn: self.turns[turn] for turn in route.turns}
        self.turns.update(route.turns)
        chooser = Chooser(
            asked, self.health, self.observed,
            turns=turns, rng=self.rng, now=self.clock.mono, wall=self.clock.wall,
        )  # fmt: skip
        chosen = chooser.choose(route)
        at_once = undisturbed(route, asked, self.health)
        assert at_once is None or at_once == chosen  # wherever there is nothing to choose
        return Chosen(chosen, asked)


@dataclass
class Chosen:
    choice: Choice
    ask: Ask

    @property
    def order(self) -> list[str]:
        return [target.connection.name for target in self.choice.order]

    @property
    def models(self) -> list[str]:
        return [target.model.id for target in self.choice.order]

    @property
    def excluded(self) -> dict[str, str]:
        return {each.connection: each.why for each in self.choice.excluded}

    @property
    def refusal(self) -> GatewayError:
        assert not self.choice.order
        return self.choice.refusal(self.ask)


def ask(
    principal: Principal = ANYONE,
    prompt_tokens: int = 100,
    max_tokens: int | None = 100,
    needs: Needs = Needs(),  # noqa: B008  # it is frozen
    **controls: Any,
) -> Ask:
    return Ask(
        principal, needs, prompt_tokens, max_tokens, max_tokens or 1000, Controls(**controls)
    )


# --- Who is left out, and what is said where nobody is left -----------------------------------


@dataclass(frozen=True)
class Lack:
    """The only candidate is what `known` says, and does not fit."""

    id: str
    why: str
    words: str
    known: Mapping[str, Any] = field(default_factory=dict)
    wishes: Mapping[str, Any] = field(default_factory=dict)
    status: int = 400
    param: str | None = None


LACKS = [
    *(
        Lack(f"no {name}", "needs", f"does not take {name}", {"lacks": frozenset([name])}, {"needs": Needs(**{name: True})})
        for name in ("tools", "images", "audio", "files", "schema")
    ),
    Lack("too short a window for the prompt", "context", "200 tokens are more than its context of 150", {"context_window": 150}),
    Lack("too dear", "cost", "may cost 0.0002 USD", {"prices": price(1, 1)}, {"max_cost_picousd": USD // 10_000}, param="x-omniroute-max-cost"),
    Lack("a price that nobody knows, and a limit", "cost", "no price", {}, {"max_cost_picousd": USD}, param="x-omniroute-max-cost"),
    Lack("another connection is asked for", "asked", "asks for the connection spare", {}, {"connection": "spare"}, param="x-omniroute-connection"),
]  # fmt: skip


@pytest.mark.parametrize("case", LACKS, ids=lambda case: case.id)
def test_what_does_not_fit_is_refused_in_words(case: Lack) -> None:
    chosen = Scene(provider("mk", model("mk/m", **case.known))).choose("mk/m", **case.wishes)
    assert chosen.excluded == {"mk": case.why}
    refusal = chosen.refusal
    assert isinstance(refusal, BadRequest)
    assert refusal.status == case.status
    assert refusal.param == case.param
    assert "mk/m at mk" in str(refusal)
    assert case.words in str(refusal)


@pytest.mark.parametrize("wish", ["thinking", "parallel_tools"])
def test_what_a_request_can_do_without_is_a_preference(wish: str) -> None:
    scene = Scene(
        provider("plain", model("plain/m", lacks=frozenset([wish]))),
        provider("clever", model("clever/m")),
        combo("best", "plain/m", "clever/m"),
    )
    needs = Needs(**{wish: True})
    assert scene.choose("best", needs=needs).order == ["clever"]
    assert scene.choose("plain/m", needs=needs).order == ["plain"]
    scene.fail("clever")
    assert scene.choose("best", needs=needs).order == ["plain"]


def test_the_window_holds_the_prompt_and_the_answer() -> None:
    scene = Scene(provider("mk", model("mk/m", context_window=200)))
    assert scene.choose("mk/m", prompt_tokens=100, max_tokens=100).order == ["mk"]
    assert scene.choose("mk/m", prompt_tokens=101, max_tokens=100).order == []
    assert scene.choose("mk/m", prompt_tokens=200, max_tokens=None).order == ["mk"]


def test_a_limit_of_cost_lets_pass_what_costs_as_much() -> None:
    scene = Scene(provider("mk", model("mk/m", prices=price(1, 1))))
    assert scene.choose("mk/m", max_cost_picousd=USD // 5000).order == ["mk"]


def test_the_refusal_names_what_was_needed_and_the_nearest() -> None:
    scene = Scene(
        provider("worst", model("worst/m", lacks=frozenset(["tools", "images"]))),
        provider("near", model("near/m", lacks=frozenset(["images"]))),
        combo("best", "worst/m", "near/m"),
    )
    told = str(scene.choose("best", needs=Needs(tools=True, images=True)).refusal)
    assert "images, room for 200 tokens, tools" in told
    assert "the nearest is near/m at near: it does not take images" in told


def test_of_windows_the_largest_is_the_nearest() -> None:
    scene = Scene(
        provider("small", model("small/m", context_window=50)),
        provider("large", model("large/m", context_window=150)),
        provider("blind", model("blind/m", lacks=frozenset(["images"]))),
        combo("best", "small/m", "large/m", "blind/m"),
    )
    refusal = scene.choose("best", needs=Needs(images=True)).refusal
    assert "the nearest is large/m at large" in str(refusal)


def test_what_a_connection_that_is_asked_for_lacks_is_said() -> None:
    scene = Scene(
        provider("one", model("one/m")),
        provider("two", model("two/m", lacks=frozenset(["tools"]))),
        combo("best", "one/m", "two/m"),
    )
    refusal = scene.choose("best", needs=Needs(tools=True), connection="two").refusal
    assert "two/m at two: it does not take tools" in str(refusal)


# --- Who cools down ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Cold:
    """What befell the connections `a` and `b` of one model, by the kind of failure."""

    id: str
    a: Kind
    b: Kind
    refused: type[GatewayError]


COLD = [
    Cold("both after a 429", "rate_limit", "rate_limit", RateLimited),
    Cold("a 429 and a spent quota", "rate_limit", "quota", RateLimited),
    Cold("both breakers open", "server", "server", Unavailable),
    Cold("a 429 and an open breaker", "rate_limit", "server", Unavailable),
    Cold("both credentials refused", "credential", "credential", Unavailable),
    Cold("the model locked on both", "model", "model", Unavailable),
]


@pytest.mark.parametrize("case", COLD, ids=lambda case: case.id)
def test_when_all_cool_down_it_is_told_until_when(case: Cold) -> None:
    scene = Scene(provider("mk", model("mk/m"), accounts=["a", "b"]))
    scene.fail("a", case.a, cooldown_s=40.0)
    scene.fail("b", case.b, cooldown_s=20.0)
    chosen = scene.choose("mk/m")
    why = {"rate_limit": "limit", "quota": "limit"}
    assert chosen.excluded == {"a": why.get(case.a, "blocked"), "b": why.get(case.b, "blocked")}
    refusal = chosen.refusal
    assert type(refusal) is case.refused
    assert refusal.retry_after_s == pytest.approx(20)
    assert "mk/m at b" in str(refusal)
    assert f"it is the {case.b}" in str(refusal)


def test_a_cooling_account_leaves_the_others_alone_and_comes_back() -> None:
    scene = Scene(provider("mk", model("mk/m"), accounts=["a", "b"]))
    scene.fail("a")
    assert scene.choose("mk/m").order == ["b"]
    scene.clock.advance(30)
    assert scene.choose("mk/m").order == ["a", "b"]


def test_a_model_that_is_locked_leaves_the_connections_others_alone() -> None:
    scene = Scene(provider("mk", model("mk/m"), model("mk/other")))
    scene.fail("mk", "model", "mk/m")
    assert scene.choose("mk/m").order == []
    assert scene.choose("mk/other").order == ["mk"]


def test_who_cools_down_is_waited_for_where_nobody_else_fits() -> None:
    """The request is right; a 400 would tell its client to change it."""
    scene = Scene(
        provider("cold", model("cold/m")),
        provider("blind", model("blind/m", lacks=frozenset(["images"]))),
        combo("best", "blind/m", "cold/m"),
    )
    scene.fail("cold")
    assert isinstance(scene.choose("best", needs=Needs(images=True)).refusal, RateLimited)


# --- Combos in combos -------------------------------------------------------------------------


def accounts(*aliases: str, **more: Any) -> Iterator[Provider]:
    for alias in aliases:
        yield provider(alias, model(f"{alias}/m", **more))


def firsts(scene: Scene, name: str, calls: int, **wishes: Any) -> str:
    return "".join(scene.choose(name, **wishes).order[0] for _ in range(calls))


def test_round_robin_goes_around_and_the_rest_is_what_it_falls_back_to() -> None:
    scene = Scene(
        *accounts("a", "b", "c"), combo("all", "a/m", "b/m", "c/m", strategy="round-robin")
    )
    assert [scene.choose("all").order for _ in range(4)] == [
        ["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]
    ]  # fmt: skip


def test_a_sticky_round_robin_stays_for_so_many_calls() -> None:
    scene = Scene(*accounts("a", "b"), combo("all", "a/m", "b/m", strategy="round-robin", sticky=3))
    assert firsts(scene, "all", 8) == "aaabbbaa"


def test_a_combo_in_a_combo_keeps_its_strategy() -> None:
    scene = Scene(
        *accounts("a", "b", "c"),
        combo("inner", "b/m", "c/m", strategy="round-robin"),
        combo("outer", "inner", "a/m"),
    )
    assert [scene.choose("outer").order for _ in range(2)] == [["b", "c", "a"], ["c", "b", "a"]]


def test_turns_within_turns_reach_everybody() -> None:
    """Counted by calls alone, the inner one's turn would always come when it is the same one's."""
    scene = Scene(
        *accounts("a"),
        provider("b", model("b/m"), accounts=["x", "y"], account_strategy="round-robin"),
        combo("all", "a/m", "b/m", strategy="round-robin"),
    )
    assert firsts(scene, "all", 8) == "axayaxay"


def test_sticky_turns_within_sticky_turns_reach_everybody() -> None:
    scene = Scene(
        *accounts("a"),
        provider("b", model("b/m"), accounts=["x", "y"], account_strategy="round-robin"),
        combo("all", "a/m", "b/m", strategy="round-robin", sticky=2),
    )
    assert firsts(scene, "all", 8) == "aaxyaaxy"


def test_a_group_is_judged_by_whom_it_would_ask() -> None:
    scene = Scene(
        provider("dear", model("dear/m", prices=price(9, 9))),
        provider("fair", model("fair/m", prices=price(5, 5))),
        provider("cheap", model("cheap/m", prices=price(1, 1))),
        combo("inner", "dear/m", "cheap/m"),
        combo("outer", "inner", "fair/m", strategy="cost-optimized"),
    )
    assert scene.choose("outer").order == ["fair", "dear", "cheap"]
    scene.fail("dear")
    assert scene.choose("outer").order == ["cheap", "fair"]


def test_what_is_reached_twice_is_asked_once() -> None:
    scene = Scene(
        *accounts("a", "b"), combo("inner", "b/m", "a/m"), combo("outer", "a/m", "inner", "b/m")
    )
    assert scene.choose("outer").order == ["a", "b"]


def test_tiers_come_before_what_stands_in_which_combo() -> None:
    scene = Scene(
        provider("free", model("free/m"), tier="free"),
        provider("key", model("key/m"), tier="api_key"),
        provider("plan", model("plan/m"), tier="subscription"),
        provider("cheap", model("cheap/m"), tier="cheap"),
        combo("inner", "free/m", "plan/m"),
        combo("outer", "inner", "cheap/m", "key/m", strategy="priority-tiers"),
    )
    assert scene.choose("outer").order == ["plan", "key", "cheap", "free"]


def test_within_a_tier_a_provider_spreads_over_its_accounts() -> None:
    scene = Scene(
        provider("mk", model("mk/m"), accounts=["x", "y"], account_strategy="round-robin"),
        provider("plan", model("plan/m"), tier="free"),
        combo("all", "plan/m", "mk/m", strategy="priority-tiers"),
    )
    assert [scene.choose("all").order for _ in range(2)] == [["x", "y", "plan"], ["y", "x", "plan"]]


def test_within_a_tier_the_tiers_own_strategy_decides() -> None:
    scene = Scene(
        provider("a", model("a/m", prices=price(5, 5))),
        provider("b", model("b/m", prices=price(1, 1))),
        provider("free", model("free/m", prices=price(0, 0)), tier="free"),
        combo(
            "all", "free/m", "a/m", "b/m", strategy="priority-tiers", tier_strategy="cost-optimized"
        ),
    )
    assert scene.choose("all").order == ["b", "a", "free"]


@dataclass(frozen=True)
class Cheapest:
    id: str
    prompt_tokens: int
    max_tokens: int
    order: list[str]


CHEAPEST = [
    Cheapest("a long prompt", 100_000, 10, ["reads", "writes", "unpriced"]),
    Cheapest("a long answer", 10, 100_000, ["writes", "reads", "unpriced"]),
]


@pytest.mark.parametrize("case", CHEAPEST, ids=lambda case: case.id)
def test_the_cheapest_is_that_of_this_request(case: Cheapest) -> None:
    scene = Scene(
        provider("unpriced", model("unpriced/m")),
        provider("writes", model("writes/m", prices=price(5, 5))),
        provider("reads", model("reads/m", prices=price(1, 20))),
        combo("all", "unpriced/m", "writes/m", "reads/m", strategy="cost-optimized"),
    )
    chosen = scene.choose("all", prompt_tokens=case.prompt_tokens, max_tokens=case.max_tokens)
    assert chosen.order == case.order


def test_what_was_observed_decides() -> None:
    scene = Scene(
        *accounts("slow", "quick"),
        combo("fast", "slow/m", "quick/m", strategy="fastest"),
        combo("unused", "slow/m", "quick/m", strategy="least-used"),
    )
    now = scene.clock.mono
    for alias, seconds, tokens in (("slow", 2.0, 10), ("quick", 0.5, 99)):
        pair = alias, f"{alias}/m"
        scene.observed.began(pair, now)
        scene.observed.first_content(pair, seconds, now)
        scene.observed.ended(pair, tokens=tokens, now=now)
    assert scene.choose("fast").order == ["quick", "slow"]
    assert scene.choose("unused").order == ["slow", "quick"]


def test_weights_are_those_of_targets() -> None:
    scene = Scene(*accounts("a", "b"), combo("all", "a/m*3", "b/m", strategy="random"))
    counted = Counter(firsts(scene, "all", 4000))
    assert counted["a"] / 4000 == pytest.approx(0.75, abs=0.03)


# --- Sessions ---------------------------------------------------------------------------------

SPREADING = ["round-robin", "random", "power-of-two-choices", "least-used", "fastest"]


@pytest.mark.parametrize("strategy", SPREADING)
@pytest.mark.parametrize("tiers", [False, True], ids=["alone", "within a tier"])
def test_a_session_stays_where_it_is(strategy: str, tiers: bool) -> None:
    within = {"strategy": "priority-tiers", "tier_strategy": strategy}
    scene = Scene(
        *accounts("a", "b", "c", "d"),
        provider("free", model("free/m"), tier="free"),
        combo(
            "all",
            "a/m",
            "b/m",
            "c/m",
            "d/m",
            "free/m",
            **within if tiers else {"strategy": strategy},
        ),
    )
    homes = {firsts(scene, "all", 1, session=f"s{n}") for n in range(40)}
    assert homes >= set("abcd")
    if tiers:
        assert homes == set("abcd")
    for session in ("s1", "s2", "s3"):
        assert len({*firsts(scene, "all", 20, session=session)}) == 1
    scores = scene.choose("all", session="s1").choice.scores.values()
    assert {score.measure for score in scores} == {"lot"}


def test_a_session_yields_to_a_cooldown_and_comes_home() -> None:
    scene = Scene(
        *accounts("a", "b", "c"), combo("all", "a/m", "b/m", "c/m", strategy="round-robin")
    )
    home, second, _ = scene.choose("all", session="s").order
    scene.fail(home)
    assert firsts(scene, "all", 3, session="s") == second * 3
    scene.clock.advance(30)
    assert firsts(scene, "all", 3, session="s") == home * 3


def test_sessions_are_spread_by_weight() -> None:
    scene = Scene(*accounts("a", "b"), combo("all", "a/m*3", "b/m", strategy="round-robin"))
    counted = Counter(firsts(scene, "all", 1, session=str(n)) for n in range(4000))
    assert counted["a"] / 4000 == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("strategy", ["fill-first", "cost-optimized"])
def test_a_session_moves_nothing_where_nothing_is_spread(strategy: str) -> None:
    scene = Scene(
        provider("a", model("a/m", prices=price(1, 1))),
        provider("b", model("b/m", prices=price(2, 2))),
        combo("all", "a/m", "b/m", strategy=strategy),
    )
    assert {firsts(scene, "all", 1, session=f"s{n}") for n in range(20)} == {"a"}


# --- auto -------------------------------------------------------------------------------------


def market() -> Scene:
    demo = connection("echo", base_urls={"openai_chat": "demo://echo"})
    return Scene(
        provider("demo", model("demo/echo"), accounts=[demo]),
        provider("dear", model("dear/m", prices=price(9, 9))),
        provider("fair", model("fair/m", prices=price(3, 3), lacks=frozenset(["images"]))),
        provider("plan", model("plan/m"), tier="subscription"),
        provider("gift", model("gift/m", prices=price(4, 4)), tier="free"),
        provider("zero", model("zero/m", prices=price(0, 0))),
    )


AUTO = [
    ("auto", ["plan/m", "zero/m", "fair/m", "dear/m", "gift/m"]),
    ("auto:cheap", ["zero/m", "fair/m", "gift/m", "dear/m", "plan/m"]),
    ("auto:free", ["zero/m", "gift/m"]),
]


@pytest.mark.parametrize(("name", "order"), AUTO, ids=[name for name, _ in AUTO])
def test_auto_needs_no_combo(name: str, order: list[str]) -> None:
    assert market().choose(name).models == order


def test_auto_fast_asks_the_fastest_of_the_first_tier() -> None:
    scene = market()
    for seconds, alias in enumerate(("dear", "fair", "plan", "gift", "zero"), 1):
        pair, now = (alias, f"{alias}/m"), scene.clock.mono
        scene.observed.began(pair, now)
        scene.observed.first_content(pair, float(seconds), now)
        scene.observed.ended(pair, now=now)
    assert scene.choose("auto:fast").models == ["plan/m", "dear/m", "fair/m", "zero/m", "gift/m"]


def test_auto_spreads_over_a_providers_accounts_as_it_says() -> None:
    scene = Scene(
        provider("mk", model("mk/m"), accounts=["x", "y"], account_strategy="round-robin")
    )
    assert firsts(scene, "auto", 4) == "xyxy"


def test_auto_takes_what_the_request_needs_and_the_key_may() -> None:
    narrow = Principal(name="narrow", allowed=re.compile("(fair|dear)/.*"))
    chosen = market().choose("auto", narrow, needs=Needs(images=True))
    assert chosen.models == ["dear/m"]
    assert chosen.excluded == {"plan": "key", "gift": "key", "zero": "key", "fair": "needs"}


def test_tokens_are_counted_where_the_key_may_call() -> None:
    narrow = Principal(name="narrow", allowed=re.compile("fair/.*"))
    configured = market().snapshot
    route = routing.resolve(configured, narrow, "auto", "openai_chat")
    first, nobodys = (
        route.first_for(narrow),
        route.first_for(Principal("x", allowed=re.compile("z"))),
    )
    assert (first and first.model.id, nobodys) == ("fair/m", None)


def test_auto_for_a_key_that_may_call_nothing_of_it_is_not_allowed() -> None:
    nobody = Principal(name="nobody", allowed=re.compile("auto"))
    assert isinstance(market().choose("auto", nobody).refusal, NotAllowed)


def test_a_combo_of_that_name_is_meant_and_not_the_virtual_model() -> None:
    scene = Scene(*accounts("a", "b"), combo("auto", "b/m"))
    assert scene.choose("auto").order == ["b"]


def test_a_combo_of_that_name_wants_leave_as_every_other() -> None:
    narrow = Principal(name="narrow", allowed=re.compile("b/.*"))
    with pytest.raises(NotAllowed):
        Scene(*accounts("a", "b"), combo("auto", "b/m")).choose("auto", narrow)
    assert Scene(*accounts("a", "b")).choose("auto", narrow).order == ["b"]


def test_auto_is_listed_where_something_answers() -> None:
    names = directory.of(market().snapshot).entries
    assert [name for name in names if name.startswith("auto")] == [name for name, _ in AUTO[:2]] + [
        "auto:fast", "auto:free",
    ]  # fmt: skip
    alone = Scene(provider("demo", model("demo/echo"), accounts=[
        connection("echo", base_urls={"openai_chat": "demo://echo"})
    ]))  # fmt: skip
    assert [*directory.of(alone.snapshot).entries] == ["demo/echo"]


# --- What is told -----------------------------------------------------------------------------


def test_the_trace_tells_order_scores_and_reasons() -> None:
    scene = Scene(
        provider("a", model("a/m", prices=price(2, 2))),
        provider("b", model("b/m", prices=price(1, 1))),
        provider("cold", model("cold/m", prices=price(1, 1))),
        combo("all", "a/m", "b/m", "cold/m", strategy="cost-optimized"),
    )
    scene.fail("cold")
    assert json.loads(scene.choose("all").choice.trace(Named("all"))) == {
        "order": [
            {"model": "b/m", "connection": "b", "score": 200e6, "measure": "cost_picousd"},
            {"model": "a/m", "connection": "a", "score": 400e6, "measure": "cost_picousd"},
        ],
        "excluded": [
            {"model": "cold/m", "connection": "cold", "why": "limit", "left_s": 30.0,
             "reason": "it is the rate_limit (for another 30 s)"},
        ],
    }  # fmt: skip


def test_a_request_that_wants_no_fallback_has_one_candidate() -> None:
    chosen = Scene(*accounts("a", "b"), combo("all", "a/m", "b/m")).choose("all")
    assert [target.connection.name for target in chosen.choice.first_only().order] == ["a"]


# --- Where there is nothing to choose ---------------------------------------------------------


def is_at_once(scene: Scene, name: str, **wishes: Any) -> bool:
    route = routing.resolve(scene.snapshot, ANYONE, name, "openai_chat")
    return undisturbed(route, ask(**wishes), scene.health) is not None


def test_an_order_that_stands_costs_no_choice_until_something_happens() -> None:
    scene = Scene(
        provider("a", model("a/m", context_window=1000)),
        provider("b", model("b/m")),
        combo("all", "a/m", "b/m"),
        combo("turns", "a/m", "b/m", strategy="round-robin"),
    )
    assert is_at_once(scene, "all")
    assert is_at_once(scene, "a/m")
    assert not is_at_once(scene, "turns")
    assert not is_at_once(scene, "auto")
    assert not is_at_once(scene, "all", prompt_tokens=950)
    assert not is_at_once(scene, "all", connection="a")
    assert not is_at_once(scene, "all", max_cost_picousd=1)
    scene.fail("b")
    assert not is_at_once(scene, "all")


def test_a_model_that_lacks_something_is_looked_at_each_time() -> None:
    scene = Scene(provider("a", model("a/m", lacks=frozenset({"images"}))))
    assert not is_at_once(scene, "a/m")
