"""A lesson as lines."""

from lab.stage.stage import Table, Verdict
from lab.views.plain import Lines


def test_a_verdict_and_a_table() -> None:
    """Numbers stand below the sentence; columns are as wide as their widest cell."""
    said: list[str] = []
    view = Lines(said.append)
    view.end(Verdict(False, "It stood still.", {"lines": "3 of 4"}))
    view.table(Table("Counts", ["n", "time"], [["1,000", "2 s"]]))
    assert said == [
        "  FAILED: It stood still.",
        "    lines: 3 of 4",
        "Counts",
        "  n      time",
        "  1,000  2 s",
    ]
