"""One attacker, on a thread of its own, with another that reads what comes back."""

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attacks.attack import CROWD, Attack, nick_of, room_of
from tests.support.peer import ConnectionEnded, CutShort, Peer, encode
from tests.support.servers import ROOT

RATE, BURST = 200, 2000
"""The default limits: requests a second, and at once."""

WINDOW = 50
"""Requests without a reply that a steady attacker keeps."""

PIECE = 50
"""Requests that are sent by one call: to make all of them first takes longer than the row lasts."""

_REPLY = b'"re":'
"""In each reply, and in no text, whose quotation marks are escaped."""


class Attacker(threading.Thread):
    """It attacks until it is told to stop.

    Attributes:
        ready: set once it is where it wants to be, and has its rooms.
        begin: set when it is to attack.
        replies: how many have come.
    """

    def __init__(
        self,
        attack: Attack,
        number: int,
        port: int,
        source: str,
        data: Path,
        stop: threading.Event,
    ) -> None:
        """
        Args:
            attack: what it does.
            number: of this attacker, and of its row.
            port: where the server listens.
            source: the address that it connects from.
            data: the server's data folder, for what the operator does.
            stop: set when it is to end.
        """
        super().__init__(name=f"attacker {number}", daemon=True)
        self._attack = attack
        self._number = number
        self._port = port
        self._source = source
        self._data = data
        self._stopping = stop
        self._came = threading.Condition()  # guards the next; a reply has come, or the end
        self.replies = 0
        self._lives = 0
        self._lock = threading.Lock()  # guards the next
        self._open: set[socket.socket] = set()
        self.ready = threading.Event()
        self.begin = threading.Event()

    def run(self) -> None:
        """Attack, and come back whenever the server has had enough."""
        while not self._stopping.is_set():
            with suppress(OSError, ConnectionEnded, CutShort, TimeoutError, AssertionError):
                self._visit()

    def end(self) -> None:
        """Close its connections, once it is told to stop."""
        with self._came:
            self._came.notify_all()
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> socket.socket:
        connected = socket.create_connection(
            ("127.0.0.1", self._port), 20, source_address=(self._source, 0)
        )
        with self._lock:
            self._open = {each for each in self._open if each.fileno() >= 0} | {connected}
        return connected

    def _visit(self) -> None:
        attack = self._attack
        if attack.visit is not None:
            self._be_ready()
            attack.visit(self._connect, self._number, self._stopping)
            return
        with closing(self._connect()) as connected:
            self._lives += 1
            if attack.storm:
                self._be_ready()
                assert attack.raw is not None
                connected.sendall(attack.raw(self._number, self._lives))
            elif attack.enter is not None:
                attack.enter(connected, self._nick, self._rooms())
                self._attack_from(connected)
            elif attack.command:
                self._come_in(Peer(connected))
                self._operate(connected)
            elif attack.ask is None:
                self._be_ready()
                # Without reading the reply, or waiting for it.
                Peer(connected).send({"type": "hello", "version": 1, "nick": self._nick})
            else:
                self._come_in(Peer(connected))
                self._attack_from(connected)

    def _come_in(self, peer: Peer) -> None:
        peer.hello(self._nick)
        for room in self._rooms():
            peer.join(room)
        if self._attack.in_crowd:
            peer.join(CROWD)

    def _attack_from(self, connected: socket.socket) -> None:
        threading.Thread(target=self._read, args=(connected,), daemon=True).start()
        self._be_ready()
        if self._attack.at_once:
            self._send_at_once(connected)
        else:
            self._send_steadily(connected)

    def _operate(self, connected: socket.socket) -> None:
        """Say something in a room, then do what the operator does with it."""
        threading.Thread(target=self._read, args=(connected,), daemon=True).start()
        (room,) = self._rooms()
        frames = [{"type": "say", "id": n, "room": room, "text": f"{n}"} for n in range(10, 1510)]
        connected.sendall(b"".join(map(encode, frames)))
        self._wait_for(len(frames))
        self._be_ready()
        with TemporaryDirectory(prefix="backchannel-attack-") as folder:
            number = 0
            while not self._stopping.is_set():
                number += 1
                names = Path(folder, f"class{number}.csv")
                names.write_text("".join(f"Pupil {n},p{number}x{n}\n" for n in range(10)))
                known = {"data": self._data, "room": room, "names": names, "out": names.stem}
                words = [word.format(**known) for word in self._attack.command]
                child = subprocess.Popen(
                    [sys.executable, "-m", "chat_server", "admin", *words],
                    cwd=folder,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                    stdout=subprocess.DEVNULL,
                )
                while child.poll() is None and not self._stopping.wait(0.05):
                    pass
                child.kill()
                if child.wait() == 0:
                    self.replies += 1

    def _be_ready(self) -> None:
        self.ready.set()
        self.begin.wait()

    def _rooms(self) -> list[str]:
        return [room_of(self._number, number) for number in range(self._attack.rooms)]

    @property
    def _nick(self) -> str:
        # Another nick each time: the one before is kept for the session that was lost.
        again = f"v{self._lives}" if self._lives > 1 else ""
        return f"{nick_of(self._number)}{again}"

    def _send_at_once(self, connected: socket.socket) -> None:
        """Send all that the limit allows, and wait for the replies."""
        count = (BURST - 20 * self._attack.rooms) // self._attack.cost
        numbers = iter(range(1, count + 1))
        replies = self.replies
        connected.settimeout(20)
        while piece := list(islice(numbers, PIECE)):
            connected.sendall(b"".join(map(self._sent, piece)))
        self._wait_for(replies + (count if self._attack.replied else 0))

    def _send_steadily(self, connected: socket.socket) -> None:
        """Send as much as the limit lets through, and go on until the end."""
        pause, due = self._attack.cost / RATE, time.monotonic()
        replies, number = self.replies, 0
        while not self._stopping.is_set():
            number += 1
            connected.sendall(self._sent(number))
            if self._attack.replied:
                self._wait_for(replies + number - WINDOW)
            due = max(due + pause, time.monotonic() - 1)
            self._stopping.wait(max(0.0, due - time.monotonic()))

    def _sent(self, number: int) -> bytes:
        if self._attack.raw is not None:
            return self._attack.raw(self._number, number)
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
