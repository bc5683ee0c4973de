"""The descriptors of a process: how many it may have open, and the three that it starts with."""

import os
import sys

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

_TRIED = (1 << 20, 1 << 16, 24_576, 10_240, 4096, 2048, 1024)
"""What is tried where the system refuses its own hard limit, as macOS does if that is "unlimited".
"""


def allow_descriptors() -> int | None:
    """Raise the limit on open descriptors of this process and its children as far as possible.

    Returns:
        How many may be open now; None where there is no limit.
    """
    if resource is None:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, *_TRIED):
        if wanted != hard and (_is_at_most(wanted, soft) or not _is_at_most(wanted, hard)):
            continue
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            continue
        break
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if now == resource.RLIM_INFINITY else now


def fill_standard_streams() -> None:
    """Take the descriptors of stdin, stdout and stderr where they are closed.

    Otherwise the next file or socket takes the place of one, and what is printed ends up there.
    Reading such a stdin finds its end; writing such a stdout fails, as it should; what is written
    to such a stderr is gone. `sys.stdin` stays None.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def _is_at_most(number: int, limit: int) -> bool:
    return limit == resource.RLIM_INFINITY or number <= limit
