"""The hand-out: one page that loads nothing, in a real browser on a laptop and on a phone."""

import re
from pathlib import Path

import pytest

from lab.lessons.catalogue import lesson
from lab.stage.play import play
from lab.stage.stage import Table
from lab.views.handout import handout_page
from lab.views.plain import Lines
from lab.views.recorder import Recorder
from tests.support.browser import Browser, find_browser

LESSON = lesson("lost-update")


@pytest.fixture(scope="module")
def page_text() -> str:
    """The hand-out of a lesson that was played."""
    said: list[str] = []
    with Recorder(Lines(said.append)) as record:
        for server in LESSON.servers:
            record.begin(LESSON, server)
            verdict = play(LESSON, server, record.watch)
            assert verdict is not None
            record.end(verdict)
        record.table(Table("Counted <twice>", ["a"], [["b & c"]]))
    assert any("FAILED" in line for line in said)
    return handout_page(LESSON, record)


def test_it_holds_everything(page_text: str) -> None:
    """The verdicts, a plot for each server, the tables, the text, the code with its marks."""
    assert page_text.count("It breaks.") == 1
    assert page_text.count("It holds.") == 1
    assert page_text.count("Lines received by each client over time") == 2
    assert "Counted &lt;twice&gt;" in page_text
    assert "b &amp; c" in page_text
    assert "<h2>Questions</h2>" in page_text
    guilty = re.findall(r'<span class="row guilty">.*?</span>(.*?)</span>', page_text)
    assert [line.replace("&quot;", '"') for line in guilty] == LESSON.guilty
    assert '<span class="row new">' in page_text


def test_it_loads_nothing(page_text: str) -> None:
    """No address, no script."""
    assert not re.search(r"(src|href)=|url\(|<script|@import", page_text)


@pytest.mark.skipif(find_browser() is None, reason="there is no Chromium")
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_screen(page_text: str, width: int, tmp_path: Path) -> None:
    """Nothing is wider than the window; plots and code are shown."""
    path = tmp_path / "page.html"
    path.write_text(page_text, encoding="utf-8")
    with Browser() as browser:
        page = browser.open(path.as_uri(), size=(width, 900))
        page.see("The lost update")
        assert page.run("document.documentElement.scrollWidth") <= width
        assert page.count("svg polyline") >= 6
        assert page.is_shown("pre .guilty")
        assert page.problems == []
