"""The worker processes, as their parent sees them: a pipe for orders, a pipe for reports.

`reports` waits a moment at most, so that the parent can show what came and notice Ctrl-C. The end
of the context ends every process.
"""

import os
import selectors
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from chat_client.load.generator.messages import Order, Plan, Report, read_report, write_line
from chat_client.load.model.load_errors import LoadError

EXIT_PATIENCE = 5.0
"""Seconds for a worker to end by itself once its standard input is closed."""


class Crew:
    """The worker processes of one run. A context manager."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        """Start a worker for each plan."""
        self._selector = selectors.DefaultSelector()
        self._workers: list[subprocess.Popen[bytes]] = []
        self._unread = [b""] * len(plans)
        try:
            for plan in plans:
                self._start(plan)
        except BaseException:  # Ctrl-C, too: no worker is left behind
            self._end(patience=0)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(patience=0 if kind else EXIT_PATIENCE)

    def tell(self, order: Order) -> None:
        """Send an order to all workers.

        Raises:
            LoadError: a worker has ended.
        """
        for index in range(len(self._workers)):
            self._tell(index, order)

    def reports(self, wait: float) -> list[tuple[int, Report]]:
        """Wait for reports for at most `wait` seconds.

        Returns:
            The number of the worker, from 0, and its report, for each report that came.

        Raises:
            LoadError: a worker has ended before its time.
        """
        found = []
        for key, _ in self._selector.select(wait):
            index: int = key.data
            data = os.read(key.fd, 1 << 20)
            if not data:
                raise self._ended(index)
            *lines, self._unread[index] = (self._unread[index] + data).split(b"\n")
            found += [(index, read_report(line)) for line in lines]
        return found

    def dismiss(self, index: int) -> None:
        """Read no more reports of a worker. It may end now."""
        stdout = self._workers[index].stdout
        assert stdout is not None
        self._selector.unregister(stdout)

    def _start(self, plan: Plan) -> None:
        index = len(self._workers)
        # In a session of its own Ctrl-C does not reach the worker: the parent ends the run.
        worker = subprocess.Popen(
            [sys.executable, "-m", "chat_client.load.generator.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._workers.append(worker)
        assert worker.stdout is not None
        self._selector.register(worker.stdout, selectors.EVENT_READ, index)
        self._tell(index, plan)

    def _tell(self, index: int, order: Order) -> None:
        stdin = self._workers[index].stdin
        assert stdin is not None
        try:
            stdin.write(write_line(order))
        except BrokenPipeError:
            raise self._ended(index) from None

    def _ended(self, index: int) -> LoadError:
        code = self._workers[index].wait(EXIT_PATIENCE)
        return LoadError(
            f"worker process {index + 1} ended with code {code} before the run was over. Its "
            "error is above. Without one, it was killed: is there too little memory?"
        )

    def _end(self, patience: float) -> None:
        self._selector.close()
        for worker in self._workers:
            assert worker.stdin is not None
            worker.stdin.close()
        for worker in self._workers:
            try:
                worker.wait(patience)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()
