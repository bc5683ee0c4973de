"""Buckets: close enough, and the same however the values came together."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.load.model.histogram import Histogram

times = st.integers(0, 10**11)


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(times)
def test_a_value_is_wrong_by_less_than_one_percent(value: int) -> None:
    """A second, larger value is recorded, because the largest is kept exactly."""
    found = histogram_of([value, 10**12]).percentile(50)
    assert found is not None
    assert abs(found - value) <= value * 0.01


@given(st.lists(times, min_size=1), st.floats(0, 100))
def test_percentiles_are_those_of_the_sorted_values(values: list[int], percent: float) -> None:
    """A percentile is the smallest value that so many percent do not exceed."""
    needed = len(values) * percent / 100
    exact = next(v for i, v in enumerate(sorted(values), 1) if i >= needed)
    found = histogram_of(values).percentile(percent)
    assert found is not None
    assert abs(found - exact) <= exact * 0.01


@given(st.lists(times), st.lists(times))
def test_merging_is_counting_together(first: list[int], second: list[int]) -> None:
    """Merging two histograms is the same as recording all values in one, in any order."""
    merged = histogram_of(first)
    merged.merge(histogram_of(second))
    assert merged == histogram_of(second + first)


@given(st.lists(times, min_size=1))
def test_mean_and_deviation(values: list[int]) -> None:
    """Mean and deviation are those of the values, as exactly as the buckets allow."""
    histogram = histogram_of(values)
    scale = max(values) * 0.01 + 1e-9
    assert abs(histogram.mean() - statistics.fmean(values)) <= scale
    assert abs(histogram.deviation() - statistics.pstdev(values)) <= scale


def test_the_largest_is_exact() -> None:
    """People quote the largest value, so it is exact."""
    assert histogram_of([5, 123_457]).percentile(100) == 123_457


def test_nothing_counted() -> None:
    """A histogram without values has no percentiles, and they are not 0."""
    histogram = Histogram()
    assert histogram.percentile(50) is None
    assert (histogram.total, histogram.mean(), histogram.deviation()) == (0, 0, 0)


@pytest.mark.parametrize("weight", [1, 7])
def test_a_weight_is_as_many_values(weight: int) -> None:
    """A weight counts a value for many members that receive a message at the same time."""
    weighted = Histogram()
    weighted.record_waits([100, 200, 300], 1000, weight)
    assert weighted == histogram_of([900, 800, 700] * weight)


def test_a_clock_that_is_behind_is_no_negative_time() -> None:
    """A value below 0 counts as 0."""
    assert histogram_of([-5]).percentile(50) == 0
