"""The ticks of all workers become one result, and a row for each second."""

import os

from chat_client.load.control.collector import Collector
from chat_client.load.model.tick import Phase, Tick
from tests.chat_client.load.samples import sample

SECOND = 1_000_000
BEGIN = 100 * SECOND


def tick(phase: Phase, start: float, stop: float, **counts: object) -> Tick:
    """Return a tick from one second of the load to another."""
    return Tick(phase, BEGIN + int(start * SECOND), BEGIN + int(stop * SECOND), **counts)  # type: ignore[arg-type]


def test_seconds_of_two_workers() -> None:
    """A row has what both workers counted, and is complete once both have reported it."""
    result = sample(rows=[], measured=Tick("measure", 0), whole=Tick("ramp", 0), seconds=0.0)
    collector = Collector(result, workers=2)
    collector.add(0, tick("ramp", -2, -1, up=3))
    collector.begin(BEGIN)
    collector.add(0, tick("measure", 0, 1, up=3, sent=5))
    assert collector.newest().second == -1
    collector.add(1, tick("measure", 0, 1, up=4, sent=7))
    assert collector.newest().second == 0
    assert [(row.second, row.tick.sent, row.up) for row in result.rows] == [(-1, 0, 3), (0, 12, 7)]
    assert (result.measured.sent, result.whole.sent, result.seconds) == (12, 12, 1.0)
    assert collector.up == 7


def test_only_what_is_measured_is_measured() -> None:
    """The warm-up is not measured. Of the drain, only the latencies are."""
    result = sample(rows=[], measured=Tick("measure", 0), whole=Tick("ramp", 0), seconds=0.0)
    collector = Collector(result, workers=1)
    collector.begin(BEGIN)
    collector.add(0, tick("warm-up", 0, 1, sent=1))
    collector.add(0, tick("measure", 1, 2, sent=10))
    late = tick("drain", 2, 2.5, sent=100, deliveries=100)
    late.delivery.record(900)
    late.ok.record(800)
    collector.add(0, late)
    assert (result.measured.sent, result.measured.deliveries, result.whole.sent) == (10, 0, 111)
    assert (result.measured.delivery.total, result.measured.ok.total) == (1, 1)
    assert (result.seconds, result.drained) == (1.0, 0.5)


def test_errors_have_a_first_and_a_last_second() -> None:
    """Errors have their first and last second, by code."""
    result = sample(rows=[])
    collector = Collector(result, workers=1)
    collector.begin(BEGIN)
    collector.add(0, tick("measure", 0, 1, errors={"muted": 2}))
    collector.add(0, tick("measure", 1, 2))
    collector.add(0, tick("measure", 2, 3, errors={"muted": 1}))
    found = result.errors["muted"]
    assert (found.count, found.first, found.last) == (3, 1.0, 3.0)


def test_the_busiest_worker() -> None:
    """A tick of a few milliseconds does not tell how busy its worker is."""
    result = sample(rows=[], busiest=0.0)
    collector = Collector(result, workers=1)
    collector.begin(BEGIN)
    collector.add(0, tick("measure", 0, 1, cpu=0.25))
    collector.add(0, tick("measure", 1, 1.01, cpu=0.01))
    assert result.busiest == 0.25


def test_the_servers_process_is_looked_at() -> None:
    """The server's memory and threads are noted if its process is visible."""
    result = sample(rows=[], server_side=None)
    collector = Collector(result, workers=1)
    collector.begin(BEGIN)
    collector.watch_server(None)
    collector.add(0, tick("measure", 0, 1))
    assert result.server_side is None
    collector.watch_server(os.getpid())
    collector.add(0, tick("measure", 1, 2))
    assert result.server_side is not None
    assert result.server_side.memory > 0
    assert result.server_side.threads >= 1
