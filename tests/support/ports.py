"""Ports that a test may give back and take again."""

import itertools
import os
import random

from lab.stage.ports import is_free

# Linux picks ports of its own from 32768 on (ip(7), ip_local_port_range). A port from there that is
# free for a moment may be the next connection's, so these are below.
_FIRST = 12_000
_EACH = 1_000
_WORKERS = 20

_offsets = itertools.count(random.SystemRandom().randrange(_EACH))


def free_port() -> int:
    """A port of 127.0.0.1 that is free for TCP and UDP, and that the system gives to nobody else.

    Each worker of pytest-xdist takes them from a range of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    first = _FIRST + worker * _EACH
    return next(port for offset in _offsets if is_free(port := first + offset % _EACH))
