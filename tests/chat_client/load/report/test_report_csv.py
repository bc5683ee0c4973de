"""The time series as CSV."""

import csv
import io
import json

import pytest
from msgspec.structs import replace

from chat_client.load.control.limit import find_limit
from chat_client.load.model.verdict import parse_condition
from chat_client.load.report.report_csv import capacity_csv, report_csv
from chat_client.load.report.report_json import (
    series_row,
    write_capacity,
)
from tests.chat_client.load.model.test_capacity import capacity, step
from tests.chat_client.load.samples import sample


def test_the_time_series() -> None:
    """There is a line for each second, with as many cells as headings."""
    rows = list(csv.reader(io.StringIO(report_csv(sample()))))
    headings = list(series_row(sample().rows[0]))
    assert rows[0] == headings
    assert [row[0] for row in rows[1:]] == ["-1", "0", "1"]
    assert {len(row) for row in rows} == {len(headings)}
    assert dict(zip(headings, rows[2], strict=True))["delivery_p50_ms"] == "2.004"


def test_the_steps_of_a_search() -> None:
    """There is a line for each run, with the names of the JSON report."""
    capacity = find_limit(100.0, parse_condition("p99<50ms"), lambda *_: sample((60_000,)))
    steps = json.loads(write_capacity(capacity))["steps"]
    rows = list(csv.DictReader(io.StringIO(capacity_csv(capacity))))
    assert [row["delivery_p99_ms"] for row in rows] == ["60.0"] * len(steps)
    assert rows[0].keys() == steps[0].keys()
    assert {row["held"] for row in rows} == {"0"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "|", "%", "\t", "\r", " =", "＝"])
def test_no_cell_is_a_formula(start: str) -> None:
    """A spreadsheet would run a formula. A negative number stays a number."""
    found = capacity(step(10, 1000, held=False))
    found.steps = [replace(found.steps[0], reason=f"{start}cmd", generator=[f"{start}cmd"])]
    (row,) = csv.DictReader(io.StringIO(capacity_csv(found), newline=""))
    assert (row["reason"], row["generator"]) == (f"'{start}cmd", f"'{start}cmd")
    assert "\r\n-1,ramp," in report_csv(sample())
