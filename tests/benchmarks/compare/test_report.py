"""The arithmetic of the tables, and that a page keeps its prose."""

import sysconfig
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.compare.figures import Figures
from benchmarks.compare.plot import svg
from benchmarks.compare.report import BEGIN, END, OURS, line, page_part, shown, write_page
from benchmarks.compare.rivals import RIVALS


def saturated(deliveries: int, cpu: float = 1.0) -> Figures:
    return Figures(rounds=2, seconds=2.0, deliveries=deliveries, server_cpu=cpu)


TABLE = {
    ("fan1000", "ours"): saturated(12_000_000),
    ("fan1000", "redis"): saturated(4_000_000, 2.0),
    ("all-talk", "ours"): saturated(6_000_000),
    ("all-talk", "redis"): saturated(4_000_000),
    ("all-talk", "nats"): saturated(5_000_000),
    ("paced500", "ours"): Figures(rounds=1, seconds=1.0, latencies=Counter({100: 98, 300: 2})),
    ("paced500", "redis"): Figures(rounds=1, seconds=1.0, latencies=Counter({200: 100})),
    ("idle", "ours"): Figures(rounds=2, bytes_all_rounds=40_000.0),
}


def small(messages: int, *, cpu: float = 1.0, own: float = 0.5, **more: float) -> Figures:
    """Figures of small rooms in one second."""
    figures = Figures(rounds=1, seconds=1.0, deliveries=10 * messages, messages=messages)
    figures.server_cpu, figures.own_cpu, figures.gap = cpu, own, more.get("gap", 0.0)
    figures.latencies = Counter({int(more["latency"]): 100}) if "latency" in more else Counter()
    return figures


SMALL = {
    ("pair", "ours"): small(40_000),
    ("rooms10", "ours"): small(20_000, cpu=2.0),
    ("one-each", "ours"): small(10_000),
    ("one-each", "streams"): small(80_000),
    ("paced-rooms", "ours"): small(2_000, cpu=0.4, gap=0.06, latency=300),
    ("paced-rooms", "redis"): small(2_000, cpu=0.1, latency=100),
    ("class", "ours"): small(20, latency=30),
    ("class", "redis"): small(20, latency=20),
    ("at-once", "ours"): Figures(rounds=2, clients=10_000, entering=6.0, entering_cpu=5.0),
    ("pair", "bare"): small(60_000, own=1.0),
    ("paced-rooms", "bare"): small(2_000, cpu=0.3, gap=0.05, latency=150),
    ("at-once", "bare"): Figures(rounds=1, clients=5_000, entering=1.0, entering_cpu=1.0),
}


def test_small_rooms_have_tables_of_their_own() -> None:
    part = page_part(SMALL, [])
    assert "| **Backchannel** | 40 / 40 | - | 20 / 10 | - | 10 / 10 | - |" in part
    assert "| Redis Streams | - | - | - | - | 80 / 80 | - |" in part
    assert "| the generator, on a core of its own | 80 | - | 40 | - | 160 | - |" in part
    assert "| **Backchannel** | 3.00 / 3.00; 20.0; 60 (0) | 0.30 / 0.30; 5000.0; 0 (0) |" in part
    assert "| **Backchannel** | - | 3.00; 0.50 |" in part
    assert part.count("| Redis Streams |") == 1, "it delivers nothing"
    assert "Small rooms" not in page_part(TABLE, [])


def test_the_aims_of_small_rooms_are_told_and_lost_ones_too() -> None:
    part = page_part(SMALL, [])
    paced = "at 2,000/s, 100 rooms of 10"
    streams = "take in what Redis Streams do, one text each:"
    for aim, reached, limit in (
        (f"{streams} 1 room of 2", "0.50 times", "0.75 times"),
        (f"{streams} 100 rooms of 10, 2 talk", "0.25 times", ""),
        (f"p99 at most 2 times Redis {paced}", "3.00 times", "1.50 times"),
        (f"no stall over 10 ms {paced}", "60 ms (generator 0 ms)", "50 ms (generator 0 ms)"),
        (f"at most 15 us for each delivery {paced}", "20.0 us", "15.0 us"),
        ("p50 at most 1.5 times Redis at 20/s, 1 room of 30", "1.50 times", ""),
        ("all in within 2 s, 5,000 at once", "3.00 s", "1.00 s"),
        ("at most 0.3 ms for each client that comes in, 5,000 at once", "0.50 ms", "0.20 ms"),
    ):
        assert f"| {aim} | {reached} | {limit} |" in part


def test_a_line_for_each_kind_of_small_rooms() -> None:
    paced = line("paced-rooms", "ours", SMALL["paced-rooms", "ours"])
    assert "messages 2,000/s 5,000/CPU s" in paced
    assert "stall 60.0 ms (generator 0.0)" in paced
    assert "3.00 s   0.50 ms CPU each" in line("at-once", "ours", SMALL["at-once", "ours"])


def test_figures_are_of_all_rounds_together() -> None:
    figures = saturated(12_000_000, 3.0)
    assert figures.rate == 6_000_000
    assert figures.per_cpu_second == 4_000_000
    assert figures.cpu_each == pytest.approx(0.25e-6)
    assert TABLE["idle", "ours"].bytes_each == 20_000


def test_rounds_add_up_and_what_went_wrong_keeps_its_round() -> None:
    total, wrong = Figures(), saturated(4_000_000)
    wrong.troubles.append("3 clients cut off")
    total.include(saturated(8_000_000), "round 1")
    total.include(wrong, "round 2")
    assert total.rate == 3_000_000
    assert total.troubles == ["3 clients cut off (round 2)"]


def test_nothing_measured_is_nothing_and_no_error() -> None:
    nothing = Figures()
    assert (nothing.rate, nothing.per_cpu_second, nothing.cpu_each) == (0, 0, 0)
    assert (nothing.bytes_each, nothing.latency(0.99)) == (0, 0)
    assert (nothing.taken_in, nothing.taken_in_per_cpu_second) == (0, 0)
    assert (nothing.entering_each_round, nothing.entering_cpu_each) == (0, 0)


def test_every_aim_is_told_with_what_was_reached() -> None:
    part = page_part(TABLE, ["a machine"])
    assert "- a machine" in part
    assert "| 2.5 times Redis pub/sub at 1,000 | 3.00 times |  |" in part
    assert "| 4 times Redis for each CPU second, at 1,000 | 6.00 times |  |" in part
    assert "| p99 at most 1.1 times Redis, 100 messages/s to 500 | 1.50 times |  |" in part
    assert "| faster than all where all talk (next: NATS) | 1.20 times |  |" in part
    assert "| at most 25 KB for each idle connection | 20.0 KB |  |" in part
    most = 64 if sysconfig.get_config_var("Py_GIL_DISABLED") else 16
    assert f"| at most {most} KB for each idle connection | 20.0 KB |  |" in part


def test_what_went_wrong_is_told_and_marked() -> None:
    wrong = saturated(1_000_000)
    wrong.troubles.append("3 clients cut off")
    part = page_part({("fan1000", "nats"): wrong}, [])
    assert "| NATS | - | 0.50 / 1.00 (!) | - | - |" in part
    assert "- NATS, 4 talk to 1,000: 3 clients cut off" in part
    assert "! 3 clients cut off" in line("fan1000", "nats", wrong)


def test_a_page_keeps_what_is_around_the_tables(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_page(page, "new")
    write_page(page, "newer")
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"


def test_the_picture_is_xml_with_a_bar_for_each_figure() -> None:
    values = shown(page_part(TABLE, []))
    assert values == {
        ("fan1000", "ours"): 6.0,
        ("fan1000", "redis"): 2.0,
        ("all-talk", "ours"): 3.0,
        ("all-talk", "redis"): 2.0,
        ("all-talk", "nats"): 2.5,
        ("paced500", "ours"): 3.0,
        ("paced500", "redis"): 2.0,
        ("idle", "ours"): 20.0,
    }
    bars = ET.fromstring(svg(values)).findall("{*}rect")
    assert len(bars) == 1 + len([key for key in values if key[0] != "paced500"])


def test_what_is_far_off_is_cut_where_less_is_better() -> None:
    names = list(RIVALS)
    values = {("paced1000", name): 20.0 + place for place, name in enumerate(names)}
    picture = ET.fromstring(svg({**values, ("paced1000", names[-1]): 4000.0}))
    *bars, cut = [float(bar.get("width", "")) for bar in picture.findall("{*}rect")[1:]]
    assert min(bars) > 0.7 * max(bars)
    assert cut > max(bars)
    assert len(picture.findall("{*}polygon")) == 1
    assert not ET.fromstring(svg(values)).findall("{*}polygon")
    more = {("fan1000", name): value for (_, name), value in values.items()}
    assert not ET.fromstring(svg({**more, ("fan1000", OURS): 4000.0})).findall("{*}polygon")
