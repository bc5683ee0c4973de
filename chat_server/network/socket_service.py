"""One thread that serves the visitors of a socket, one after the other.

This is for few visitors with short questions: the operator, a program that collects metrics. A
visit ends after a fixed time, however slow or hostile the visitor is, and all visitors together
take one thread and one descriptor.
"""

import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from functools import partial

from chat_server.network.wakeup import WakeUp
from chat_server.runtime.threads import ServerThread, Survived
from chat_server.runtime.timers import Timers

VISIT_LIMIT = 5.0
"""Seconds after which a visitor is cut off. The next one waits for no longer than that."""

BACKLOG = 16

PAUSE = 0.25
"""When there are no descriptors left, `accept` fails at once and again: how long to leave it."""


class SocketService:
    """The thread, and the socket on which it listens."""

    def __init__(
        self,
        name: str,
        sock: socket.socket,
        serve: Callable[[socket.socket], None],
        timers: Timers,
    ) -> None:
        """
        Args:
            name: of the thread.
            sock: bound; from now on the service's to close.
            serve: called with each visitor's socket, which is closed afterwards. An OSError that
                it raises means that the visitor has gone.
            timers: what cuts visits off.
        """
        self._sock = sock
        self._serve = serve
        self._timers = timers
        with ExitStack() as opened:
            self._wakeup = opened.enter_context(closing(WakeUp()))
            # The thread's alone.
            self._selector = opened.enter_context(selectors.DefaultSelector())
            opened.pop_all()
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._visitor: socket.socket | None = None
        self._stopping = threading.Event()
        self._thread = ServerThread(self._run, name)

    def start(self) -> None:
        """Listen, and start the thread."""
        self._sock.listen(BACKLOG)
        self._sock.setblocking(False)
        self._selector.register(self._sock, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._thread.start()

    def stop(self) -> None:
        """Cut off who is being served, and end the thread."""
        self._stopping.set()
        self._wakeup.wake()
        with self._lock:
            if self._visitor is not None:
                _cut(self._visitor)
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Close the sockets, also of a service that was never started, and also twice."""
        self._sock.close()
        self._selector.close()
        self._wakeup.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._selector.select()
            with Survived(f"a visit to the service {self._thread.name!r}") as visit:
                self._accept()
            if visit.failed:
                self._stopping.wait(PAUSE)

    def _accept(self) -> None:
        try:
            visitor, _ = self._sock.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # who knocked has gone again, or it was the wake-up
        except OSError:
            self._stopping.wait(PAUSE)
            return
        with visitor, suppress(OSError):
            visitor.setblocking(True)
            self._receive(visitor)

    def _receive(self, visitor: socket.socket) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            self._visitor = visitor
        self._timers.call_later(VISIT_LIMIT, partial(_cut, visitor))
        try:
            self._serve(visitor)
        finally:
            with self._lock:
                self._visitor = None


def _cut(sock: socket.socket) -> None:
    """Wake whoever waits in a socket. One that is closed already is left alone."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
