"""What is not counted in tokens, to the last 10⁻¹² of a dollar."""

import pytest

from analytics.costs import More, Prices, cost_picousd
from analytics.media import PRICES, media_picousd
from gateway.formats.types import Usage
from providers.pricing import MEDIA

USD = 10**12

CASES = [
    ("per_request", {"requests": 1}, USD),
    ("per_1k_requests", {"requests": 1}, USD // 1000),
    ("per_1k_queries", {"queries": 3}, 3 * USD // 1000),
    ("per_image", {"images": 4}, 4 * USD),
    ("per_million_chars", {"characters": 1500}, 1500 * USD // 10**6),
    ("per_minute", {"milliseconds": 90_000}, 3 * USD // 2),
    ("per_minute", {"images": 1}, 0),
]


@pytest.mark.parametrize(("name", "units", "cost"), CASES)
def test_a_dollar_for_so_much_of_it(name: str, units: dict[str, int], cost: int) -> None:
    assert media_picousd(units, {name: USD}) == cost


def test_a_part_of_the_smallest_amount_is_rounded_up_once() -> None:
    assert media_picousd({"milliseconds": 1}, {"per_minute": 1}) == 1
    assert media_picousd({"milliseconds": 60_001}, {"per_minute": 10}) == 11


def test_it_is_paid_beside_tokens() -> None:
    prices = Prices(2, 0, 0, 0, More(media={"per_request": 5}))
    assert cost_picousd(Usage(input_tokens=10, units={"requests": 1}), prices) == 25
    assert cost_picousd(Usage(input_tokens=10), prices) == 20


def test_whatever_the_size_of_the_request_and_the_day() -> None:
    dear, later = Prices(3, 0, 0, 0), Prices(4, 0, 0, 0)
    prices = Prices(
        2, 0, 0, 0, More(tiers=((5, dear),), changes=((100.0, later),), media={"per_request": 7})
    )
    usage = Usage(input_tokens=10, units={"requests": 1})
    assert cost_picousd(usage, prices, at=99) == 37
    assert cost_picousd(usage, prices, at=100) == 47


def test_what_is_counted_can_be_configured() -> None:
    assert set(PRICES) < set(MEDIA)
