"""Results of runs that were not made, for tests of what is done with results."""

from typing import Any

from chat_client.load.model.histogram import Histogram
from chat_client.load.model.result import ErrorCount, Machine, Result, Row, ServerSide
from chat_client.load.model.tick import Tick
from chat_client.load.model.verdict import judge
from chat_client.load.model.workload import Load


def sample(latencies: tuple[int, ...] = (1000, 2000, 3000), **more: Any) -> Result:
    """Return a run of two seconds in which messages took so many µs to be delivered."""
    delivery = Histogram()
    for value in latencies:
        delivery.record(value)
    lag = Histogram()
    lag.record(50)
    tick = Tick(
        "measure",
        1_000_000,
        3_000_000,
        up=10,
        sent=200,
        confirmed=200,
        deliveries=2000,
        bytes_in=300_000,
        bytes_out=20_000,
        ok=delivery,
        delivery=delivery,
        lag=lag,
        connect=delivery,
        welcome=delivery,
    )
    values: dict[str, Any] = {
        "command": "chat-load '<b>&\"x\"'",
        "started": "2026-11-20T15:00:00+00:00",
        "server": "127.0.0.1:7878",
        "software": "<script>alert(1)</script>",
        "limited": False,
        "load": Load(clients=10),
        "machine": Machine("CPython 3.11", "on", 2, "a processor", "Linux", "abc"),
        "seconds": 2.0,
        "measured": tick,
        "whole": tick,
        "present": 10,
        "received": 2000,
        "expected": 2000,
        "server_side": ServerSide(1.0, 30_000_000, 12),
        "rows": [Row(-1, Tick("ramp", 0), 10), Row(0, tick, 10), Row(1, tick, 10)],
        **more,
    }
    result = Result(**values)
    result.verdict = judge(result, [])
    return result


def sample_with_errors() -> Result:
    """Return the same run with two refusals."""
    return sample(errors={"rate_limited": ErrorCount(2, 0.5, 1.5)})
