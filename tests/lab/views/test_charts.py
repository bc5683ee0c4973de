"""The plots of a hand-out."""

import re

from lab.stage.lesson import Server
from lab.views.charts import LINES, received_plot, strip_plot
from lab.views.recorder import Act, Sample

SERVER = Server("broken.py", "x", False)


def act(names: list[str], strip: list[float]) -> Act:
    """One second in which each client receives a line every tenth."""
    samples = [Sample(number / 10, dict.fromkeys(names, number), 0) for number in range(11)]
    return Act(SERVER, samples, [], strip)


def test_a_line_for_each_client() -> None:
    """It begins at the left and below, and ends at the right and above; names are text."""
    plot = received_plot(act(["ana", "<b>"], []))
    points = re.findall(r'<polyline class="c0" stroke-width="[\d.]+" points="([^"]+)"', plot)
    first, *_, last = [tuple(map(float, point.split(","))) for point in points[0].split()]
    assert first == (52.0, 196.0)
    assert last == (468.0, 10.0)
    assert "&lt;b&gt;" in plot
    assert plot.count("<polyline") == 2


def test_many_clients_are_not_all_drawn() -> None:
    """Six are."""
    assert received_plot(act([str(n) for n in range(20)], [])).count("<polyline") == LINES


def test_a_lesson_without_clients_has_an_empty_plot() -> None:
    """As one that talks to its server by itself."""
    assert "<polyline" not in received_plot(Act(SERVER))


def test_the_strip_says_how_late_it_was() -> None:
    """By colour and by height; without latencies there is none."""
    strip = strip_plot(act(["ana"], [0.0, 10.0, 500.0, 5000.0]))
    assert re.findall(r'<rect class="(\w+)"', strip) == ["fast", "fast", "late", "slow"]
    assert strip_plot(act(["ana"], [0.0, 0.0])) == ""
