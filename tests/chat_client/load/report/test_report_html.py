"""The pages: well formed, self-contained, readable on a narrow screen."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from chat_client.load.control.limit import find_limit
from chat_client.load.model.faults import Faults
from chat_client.load.model.verdict import parse_condition
from chat_client.load.report.report_html import capacity_page, comparison_page, report_page
from tests.chat_client.load.samples import sample, sample_with_errors

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
    """The page parses, loads nothing from the network, and escapes what others wrote."""
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


def test_a_page_names_command_and_machine() -> None:
    """The page has all that is needed to repeat the run."""
    page = report_page(sample())
    for text in ("chat-load &#x27;&lt;b&gt;", "CPython 3.11, GIL on", "2, a processor", "abc"):
        assert text in page


def test_a_page_says_what_to_look_at_and_marks_the_warm_up() -> None:
    """What to look at comes first, and each plot has a sentence and a grey warm-up."""
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
    """On a phone of 390 pixels nothing is wider than the page. A browser measures it."""
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
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--allow-file-access-from-files",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            str(outer),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert re.findall("<title>(.*)</title>", done.stdout) == ["at 390: nothing is cut"]
