"""The thread of a client, whatever protocol it speaks, and how the conductor directs it.

A player never waits for anything but its selector: for what comes, for space to write, for the
next thing that is due, and for the conductor, who wakes it.
"""

import random
import selectors
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from enum import Enum, auto

from tests.torture.gateway import Gateway
from tests.torture.journal import Journal
from tests.torture.tally import Tally

BACKOFF = (0.05, 1.0)
"""Seconds: the pause before reconnecting grows from the first to the second. Each one varies by a
random factor."""


class Part(Enum):
    """The part of the run that a client is in."""

    PLAY = auto()  # talk and misbehave
    SETTLE = auto()  # say nothing new; get every answer
    FINISH = auto()  # read to the end of every room, and say goodbye
    ABORT = auto()  # end at once


class Player(ABC):
    """A client and its thread. The conductor calls `start`, then the others up to `join`.

    Attributes:
        name: what the journal calls the client.
        settled: set once everything that it said is settled, after `settle`.
        finished: whether it has read everything and said goodbye. Read it after `join`.
        deliveries: how many messages it has received. Only the client's thread writes it.
    """

    def __init__(
        self, name: str, gateway: Gateway, journal: Journal, tally: Tally, source: random.Random
    ) -> None:
        """
        Args:
            name: what the journal calls the client.
            gateway: connects it.
            journal: takes what it sees.
            tally: counts what it does.
            source: everything random that it does comes from here.
        """
        self.name = name
        self.settled = threading.Event()
        self.finished = False
        self.deliveries = 0
        self._gateway = gateway
        self._journal = journal
        self._tally = tally
        self._source = source
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_receiver.setblocking(False)
        self._lock = threading.Lock()  # guards _part and _ends
        self._part = Part.PLAY
        self._ends: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name=name)
        # The thread alone uses what follows.
        self._come_at = 0.0  # when to connect (again)
        self._pause = BACKOFF[0]

    @property
    @abstractmethod
    def rooms(self) -> list[str]:
        """The rooms that the client must have read to the end when it has finished."""

    @property
    @abstractmethod
    def open_ends(self) -> list[str]:
        """What has no answer yet, in words. Only read it when the thread is idle or has ended."""

    # -- the conductor

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def settle(self) -> None:
        """Say nothing new. `settled` is set when everything that was said is settled."""
        self._turn_to(Part.SETTLE)

    def finish(self, ends: dict[str, int]) -> None:
        """Read up to the seq in `ends` in every room, say goodbye, and end."""
        with self._lock:
            self._ends = ends
        self._turn_to(Part.FINISH)

    def abort(self) -> None:
        """End at once."""
        self._turn_to(Part.ABORT)

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end. Return whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Close the wake-up sockets, after the thread has ended."""
        self._wake_sender.close()
        self._wake_receiver.close()

    def _turn_to(self, part: Part) -> None:
        with self._lock:
            self._part = part
        self._wake_sender.send(b"!")

    # -- the thread

    def _run(self) -> None:
        try:
            while not self.finished:
                with self._lock:
                    part, ends = self._part, self._ends
                if part is Part.ABORT:
                    return
                self._live(part, ends, time.monotonic())
                self._wait()
        finally:
            self._end()

    @abstractmethod
    def _live(self, part: Part, ends: dict[str, int], now: float) -> None:
        """Do what is due."""

    @abstractmethod
    def _connections(self, now: float) -> Iterable[tuple[socket.socket, int, object]]:
        """Flush, and return each open socket with the events to wait for, and what `_hear` gets."""

    @abstractmethod
    def _hear(self, connection: object) -> None:
        """Read what has come on a connection."""

    @abstractmethod
    def _moments(self) -> list[float]:
        """Return the times at which something will be due."""

    @abstractmethod
    def _end(self) -> None:
        """Close every connection."""

    def _wait(self) -> None:
        """Wait until something comes, or something is due."""
        now = time.monotonic()
        with selectors.PollSelector() as selector:
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            for connected, interest, connection in self._connections(now):
                if interest:
                    selector.register(connected, interest, connection)
            for key, events in selector.select(self._time_left(now)):
                if key.data is None:
                    self._wake_receiver.recv(64)
                elif events & selectors.EVENT_READ:
                    self._hear(key.data)

    def _time_left(self, now: float) -> float:
        """Seconds until something may be due. Half a second late is early enough for most of it."""
        moments = [now + 0.5, self._come_at, *self._moments()]
        return max(0.0, min(moment for moment in moments if moment > now) - now)

    def _come_back_later(self, now: float) -> None:
        self._come_at = now + self._pause * self._source.uniform(0.5, 1.5)
        self._pause = min(BACKOFF[1], self._pause * 2)
