"""Shows that what a test started is gone: no thread and no file descriptor is left."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.waiting import eventually

_DESCRIPTORS = Path("/proc/self/fd")


def open_descriptors() -> dict[str, str]:
    """Return what each descriptor of this process leads to; nothing where that is not known."""
    if not _DESCRIPTORS.is_dir():
        return {}
    found = {}
    for name in os.listdir(_DESCRIPTORS):
        try:
            found[name] = os.readlink(_DESCRIPTORS / name)
        except FileNotFoundError:  # the one that listed the folder
            continue
    return found


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Check that the body leaves no thread and no descriptor.

    A server of this process that goes on after the body may have a descriptor for a moment: SQLite
    opens the folder of a database to sync it. So a descriptor is left if it does not go.

    Raises:
        AssertionError: it does. It names them.
    """
    threads, descriptors = set(threading.enumerate()), open_descriptors()
    yield
    left = [thread.name for thread in threading.enumerate() if thread not in threads]
    assert not left, f"threads are left: {left}"
    with suppress(AssertionError):  # the next one names them
        eventually(lambda: not _left(descriptors))
    assert not (extra := _left(descriptors)), f"descriptors are left: {extra}"


def _left(before: dict[str, str]) -> dict[str, str]:
    """The descriptors that are open now and were not; none if there are no more than then."""
    now = open_descriptors()
    if len(now) <= len(before):
        return {}
    return {name: leads for name, leads in now.items() if before.get(name) != leads}
