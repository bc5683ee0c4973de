"""The time series as CSV, with the names of the JSON report."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from chat_client.load.model.capacity import Capacity
from chat_client.load.model.result import Result
from chat_client.load.report.report_json import series_row, step_row

_FORMULA = tuple("=+-@|%\t\r＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula or a command (OWASP: CSV injection)."""


def report_csv(result: Result) -> str:
    """Return the time series of a run, a line for each second."""
    return _table([series_row(row) for row in result.rows])


def capacity_csv(capacity: Capacity) -> str:
    """Return the steps of a search for the limit, a line for each run."""
    steps = [step_row(step) for step in capacity.steps]
    return _table([{**step, "generator": "; ".join(step["generator"])} for step in steps])


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(rows[0] if rows else [])
    for row in rows:
        writer.writerow(_cell(value) for value in row.values())
    return file.getvalue()


def _cell(value: object) -> object:
    """A number as it is, True as 1, None as nothing, a text so that it is no formula."""
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
    return int(value) if isinstance(value, bool) else "" if value is None else value
