"""What a call costs, to the last 10⁻¹² of a dollar."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from analytics.costs import More, Prices, cost_picousd, format_usd


@dataclass(frozen=True)
class Counts:
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    units: dict[str, int] = field(default_factory=dict)


SONNET = Prices(3_000_000, 15_000_000, 300_000, 3_750_000)


def with_more(**more: Any) -> Prices:
    return structs.replace(SONNET, more=More(**more))


DEAR, DEARER = Prices(6_000_000, 22_500_000, 600_000, 7_500_000), Prices(9_000_000, 1, 1, 1)
TIERED = with_more(tiers=((400_000, DEARER), (200_000, DEAR)))
NEW_YEAR = 1_798_761_600.0
CHEAPER = Prices(1_000_000, 1_000_000, 1_000_000, 1_000_000)


@dataclass(frozen=True)
class Case:
    id: str
    counts: Counts
    usd: str
    prices: Prices = SONNET
    at: float = 0.0


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
    Case("the contract's example", Counts(10, 64), "0.000138", Prices(1_000_000, 2_000_000, 0, 0)),
    Case("the least there is", Counts(1), "0.000000000001", Prices(1, 0, 0, 0)),
    Case("a free model is free", Counts(9, 9, 9, 9), "0", Prices(0, 0, 0, 0)),
    Case(
        "what a cache keeps for an hour has its own price",
        Counts(100, cache_write_tokens=100, cache_write_1h_tokens=60),
        "0.00051",
        with_more(cache_write_1h=6_000_000),
    ),
    Case(
        "and costs what a cache costs where it has none",
        Counts(100, cache_write_tokens=100, cache_write_1h_tokens=60),
        "0.000375",
        with_more(reasoning=0),
    ),
    Case(
        "thoughts may have their own price",
        Counts(output_tokens=100, reasoning_tokens=90),
        "0.00024",
        with_more(reasoning=1_000_000),
    ),
    Case(
        "no more thoughts are paid than words were written",
        Counts(output_tokens=100, reasoning_tokens=1000),
        "0.0001",
        with_more(reasoning=1_000_000),
    ),
    Case("a request at the edge is below it", Counts(200_000), "0.6", TIERED),
    Case("one token more, and all of it is dear", Counts(200_001), "1.200006", TIERED),
    Case("so is the answer, and the cache", Counts(200_001, 1000, 200_001), "0.1425006", TIERED),
    Case("the highest tier that is passed counts", Counts(400_001), "3.600009", TIERED),
    Case(
        "before the day the old price counts",
        Counts(1000),
        "0.003",
        with_more(changes=((NEW_YEAR, CHEAPER),)),
        NEW_YEAR - 1,
    ),
    Case(
        "from its first moment the new one does",
        Counts(1000),
        "0.001",
        with_more(changes=((NEW_YEAR, CHEAPER),)),
        NEW_YEAR,
    ),
    Case(
        "of several changes the latest counts",
        Counts(1000),
        "0.006",
        with_more(changes=((NEW_YEAR + 9, DEAR), (NEW_YEAR, CHEAPER))),
        NEW_YEAR + 10,
    ),
    Case(
        "a new price has tiers of its own",
        Counts(200_001),
        "1.200006",
        with_more(changes=((NEW_YEAR, TIERED),)),
        NEW_YEAR,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cost(case: Case) -> None:
    cost = cost_picousd(case.counts, case.prices, case.at)
    assert cost is not None
    assert format_usd(cost) == case.usd


def test_a_cost_without_a_time_is_todays() -> None:
    past, future = ((2.0**40, DEAR), (0.0, CHEAPER)), ((2.0**40, CHEAPER),)
    assert cost_picousd(Counts(1000), with_more(changes=past)) == 10**9
    assert cost_picousd(Counts(1000), with_more(changes=future)) == 3 * 10**9


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
