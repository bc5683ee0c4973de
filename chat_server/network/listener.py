"""The accept loop: one thread that gives each new connection a thread of its own."""

import logging
import os
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress

from chat_server.network.addresses import BACKLOG, Address, host_address, release
from chat_server.network.refusals import Refusals, Written, turn_away
from chat_server.network.wakeup import WakeUp
from chat_server.runtime.errors import TooManyConnectionsError
from chat_server.runtime.threads import ServerThread, Survived
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)

PAUSE = 0.25
"""When there are no descriptors left, `accept` fails at once and again: how long to leave it."""


class Listener:
    """The sockets that are listened on, and the thread that accepts."""

    def __init__(
        self,
        sockets: list[socket.socket],
        accepted: Callable[[socket.socket, str], None],
        refusal: Callable[[str], ProtocolError | None],
        written: Written,
        no_place: ProtocolError,
    ) -> None:
        """
        Args:
            sockets: bound; from now on the listener's to close.
            accepted: called with each new socket and its peer's address.
            refusal: called before, with the host of that address; returns why nobody may come in
                from there, or None. A refused client costs no thread.
            written: returns a refusal as the bytes to send to who begins like this.
            no_place: what a client is told when the system has no descriptor or thread left.
        """
        self._sockets = sockets
        self._accepted = accepted
        self._refusal = refusal
        self._no_place = written(no_place, b"")
        self._refused = ""  # the host that was last refused
        self._complaint = ""  # why nobody can come in, as it was last logged
        self._stopping = threading.Event()
        self._thread = ServerThread(self._run, "accept")
        with ExitStack() as opened:
            self._wakeup = opened.enter_context(closing(WakeUp()))
            self._selector = opened.enter_context(selectors.DefaultSelector())
            self._refusals = Refusals(self._selector, written)
            self._spare: int | None = os.open(os.devnull, os.O_RDONLY)  # see _refuse
            opened.pop_all()

    def start(self) -> None:
        """Listen, and start the thread."""
        for sock in self._sockets:
            sock.listen(BACKLOG)
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._thread.start()

    def stop(self) -> None:
        """Accept nobody any more, and end the thread."""
        self._stopping.set()
        self._wakeup.wake()
        self._thread.join()
        self.close()

    def close(self) -> None:
        """Close the sockets, also of a listener that was never started, and also twice."""
        self._refusals.close()
        for sock in self._sockets:
            release(sock)
        self._wakeup.close()
        self._selector.close()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(self._refusals.patience()):
                if not isinstance(key.fileobj, socket.socket):
                    continue
                if key.data is self._refusals:
                    with Survived("refusing somebody"):
                        self._refusals.answer(key.fileobj)
                else:
                    self._accept_safely(key.fileobj)
            with Survived("refusing somebody"):
                self._refusals.expire()

    def _accept_safely(self, listening: socket.socket) -> None:
        """Accept somebody; whatever goes wrong with that, the next one may come."""
        with Survived("letting somebody in") as accepting:
            self._accept(listening)
        if accepting.failed:
            self._stopping.wait(PAUSE)

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, address = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # who knocked has gone again
        except (OSError, MemoryError) as error:
            self._complain(_reason(error))
            self._refuse(listening)
            self._stopping.wait(PAUSE)
            return
        try:
            self._receive(sock, address)
        except BaseException:
            sock.close()
            raise

    def _receive(self, sock: socket.socket, address: object) -> None:
        host = str(host_address(address[0]) or address[0]) if isinstance(address, tuple) else "unix"
        peer = Address(host, address[1]).authority if isinstance(address, tuple) else host
        refusal = self._refusal(host)
        if refusal is not None:
            self._tell_refused(host, refusal.text)
            self._refusals.add(sock, refusal)
            return
        try:
            _prepare(sock)
            self._accepted(sock, peer)
        except (OSError, RuntimeError, MemoryError, TooManyConnectionsError) as error:
            self._complain(_reason(error))
            turn_away(sock, self._no_place)
            return
        if self._complaint:
            log.warning("people can come in again")
            self._complaint = ""

    def _refuse(self, listening: socket.socket) -> None:
        """With no descriptor left, give up the spare one to tell somebody who waits."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        with suppress(OSError):
            turn_away(listening.accept()[0], self._no_place)
        with suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY)

    def _tell_refused(self, host: str, reason: str) -> None:
        """Log who may not come in: once, however often they try, until it is somebody else."""
        level = logging.DEBUG if host == self._refused else logging.INFO
        log.log(level, "%s may not come in: %s", host, reason, extra={"peer": host})
        self._refused = host

    def _complain(self, reason: str) -> None:
        """Log why nobody can come in: once, however many try."""
        if reason != self._complaint:
            log.error("nobody can come in just now: %s", reason)
            self._complaint = reason


def _reason(error: Exception) -> str:
    return "the server is out of memory" if isinstance(error, MemoryError) else str(error)


def _prepare(sock: socket.socket) -> None:
    if sock.family != getattr(socket, "AF_UNIX", None):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
