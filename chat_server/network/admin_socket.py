"""Where the operator's socket is: in the data folder, for the owner alone.

A Unix socket's path has room for 107 bytes on Linux and 103 on other systems, less than a path may
have. Linux lets one go by way of the folder's descriptor, which is short; elsewhere a long path
means no socket.
"""

import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "admin.sock"
PATH_LIMIT = 107 if sys.platform == "linux" else 103
_BY_DESCRIPTOR = Path("/proc/self/fd")

_CREDENTIALS = struct.Struct("3i")
"""Process, user, group: see socket(7)."""


class NoPlaceError(Exception):
    """There can be no socket there. Its text says why."""


def bind(data: Path) -> socket.socket:
    """Return a bound socket in the data folder, which nobody else can connect to.

    The data folder is this process's: a socket that is there is of a server that died.

    Raises:
        NoPlaceError: there can be none.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise NoPlaceError("this system has no Unix sockets")
    _remove_stale(data / FILE)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)  # private from its first moment
    try:
        with _short(data) as path:
            sock.bind(path)
    except (OSError, NoPlaceError) as error:
        sock.close()
        raise NoPlaceError(str(error)) from error
    finally:
        os.umask(mask)
    return sock


def connect(data: Path) -> socket.socket:
    """Return a socket that is connected to the server of a data folder.

    Raises:
        NoPlaceError: there can be none.
        OSError: no server listens there.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise NoPlaceError("this system has no Unix sockets")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(data) as path:
            sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def remove(data: Path) -> None:
    """Remove the socket of a server that stops."""
    (data / FILE).unlink(missing_ok=True)


def may_ask(visitor: socket.socket) -> bool:
    """Whether a visitor is this process's user or root, where the system can tell.

    The socket's mode keeps others out as well; this holds where somebody has changed that.
    """
    if sys.platform != "linux":
        return True
    credentials = visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(credentials)
    return user in (0, os.geteuid())


@contextmanager
def _short(data: Path) -> Iterator[str]:
    """A path to the socket that is short enough, while the block runs."""
    path = str(data / FILE)
    if len(os.fsencode(path)) <= PATH_LIMIT:
        yield path
        return
    if not _BY_DESCRIPTOR.is_dir():
        raise NoPlaceError(
            f"the path {path} is longer than the {PATH_LIMIT} bytes that a Unix socket's may have"
        )
    handle = os.open(data, os.O_RDONLY)
    try:
        yield str(_BY_DESCRIPTOR / str(handle) / FILE)
    finally:
        os.close(handle)


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise NoPlaceError(f"{path} is there, and is no socket")
    path.unlink()
