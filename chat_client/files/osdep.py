"""What differs from system to system. The one place with calls that not every system has."""

import contextlib
import io
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from protocol.common.private_files import private

if sys.platform == "win32":
    import msvcrt

    def takes_text(stream: TextIO, patience: float) -> bool:  # noqa: ARG001
        """Return whether a stream can be written without a wait. Windows does not tell."""
        return True

    def is_gone(number: int) -> bool:  # noqa: ARG001
        """Return whether the terminal of a descriptor was closed. It never is on Windows, which
        ends the program then.
        """
        return False

    def write_all(stream: TextIO, text: str) -> None:
        """Write a text at once.

        Raises:
            OSError: it cannot be written.
        """
        stream.write(text)
        stream.flush()

    def _lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)

    def _try_lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl
    import select

    def takes_text(stream: TextIO, patience: float) -> bool:
        """Return whether a line can be written to a stream without waiting for whoever reads it.

        Args:
            stream: any. Only a pipe and a socket can have a reader that does not read.
            patience: seconds to wait for the reader.
        """
        try:
            mode = os.fstat(stream.fileno()).st_mode
        except io.UnsupportedOperation:  # it is in memory
            return True
        if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
            return True
        watch = select.poll()
        watch.register(stream, select.POLLOUT)
        return bool(watch.poll(patience * 1000))

    def is_gone(number: int) -> bool:
        """Return whether the terminal of a descriptor was closed."""
        watch = select.poll()
        watch.register(number, 0)  # of an end it tells always
        return bool(watch.poll(0))

    def write_all(stream: TextIO, text: str) -> None:
        """Write a text at once, and straight to the descriptor: a daemon thread that holds the
        lock of a stream's buffer while the interpreter ends would crash it, and what failed once
        would stay in the buffer and fail again.

        Raises:
            OSError: it cannot be written.
        """
        try:
            number = stream.fileno()
        except io.UnsupportedOperation:  # it is in memory
            stream.write(text)
            return
        data = text.encode(stream.encoding, "replace")
        while data:
            data = data[os.write(number, data) :]

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _try_lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_COLUMNS = 80
"""Cells in a line of a terminal that does not tell."""

_ROWS = 24
"""Lines of a terminal that does not tell."""

has_unix_sockets = hasattr(socket, "AF_UNIX")


def columns(stream: TextIO) -> int:
    """Return how many cells a line of a terminal has by now. What `COLUMNS` says was true when
    somebody exported it.

    Args:
        stream: the terminal; if it is none, the answer is a usual width.
    """
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except (OSError, ValueError):
        return _COLUMNS


def rows(stream: TextIO) -> int:
    """Return how many lines a terminal has by now; a usual number if it is none."""
    try:
        return os.get_terminal_size(stream.fileno()).lines or _ROWS
    except (OSError, ValueError):
        return _ROWS


def is_null(stream: TextIO) -> bool:
    """Return whether a stream is the system's null device, from which there is nothing to read."""
    try:
        its, null = os.fstat(stream.fileno()), os.stat(os.devnull)
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(its.st_mode) and os.path.samestat(its, null)


def unix_socket() -> socket.socket:
    """Return a new Unix socket. Only where `has_unix_sockets`."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)


def open_private(path: Path, *, append: bool) -> BinaryIO:
    """Open a file to write, which nobody but its owner may read where the system knows owners.

    Args:
        path: the file; the folder it is in is made.
        append: whether to write behind what is there, rather than in its place.

    Raises:
        OSError: that is not possible.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open(path, "ab" if append else "wb", opener=private)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes, and threads, that ask for the same file waiting while the block runs.

    Raises:
        OSError: the file cannot be made, or there are no locks where it is.
    """
    with open_private(path, append=True) as file:
        _lock(file)  # until the file is closed
        yield


def hold_private(path: Path) -> BinaryIO | None:
    """Open a file to read and write, which is this process's alone until it is closed, or the
    process ends, however that comes.

    Args:
        path: the file; it and its folder are made, and nobody but their owner may read them.

    Returns:
        None if it is another's at present, or there can be no such file.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.fdopen(private(str(path), os.O_CREAT | os.O_RDWR), "r+b")
    except OSError:
        return None
    try:
        _try_lock(opened)
    except OSError:
        opened.close()
        return None
    return opened


def on_ending_signals(end: Callable[[], None]) -> None:
    """Have `end` called, on the main thread, when the system or its user wants the program to end:
    on SIGTERM, and where a terminal that is closed is told, on SIGHUP.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, lambda *_: end())


def on_waking(call: Callable[[], object]) -> None:
    """Have `call` called, on the main thread, when the program goes on after it was stopped, by
    Ctrl-Z for instance. Never on Windows, which stops none.
    """
    number = getattr(signal, "SIGCONT", None)
    if number is not None:
        signal.signal(number, lambda *_: call())
