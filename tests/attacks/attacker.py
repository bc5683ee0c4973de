"""One attacker, on a thread of its own, with another that reads what comes back."""

import socket
import threading
import time
from contextlib import suppress

from tests.attacks.catalogue import CROWD, Attack, room_of
from tests.support.peer import ConnectionEnded, CutShort, Peer, encode

RATE, BURST = 200, 2000
"""The default limits: requests a second, and at once."""

WINDOW = 50
"""Requests without a reply that a steady attacker keeps."""

_REPLY = b'"re":'
"""In each reply, and in no text, whose quotation marks are escaped."""


class Attacker(threading.Thread):
    """It attacks until it is told to stop.

    Attributes:
        ready: set once it is where it wants to be, and has its rooms.
        replies: how many have come.
    """

    def __init__(
        self, attack: Attack, number: int, port: int, source: str, stop: threading.Event
    ) -> None:
        """
        Args:
            attack: what it does.
            number: of this attacker.
            port: where the server listens.
            source: the address that it connects from.
            stop: set when it is to end.
        """
        super().__init__(name=f"attacker {number}", daemon=True)
        self._attack = attack
        self._number = number
        self._port = port
        self._source = source
        self._stopping = stop
        self._came = threading.Condition()  # guards the next; a reply has come, or the end
        self.replies = 0
        self._lives = 0
        self.ready = threading.Event()
        self.begin = threading.Event()

    def run(self) -> None:
        """Attack, and come back whenever the server has had enough."""
        while not self._stopping.is_set():
            with suppress(OSError, ConnectionEnded, CutShort, TimeoutError, AssertionError):
                self._visit()

    def _visit(self) -> None:
        connected = socket.create_connection(
            ("127.0.0.1", self._port), 20, source_address=(self._source, 0)
        )
        with connected:
            self._lives += 1
            peer = Peer(connected)
            if self._attack.ask is None:
                self.ready.set()
                self.begin.wait()
                peer.send({"type": "hello", "version": 1, "nick": self._nick})
                return  # without reading the reply, or waiting for it
            peer.hello(self._nick)
            for number in range(self._attack.rooms):
                peer.join(room_of(self._number, number))
            if self._attack.in_crowd:
                peer.join(CROWD)
            reader = threading.Thread(target=self._read, args=(connected,), daemon=True)
            reader.start()
            self.ready.set()
            self.begin.wait()
            if self._attack.at_once:
                self._send_at_once(connected)
            else:
                self._send_steadily(connected)

    @property
    def _nick(self) -> str:
        # Another nick each time: the one before is kept for the session that was lost.
        again = f"v{self._lives}" if self._lives > 1 else ""
        return f"attacker{self._number}{again}"

    def _send_at_once(self, connected: socket.socket) -> None:
        """Send all that the limit allows, and wait for the replies."""
        count = (BURST - 20 * self._attack.rooms) // self._attack.cost
        frames = b"".join(self._frame(number) for number in range(1, count + 1))
        replies = self.replies
        connected.settimeout(20)
        connected.sendall(frames)
        self._wait_for(replies + (count if self._attack.replied else 0))

    def _send_steadily(self, connected: socket.socket) -> None:
        """Send as much as the limit lets through, and go on until the end."""
        pause, due = self._attack.cost / RATE, time.monotonic()
        replies, number = self.replies, 0
        while not self._stopping.is_set():
            number += 1
            connected.sendall(self._frame(number))
            if self._attack.replied:
                self._wait_for(replies + number - WINDOW)
            due = max(due + pause, time.monotonic() - 1)
            self._stopping.wait(max(0.0, due - time.monotonic()))

    def _frame(self, number: int) -> bytes:
        assert self._attack.ask is not None
        frame = self._attack.ask(self._number, number)
        return encode({"id": 1000 + number, **frame} if self._attack.replied else frame)

    def _wait_for(self, replies: int) -> None:
        with self._came:
            self._came.wait_for(lambda: self.replies >= replies or self._stopping.is_set(), 20)

    def _read(self, connected: socket.socket) -> None:
        """Read and drop what comes, and count the replies."""
        tail = b""
        with suppress(OSError):
            while data := connected.recv(262_144):
                data = tail + data
                tail = data[1 - len(_REPLY) :]
                with self._came:
                    self.replies += data.count(_REPLY)
                    self._came.notify_all()
