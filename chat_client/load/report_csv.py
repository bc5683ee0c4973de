"""The time series as CSV: one line for each second, times in milliseconds."""

import csv
import io
from collections.abc import Sequence

from chat_client.load.limit import Capacity
from chat_client.load.result import Result, Row

HEADINGS = (
    "second", "phase", "clients", "said", "confirmed", "missed", "deliveries", "bytes_in",
    "bytes_out", "errors", "delivery_p50_ms", "delivery_p99_ms", "delivery_max_ms", "ok_p50_ms",
    "ok_p99_ms", "lag_p99_ms", "busiest_worker", "server_cpu", "server_memory",
)  # fmt: skip


CAPACITY_HEADINGS = (
    "rate", "held", "reason", "confirmed", "deliveries", "delivery_p50_ms", "delivery_p99_ms",
)  # fmt: skip


def report_csv(result: Result) -> str:
    """Return the time series of a run."""
    return _table(HEADINGS, [_cells(row) for row in result.rows])


def capacity_csv(capacity: Capacity) -> str:
    """Return the steps of a search for the limit."""
    cells: list[list[object]] = [
        [
            step.rate,
            int(step.held),
            step.reason,
            f"{step.confirmed:.1f}",
            f"{step.deliveries:.1f}",
            _millis(step.p50),
            _millis(step.p99),
        ]
        for step in capacity.steps
    ]
    return _table(CAPACITY_HEADINGS, cells)


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(headings)
    writer.writerows(rows)
    return file.getvalue()


def _cells(row: Row) -> list[object]:
    tick = row.tick
    return [
        row.second,
        tick.phase,
        row.up,
        tick.sent,
        tick.confirmed,
        tick.missed,
        tick.deliveries,
        tick.bytes_in,
        tick.bytes_out,
        sum(tick.errors.values()),
        _millis(tick.delivery.percentile(50)),
        _millis(tick.delivery.percentile(99)),
        _millis(tick.delivery.percentile(100)),
        _millis(tick.ok.percentile(50)),
        _millis(tick.ok.percentile(99)),
        _millis(tick.lag.percentile(99)),
        f"{row.busiest:.3f}",
        "" if row.server_cpu is None else f"{row.server_cpu:.3f}",
        "" if row.server_memory is None else row.server_memory,
    ]


def _millis(micros: int | None) -> str:
    return "" if micros is None else f"{micros / 1000:.3f}"
