"""Shows that what a test started is gone: no thread and no file descriptor is left."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

    Raises:
        AssertionError: it does. It names them.
    """
    threads, descriptors = set(threading.enumerate()), open_descriptors()
    yield
    left = [thread.name for thread in threading.enumerate() if thread not in threads]
    assert not left, f"threads are left: {left}"
    now = open_descriptors()
    extra = {name: leads for name, leads in now.items() if descriptors.get(name) != leads}
    assert len(now) <= len(descriptors), f"descriptors are left: {extra}"
