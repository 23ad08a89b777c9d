"""The same tokens at other prices: exact, by day, and both ends where a price depends on size."""

from datetime import UTC, date, datetime

from analytics.costs import More, Prices
from analytics.tally import Sums
from analytics.whatif import compared, total

PLAIN = Prices(input=10, output=100, cache_read=1, cache_write=20)
CHANGE = datetime(2026, 11, 15, tzinfo=UTC).timestamp()
SUMS = Sums(
    input_tokens=1000, output_tokens=50, cache_read_tokens=400, cache_write_tokens=100,
    reasoning_tokens=20, cost_picousd=7, saved_picousd=3,
)  # fmt: skip
COST = 500 * 10 + 400 * 1 + 100 * 20 + 50 * 100


def test_tokens_cost_what_they_would_have_to_the_last_digit() -> None:
    [row] = compared({(date(2026, 11, 1), "mk/a"): SUMS}, PLAIN)
    assert (row.least, row.most, row.was) == (COST, COST, 10)


def test_thoughts_have_their_own_price() -> None:
    prices = Prices(10, 100, 1, 20, More(reasoning=300))
    [row] = compared({(date(2026, 11, 1), "mk/a"): SUMS}, prices)
    assert row.least == COST + 20 * 200


def test_each_day_has_the_price_of_its_day() -> None:
    doubled = Prices(20, 200, 2, 40)
    prices = Prices(10, 100, 1, 20, More(changes=((CHANGE, doubled),)))
    days = {(date(2026, 11, 14), "mk/a"): SUMS, (date(2026, 11, 15), "mk/a"): SUMS}
    [row] = compared(days, prices)
    assert row.least == row.most == 3 * COST


def test_where_the_price_depends_on_size_both_ends_are_told() -> None:
    dear = Prices(20, 200, 2, 40)
    prices = Prices(10, 100, 1, 20, More(tiers=((200_000, dear),)))
    [row] = compared({(date(2026, 11, 1), "mk/a"): SUMS}, prices)
    assert (row.least, row.most) == (COST, 2 * COST)


def test_the_dearest_comes_first_and_all_add_up() -> None:
    day = date(2026, 11, 1)
    rows = compared({(day, "mk/a"): SUMS, (day, "mk/b"): SUMS._replace(cost_picousd=99)}, PLAIN)
    assert [row.name for row in rows] == ["mk/b", "mk/a"]
    assert (total(rows).least, total(rows).was) == (2 * COST, 112)
