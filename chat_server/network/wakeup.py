"""What wakes a thread that waits in a selector.

A socket pair, since a selector on Windows takes sockets alone.
"""

import socket
from contextlib import suppress

RECEIVE_SIZE = 4096


class WakeUp:
    """Wakes one thread, which waits until it can read from this; any thread may wake it."""

    __slots__ = ("_reader", "_writer")

    def __init__(self) -> None:
        """
        Raises:
            OSError: there are no descriptors left.
        """
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that can be read once the thread is to wake: for selectors."""
        return self._reader.fileno()

    @property
    def signal_descriptor(self) -> int:
        """The descriptor for `signal.set_wakeup_fd`: the interpreter writes each signal to it."""
        return self._writer.fileno()

    def wake(self) -> None:
        """Wake the thread. Never waits; several calls may wake it once."""
        with suppress(BlockingIOError):  # so many wake-ups are waiting that one more is no news
            self._writer.send(b"\0")

    def take(self) -> bytes:
        """Wait until the thread is to wake; return what woke it: a byte each, of signals too.

        Only the woken thread calls this. Without it the descriptor stays readable.
        """
        return self._reader.recv(RECEIVE_SIZE)

    def close(self) -> None:
        """Close both ends, once the thread has ended."""
        self._reader.close()
        self._writer.close()
