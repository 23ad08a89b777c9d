"""Prices from the package genai-prices, for what the facts lack.

It is used here and nowhere else: its data are megabytes of Python that a gateway would load at
every start, for prices that stand in our files already.
"""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

Row = dict[str, Any]
NAMES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}
PROVIDERS = {
    "gemini": "google",
    "vertex": "google",
    "bedrock": "aws",
    "azure-openai": "azure",
    "azure-ai": "azure",
    "xai": "x-ai",
    "kimi": "moonshotai",
    "github": "github-copilot",
    "claude": "anthropic",
    "zhipu": "zhipuai",
    "voyage-ai": "voyageai",
    "arcee-ai": "arcee",
    "cloudflare-ai": "cloudflare",
}


def fill(provider: str, row: Row, day: date) -> None:
    """Write into a model's row the prices that it lacks: all of them, or what is kept an hour."""
    found = _prices(PROVIDERS.get(provider, provider), row["name"], day)
    if not found or row["kind"] not in ("chat", "embedding"):
        return
    if row.get("input") is None and row.get("output") is None and not row["media"]:
        row |= {name: found[name] for name in NAMES if name in found}
    elif found.get("input") == row.get("input") and "cache_write_1h" in found:
        row["cache_write_1h"] = found["cache_write_1h"]


def _prices(provider: str, model: str, day: date) -> dict[str, Decimal]:
    """That day's, below every tier. A price that depends on the time of day is none."""
    told = _models(provider)
    info = told and next((each for each in told if each.is_match(model)), None)
    if not info:
        return {}
    price = info.get_prices(datetime.combine(day, time(12), UTC))
    found = {}
    for ours, theirs in NAMES.items():
        value = getattr(price, theirs, None)
        value = getattr(value, "base", value)
        if value is not None:
            found[ours] = Decimal(str(value)).quantize(Decimal("0.000001")).normalize()
    return found


@cache
def _models(provider: str) -> Any:
    try:
        from genai_prices.data import providers
    except ImportError:
        return None
    found = next((each for each in providers if each.id == provider), None)
    return found.models if found else None
