"""What is not counted in tokens, to the last 10⁻¹² of a dollar."""

import pytest

from analytics.costs import cost_picousd
from analytics.media import PRICES, media_picousd
from gateway.formats.types import Usage
from gateway.snapshot import Prices
from providers.models import MEDIA_PRICES

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
    prices = Prices(input=2, output=0, cache_read=0, cache_write=0, media={"per_request": 5})
    assert cost_picousd(Usage(input_tokens=10, units={"requests": 1}), prices) == 25
    assert cost_picousd(Usage(input_tokens=10), prices) == 20


def test_every_price_that_can_be_configured_is_counted() -> None:
    assert set(MEDIA_PRICES) == set(PRICES)
