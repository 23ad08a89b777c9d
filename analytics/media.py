"""Money for what is not counted in tokens: images, searches, characters, time.

A price is for one of something, for a thousand or for a minute of it; what is used is counted in
the smallest of whole units, so that its cost is rounded once, up, and by less than 10⁻¹² USD.
"""

from collections.abc import Mapping

# By a price's name: the unit in which its use is counted, and how many of it the price is for.
PRICES: dict[str, tuple[str, int]] = {
    "per_request": ("requests", 1),
    "per_1k_requests": ("requests", 1_000),
    "per_1k_queries": ("queries", 1_000),  # searches, as providers of rerankers count them
    "per_image": ("images", 1),
    "per_million_chars": ("characters", 1_000_000),
    "per_minute": ("milliseconds", 60_000),
    "per_megapixel": ("pixels", 1_000_000),
    "audio_input_per_mtok": ("audio_input_tokens", 1_000_000),
    "audio_output_per_mtok": ("audio_output_tokens", 1_000_000),
    "image_input_per_mtok": ("image_input_tokens", 1_000_000),
    "image_output_per_mtok": ("image_output_tokens", 1_000_000),
}
# Some price lists say the same thing twice. Where the use that one of these counts is known, the
# other price is not paid too.
_INSTEAD = {
    "per_image": ("image_output_per_mtok", "per_megapixel"),
    "per_megapixel": ("image_output_per_mtok",),
    "per_minute": ("audio_input_per_mtok", "audio_output_per_mtok"),
}
_INPUT = ("audio_input_per_mtok", "image_input_per_mtok")
_OUTPUT = ("audio_output_per_mtok", "image_output_per_mtok")


def media_picousd(units: Mapping[str, int], prices: Mapping[str, int]) -> int:
    """What so many of each unit cost, in 10⁻¹² USD; `prices` are by the names above."""
    total = 0
    for name, price in prices.items():
        if not any(_used(other, units, prices) for other in _INSTEAD.get(name, ())):
            unit, per = PRICES[name]
            total += -(-units.get(unit, 0) * price // per)
    return total


def apart(units: Mapping[str, int], prices: Mapping[str, int]) -> tuple[int, int]:
    """How many of the tokens that go in, and that come out, have a price of their own."""
    return (
        sum(_used(name, units, prices) for name in _INPUT),
        sum(_used(name, units, prices) for name in _OUTPUT),
    )


def _used(name: str, units: Mapping[str, int], prices: Mapping[str, int]) -> int:
    return units.get(PRICES[name][0], 0) if name in prices else 0
