"""Configurations as the data plane sees them, for tests that need no database."""

from collections.abc import Sequence
from typing import Any

from analytics.costs import Prices
from combos.aliases import Aliases
from gateway.formats.types import Quirks
from gateway.snapshot import (
    Budgets,
    Combo,
    ComboTarget,
    Connection,
    Limits,
    Model,
    Networks,
    Principal,
    Provider,
    Snapshot,
    Timeouts,
)
from gateway.verdict import Policy, Rule

ANYONE = Principal(name="laptop")


def price(input_usd: int, output_usd: int) -> Prices:
    """In USD a million tokens."""
    return Prices(input_usd * 10**6, output_usd * 10**6, input_usd * 10**6, input_usd * 10**6)


def model(name: str, **known: Any) -> Model:
    """`name` is alias/model."""
    return Model(id=name, name=name.partition("/")[2], **known)


def connection(name: str, *only: str, **more: Any) -> Connection:
    """One that serves the models `only`, or all."""
    fields: dict[str, Any] = {
        "auth": {"api_key": "sk-up"},
        "base_urls": {"openai_chat": "http://127.0.0.1:1/v1"},
        "headers": {},
        "timeouts": Timeouts(),
        "limits": Limits(),
        "model_map": {},
    }
    return Connection(name=name, model_names=frozenset(only), **fields | more)


def provider(
    alias: str, *models: Model, accounts: Sequence[str | Connection] = (), **more: Any
) -> Provider:
    """Without `accounts` it has one, of its own name."""
    fields: dict[str, Any] = {
        "slug": alias,
        "format": "openai_chat",
        "tier": "api_key",
        "allow_private_network": True,
        "passthrough": True,
        "quirks": Quirks(),
        "account_strategy": "fill-first",
        "sticky": 1,
    }
    return Provider(
        alias=alias,
        models={model.name: model for model in models},
        connections=tuple(
            connection(each) if isinstance(each, str) else each for each in accounts or [alias]
        ),
        **fields | more,
    )


def combo(name: str, *targets: str, strategy: str = "fill-first", **more: Any) -> Combo:
    """`targets` are models, as alias/model, or names of combos; `m*3` has the weight 3."""

    def target(words: str) -> ComboTarget:
        named, _, weight = words.partition("*")
        of_model = named if "/" in named else None
        return ComboTarget(of_model, None if of_model else named, int(weight or 1))

    fields: dict[str, Any] = {
        "tier_strategy": "fill-first",
        "sticky": 1,
        "hedge_after": None,
        "cache": False,
    }
    return Combo(name, strategy, targets=tuple(map(target, targets)), **fields | more)


def snapshot(
    *parts: Provider | Combo, rules: Sequence[Rule] = (), policy: Policy | None = None, **more: Any
) -> Snapshot:
    fields: dict[str, Any] = {
        "version": 1,
        "require_api_key": True,
        "log_bodies": False,
        "stored_responses_days": 0,
        "ollama_api": False,
        "budgets": Budgets(),
        "networks": Networks(),
        "cache_ttl_s": 3600,
        "max_attempts": 12,
        "deadline_s": 900,
        "anyone": Principal(name=""),
        "keys": {},
        "problems": (),
    }
    aliases = Aliases(more.pop("aliases", {}))
    return Snapshot(
        aliases=aliases,
        rules=tuple(rules),
        policy=policy or Policy(),
        providers={part.alias: part for part in parts if isinstance(part, Provider)},
        combos={part.name: part for part in parts if isinstance(part, Combo)},
        **fields | more,
    )
