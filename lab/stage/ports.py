"""Ports for servers that are told on which one to listen."""

import itertools
import random
import socket

# Linux takes ports for connections from 32768 on (ip(7), ip_local_port_range). A port from there
# that is free now may be taken by the next connection.
_FIRST, _COUNT = 20_000, 10_000

_offsets = itertools.count(random.SystemRandom().randrange(_COUNT))


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free for TCP and UDP, and that the system gives to nobody.

    Another program may still take it before a server listens on it.
    """
    return next(port for offset in _offsets if is_free(port := _FIRST + offset % _COUNT))


def is_free(port: int) -> bool:
    """Return whether a port of 127.0.0.1 is free for TCP and UDP."""
    try:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Bound, and not listening: who already waits for a server here is still refused.
            stream.bind(("127.0.0.1", port))
            datagrams.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
