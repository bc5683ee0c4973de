"""The reports: JSON that comes back, CSV that lines up, pages that stand alone."""

import csv
import io
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from chat_client.load.control.limit import find_limit
from chat_client.load.model.faults import Faults
from chat_client.load.model.load_errors import UsageError
from chat_client.load.model.verdict import parse_condition
from chat_client.load.report.compare import change_text, comparison_lines
from chat_client.load.report.plots import linear_axis, log_axis
from chat_client.load.report.report_csv import capacity_csv, report_csv
from chat_client.load.report.report_html import capacity_page, comparison_page, report_page
from chat_client.load.report.report_json import (
    read_result,
    series_row,
    write_capacity,
    write_result,
)
from chat_client.load.report.report_text import painted, report_text
from tests.chat_client.load.samples import sample, sample_with_errors
from tests.support.servers import ROOT

PAGES: dict[str, Callable[[], str]] = {
    "run": lambda: report_page(sample_with_errors()),
    "empty run": lambda: report_page(sample(latencies=(), rows=[], server_side=None)),
    "failed run": lambda: report_page(sample(faults=Faults(lost=3), examples=["<i>load1</i>"])),
    "comparison": lambda: comparison_page(sample(), sample_with_errors()),
    "limit": lambda: capacity_page(
        find_limit(100.0, parse_condition("p99<50ms"), lambda *_: sample())
    ),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well_formed_and_self_contained(name: str) -> None:
    """It parses, asks nothing of the network, and takes nobody's word for markup."""
    page = PAGES[name]()
    tree = ET.fromstring(page.removeprefix("<!DOCTYPE html>"))
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script|<link|<i>", page)
    assert "@media print" in page
    assert tree.find("head/meta[@name='viewport']") is not None
    for drawing in tree.iter("svg"):
        numbers = [
            float(n)
            for p in drawing.iter("polyline")
            for n in re.split("[ ,]", p.get("points", ""))
        ]
        assert all(0 <= number <= 480 for number in numbers)


def test_the_verdict_stands_first() -> None:
    """On the page and in the terminal."""
    result = sample(faults=Faults(lost=3), examples=["load1: 3 lost"])
    assert report_text(result).startswith("FAILED\n  ✗ the audit: 3 lost; load1: 3 lost\n")
    page = report_page(result)
    assert page.index("FAILED") < page.index("Summary")
    assert page.index("Summary") < page.index("<svg")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_report_fits_the_terminal(width: int) -> None:
    """Sentences are folded between words, and what is needed least of the table is left out."""
    note = "the generator was the limit, not the server, " * 3
    result = sample(examples=[note])
    result.verdict.notes.append(note)
    lines = report_text(result, width).splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(line.strip() for line in lines).count(note.strip()) == 1
    table = next(line for line in lines if "p50" in line)
    assert {"p50", "p99", "max"} <= set(table.split())
    assert ("stddev" in table) == (width == 100)


def test_the_verdict_is_seen_from_the_last_row() -> None:
    """In its colour, where there are colours; nothing else is changed."""
    passed, failed = report_text(sample()), report_text(sample(faults=Faults(lost=3)))
    assert painted(passed, 16) == passed.replace("PASSED", "\x1b[1m\x1b[32mPASSED\x1b[0m", 1)
    assert painted(failed, 256) == failed.replace("FAILED", "\x1b[1m\x1b[31mFAILED\x1b[0m", 1)
    assert painted(passed, 0) == passed


def test_a_page_names_command_and_machine() -> None:
    """So that the run can be made again."""
    page = report_page(sample())
    for text in ("chat-load &#x27;&lt;b&gt;", "CPython 3.11, GIL on", "2, a processor", "abc"):
        assert text in page


def test_json_comes_back(tmp_path: Path) -> None:
    """What compare reads is what was measured."""
    path = tmp_path / "a.json"
    path.write_bytes(write_result(sample_with_errors()))
    assert read_result(str(path)) == sample_with_errors()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no report of chat-load"),
        (b"\xff", "is no report of chat-load"),
        (b'{"format": 1}', "is no report of chat-load"),
        (write_result(sample(format=3)), "has format 3"),
    ],
)
def test_what_is_no_report(tmp_path: Path, data: bytes, says: str) -> None:
    """A sentence that names the file."""
    path = tmp_path / "b.json"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=says) as caught:
        read_result(str(path))
    assert str(path) in str(caught.value)


def test_no_such_report(tmp_path: Path) -> None:
    """Nor one that can be read."""
    with pytest.raises(UsageError, match="No such file"):
        read_result(str(tmp_path / "none"))


def test_the_time_series() -> None:
    """A line for each second, with as many cells as there are headings."""
    rows = list(csv.reader(io.StringIO(report_csv(sample()))))
    headings = list(series_row(sample().rows[0]))
    assert rows[0] == headings
    assert [row[0] for row in rows[1:]] == ["-1", "0", "1"]
    assert {len(row) for row in rows} == {len(headings)}
    assert dict(zip(headings, rows[2], strict=True))["delivery_p50_ms"] == "2.004"


def test_two_runs_side_by_side() -> None:
    """Each figure with its change, and a word where they are not alike."""
    lines = comparison_lines(sample(), sample((1000, 1000, 1000)))
    assert any(re.fullmatch(r"delivery p50\s+2.00 ms\s+1.00 ms\s+-50%", line) for line in lines)
    assert not any("different things" in line for line in lines)
    other = sample(load=sample().load.__class__(clients=11))
    assert any("different things" in line for line in comparison_lines(sample(), other))


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
    """Small ones are none."""
    assert change_text(before, after) == text


@pytest.mark.parametrize("most", [0.0, 0.3, 1.0, 7.0, 10.0, 999.0, 12_345_678.0])
def test_a_linear_axis_is_round_and_long_enough(most: float) -> None:
    """With a few ticks."""
    axis = linear_axis([most], str)
    assert axis.high >= most
    assert 2 <= len(axis.ticks) <= 7
    assert axis.ticks[-1][0] == pytest.approx(axis.high)


@pytest.mark.parametrize("values", [[], [0], [1], [1000], [3, 5], [7, 7_000_000]])
def test_a_logarithmic_axis_holds_all(values: list[float]) -> None:
    """And is never empty."""
    axis = log_axis(values, str)
    assert 0 < axis.low < axis.high
    assert all(axis.low <= value <= axis.high for value in values if value)


def test_figures_have_the_names_that_one_guesses() -> None:
    """In milliseconds, a second, and as counts; the buckets stand elsewhere."""
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


def test_the_limit_as_json_and_csv() -> None:
    """The limit, and each run, under the same names."""
    capacity = find_limit(100.0, parse_condition("p99<50ms"), lambda *_: sample((60_000,)))
    found = json.loads(write_capacity(capacity))
    assert (found["limit_per_s"], found["broke_at_per_s"]) == (None, 1.5625)
    assert found["steps"][0]["delivery_p99_ms"] == 60.0
    assert found["last"]["delivery"]["p99_ms"] == 60.0
    rows = list(csv.DictReader(io.StringIO(capacity_csv(capacity))))
    assert [row["delivery_p99_ms"] for row in rows] == ["60.0"] * len(found["steps"])
    assert rows[0].keys() == found["steps"][0].keys()


def test_the_document_names_every_figure() -> None:
    """Each member of the JSON, and each column of the CSV, stands in it."""
    document = (ROOT / "docs" / "load-testing.md").read_text(encoding="utf-8")
    found = json.loads(write_result(sample()))
    names = {*found, *found["delivery"], *found["series"][0], *found["verdict"]}
    capacity = find_limit(100.0, parse_condition("p99<50ms"), lambda *_: sample((60_000,)))
    steps = json.loads(write_capacity(capacity))
    names |= {*steps, *steps["steps"][0]}
    assert {name for name in names if f"`{name}`" not in document} == set()


def test_a_report_of_the_format_before_is_read(tmp_path: Path) -> None:
    """Runs that were kept can still be compared."""
    found = json.loads(write_result(sample()))
    before = {**found, **found.pop("histograms"), "format": 1}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(before))
    assert read_result(str(path)) == sample()


def test_an_inconclusive_run_is_amber() -> None:
    """On the terminal, on the page and beside another run."""
    result = sample(busiest=0.95)
    text = report_text(result)
    assert text.startswith("INCONCLUSIVE\n  ✓ the audit")
    assert "  ! The generator was the limit, not the server" in text
    assert painted(text, 16).startswith("\x1b[1m\x1b[33mINCONCLUSIVE\x1b[0m\n")
    assert '<div class="verdict warn"><strong>INCONCLUSIVE</strong>' in report_page(result)
    assert any(
        line.split() == ["verdict", "passed", "inconclusive"]
        for line in comparison_lines(sample(), result)
    )


def test_a_page_says_what_to_look_at_and_marks_the_warm_up() -> None:
    """Ahead of the figures; a sentence below each plot; grey where nothing counts."""
    page = report_page(sample())
    look = page[page.index("What to look at") : page.index("Summary")]
    assert "The delivery p99, 3.00 ms" in look
    assert "The first 2 s are the warm-up" in look
    assert page.count('class="band"') == 4  # the plots over time
    assert page.count("</svg><p class") == page.count("<svg")
    cold = report_page(sample(load=sample().load.__class__(clients=10, warm_up=0.0)))
    assert 'class="band"' not in cold
    assert "warm-up" not in cold[cold.index("What to look at") : cold.index("Summary")]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_on_a_narrow_screen(name: str, tmp_path: Path) -> None:
    """A phone of 390 pixels: nothing is wider than the page. A browser measures it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser is installed")
    measure = (
        "<script>parent.document.title = 'at ' + innerWidth + ': ' + ("
        "[...document.querySelectorAll('body *')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1"
        " || (e.scrollWidth > e.clientWidth + 1 && e.clientWidth))"
        ".map(e => e.tagName + ':' + e.textContent.slice(0, 20)).join('|') || 'nothing is cut')"
        "</script>"
    )
    inner, outer = tmp_path / "page.html", tmp_path / "frame.html"
    # A browser's window has a least width: a frame has not.
    inner.write_text(PAGES[name]().replace("</body>", f"{measure}</body>"), encoding="utf-8")
    outer.write_text(f'<title>none</title><iframe src="{inner.name}" width="390"></iframe>')
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", str(outer)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert re.findall("<title>(.*)</title>", done.stdout) == ["at 390: nothing is cut"]
