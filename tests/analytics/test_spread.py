"""Percentiles from buckets are close to those of the values, and spreads add up."""

import math

from hypothesis import given
from hypothesis import strategies as st

from analytics import spread
from analytics.spread import Spread

values = st.lists(st.floats(1, 10**7), min_size=1, max_size=200)


def of(values: list[float]) -> Spread:
    counts: Spread = {}
    for value in values:
        spread.add(counts, {spread.bucket(value): 1})
    return counts


@given(values, st.sampled_from([50, 95, 99, 100]))
def test_a_percentile_is_less_than_5_percent_off(values: list[float], percent: int) -> None:
    exact = sorted(values)[math.ceil(len(values) * percent / 100) - 1]
    read = spread.percentile(of(values), percent)
    assert read is not None
    assert abs(read - exact) <= 0.05 * exact


@given(values, values)
def test_spreads_of_two_spans_add_up_to_that_of_both(one: list[float], other: list[float]) -> None:
    both = of(one)
    spread.add(both, of(other))
    assert both == of(one + other)


def test_of_nothing_there_is_no_percentile() -> None:
    assert spread.percentile({}, 50) is None


def test_what_is_below_the_first_bucket_counts_as_one() -> None:
    assert spread.percentile(of([0.0, 0.4]), 50) == 1
