"""The report as JSON, for programs: the figures under the names that docs/load-testing.md lists.

Times are in milliseconds. The counts with the buckets of every latency, which `compare` needs, are
under `histograms`, in microseconds.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from chat_client.load.model.capacity import Capacity, Step, finding
from chat_client.load.model.histogram import Histogram
from chat_client.load.model.load_errors import UsageError
from chat_client.load.model.result import FORMAT, Result, Row
from chat_client.load.model.verdict import TIMES, times

PERCENTS = (50, 75, 90, 95, 99, 99.9)
"""The percentiles of a latency in the JSON report."""

_COUNTS = ("measured", "whole", "rows")
"""The attributes of a result that go under `histograms`."""


def write_result(result: Result) -> bytes:
    """Return a result as JSON."""
    return _written(_result(result))


def write_capacity(capacity: Capacity) -> bytes:
    """Return what a search for the limit found, as JSON."""
    return _written(
        {
            "format": FORMAT,
            "condition": capacity.condition,
            "finding": finding(capacity),
            "limit_per_s": capacity.highest,
            "broke_at_per_s": capacity.broke,
            "interrupted": capacity.interrupted,
            "broke_off": capacity.broke_off,
            "steps": [step_row(step) for step in capacity.steps],
            "last": _result(capacity.last),
        }
    )


def read_result(path: str) -> Result:
    """Return the result in a file that `--json` wrote.

    Raises:
        UsageError: the file cannot be read, or is not such a file.
    """
    try:
        with open(path, "rb") as file:
            found = msgspec.json.decode(file.read(), type=dict[str, Any])
        counts = found.get("histograms", found)  # format 1 has them at the top level
        result = msgspec.convert({**found, **_part(counts)}, Result, str_keys=True)
    except OSError as error:
        raise UsageError(f"cannot read {path!r}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path!r} is not a report of chat-load ({error}): give a file that --json wrote"
        ) from None
    if result.format not in (1, FORMAT):
        raise UsageError(
            f"{path!r} has format {result.format}; this chat-load reads formats 1 and {FORMAT}"
        )
    return msgspec.structs.replace(result, format=FORMAT)


def latency(histogram: Histogram) -> dict[str, float | int | None]:
    """Return the figures of a latency, in milliseconds; None where there are no values."""
    values: dict[str, float | None] = {
        f"p{percent:g}_ms".replace(".", "_"): histogram.percentile(percent) for percent in PERCENTS
    }
    some = histogram.total > 0
    values |= {
        "max_ms": histogram.largest if some else None,
        "mean_ms": histogram.mean() if some else None,
        "stddev_ms": histogram.deviation() if some else None,
    }
    return {
        "count": histogram.total,
        **{name: millis(value) for name, value in values.items()},
    }


def series_row(row: Row) -> dict[str, Any]:
    """Return the figures of one second."""
    tick = row.tick
    return {
        "second": row.second,
        "phase": tick.phase,
        "clients": row.up,
        "said": tick.sent,
        "confirmed": tick.confirmed,
        "missed": tick.missed,
        "deliveries": tick.deliveries,
        "bytes_in": tick.bytes_in,
        "bytes_out": tick.bytes_out,
        "errors": sum(tick.errors.values()),
        "delivery_p50_ms": millis(tick.delivery.percentile(50)),
        "delivery_p90_ms": millis(tick.delivery.percentile(90)),
        "delivery_p95_ms": millis(tick.delivery.percentile(95)),
        "delivery_p99_ms": millis(tick.delivery.percentile(99)),
        "delivery_max_ms": millis(tick.delivery.percentile(100)),
        "ok_p50_ms": millis(tick.ok.percentile(50)),
        "ok_p99_ms": millis(tick.ok.percentile(99)),
        "lag_p99_ms": millis(tick.lag.percentile(99)),
        "busiest_worker": round(row.busiest, 3),
        "server_cpu": None if row.server_cpu is None else round(row.server_cpu, 3),
        "server_memory": row.server_memory,
    }


def millis(micros: float | None) -> float | None:
    """Convert a time from µs to milliseconds."""
    return None if micros is None else round(micros / 1000, 3)


def step_row(step: Step) -> dict[str, Any]:
    """Return the figures of one run of a search for the limit."""

    return {
        "rate": step.rate,
        "held": step.held,
        "reason": step.reason,
        "confirmed_per_s": round(step.confirmed, 3),
        "deliveries_per_s": round(step.deliveries, 3),
        "delivery_p50_ms": millis(step.p50),
        "delivery_p99_ms": millis(step.p99),
        "server_cpu": step.server_cpu,
        "generator": step.generator,
    }


def _result(result: Result) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(result)
    histograms = {name: plain.pop(name) for name in _COUNTS}
    verdict, measured = plain.pop("verdict"), result.measured
    rates = {
        name: round(result.per_second(count), 3)
        for name, count in (
            ("said_per_s", measured.sent),
            ("confirmed_per_s", measured.confirmed),
            ("deliveries_per_s", measured.deliveries),
            ("bytes_in_per_s", measured.bytes_in),
            ("bytes_out_per_s", measured.bytes_out),
        )
    }
    return {
        "format": plain.pop("format"),
        "verdict": {
            "outcome": result.verdict.outcome,
            "passed": result.verdict.passed,
            **verdict,
        },
        **{name: latency(times(result, name)) for name in TIMES},
        "wanted_per_s": result.load.rate,
        **rates,
        "said": measured.sent,
        "confirmed": measured.confirmed,
        "deliveries": measured.deliveries,
        "missed": result.whole.missed,
        **plain["faults"],
        "errors_total": sum(error.count for error in result.errors.values()),
        **plain,
        "series": [series_row(row) for row in result.rows],
        "histograms": histograms,
    }


def _part(counts: object) -> dict[str, Any]:
    found = counts if isinstance(counts, Mapping) else {}
    return {name: found[name] for name in _COUNTS if name in found}


def _written(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
