"""How the gateway under test is set up, as documents for `config apply`."""

from dataclasses import dataclass
from typing import Any

from bench import faults
from bench.upstream import CREDENTIAL

KEY = "sk-omni-bench-0123456789abcdef0123456789abcdef"
TARGETS = 3
# So high that nothing is refused: what is measured is the counting.
LIMITS = {"rpm": 10_000_000, "tpm": 10_000_000_000, "concurrency": 10_000}
BUDGETS = {"daily_usd": 100_000, "monthly_usd": 1_000_000}

JSONDict = dict[str, Any]


@dataclass(frozen=True)
class Setup:
    """A configuration, and the name that its clients ask for."""

    configuration: JSONDict
    model: str


def provider(name: str, alias: str, upstream: str, **more: Any) -> JSONDict:
    at = {"base_url": upstream + "/v1", "allow_private_network": True}
    return {"id": name, "alias": alias, **at, **more}


def connection(name: str, provider: str, api_key: str = CREDENTIAL) -> JSONDict:
    auth = {"type": "api_key", "api_key": api_key}
    return {"name": name, "provider": provider, "auth": auth}


def plain(upstream: str) -> Setup:
    """One provider with one connection, and a key without limits."""
    return Setup(
        {
            "providers": [provider("mock", "mk", upstream)],
            "connections": [connection("mock-main", "mock")],
            "models": [{"id": "mk/mock", "input_price": 1, "output_price": 2}],
            "api_keys": [{"name": "bench", "key": KEY}],
        },
        "mk/mock",
    )


def routed(upstream: str, strategy: str = "fill-first") -> Setup:
    """A combo of three providers, and a key with limits and budgets."""
    numbers = range(1, TARGETS + 1)
    targets = [f"m{number}/mock" for number in numbers]
    return Setup(
        {
            "providers": [provider(f"mock-{n}", f"m{n}", upstream) for n in numbers],
            "connections": [connection(f"mock-{n}-main", f"mock-{n}") for n in numbers],
            "models": [{"id": id, "input_price": 1, "output_price": 2} for id in targets],
            "combos": [
                {"name": "best", "strategy": strategy, "targets": [{"model": id} for id in targets]}
            ],
            "api_keys": [{"name": "bench", "key": KEY, "limits": LIMITS, "budgets": BUDGETS}],
        },
        "best",
    )


LARGE_USD = 50.0
SMALL_USD = 0.05
SMALL_KEY = "sk-omni-small-0123456789abcdef0123456789abcdef"


def failing(upstream: str) -> Setup:
    """A combo of three providers with two connections each, and two keys with limits and a budget:
    one that lasts, and one that runs out. The third provider speaks Anthropic's format.

    Whatever concerns failures (attempts, breakers, cooldowns, time limits) is as it comes.
    """
    formats = ("openai_chat", "openai_chat", "anthropic_messages")
    names = [f"p{number}" for number in range(1, TARGETS + 1)]
    limits = {"rpm": 60_000, "tpm": 60_000_000, "concurrency": 200}
    return Setup(
        {
            "providers": [
                provider(name, name, upstream, format=format)
                for name, format in zip(names, formats, strict=True)
            ],
            "connections": [
                connection(f"{name}-{letter}", name, f"{faults.CREDENTIAL}{name}{letter}")
                for name in names
                for letter in "ab"
            ],
            "models": [
                {"id": f"{name}/mock", "input_price": 1, "output_price": 2} for name in names
            ],
            "combos": [
                {"name": "best", "targets": [{"model": f"{name}/mock"} for name in names]},
            ],
            "api_keys": [
                {"name": name, "key": key, "limits": limits, "budgets": {"daily_usd": usd}}
                for name, key, usd in (("large", KEY, LARGE_USD), ("small", SMALL_KEY, SMALL_USD))
            ],
        },
        "best",
    )


def budgeted(upstream: str, usd: float, output_price: float) -> Setup:
    """One provider, and a key with a budget of `usd` a day."""
    setup = plain(upstream)
    model = {"id": setup.model, "input_price": 1, "output_price": output_price}
    key = {"name": "bench", "key": KEY, "budgets": {"daily_usd": usd}}
    return Setup(setup.configuration | {"models": [model], "api_keys": [key]}, setup.model)
