"""The least that our design takes: a thread for each connection, a worker, and SQLite.

For a message it makes the same system calls as Backchannel, with the same library, and its threads
keep to one processor as well. It has no rules, no limits, no fairness and no slow readers. So what
a benchmark reaches against it is about what CPython allows for this design; docs/performance.md
says how near Backchannel is to that.
"""

import socket
import sqlite3
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from benchmarks.stand_in import listen, parser_of
from chat_server.runtime.machine import processors
from protocol.framing import FrameDecoder
from protocol.messages import (
    Hello,
    Join,
    Message,
    Ok,
    Say,
    Welcome,
    decode_request,
    encode,
)

BATCH = 32
"""Messages that one statement inserts: as in Backchannel."""

_SCHEMA = """
PRAGMA page_size = 1024;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 0;
CREATE TABLE rooms (number INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL);
CREATE TABLE messages (
    key INTEGER PRIMARY KEY, time REAL, sender TEXT, kind TEXT, text TEXT, session INTEGER,
    request INTEGER
);
CREATE UNIQUE INDEX requests ON messages (session, request);
"""
_ROW = "(?, ?, ?, ?, ?, ?, ?)"


class Room:
    """A room: its number, its last message, and who is in it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.last = 0
        self.members: list[Client] = []


class Client:
    """A connection, whose thread reads what is said and hands it to the worker."""

    def __init__(self, connection: socket.socket, number: int, server: "BareServer") -> None:
        self.connection = connection
        self.number = number
        self.nick = ""
        self._server = server
        self._decoder = FrameDecoder()
        threading.Thread(target=self._run, name="connection", daemon=True).start()

    def _run(self) -> None:
        with self.connection:
            while data := self.connection.recv(472):
                for payload in self._decoder.feed(data):
                    self._answer(payload)

    def _answer(self, payload: bytes) -> None:
        match decode_request(payload):
            case Hello(nick=nick):
                self.nick = nick
                self.connection.sendall(encode(Welcome(1, "bare", "secret", nick, {}, "")))
            case Join(id=request, room=name):
                room = self._server.room(name)
                room.members.append(self)
                reply = Ok(request, name, room.last, len(room.members), "")
                self.connection.sendall(encode(reply))
            case Say() as say:
                self._server.post(self, say)


class BareServer:
    """Stores what clients say, and sends it to their rooms."""

    def __init__(self, folder: Path) -> None:
        self._store = sqlite3.connect(
            folder / "bare.db", isolation_level=None, check_same_thread=False
        )
        self._store.executescript(_SCHEMA)
        # Guards the next two, and wakes the worker.
        self._changed = threading.Condition()
        self._rooms: dict[str, Room] = {}
        self._said: list[tuple[Client, Say]] = []
        threading.Thread(target=self._work, name="worker", daemon=True).start()

    def room(self, name: str) -> Room:
        """Return the room of that name, and make it if there is none."""
        with self._changed:
            room = self._rooms.get(name)
            if room is None:
                room = self._rooms[name] = Room(len(self._rooms) + 1)
                self._store.execute("INSERT INTO rooms VALUES (?, 0)", (room.number,))
            return room

    def post(self, client: Client, say: Say) -> None:
        """Let a text be stored and delivered."""
        with self._changed:
            self._said.append((client, say))
            if len(self._said) == 1:
                self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._said)
                said, self._said = self._said, []
            self._deliver(said)

    def _deliver(self, said: list[tuple[Client, Say]]) -> None:
        now, rows = time.time(), []
        replies: defaultdict[Client, bytes] = defaultdict(bytes)
        news: defaultdict[Room, bytes] = defaultdict(bytes)
        for client, say in said:
            room = self._rooms[say.room]
            room.last += 1
            message = Message(say.room, room.last, now, client.nick, "text", say.text)
            key = room.number << 40 | room.last
            rows.append((key, now, client.nick, "text", say.text, client.number, say.id))
            news[room] += encode(message)
            replies[client] += encode(Ok(say.id, seq=room.last))
        self._keep(rows, [(room.last, room.number) for room in news])
        for room, batch in news.items():
            for member in room.members:
                member.connection.send(replies.get(member, b"") + batch)

    def _keep(self, rows: Sequence[tuple[object, ...]], ends: Sequence[tuple[int, int]]) -> None:
        store = self._store
        store.execute("BEGIN IMMEDIATE")
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            places = ", ".join([_ROW] * len(part))
            store.execute(f"INSERT INTO messages VALUES {places}", list(chain.from_iterable(part)))
        store.executemany("UPDATE rooms SET last_seq = ? WHERE number = ?", ends)
        store.execute("COMMIT")


def main() -> None:
    """Listen, print the address, and serve until SIGTERM."""
    options = parser_of(__doc__).parse_args()
    processors.keep_to_one()
    with tempfile.TemporaryDirectory(prefix="backchannel-bare-") as folder:
        server = BareServer(Path(folder))
        with listen(options.host, options.port) as listener:
            _serve(listener, server)


def _serve(listener: socket.socket, server: BareServer) -> None:
    number = 0
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number += 1
        Client(connection, number, server)


if __name__ == "__main__":
    main()
