"""Tells a service manager that the server is ready, reloads its settings, or stops.

The protocol is systemd's: a datagram to the socket that NOTIFY_SOCKET names; see sd_notify(3).
Without that variable there is nobody to tell.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

READY = "READY=1"
STOPPING = "STOPPING=1"


def tell(*lines: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell the service manager, if there is one.

    Args:
        lines: assignments such as READY.
        environment: the variables, one of which names the socket.
    """
    path = environment.get("NOTIFY_SOCKET", "")
    if not path or not hasattr(socket, "AF_UNIX"):
        return
    address = f"\0{path[1:]}" if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.sendall("\n".join(lines).encode())
        except OSError as error:
            log.warning("the service manager was not told: %s", error)


def tell_reloading() -> None:
    """Tell that the settings are read again, until READY is told."""
    tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
