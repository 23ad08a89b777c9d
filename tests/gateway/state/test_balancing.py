"""Strategies that choose by what is observed: where 10,000 calls go, while they overlap."""

from collections import Counter
from collections.abc import Callable
from random import Random

from combos.strategies import STRATEGIES, Option
from gateway.state.observed import Observed, Pair
from tests.gateway.clocks import Clock

CALLS = 10_000
INTERVAL_S = 0.1


class Accounts:
    """Each answers after a time of its own, on average `latencies_s`; a call begins each 100 ms."""

    def __init__(self, *latencies_s: float) -> None:
        self.latencies_s = list(latencies_s)
        self.pairs: list[Pair] = [(f"account-{n}", "gpt") for n in range(len(latencies_s))]
        self.observed, self.clock, self.rng = Observed(), Clock(), Random(1)
        self.running: list[tuple[float, float, int]] = []  # until when, how long, where

    def options(self) -> list[Option]:
        observed, now = self.observed, self.clock.mono
        return [
            Option(
                in_flight=observed.in_flight(pair),
                latency_s=observed.latency_s(pair, now),
                used_tokens=observed.used_tokens(pair, now),
            )
            for pair in self.pairs
        ]

    def begin(self, index: int) -> None:
        now, took_s = self.clock.mono, self.rng.expovariate(1 / self.latencies_s[index])
        self.observed.began(self.pairs[index], now)
        self.running.append((now + took_s, took_s, index))

    def end(self) -> None:
        """Those whose time has come."""
        now = self.clock.mono
        for _, took_s, index in (each for each in self.running if each[0] <= now):
            self.observed.first_content(self.pairs[index], took_s, now)
            self.observed.ended(self.pairs[index], tokens=self.rng.randrange(1000), now=now)
        self.running = [each for each in self.running if each[0] > now]

    def calls(self, strategy: str, before: Callable[[int], None] = lambda turn: None) -> list[int]:
        """Which account each call went to."""
        chosen = []
        for turn in range(CALLS):
            before(turn)
            self.end()
            chosen.append(STRATEGIES[strategy](self.options(), turn, self.rng)[0].index)
            self.begin(chosen[-1])
            self.clock.advance(INTERVAL_S)
        return chosen


def test_fastest_goes_to_the_fastest_and_looks_at_the_others_now_and_then() -> None:
    counts = Counter(Accounts(2.0, 0.5, 1.0).calls("fastest"))
    assert counts[1] > 0.98 * CALLS
    # In these 1,000 seconds what was slow is forgotten once, and measured again.
    assert counts[0] >= 2
    assert counts[2] >= 2


def test_fastest_leaves_what_has_become_slow() -> None:
    accounts = Accounts(0.3, 1.0)

    def slow_down(turn: int) -> None:
        if turn == 3_000:
            accounts.latencies_s[0] = 5.0

    chosen = accounts.calls("fastest", slow_down)
    assert Counter(chosen[:3_000])[0] > 2_900
    assert Counter(chosen[4_000:])[1] > 5_900


def test_fastest_finds_what_has_become_fast() -> None:
    accounts = Accounts(1.0, 5.0)

    def speed_up(turn: int) -> None:
        if turn == 1_000:
            accounts.latencies_s[1] = 0.1

    chosen = accounts.calls("fastest", speed_up)
    assert Counter(chosen[:1_000])[0] > 950
    assert Counter(chosen[-3_000:])[1] > 2_900


def test_power_of_two_choices_gives_the_slow_one_less() -> None:
    counts = Counter(Accounts(0.5, 0.5, 2.0).calls("power-of-two-choices"))
    assert abs(counts[0] - counts[1]) < 0.05 * CALLS
    assert 0 < counts[2] < 0.25 * counts[0]


def test_least_used_keeps_accounts_level_however_slow_they_are() -> None:
    accounts = Accounts(0.5, 3.0, 1.0)
    accounts.calls("least-used")
    used = [option.used_tokens for option in accounts.options()]
    assert max(used) - min(used) < 0.03 * max(used)
