"""Starts the server's own threads.

The server needs each of them. If an error ended one, the process would go on listening, but nobody
could come in, or be heard, or read the history. So the server ends instead, with a last line on
stderr and an exit code other than 0, and its service manager starts it again. That loses nothing
that was confirmed: it is no worse than SIGKILL.

An error that concerns one of many, such as one visitor or one reader, ends neither the thread nor
the server: `Survived` logs it. A step that must not be left half done is `Vital`.

When memory is short, there may be none to say so. So each thread makes its last line in advance,
and writes it without waiting and almost without allocating.
"""

import contextlib
import logging
import os
import select
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)

EXIT_CODE = 70
"""BSD's EX_SOFTWARE: an internal error. Not 2, for which a service manager does not start it again.
"""

START_TIMEOUT = 10.0
"""Seconds that a new thread may take to begin. On a busy machine it takes some milliseconds."""

SWITCH_INTERVAL = 0.000_5
"""Seconds for which a thread waits for the interpreter before it asks, with few threads: half a
stretch of the fair queue, see `allow_for_threads`. The interpreter's own is ten times as long.
"""

FEW_THREADS = 150
"""Up to so many the interval is the shortest."""

SWITCH_INTERVAL_LIMIT = 0.1
"""Seconds: the longest interval, with any number of threads."""

_PATIENCE = 1.0
"""Seconds that a full pipe may take to take the last line."""


def allow_for_threads(count: int) -> None:
    """Set the interpreter's switch interval for so many threads (`sys.setswitchinterval`).

    A thread that waits for the interpreter asks for it only if nobody else got it for a whole
    interval. Where threads hand over to one another in the fair queue, one stretch after the other,
    no longer interval passes like that: beside fifty clients who ask a lot, all others waited for
    up to 0.6 s. But each thread that waits wakes once an interval: when 9,000 clients leave at
    once, 5 ms keep both cores of a small machine busy for 40 s, and 100 ms for 2.5 s. With 1,000
    who talk as fast as they can, 9 ms have the server take in half as much as 100 ms. So the
    interval grows faster than the number of threads.

    Args:
        count: how many there are.
    """
    interval = SWITCH_INTERVAL * max(1.0, count / FEW_THREADS) ** 3
    sys.setswitchinterval(min(interval, SWITCH_INTERVAL_LIMIT))


class _Process:
    """How the process ends; unset unless the program asks for it.

    Attributes:
        flush: lets what is logged be written, for a second at most; None in a process that is not
            the server's own, where the exception goes its way.
    """

    flush: Callable[[], None] | None = None


def end_process_on_failure(flush: Callable[[], None]) -> None:
    """End this process when the server cannot go on: it is the server's own.

    Args:
        flush: lets what is logged be written, and does not wait for long.
    """
    _Process.flush = flush


class Vital:
    """A block that the server cannot go on without: if it raises, the process ends.

    It can be entered any number of times, by any thread.
    """

    __slots__ = ("_last_line", "_what")

    def __init__(self, what: str) -> None:
        """`what` has failed then: the subject of a sentence."""
        self._what = what
        self._last_line = (
            f"chat-server: {what} failed, by a mistake of the server's or for lack of memory, and "
            f"the server ends with exit code {EXIT_CODE}. Start it again: what it confirmed is "
            "stored.\n"
        ).encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        flush = _Process.flush
        if error is None or flush is None:
            return
        try:
            with contextlib.suppress(BaseException):  # there may be no memory to log
                log.critical("%s failed, and the server ends", self._what, exc_info=error)
            with contextlib.suppress(BaseException):
                flush()
            with contextlib.suppress(BaseException):
                _write(self._last_line)
        finally:
            os._exit(EXIT_CODE)  # the store survives that


class Survived:
    """A block whose errors concern one of many: they are logged, and the thread goes on.

    Attributes:
        failed: whether the block raised.
    """

    __slots__ = ("_what", "failed")

    def __init__(self, what: str) -> None:
        """`what` has failed then: the subject of a sentence."""
        self._what = what
        self.failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.failed = True
        if isinstance(error, MemoryError):  # not the server's mistake, and it may come often
            log.error("%s failed: the server is out of memory", self._what)
        else:
            log.error("%s failed by a mistake of the server's", self._what, exc_info=error)
        return True


class _Started:
    """What `Thread.start` waits for, without a time limit and with no way to give one.

    It stands in for the `threading.Event` there, which takes 1.4 KB as long as the thread lives. A
    thread that has no memory to begin with never sets it: whoever starts it, the accept loop above
    all, would wait for ever.
    """

    __slots__ = ("_is_set", "_unset")

    def __init__(self) -> None:
        self._is_set = False
        self._unset = threading.Lock()  # held until the thread has begun; guards nothing
        self._unset.acquire()

    def is_set(self) -> bool:
        """Return whether the thread has begun."""
        return self._is_set

    def set(self) -> None:
        """Say that the thread has begun. It does so once."""
        self._is_set = True
        self._unset.release()

    def wait(self) -> None:
        """Wait until the thread has begun, though no longer than START_TIMEOUT.

        Raises:
            RuntimeError: it has not begun by then.
        """
        if not self._unset.acquire(timeout=START_TIMEOUT):
            raise RuntimeError("a new thread does not begin: the server is out of memory")

    def _at_fork_reinit(self) -> None:
        """Called by `threading` in a forked process, which has none of the other threads."""


class StartableThread(threading.Thread):
    """A thread whose `start` returns, or raises RuntimeError, within START_TIMEOUT."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._started = _Started()

    def start(self) -> None:
        """Start it.

        Raises:
            RuntimeError: there is no thread left, or no memory for it to begin.
        """
        try:
            super().start()
        except RuntimeError:
            threading._limbo.pop(self, None)  # type: ignore[attr-defined] # or it counts for ever
            raise


class ConnectionThread(StartableThread):
    """A thread whose `run` is what it does: a `target` is called in a way that takes its stack
    half a kilobyte further, and so, for whoever does anything at all, to another page.
    """

    def __init__(self, body: Callable[[], None], name: str) -> None:
        super().__init__(name)
        self._body = body

    def run(self) -> None:
        try:
            self._body()
        finally:
            del self._body  # who still knows the thread is not to hold what it worked for


def end_process_if_busy(code: int) -> int:
    """End this process, if threads of connections are left; otherwise let it end as usual.

    At its usual end the interpreter waits until each of them that runs has had its turn, which
    takes seconds with thousands. Nothing is left to be done by then: all is stored and logged.

    Args:
        code: the exit code.

    Returns:
        The exit code.
    """
    if any(isinstance(thread, ConnectionThread) for thread in threading.enumerate()):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it, or it is closed
            sys.stdout.flush()
        os._exit(code)
    return code


class ServerThread(StartableThread):
    """A thread that the server cannot go on without."""

    def __init__(self, body: Callable[[], None], name: str) -> None:
        """
        Args:
            body: what it does; when it returns the thread ends as it should.
            name: for the log.
        """
        super().__init__(name)
        self._body = body
        self._vital = Vital(f"the thread {name!r}")

    def run(self) -> None:
        """Do it."""
        with self._vital:
            self._body()


class SideThread(StartableThread):
    """A thread that the server can go on without: if an error ends it, that is logged."""

    def __init__(self, body: Callable[[], None], name: str) -> None:
        """
        Args:
            body: what it does; when it returns the thread ends as it should.
            name: for the log.
        """
        super().__init__(name)
        self._body = body

    def run(self) -> None:
        """Do it."""
        with Survived(f"the thread {self.name!r}"):
            self._body()


def _write(line: bytes) -> None:
    """Write to stderr, unless whoever reads it has stopped: then nobody would see it anyway."""
    _, ready, _ = select.select([], [2], [], _PATIENCE)
    if ready:
        os.write(2, line)
