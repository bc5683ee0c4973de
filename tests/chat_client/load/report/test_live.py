"""What one sees while it runs."""

import io
import sys

import pytest

from chat_client.load.model.result import Row
from chat_client.load.report.live import INTERVALS, LiveLines, Picture, choose_view
from tests.chat_client.load.samples import sample


def test_a_line_each_second(capsys: pytest.CaptureFixture[str]) -> None:
    """Each second is printed once, however often it is shown. The ramp is not printed."""
    result = sample()
    with LiveLines(print) as view:
        for row in (*result.rows, result.rows[-1]):
            view.show(result, row)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" s ")[0].strip() for line in lines] == ["0", "1"]
    assert "2,000 deliveries/s  p50  2.00 ms p99  3.00 ms  0 errors" in lines[0]


@pytest.mark.parametrize("newest", [0, 2])
def test_the_picture(newest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture shows the ramp and the run, and an address is not markup."""
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stdout", screen)
    result = sample(server="unix:/tmp/[/b]x")
    row: Row = result.rows[newest]
    with Picture() as view:
        view.show(result, row)
    shown = screen.getvalue()
    assert "chat-load unix:/tmp/[/b]x" in shown
    assert "10 of 10" in shown
    assert "delivery p99" in shown


def test_without_a_terminal() -> None:
    """Without a terminal there are lines, without any option."""
    assert isinstance(choose_view(live=True), LiveLines)


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there is the picture, unless it is not wanted."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(choose_view(live=True), Picture)
    assert isinstance(choose_view(live=False), LiveLines)


def test_intervals_have_ends() -> None:
    """The keys stop at the shortest and at the longest interval."""
    picture = Picture()
    for key, interval in (("-", INTERVALS[0]), *(("+", each) for each in INTERVALS[1:])):
        picture.obey(key)
        assert picture.interval == interval
    picture.obey("+")
    picture.obey("q")
    assert picture.interval == INTERVALS[-1]
