"""Waits that Ctrl-C can end on every system.

On Windows a thread that waits for a lock is not woken by Ctrl-C: Python raises KeyboardInterrupt
only once the wait returns. So whatever the main thread may have to wait for, for long, it waits
for in steps.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

_STEP = 0.25
"""Seconds of one step: so long may Ctrl-C take to be noticed."""

Item = TypeVar("Item")


def result_of(future: Future[Item]) -> Item:
    """Wait until a future is done, and return its result, or raise its exception."""
    while not future.done():
        with suppress(TimeoutError):
            future.exception(_STEP)
    return future.result()


def next_of(queue: SimpleQueue[Item]) -> Item:
    """Wait until a queue holds something, and take it."""
    while True:
        with suppress(Empty):
            return queue.get(timeout=_STEP)


def join(thread: threading.Thread) -> None:
    """Wait until a thread has ended."""
    while thread.is_alive():
        thread.join(_STEP)


def is_set(event: threading.Event, seconds: float) -> bool:
    """Wait until an event is set, but not longer than so many seconds; return whether it is."""
    deadline = time.monotonic() + seconds
    while not event.is_set() and (left := deadline - time.monotonic()) > 0:
        event.wait(min(left, _STEP))
    return event.is_set()


def holds(
    changed: threading.Condition, predicate: Callable[[], bool], timeout: float | None = None
) -> bool:
    """Wait until a predicate holds, and return whether it does.

    Args:
        changed: is notified when that may have changed. The caller holds it.
        predicate: what to wait for.
        timeout: seconds after which to give up; None for never.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while not predicate():
        left = _STEP if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return False
        changed.wait(min(left, _STEP))
    return True
