"""A model's facts as a row of ours."""

from datetime import date
from decimal import Decimal
from typing import Any

Facts = dict[str, Any]
Row = dict[str, Any]

KINDS = {"tts": "speech", "stt": "transcription"}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
PRICES = ("input", "output", "cache_read", "cache_write")
_STEP = Decimal("0.000001")


def convert(facts: Facts, provider: Row, lacks: dict[str, bool]) -> Row:
    """`lacks` are capabilities that no model of the provider has."""
    price = facts["price"] or {}
    row: Row = {
        "name": facts["model"],
        "kind": KINDS.get(facts["kind"], facts["kind"]),
        "modalities": " -> ".join("+".join(facts["modalities"][side]) for side in ("in", "out")),
        "context_window": facts["context_window"],
        "max_output_tokens": facts["max_output_tokens"],
        "dimensions": facts.get("dimensions"),
        **{name: exact(price.get(name)) for name in PRICES},
        "tiers": [
            {name: value if name == "over" else exact(value) for name, value in tier.items()}
            for tier in facts.get("price_tiers") or []
        ],
        "media": {name: exact(value) for name, value in (facts.get("media_price") or {}).items()},
        "billing": facts.get("billing") or "metered",
        "capabilities": _capabilities(facts) | lacks if facts["kind"] == "chat" else {},
        "quirks": _quirks(facts, provider) if facts["kind"] == "chat" else {},
    }
    if facts.get("status") == "retired":
        row["retired"] = _day(facts.get("deprecated")) or provider["checked"]
    if facts["kind"] == "chat":
        row["format"] = _format(facts, provider)
    return row


# Where each model answers at one address only, by who made it.
_BY_MAKER = (
    "aihubmix",
    "azure-ai",
    "bedrock-mantle",
    "github",
    "gitlab-duo",
    "opencode-zen",
    "snowflake",
)


def _format(facts: Facts, provider: Row) -> str | None:
    """Null: whichever of the provider's suits the client."""
    others = provider["other_formats"]
    if facts.get("responses_only") and "openai_responses" in others:
        return "openai_responses"
    if provider["id"] not in _BY_MAKER:
        return None
    claude = "claude" in facts["model"]
    ours = "anthropic_messages" if claude else "openai_chat"
    return ours if others and ours in {provider["format"], *others} else None


def exact(price: float | None) -> Decimal | None:
    """To 10⁻⁶ USD a million tokens, the finest step there is."""
    return None if price is None else Decimal(str(price)).quantize(_STEP).normalize()


def _day(told: str | None) -> date | None:
    """Some know only the month."""
    return date.fromisoformat(told) if told and len(told) == len("2026-11-22") else None


def _capabilities(facts: Facts) -> dict[str, bool]:
    """What is known. Only a source that lists what goes in knows what does not."""
    told = facts["supports"]
    names = {"tools": "tools", "vision": "images", "json_schema": "schema", "thinking": "thinking"}
    found = {ours: told[theirs] for theirs, ours in names.items() if told.get(theirs) is not None}
    lists_all = "models.dev" in facts["sources"]
    for modality, name in (("image", "images"), ("audio", "audio"), ("pdf", "files")):
        if modality in facts["modalities"]["in"]:
            found[name] = True
        elif lists_all and (name != "files" or told.get("vision") is False):
            found[name] = False
    return found


def _quirks(facts: Facts, provider: Row) -> Row:
    found: Row = {}
    efforts = [name for name in EFFORTS if name in (facts.get("effort_levels") or [])]
    if efforts:
        found["efforts"] = efforts
    if facts.get("fixed_sampling"):
        anthropic = provider["format"] == "anthropic_messages"
        own = ["top_k"] if anthropic else ["presence_penalty", "frequency_penalty"]
        theirs = provider["quirks"].get("unsupported", [])
        found["unsupported"] = list(dict.fromkeys([*theirs, "temperature", "top_p", *own]))
    return found
