"""What the gateway of these tests is configured with. Each test has providers of its own, since what
befalls an account is remembered."""

from collections.abc import Sequence
from typing import Any

from tests.e2e.gateway import key_of

BREAKER_OPEN_S = 0.4
HEDGE_AFTER_S = 0.15
LIMIT_S = 0.15  # each time limit, where it is the one that is tried

PATIENT = {"connect": 5, "first_byte": 5, "first_content": 5, "idle": 5, "total": 8}
TIME_LIMITS = ("connect", "first_byte", "first_content", "idle", "total")
SPREADING = ("random", "power-of-two-choices", "least-used", "fastest", "round-robin")


def configuration(upstream_url: str, deaf_port: int) -> dict[str, Any]:
    document: dict[str, Any] = {
        "providers": [], "models": [], "connections": [], "combos": [],
        "api_keys": [
            {"name": "laptop", "key": key_of("laptop"), "controls": CONTROLS},
            {"name": "greedy", "key": key_of("greedy")},
            {"name": "modest", "key": key_of("modest")},
            {"name": "poor", "key": key_of("poor"), "budgets": {"daily_usd": 0.000001}},
            {"name": "shopper", "key": key_of("shopper"), "allowed_models": ["mkt-*"]},
        ],
        "settings": {"breaker_open_s": BREAKER_OPEN_S, "cooldown_auth_s": 30},
    }  # fmt: skip

    def provider(
        alias: str,
        *accounts: str,
        price: tuple[float, float] | None = (1, 2),
        limits: dict[str, float] | None = None,
        timeouts: dict[str, float] | None = None,
        url: str = upstream_url,
        **more: Any,
    ) -> None:
        row = {"id": alias, "alias": alias, "base_url": url, "allow_private_network": True}
        document["providers"].append(row | more)
        prices = {"input_price": price[0], "output_price": price[1]} if price else {}
        document["models"].append({"id": f"{alias}/m"} | prices)
        for priority, name in enumerate(accounts or (alias,)):
            document["connections"].append(
                {
                    "name": name, "provider": alias, "priority": priority,
                    "auth": {"type": "api_key", "api_key": name},
                    "limits": limits or {}, "timeouts": PATIENT | (timeouts or {}),
                }
            )  # fmt: skip

    def combo(name: str, targets: Sequence[str], strategy: str = "fill-first", **more: Any) -> None:
        rows = [{"model": f"{t}/m"} if t in aliases else {"combo": t} for t in targets]
        document["combos"].append({"name": name, "strategy": strategy, "targets": rows} | more)

    aliases = {"well", "deaf"}
    for alias in ("well", *(f"{s[:3]}-{n}" for s in SPREADING for n in "ab")):
        provider(alias)
        aliases.add(alias)
    for strategy in SPREADING:
        combo(strategy, [f"{strategy[:3]}-a", f"{strategy[:3]}-b"], strategy)
    combo("sticky", ["rou-a", "rou-b"], "round-robin", sticky=2)
    provider("many", "many-a", "many-b", account_strategy="round-robin")
    aliases |= {"many", *(f"tier-{n}" for n in range(4)), "reads", "writes", "cool", "key", "brk"}
    combo("nested", ["round-robin", "many"], "round-robin")
    for n, tier in enumerate(("free", "cheap", "api_key", "subscription")):
        provider(f"tier-{n}", tier=tier)
    combo("tiers", [f"tier-{n}" for n in range(4)], "priority-tiers")
    provider("reads", price=(1, 20))
    provider("writes", price=(5, 5))
    combo("cheapest", ["reads", "writes"], "cost-optimized")

    provider("mkt-plan", price=None, tier="subscription")
    provider("mkt-dear", price=(9, 9))
    provider("mkt-fair", price=(3, 3))
    provider("mkt-gift", price=(2, 2), tier="free")

    provider("cool", "cool-a", "cool-b")
    provider("cold", "cold-a", "cold-b")
    provider("key", "key-a", "key-b")
    provider("brk")
    combo("breaks", ["brk", "well"])
    provider("alone")
    for name in TIME_LIMITS:
        where = f"http://127.0.0.1:{deaf_port}/v1" if name == "connect" else upstream_url
        provider(f"slow-{name.replace('_', '-')}", url=where, timeouts={name: LIMIT_S})
        aliases.add(f"slow-{name.replace('_', '-')}")
        combo(f"late-{name}", [f"slow-{name.replace('_', '-')}", "well"])
    provider("lame")
    aliases.add("lame")
    combo("hedged", ["lame", "well"], hedge_after=HEDGE_AFTER_S)
    provider("narrow", limits={"concurrency": 1, "max_wait": 3})
    provider("gratis", price=(0, 0))
    aliases.add("gratis")
    combo("thrifty", ["well", "gratis"])
    provider("shut", limits={"rpm": 1})
    aliases.add("shut")
    combo("full", ["shut", "well"])
    provider("weak")
    aliases.add("weak")
    combo("fallback", ["weak", "well"])
    return document


CONTROLS = ["no-fallback", "max-cost", "connection", "session"]
