"""`python -m bench strategies`: how long each strategy takes to decide."""

from collections.abc import Callable
from functools import partial
from random import Random

from bench.conversation import median_ms
from combos.strategies import NEEDS, STRATEGIES, TIERS, Option, Ranked, tiers

SIZES = (10, 100)
TIMES = 2000
SEED = 20128


def options(count: int) -> list[Option]:
    """Unlike one another, a third of them without a price and a third not measured."""
    rng = Random(SEED)
    return [
        Option(
            weight=rng.randint(1, 5),
            tier=rng.choice(TIERS),
            cost=rng.choice((None, rng.randrange(10**9), rng.randrange(10**9))),
            in_flight=rng.randrange(5),
            latency_s=rng.choice((None, rng.random(), rng.random())),
            tokens_per_s=rng.uniform(10, 200),
            used_tokens=rng.randrange(10**6),
        )
        for _ in range(count)
    ]


def deciding() -> dict[str, Callable[[list[Option], int, Random], list[Ranked]]]:
    """Each strategy by its name, and each again within tiers."""
    within = {
        f"priority-tiers, {name}": partial(tiers, inner=name)
        for name in NEEDS
        if name != "priority-tiers"
    }
    return {**STRATEGIES, **within}


def measure(times: int) -> dict[str, list[float]]:
    """Microseconds by strategy, a figure for each of SIZES."""
    rng = Random(SEED)
    sets = [options(count) for count in SIZES]
    return {
        name: [1000 * median_ms(partial(decide, given, 7, rng), times) for given in sets]
        for name, decide in deciding().items()
    }


def table(took: dict[str, list[float]]) -> str:
    """Markdown: strategies down, numbers of options across."""
    lines = [
        ("strategy", *[f"{count} options" for count in SIZES]),
        ("---", *["---:"] * len(SIZES)),
    ]
    lines += [(name, *[f"{figure:.1f}" for figure in figures]) for name, figures in took.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(times: int = TIMES) -> None:
    print(f"All options in order; µs, medians of {times:,}\n")
    print(table(measure(times)))
