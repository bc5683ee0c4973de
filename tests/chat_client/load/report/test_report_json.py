"""The JSON report: its names, and that it can be read again."""

import json
from pathlib import Path

import pytest

from chat_client.load.control.limit import find_limit
from chat_client.load.model.load_errors import UsageError
from chat_client.load.model.verdict import parse_condition
from chat_client.load.report.report_json import (
    read_result,
    write_capacity,
    write_result,
)
from tests.chat_client.load.samples import sample, sample_with_errors
from tests.support.servers import ROOT


def test_json_comes_back(tmp_path: Path) -> None:
    """`compare` reads the same result that was written."""
    path = tmp_path / "a.json"
    path.write_bytes(write_result(sample_with_errors()))
    assert read_result(str(path)) == sample_with_errors()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not a report of chat-load"),
        (b"\xff", "is not a report of chat-load"),
        (b'{"format": 1}', "is not a report of chat-load"),
        (write_result(sample(format=3)), "has format 3"),
    ],
)
def test_what_is_no_report(tmp_path: Path, data: bytes, says: str) -> None:
    """The error names the file."""
    path = tmp_path / "b.json"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=says) as caught:
        read_result(str(path))
    assert str(path) in str(caught.value)


def test_no_such_report(tmp_path: Path) -> None:
    """A file that does not exist is an error."""
    with pytest.raises(UsageError, match="No such file"):
        read_result(str(tmp_path / "none"))


def test_figures_have_the_names_that_one_guesses() -> None:
    """Times are in milliseconds, rates are a second, and the buckets are separate."""
    result = sample_with_errors()
    found = json.loads(write_result(result))
    assert found["delivery"]["p99_ms"] == found["delivery"]["p99_9_ms"] == 3.0
    assert (found["delivery"]["p50_ms"], found["delivery"]["count"]) == (2.004, 3)
    assert (found["delivery"]["max_ms"], found["delivery"]["mean_ms"]) == (3.0, 2.002)
    assert found["ok"]["p90_ms"] == found["connect"]["p99_ms"] == 3.0
    assert found["lag"]["p99_ms"] == 0.05
    assert (found["said_per_s"], found["confirmed_per_s"]) == (100.0, 100.0)
    assert (found["deliveries_per_s"], found["wanted_per_s"]) == (1000.0, 100.0)
    assert (found["lost"], found["doubled"], found["altered"], found["malformed"]) == (0, 0, 0, 0)
    assert found["errors_total"] == found["errors"]["rate_limited"]["count"] == 2
    assert (found["verdict"]["outcome"], found["verdict"]["passed"]) == ("passed", True)
    assert found["series"][1]["delivery_p99_ms"] == 3.0
    assert b'"counts"' not in write_result(result).partition(b'"histograms"')[0]
    assert found["histograms"]["measured"]["delivery"]["counts"]
    empty = json.loads(write_result(sample(latencies=())))["delivery"]
    assert empty.pop("count") == 0
    assert set(empty.values()) == {None}


def test_the_document_names_every_figure() -> None:
    """The document names each member of the JSON and each column of the CSV."""
    document = (ROOT / "docs" / "load-testing.md").read_text(encoding="utf-8")
    found = json.loads(write_result(sample()))
    names = {*found, *found["delivery"], *found["series"][0], *found["verdict"]}
    capacity = find_limit(100.0, parse_condition("p99<50ms"), lambda *_: sample((60_000,)))
    steps = json.loads(write_capacity(capacity))
    names |= {*steps, *steps["steps"][0]}
    assert {name for name in names if f"`{name}`" not in document} == set()


def test_a_report_of_the_format_before_is_read(tmp_path: Path) -> None:
    """Reports of format 1 can still be compared."""
    found = json.loads(write_result(sample()))
    before = {**found, **found.pop("histograms"), "format": 1}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(before))
    assert read_result(str(path)) == sample()


def test_the_limit() -> None:
    """The JSON has the limit, each run, and a run at the limit."""
    capacity = find_limit(100.0, parse_condition("p99<50ms"), lambda *_: sample((60_000,)))
    found = json.loads(write_capacity(capacity))
    assert (found["limit_per_s"], found["broke_at_per_s"]) == (None, 1.5625)
    assert found["steps"][0]["delivery_p99_ms"] == 60.0
    assert found["last"]["delivery"]["p99_ms"] == 60.0
