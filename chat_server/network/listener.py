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
import time
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

WAITING_LIMIT = 2 * BACKLOG
"""Connections that may wait to be started. Beyond, whoever has the most loses the oldest."""

STOP_TIMEOUT = 0.5
"""Seconds that the thread may take to end. A connection that it is starting may take longer to
begin, on a machine on which thousands of threads contend."""

STARTS_AT_ONCE = 1000
"""Connections from one address that are started as fast as it goes: a class with 30 each."""

STARTS_PER_SECOND = 400
"""Connections from one address that are started a second, after those. Starting one and its hello
take the server a millisecond or two: without a limit, whoever connects again and again has it all.
"""

PACED_LIMIT = 10_000
"""How many addresses are remembered, before those that may start as many as ever are forgotten."""

PACE_STEP = 0.01
"""Seconds until it is looked again who may have a connection started."""

_Accepted = tuple[socket.socket, str, str]
"""A socket, the host of its peer, and the address of its peer."""


class Pace:
    """How many connections of each address are started. The accept thread's own."""

    def __init__(
        self, at_once: int = STARTS_AT_ONCE, per_second: float = STARTS_PER_SECOND
    ) -> None:
        """
        Args:
            at_once: how many may be started as fast as it goes.
            per_second: how many after those.
        """
        self._at_once = at_once
        self._per_second = per_second
        self._left: dict[str, tuple[float, float]] = {}  # how many were left, and when

    def allows(self, address: str) -> bool:
        """Whether one may be started now; then it counts."""
        now = time.monotonic()
        left = self._left_at(address, now)
        if left < 1:
            return False
        if len(self._left) >= PACED_LIMIT:
            self._left = {
                each: kept
                for each, kept in self._left.items()
                if self._left_at(each, now) < self._at_once
            }
        self._left[address] = left - 1, now
        return True

    def _left_at(self, address: str, now: float) -> float:
        left, then = self._left.get(address, (float(self._at_once), now))
        return min(float(self._at_once), left + (now - then) * self._per_second)


class Listener:
    """The sockets that are listened on, and the thread that accepts."""

    def __init__(
        self,
        sockets: list[socket.socket],
        accepted: Callable[[socket.socket, str], None],
        refusal: Callable[[str], ProtocolError | None],
        written: Written,
        no_place: ProtocolError,
        pace: Pace | None = None,
    ) -> None:
        """
        Args:
            sockets: bound; from now on the listener's to close.
            accepted: called with each new socket and its peer's address.
            refusal: called before, with the host of that address; returns why nobody may come in
                from there, or None. A refused client costs no thread.
            written: returns a refusal as the bytes to send to who begins like this.
            no_place: what a client is told when the system has no descriptor or thread left.
            pace: how fast connections from one address are started; as fast as it goes, if None.
        """
        self._sockets = sockets
        self._accepted = accepted
        self._refusal = refusal
        self._no_place = written(no_place, b"")
        # Accepted, and not started: the accept thread's own.
        self._waiting: RoundRobin[_Accepted] = RoundRobin()
        self._pace = pace
        self._paused_until = 0.0  # when it is looked again whether one of those may be started
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
            for key, _ in self._selector.select(self._patience()):
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

    def _patience(self) -> float | None:
        """How long to wait for somebody who knocks, in seconds; None for ever."""
        patience = self._refusals.patience()
        if not self._waiting:
            return patience
        paused = max(0.0, self._paused_until - time.monotonic())
        return paused if patience is None else min(paused, patience)

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
            self._paused_until = 0.0
            if len(self._waiting) > WAITING_LIMIT:
                self._waiting.drop_from_largest()[0].close()

    def _start_next(self) -> None:
        """Start the next connection of an address that may have one started."""
        pace = self._pace
        following = self._waiting.take_where(pace.allows) if pace else self._waiting.take()
        if following is None:
            self._paused_until = time.monotonic() + PACE_STEP
            return
        sock, host, peer = following
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
