"""The accept loop: one thread that gives each new connection a thread of its own.

A thread takes longer to start than a connection to be made. So all that wait in the system's queue
are accepted, and then each address has one started, one after the other: who connects as fast as it
goes keeps nobody at another address waiting.
"""

import logging
import os
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from functools import partial

from chat_server.network.addresses import (
    BACKLOG,
    Address,
    host_address,
    neighbourhood,
    release,
)
from chat_server.network.refusals import Refusals, Written, turn_away
from chat_server.network.wakeup import WakeUp
from chat_server.runtime.errors import TooManyConnectionsError
from chat_server.runtime.round_robin import Party, RoundRobin
from chat_server.runtime.threads import ServerThread, Survived
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)

PAUSE = 0.25
"""When there are no descriptors left, `accept` fails at once and again: how long to leave it."""

ACCEPTED_AT_ONCE = 64
"""Connections that are accepted before one of those that wait is started."""

WAITING_LIMIT = BACKLOG
"""Connections that may wait to be started. Beyond, whoever has the most loses the oldest."""

STOP_TIMEOUT = 0.5
"""Seconds that the thread may take to end. A connection that it is starting may take longer to
begin, on a machine on which thousands of threads contend."""

_Accepted = tuple[socket.socket, str, str]
"""A socket, the host of its peer, and the address of its peer."""


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
        # Accepted, and not started: the accept thread's own.
        self._waiting: RoundRobin[_Accepted] = RoundRobin()
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
        """Accept nobody any more, and end the thread, which may have a last connection to start."""
        self._stopping.set()
        self._wakeup.wake()
        self._thread.join(STOP_TIMEOUT)
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
            for key, _ in self._selector.select(0 if self._waiting else self._refusals.patience()):
                if not isinstance(key.fileobj, socket.socket):
                    continue
                if key.data is self._refusals:
                    with Survived("refusing somebody"):
                        self._refusals.answer(key.fileobj)
                else:
                    self._do_safely(partial(self._accept, key.fileobj))
            if self._waiting:
                self._do_safely(self._start_next)
            with Survived("refusing somebody"):
                self._refusals.expire()
        while self._waiting:
            self._waiting.take()[0].close()

    def _do_safely(self, step: Callable[[], None]) -> None:
        """Take a step; whatever goes wrong with it, the next one may come."""
        with Survived("letting somebody in") as accepting:
            step()
        if accepting.failed:
            self._stopping.wait(PAUSE)

    def _accept(self, listening: socket.socket) -> None:
        """Accept those who knock, and let them wait."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                sock, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return  # who knocked has gone again
            except (OSError, MemoryError) as error:
                self._complain(_reason(error))
                self._refuse(listening)
                self._stopping.wait(PAUSE)
                return
            network = isinstance(address, tuple)
            host = str(host_address(address[0]) or address[0]) if network else "unix"
            peer = Address(host, address[1]).authority if network else host
            self._waiting.put(Party(neighbourhood(host)), (sock, host, peer))
            if len(self._waiting) > WAITING_LIMIT:
                self._waiting.drop_from_largest()[0].close()

    def _start_next(self) -> None:
        """Start the next connection."""
        sock, host, peer = self._waiting.take()
        try:
            self._receive(sock, host, peer)
        except BaseException:
            sock.close()
            raise

    def _receive(self, sock: socket.socket, host: str, peer: str) -> None:
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
