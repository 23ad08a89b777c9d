"""What a call costs, to the last 10⁻¹² of a dollar."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.costs import cost_picousd, format_usd


@dataclass(frozen=True)
class Counts:
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    units: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Prices:
    """In 10⁻⁶ USD a million tokens."""

    input: int = 3_000_000
    output: int = 15_000_000
    cache_read: int = 300_000
    cache_write: int = 3_750_000
    media: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    id: str
    counts: Counts
    usd: str
    prices: Prices = Prices()


CASES = [
    Case("nothing costs nothing", Counts(), "0"),
    Case("a million tokens in cost the price", Counts(1_000_000), "3"),
    Case("a million tokens out cost the price", Counts(0, 1_000_000), "15"),
    Case("what was read from a cache costs its own price", Counts(100, 0, 100), "0.00003"),
    Case("what was written to a cache costs its own price", Counts(100, 0, 0, 100), "0.000375"),
    Case("the cache's part is taken out of the input", Counts(100, 10, 60, 30), "0.0003105"),
    Case(
        "cache counts beyond the input are paid, and never a refund", Counts(1, 0, 10), "0.000003"
    ),
    Case("the contract's example", Counts(10, 64), "0.000138", Prices(1_000_000, 2_000_000)),
    Case("the least there is", Counts(1), "0.000000000001", Prices(input=1)),
    Case("a free model is free", Counts(9, 9, 9, 9), "0", Prices(0, 0, 0, 0)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cost(case: Case) -> None:
    cost = cost_picousd(case.counts, case.prices)
    assert cost is not None
    assert format_usd(cost) == case.usd


def test_a_model_without_price_is_not_free() -> None:
    assert cost_picousd(Counts(1000, 1000), None) is None


numbers = st.integers(0, 10**9)
all_prices = st.builds(Prices, numbers, numbers, numbers, numbers)


@st.composite
def consistent(draw: st.DrawFn) -> Counts:
    fresh, read, written, output = (draw(numbers) for _ in range(4))
    return Counts(fresh + read + written, output, read, written)


@given(st.lists(consistent(), max_size=20), all_prices)
def test_a_sum_is_exact(calls: list[Counts], prices: Prices) -> None:
    exact = sum(
        (
            Fraction(tokens * price, 10**12)
            for call in calls
            for tokens, price in (
                (
                    call.input_tokens - call.cache_read_tokens - call.cache_write_tokens,
                    prices.input,
                ),
                (call.cache_read_tokens, prices.cache_read),
                (call.cache_write_tokens, prices.cache_write),
                (call.output_tokens, prices.output),
            )
        ),
        Fraction(0),
    )
    assert Fraction(sum(cost_picousd(call, prices) or 0 for call in calls), 10**12) == exact


@given(st.integers(-(10**24), 10**24))
def test_an_amount_is_written_plainly_and_reads_back(picousd: int) -> None:
    text = format_usd(picousd)
    assert set(text) <= set("-0123456789.")
    assert Fraction(Decimal(text)) == Fraction(picousd, 10**12)
    assert text == "0" or not text.endswith("." if "." not in text else ("0", "."))


@pytest.mark.parametrize(
    ("picousd", "text"),
    [
        (0, "0"),
        (1, "0.000000000001"),
        (138_000_000, "0.000138"),
        (12_500_000_000_000, "12.5"),
        (10_000_000_000_000, "10"),
        (-5_000_000_000_000, "-5"),
    ],
)
def test_an_amount_has_no_needless_zeros(picousd: int, text: str) -> None:
    assert format_usd(picousd) == text
