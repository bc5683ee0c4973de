"""How many files and sockets a process may have open: servers and load testers need many."""

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


def _is_at_most(number: int, limit: int) -> bool:
    return limit == resource.RLIM_INFINITY or number <= limit
