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
    ("per_megapixel", {"pixels": 1_500_000}, 3 * USD // 2),
    ("audio_input_per_mtok", {"audio_input_tokens": 7}, 7 * USD // 10**6),
    ("image_output_per_mtok", {"image_output_tokens": 7}, 7 * USD // 10**6),
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
    assert set(PRICES) == set(MEDIA)


def test_tokens_with_a_price_of_their_own_have_no_other() -> None:
    apart = More(media={"audio_input_per_mtok": 5 * 10**6, "audio_output_per_mtok": 7 * 10**6})
    prices = Prices(2, 3, 1, 2, apart)
    units = {"audio_input_tokens": 4, "audio_output_tokens": 6}
    usage = Usage(10, 9, cache_read_tokens=1, units=units)
    assert cost_picousd(usage, prices) == (10 - 1 - 4) * 2 + 1 + 4 * 5 + (9 - 6) * 3 + 6 * 7
    assert cost_picousd(Usage(10, 9), prices) == 10 * 2 + 9 * 3  # where nobody tells how many


@pytest.mark.parametrize(
    ("units", "cost"),
    [
        ({"images": 1, "image_output_tokens": 3, "pixels": 9}, 3),
        ({"images": 1, "pixels": 9}, 18),
        ({"images": 1}, 5),
    ],
)
def test_of_two_prices_for_the_same_the_finer_is_paid(units: dict[str, int], cost: int) -> None:
    prices = {
        "per_image": 5, "per_megapixel": 2 * 10**6, "image_output_per_mtok": 10**6,
    }  # fmt: skip
    assert media_picousd(units, prices) == cost
