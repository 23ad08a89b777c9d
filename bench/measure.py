"""One server, measured in rounds that alternate with the floor: a drifting machine moves both."""

import json
import statistics
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass

from bench.gateway import Gateway
from bench.load import Answers, Load, send
from bench.setups import KEY

CONNECTIONS = 32


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    path: str
    rounds: int
    seconds: int
    load_cpu: int


@dataclass(frozen=True)
class Addresses:
    gateway: str
    floor: str
    upstream: str


@dataclass(frozen=True)
class Kind:
    """Plain answers or streams: medians over the rounds."""

    floor_per_s: float
    gateway_per_s: float
    over_floor: float
    p99_ms: float
    added_ms: float  # at one connection, over the provider called directly
    failed: int
    journal_empty_after_s: float


@dataclass(frozen=True)
class Ledger:
    """Answers that the load counted, against the rows of the log."""

    answered: int
    upstream_calls: int
    rows: dict[str, int]

    def faults(self) -> list[str]:
        """What does not agree.

        Calls that were under way when a load ended are rows too, as `ok` or `aborted`, though
        nobody counted an answer. Some of those never reached the provider.
        """
        ok, rows = self.rows.get("ok", 0), sum(self.rows.values())
        checks = {
            f"{self.answered} answers but {ok} rows": self.answered <= ok,
            f"{ok} rows of answers, {self.upstream_calls} calls to the provider, {rows} rows": (
                ok <= self.upstream_calls <= rows
            ),
            f"outcomes {self.rows}": set(self.rows) <= {"ok", "aborted"},
        }
        return [words for words, right in checks.items() if not right]


@dataclass(frozen=True)
class Result:
    json: Kind
    stream: Kind
    ledger: Ledger


def measure(gateway: Gateway, at: Addresses, plan: Plan) -> Result:
    """Raises `RuntimeError` where the journal is not empty in time."""
    answered: list[int] = []
    plain = _kind(gateway, at, plan, False, answered)
    stream = _kind(gateway, at, plan, True, answered)
    gateway.wait_until_empty()
    ledger = Ledger(sum(answered), _tally(at.upstream), dict(gateway.rows()))
    return Result(plain, stream, ledger)


def _kind(gateway: Gateway, at: Addresses, plan: Plan, stream: bool, answered: list[int]) -> Kind:
    load = Load(plan.path, gateway.setup.model, KEY, stream)

    def run(url: str, connections: int, seconds: int) -> Answers:
        answers = send(load, url, connections, seconds, plan.load_cpu)
        if url == at.gateway:
            answered.append(answers.complete)
        return answers

    warm = [run(at.gateway, 8, 2), run(at.floor, 8, 1)]
    rounds = [
        (run(at.floor, CONNECTIONS, plan.seconds), run(at.gateway, CONNECTIONS, plan.seconds))
        for _ in range(plan.rounds)
    ]
    empty_after_s = gateway.wait_until_empty()
    single = [(run(at.upstream, 1, 2), run(at.gateway, 1, 2)) for _ in range(plan.rounds)]
    everything = warm + [answers for pair in rounds + single for answers in pair]
    return Kind(
        floor_per_s=_median(floor.per_s for floor, _ in rounds),
        gateway_per_s=_median(ours.per_s for _, ours in rounds),
        over_floor=_median(ours.per_s / floor.per_s for floor, ours in rounds),
        p99_ms=_median(ours.p99_ms for _, ours in rounds),
        added_ms=_median(ours.p50_ms - direct.p50_ms for direct, ours in single),
        failed=sum(answers.failed for answers in everything),
        journal_empty_after_s=round(empty_after_s, 2),
    )


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)


def _tally(upstream: str) -> int:
    with urllib.request.urlopen(upstream + "/tally", timeout=5) as answer:
        return int(json.load(answer)["calls"])
