"""The thread that writes the log, so that no other thread waits for its reader.

A paused terminal or a full pipe blocks the thread that writes to it. So a thread that logs only
appends its line, and this thread writes it. The waiting lines are bounded: beyond that, lines are
lost, and the next line that is written says how many. If stderr cannot be written, for example on a
full disk, the thread tries again with the next line.
"""

import logging
import select
import threading
from types import TracebackType
from typing import NamedTuple, Self, TextIO

from chat_server.runtime.threads import ServerThread

log = logging.getLogger(__name__)

WAITING_LIMIT = 2 * 1024 * 1024
"""Characters that wait to be written: some ten thousand lines."""

STOP_TIMEOUT = 1.0
"""Seconds that what waits may take to be written at the end."""


class _Taken(NamedTuple):
    """What the thread has taken in hand: lines, and how many are missing behind them."""

    lines: list[str]
    lost: int


class LogWriter:
    """A stream for a handler of `logging`. Any thread may write to it, and none of them waits.

    It is a context manager. At its end it writes the waiting lines, for at most STOP_TIMEOUT;
    whoever writes after that writes directly.
    """

    def __init__(self, stream: TextIO) -> None:
        """
        Args:
            stream: the target. Its own buffer is not used and has to be empty: the interpreter
                flushes it at its end, and would wait there.
        """
        self._encoding, self._errors = stream.encoding, stream.errors or "strict"
        self._is_terminal = stream.isatty()
        self._out = open(stream.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115
        self._cut = False  # the last line that was begun has no end; this thread's alone
        # Guards all below. A leaf: also taken with the lock of `logging`'s handler held.
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._size = 0  # their characters
        self._lost = 0  # lines that are missing behind them
        self._stopping = False
        self._stopped = False
        self._thread = ServerThread(self._run, "log")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish()

    def finish(self) -> None:
        """Write what waits, if that takes no longer than STOP_TIMEOUT. Any thread may call it."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(STOP_TIMEOUT)

    @property
    def lost(self) -> int:
        """How many lines are lost, and not told yet."""
        with self._changed:
            return self._lost

    def isatty(self) -> bool:
        """Say whether a person reads it."""
        return self._is_terminal

    def fileno(self) -> int:
        """Return the descriptor that is written to."""
        return self._out.fileno()

    def write(self, line: str) -> None:
        """Let a line be written, behind those that wait; a traceback may be many.

        Args:
            line: with its end.
        """
        with self._changed:
            if not self._stopped:
                self._append(line)
                return
        self._write_out(line)

    # -- the thread

    def _run(self) -> None:
        while taken := self._take():
            try:
                lost = self._write_out("".join(taken.lines))
            except MemoryError:
                lost = len(taken.lines)
            if lost:
                with self._changed:
                    self._lost += taken.lost + lost
            elif taken.lost:
                log.error("%d lines of this log could not be written, and are lost", taken.lost)

    def _take(self) -> _Taken | None:
        """Wait for lines; None when there are no more."""
        with self._changed:
            while not self._lines and not self._stopping:
                self._changed.wait()
            self._stopped = not self._lines
            taken = _Taken(self._lines, self._lost)
            self._lines, self._size, self._lost = [], 0, 0
        return taken if taken.lines else None

    def _write_out(self, text: str) -> int:
        """Write lines, for as long as that takes. Return how many are lost."""
        data = text.encode(self._encoding, self._errors)
        if self._cut:
            data = b"\n" + data
        done = 0
        try:
            while done < len(data):
                written = self._out.write(data[done:])
                if written is None:  # it is full, and set up not to wait
                    select.select([], [self._out], [])
                done += written or 0
        except OSError:  # a disk that is full, a reader that has gone: perhaps not for good
            self._cut = data[done - 1] != ord("\n") if done else self._cut
            return data[done:].count(b"\n")
        self._cut = False
        return 0

    # -- with the lock held

    def _append(self, line: str) -> None:
        own = threading.current_thread() is self._thread  # says what is lost: not lost itself
        if self._size >= WAITING_LIMIT and not own:
            self._lost += line.count("\n")
            return
        self._lines.append(line)
        self._size += len(line)
        self._changed.notify()
