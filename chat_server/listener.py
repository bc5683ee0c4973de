"""The accept loop: one thread that turns whoever knocks into a connection with its own."""

import contextlib
import logging
import selectors
import socket
import threading
from collections.abc import Callable

from chat_server.addresses import BACKLOG, address_of

log = logging.getLogger(__name__)

# When there are no descriptors left, `accept` fails at once and again: how long to leave it.
PAUSE = 0.25


class Listener:
    """The sockets that are listened on, and the thread that accepts."""

    def __init__(
        self, sockets: list[socket.socket], accepted: Callable[[socket.socket, str], None]
    ) -> None:
        """
        Args:
            sockets: bound; from now on the listener's to close.
            accepted: called with each new socket and its peer's address.
        """
        self._sockets = sockets
        self._accepted = accepted
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="accept", daemon=True)

    def start(self) -> None:
        """Listen, and start the thread."""
        for sock in self._sockets:
            sock.listen(BACKLOG)
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._thread.start()

    def stop(self) -> None:
        """Accept nobody any more, and end the thread."""
        self._stopping.set()
        self._wake_writer.send(b"\0")
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Close the sockets; for a listener that was never started, too."""
        for sock in [*self._sockets, self._wake_reader, self._wake_writer]:
            path = address_of(sock).path if sock in self._sockets else None
            sock.close()
            if path is not None:
                with contextlib.suppress(OSError):
                    path.unlink()
        self._selector.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select():
                if isinstance(key.fileobj, socket.socket) and key.fileobj in self._sockets:
                    self._accept(key.fileobj)

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, address = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # who knocked has gone again
        except OSError as error:
            log.error("nobody can come in just now: %s", error.strerror)
            self._stopping.wait(PAUSE)
            return
        peer = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else "unix"
        try:
            _prepare(sock)
            self._accepted(sock, peer)
        except (OSError, RuntimeError) as error:
            log.error("%s could not come in: %s", peer, error)
            sock.close()


def _prepare(sock: socket.socket) -> None:
    if sock.family != getattr(socket, "AF_UNIX", None):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
