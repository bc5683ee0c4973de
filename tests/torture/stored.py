"""What is in the rooms in the end: asked from the server, and read from its database."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.peer import Peer
from tests.torture.journal import Journal
from tests.torture.records import Entry, Kept

_SEQ_BITS = 40
_PAGE = 500


class Observer:
    """Somebody who comes by when all is over: the independent client of the other tests.

    Attributes:
        ends: the seq of the last message of each room.
    """

    def __init__(self, address: str, rooms: list[str]) -> None:
        """Come in and enter the rooms.

        Raises:
            OSError, ConnectionEnded, AssertionError: the server does not answer as it should.
        """
        self._peer = Peer.connect(address)
        try:
            self._peer.hello("observer")
            self.ends = {room: self._peer.join(room)["seq"] for room in rooms}
        except BaseException:
            self._peer.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._peer.close()

    def read(self, room: str, journal: Journal) -> list[Entry]:
        """Return the whole log of a room, page by page. Raises as the constructor does."""
        log: list[Entry] = []
        more = True
        while more:
            after = log[-1].seq if log else 0
            page = self._peer.page("history", room=room, after=after, limit=_PAGE)
            log += [
                journal.shared(
                    Entry(
                        m["room"],
                        m["seq"],
                        m["time"],
                        m["from"],
                        m["kind"],
                        m["text"],
                        **marks_of(m),
                    )
                )
                for m in page["messages"]
            ]
            more = page["more"] and bool(page["messages"])
        return log


class Database:
    """The database of a server that has stopped."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "history.db"

    def read(self, journal: Journal) -> tuple[dict[str, list[Kept]], dict[str, int]]:
        """Return the log of every room, and where each says that it ends."""
        with closing(self._connect()) as connection:
            rooms = connection.execute("SELECT number, name, last_seq FROM rooms").fetchall()
            names = {number: name for number, name, _ in rooms}
            logs: dict[str, list[Kept]] = {name: [] for name in names.values()}
            rows = connection.execute(
                "SELECT key, time, sender, kind, text, request, marks FROM messages ORDER BY key"
            )
            for key, time, sender, kind, text, request, marks in rows:
                room, seq = names[key >> _SEQ_BITS], key & ((1 << _SEQ_BITS) - 1)
                more = marks_of(json.loads(marks or "{}"))
                entry = Entry(room, seq, time, sender, kind, text, **more)
                logs[room].append(Kept(journal.shared(entry), request))
        return logs, {name: last for _, name, last in rooms}

    def faults(self) -> list[str]:
        """Return what SQLite itself finds wrong with the file."""
        with closing(self._connect()) as connection:
            verdicts = [verdict for (verdict,) in connection.execute("PRAGMA integrity_check(5)")]
        return [f"the database: {verdict}" for verdict in verdicts if verdict != "ok"]

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True)


def marks_of(message: dict[str, Any]) -> dict[str, Any]:
    """Return what a message says of changes."""
    return {name: message[name] for name in ("changes", "edited", "deleted") if name in message}
