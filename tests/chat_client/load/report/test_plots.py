"""The axes of the plots."""

import pytest

from chat_client.load.report.plots import linear_axis, log_axis


@pytest.mark.parametrize("most", [0.0, 0.3, 1.0, 7.0, 10.0, 999.0, 12_345_678.0])
def test_a_linear_axis_is_round_and_long_enough(most: float) -> None:
    """The axis has a few labels and a round end."""
    axis = linear_axis([most], str)
    assert axis.high >= most
    assert 2 <= len(axis.ticks) <= 7
    assert axis.ticks[-1][0] == pytest.approx(axis.high)


@pytest.mark.parametrize("values", [[], [0], [1], [1000], [3, 5], [7, 7_000_000]])
def test_a_logarithmic_axis_holds_all(values: list[float]) -> None:
    """The axis holds every positive value, and is never empty."""
    axis = log_axis(values, str)
    assert 0 < axis.low < axis.high
    assert all(axis.low <= value <= axis.high for value in values if value)
