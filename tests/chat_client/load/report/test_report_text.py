"""The report on a terminal."""

import pytest

from chat_client.load.control.limit import find_limit
from chat_client.load.model.capacity import finding
from chat_client.load.model.faults import Faults
from chat_client.load.model.result import Result
from chat_client.load.model.verdict import parse_condition
from chat_client.load.model.workload import Load
from chat_client.load.report.compare import comparison_lines
from chat_client.load.report.report_html import report_page
from chat_client.load.report.report_text import capacity_lines, painted, report_text
from tests.chat_client.load.samples import sample


def test_the_verdict_stands_first() -> None:
    """The verdict is at the top of the page and of the text."""
    result = sample(faults=Faults(lost=3), examples=["load1: 3 lost"])
    assert report_text(result).startswith("FAILED\n  ✗ the audit: 3 lost; load1: 3 lost\n")
    page = report_page(result)
    assert page.index("FAILED") < page.index("Summary")
    assert page.index("Summary") < page.index("<svg")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_report_fits_the_terminal(width: int) -> None:
    """Sentences are folded between words, and the table leaves out columns."""
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
    """The verdict has its colour if the terminal has colours. The rest is unchanged."""
    passed, failed = report_text(sample()), report_text(sample(faults=Faults(lost=3)))
    assert painted(passed, 16) == passed.replace("PASSED", "\x1b[1m\x1b[32mPASSED\x1b[0m", 1)
    assert painted(failed, 256) == failed.replace("FAILED", "\x1b[1m\x1b[31mFAILED\x1b[0m", 1)
    assert painted(passed, 0) == passed


def test_an_inconclusive_run_is_amber() -> None:
    """An inconclusive run is amber in the text and on the page, and named in a comparison."""
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


def run_at(rate: float, breaks_at: float, **more: object) -> Result:
    """A run with a latency of 1 ms at a rate below the limit, and of a second above it."""
    latency = 1000 if rate < breaks_at else 1_000_000
    result = sample((latency,), load=Load(clients=10, rate=rate), **more)
    result.measured.sent = int(rate * result.seconds)
    return result


@pytest.mark.parametrize("width", [80, 120])
def test_the_curve_fits_the_terminal(width: int) -> None:
    """The finding is folded. Without room, the reasons are left out."""
    found = find_limit(100.0, parse_condition("p99<50ms"), lambda rate, _: run_at(rate, 450.0))
    lines = capacity_lines(found, width)
    assert max(map(len, lines)) <= width
    assert " ".join(lines[: lines.index("")]) == finding(found)
    assert any(line.endswith("█ delivery p99 is 1.00 s") for line in lines) == (width == 120)
    assert any("✗ 0 of 3" in line for line in lines)
    assert any("✗" in line for line in lines)
