"""Two runs side by side."""

import re

import pytest

from chat_client.load.report.compare import change_text, comparison_lines
from tests.chat_client.load.samples import sample


def test_two_runs_side_by_side() -> None:
    """Each figure has its change, and a line says if the workloads differ."""
    lines = comparison_lines(sample(), sample((1000, 1000, 1000)))
    assert any(re.fullmatch(r"delivery p50\s+2.00 ms\s+1.00 ms\s+-50%", line) for line in lines)
    assert not any("different workloads" in line for line in lines)
    other = sample(load=sample().load.__class__(clients=11))
    assert any("different workloads" in line for line in comparison_lines(sample(), other))


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (100, 104, "same"),
        (100, 50, "-50%"),
        (100, 150, "+50%"),
        (100, 300, "× 3.0"),
        (0, 5, "-"),
        (0, 0, "same"),
        (None, 5, "-"),
        (5, None, "-"),
    ],
)
def test_a_change(before: float | None, after: float | None, text: str) -> None:
    """A small change is called "same"."""
    assert change_text(before, after) == text
