"""Other people's price lists, read into prices of ours: LiteLLM's and models.dev's.

Both are public JSON files. LiteLLM's is `model_prices_and_context_window.json`, an object of models
with USD a token; models.dev's is `api.json`, an object of providers with USD a million tokens.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import Struct

from providers.pricing import STEP, Prices, Tier


class PriceListError(Exception):
    """What was read is no price list; the message says what is wrong with it."""


class Priced(Struct, frozen=True):
    """A model as a list knows it. `provider` is a slug of ours, or the list's own name."""

    provider: str
    model: str
    prices: Prices
    tiers: tuple[Tier, ...] = ()


def read(data: bytes) -> list[Priced]:
    """Raises `PriceListError`."""
    try:
        told = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise PriceListError("it is no JSON") from None
    if not isinstance(told, dict) or not all(isinstance(each, dict) for each in told.values()):
        raise PriceListError("it is no object of models or of providers")
    if any("litellm_provider" in each for each in told.values()):
        return list(_litellm(told))
    if any(isinstance(each.get("models"), dict) for each in told.values()):
        return list(_models_dev(told))
    raise PriceListError("it is neither LiteLLM's price list nor models.dev's")


def _price(told: Mapping[str, Any], name: str, factor: int) -> Decimal | None:
    """Null where it is not said, or makes no sense."""
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        price = (Decimal(str(value)) * factor).quantize(STEP).normalize()
    except InvalidOperation:
        return None
    return price if 0 <= price < 10**8 else None


# --- LiteLLM ---------------------------------------------------------------------------------

LITELLM = {
    "amazon_nova": "amazon-nova",
    "azure": "azure-openai",
    "azure_ai": "azure-ai",
    "bedrock_converse": "bedrock",
    "cloudflare": "cloudflare-ai",
    "cohere_chat": "cohere",
    "dashscope": "alibaba",
    "featherless_ai": "featherless-ai",
    "fireworks_ai": "fireworks",
    "github_copilot": "github",
    "jina_ai": "jina-ai",
    "moonshot": "kimi",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "v0": "v0-vercel",
    "vercel_ai_gateway": "vercel-ai-gateway",
    "vertex_ai-language-models": "vertex",
    "voyage": "voyage-ai",
}
_LITELLM_PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "reasoning": "output_cost_per_reasoning_token",
}
_ABOVE = re.compile(r"_above_([1-9]\d{0,5})k_tokens$")


def _litellm(told: Mapping[str, Any]) -> Iterator[Priced]:
    for key, facts in told.items():
        theirs = facts.get("litellm_provider")
        if not isinstance(theirs, str) or key == "sample_spec":
            continue
        prices = {ours: _price(facts, name, 1_000_000) for ours, name in _LITELLM_PRICES.items()}
        if prices["input"] is not None or prices["output"] is not None:
            # `groq/llama-3`, `azure/gpt-5`, and plain `gpt-5` for who was there first.
            model = key.removeprefix(f"{theirs}/").removeprefix(f"{theirs.split('-')[0]}/")
            yield Priced(
                LITELLM.get(theirs, theirs.replace("_", "-")),
                model,
                Prices(**prices),
                tuple(_litellm_tiers(facts)),
            )


def _litellm_tiers(facts: Mapping[str, Any]) -> Iterator[Tier]:
    for size in sorted({int(found[1]) for name in facts if (found := _ABOVE.search(name))}):
        names = {ours: f"{name}_above_{size}k_tokens" for ours, name in _LITELLM_PRICES.items()}
        yield from _tier(size * 1000, facts, names, 1_000_000)


# --- models.dev ------------------------------------------------------------------------------

MODELS_DEV = {
    "amazon-bedrock": "bedrock",
    "azure": "azure-openai",
    "cloudflare-workers-ai": "cloudflare-ai",
    "fireworks-ai": "fireworks",
    "github-copilot": "github",
    "google": "gemini",
    "google-vertex": "vertex",
    "inference": "inference-net",
    "moonshotai": "kimi",
    "moonshotai-cn": "kimi-cn",
    "novita-ai": "novita",
    "togetherai": "together",
    "v0": "v0-vercel",
    "vercel": "vercel-ai-gateway",
    "xiaomi": "xiaomi-mimo",
    "zhipuai": "zhipu",
}
_MODELS_DEV_PRICES = {
    name: name for name in ("input", "output", "cache_read", "cache_write", "reasoning")
}


def _models_dev(told: Mapping[str, Any]) -> Iterator[Priced]:
    for theirs, facts in told.items():
        models = facts.get("models")
        for name, model in models.items() if isinstance(models, dict) else ():
            cost = model.get("cost") if isinstance(model, dict) else None
            if isinstance(cost, dict):
                prices = Prices(**{each: _price(cost, each, 1) for each in _MODELS_DEV_PRICES})
                if prices.input is not None or prices.output is not None:
                    tiers = tuple(_models_dev_tiers(cost))
                    yield Priced(MODELS_DEV.get(theirs, theirs), name, prices, tiers)


def _models_dev_tiers(cost: Mapping[str, Any]) -> Iterator[Tier]:
    """`tiers` say their size. The older `context_over_200k` stands beside them, whatever the size."""
    told = cost.get("tiers")
    if not isinstance(told, list):
        told = [
            {"tier": {"type": "context", "size": 200_000}, **_object(cost, "context_over_200k")}
        ]
    for each in told:
        match each:
            case {"tier": {"type": "context", "size": int(size)}} if 1 < size < 10**9:
                yield from _tier(size, each, _MODELS_DEV_PRICES, 1)


def _object(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    return value if isinstance(value, dict) else {}


# --- Both ------------------------------------------------------------------------------------


def _tier(
    size: int, told: Mapping[str, Any], names: Mapping[str, str], factor: int
) -> Iterator[Tier]:
    """None where it says nothing. A 0 is a gap: nothing becomes free because it is large."""
    prices = {ours: _price(told, name, factor) or None for ours, name in names.items()}
    if any(prices.values()):
        yield Tier(over=size, **prices)
