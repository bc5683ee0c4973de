"""The counts of all workers merged into one result, and into one row for each second."""

from chat_client.load.control.machine import ServerUse, server_use
from chat_client.load.generator.loop import clock
from chat_client.load.model.result import ErrorCount, Result, Row, ServerSide
from chat_client.load.model.tick import Tick

SERVER_INTERVAL = 900_000
"""µs at least between two looks at the server's process: about one for each row."""

SHORTEST = 0.1
"""Seconds: a shorter tick does not tell how busy its worker is."""


class Collector:
    """Merges the ticks of all workers into the result of a run."""

    def __init__(self, result: Result, workers: int) -> None:
        """
        Args:
            result: the result to fill.
            workers: how many workers report.
        """
        self._result = result
        self._up = [0] * workers
        self._told = [0] * workers  # up to when each worker has reported, in µs
        self._began = 0  # when the load began, in µs
        self._stopped = 0  # when the first worker stopped talking, in µs
        self._pid: int | None = None
        self._use: ServerUse | None = None
        self._use_at = 0

    @property
    def up(self) -> int:
        """How many clients are in their rooms."""
        return sum(self._up)

    def watch_server(self, pid: int | None) -> None:
        """Note from now on what the server's process uses; None if it is not visible."""
        self._pid = pid

    def begin(self, at: int) -> None:
        """Note that the load begins at `at` µs: seconds count from there."""
        self._began = at

    def add(self, worker: int, tick: Tick) -> None:
        """Add a tick of a worker, whose number is from 0."""
        self._up[worker] = tick.up
        self._told[worker] = tick.stop
        length = (tick.stop - tick.start) / 1e6
        share = tick.cpu / length if length > SHORTEST else 0.0
        self._result.whole.add(tick)
        self._add_errors(tick)
        if tick.phase == "measure":
            self._add_measured(tick, share)
        elif tick.phase == "drain":
            self._add_drained(tick)
        row = self._row_of(tick)
        row.busiest = max(row.busiest, share)
        self._look_at_server(row)

    def newest(self) -> Row:
        """Return the newest second that every worker has reported; before the first, the ramp."""
        complete = (min(self._told) - self._began) // 1_000_000 if self._began else 0
        rows = self._result.rows
        return next((row for row in reversed(rows) if row.second < complete), rows[0])

    def _add_errors(self, tick: Tick) -> None:
        at = (tick.stop - self._began) / 1e6 if self._began else 0.0
        for code, count in tick.errors.items():
            known = self._result.errors.setdefault(code, ErrorCount(0, at, at))
            known.count += count
            known.last = max(known.last, at)

    def _add_measured(self, tick: Tick, share: float) -> None:
        measured = self._result.measured
        measured.add(tick)
        measured.start = min(measured.start or tick.start, tick.start)
        measured.stop = max(measured.stop, tick.stop)
        self._result.seconds = (measured.stop - measured.start) / 1e6
        self._result.busiest = max(self._result.busiest, share)

    def _add_drained(self, tick: Tick) -> None:
        # These texts were due while it was measured, and their replies or messages came late.
        self._result.measured.ok.merge(tick.ok)
        self._result.measured.delivery.merge(tick.delivery)
        self._stopped = self._stopped or tick.start
        self._result.drained = (tick.stop - self._stopped) / 1e6

    def _row_of(self, tick: Tick) -> Row:
        """Add a tick to the row of the second that its middle is in. Return that row."""
        middle = (tick.start + tick.stop) // 2
        second = -1 if tick.phase == "ramp" else (middle - self._began) // 1_000_000
        rows = self._result.rows
        if not rows or rows[-1].second < second:
            rows.append(Row(second, Tick(tick.phase, tick.start)))
        row = next(row for row in reversed(rows) if row.second <= second)
        row.tick.add(tick)
        row.tick.phase = tick.phase
        row.tick.stop = max(row.tick.stop, tick.stop)
        row.up = self.up
        return row

    def _look_at_server(self, row: Row) -> None:
        """Note what the server's process uses, about once a second."""
        now = clock()
        if self._pid is None or now - self._use_at < SERVER_INTERVAL:
            return
        use = server_use(self._pid)
        if use is None:
            return
        spent = use.cpu - self._use.cpu if self._use is not None else 0.0
        if self._use is not None:
            row.server_cpu = spent / (now - self._use_at) * 1e6
        row.server_memory = use.memory
        self._add_server_side(use, spent if row.tick.phase == "measure" else 0.0)
        self._use, self._use_at = use, now

    def _add_server_side(self, use: ServerUse, spent: float) -> None:
        before = self._result.server_side or ServerSide(0.0, 0, 0)
        self._result.server_side = ServerSide(
            before.cpu + spent, max(before.memory, use.memory), max(before.threads, use.threads)
        )
