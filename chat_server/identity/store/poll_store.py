"""What the store of people keeps of polls: those that are open, with their votes.

A question and a result are kept in the room's log. Here they are kept until they are known to be
there, so that they are written once, whenever the server dies. Who voted is forgotten in the same
step in which the poll ends; of a named poll the result says it.

Where several servers share it, all make the same writes: see replica.py.
"""

import json
import sqlite3
from collections.abc import Sequence

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act, Asked, KeptPoll, KeptVote
from chat_server.identity.store.replica import Replica
from chat_server.identity.store.shared_calls import shared


class PollStore:
    """The tables `polls` and `votes`. Any thread may call any method; each raises StoreError if it
    fails, and has done nothing then.
    """

    def __init__(self, people: PeopleStore) -> None:
        """`people` has the database, and its audit log."""
        self._people = people

    @property
    def replica(self) -> Replica | None:
        """What makes the writes on all servers, where there are several."""
        return self._people.replica

    def polls(self) -> list[KeptPoll]:
        """Return the polls, in the order in which they were asked."""
        with self._people.commits.reading() as reader:
            rows = reader.execute("SELECT * FROM polls ORDER BY number").fetchall()
        return [
            KeptPoll(*row)._replace(options=tuple(json.loads(row[7])), named=bool(row[8]))
            for row in rows
        ]

    def votes(self) -> list[KeptVote]:
        """Return the votes in open polls."""
        with self._people.commits.reading() as reader:
            rows = reader.execute("SELECT * FROM votes").fetchall()
        return [KeptVote(*row) for row in rows]

    @shared
    def add(self, poll: KeptPoll, asked: Asked, act: Act | None) -> int:
        """Keep a poll that somebody asks, in place of one of that room that is over.

        Args:
            poll: its number is not looked at.
            asked: the request that asks for it.
            act: the line in the audit log, where somebody in charge asks.

        Returns: its number.
        """
        row = (*poll[1:7], json.dumps(poll.options), poll.named, poll.session, poll.request)
        with self._people.writing(act) as writer:
            writer.execute("DELETE FROM polls WHERE room = ? AND result IS NOT NULL", (poll.room,))
            _note_done(writer, asked, poll.time)
            cursor = writer.execute(
                "INSERT INTO polls VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, 0)", row
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    @shared
    def vote(self, votes: Sequence[KeptVote], instead_of: Sequence[KeptVote]) -> list[bool]:
        """Keep votes of several people, in place of those that they had before.

        Returns: which of them are kept; not those in a poll that is not open any more.
        """
        with self._people.writing() as writer:
            writer.executemany(
                "DELETE FROM votes WHERE poll = ? AND token = ?",
                [(vote.poll, vote.token) for vote in instead_of],
            )
            return [_put_vote(writer, vote) for vote in votes]

    @shared
    def end(self, poll: KeptPoll, asked: Asked, act: Act | None) -> None:
        """Keep the result of a poll, and forget who voted.

        Args:
            poll: with its result.
            asked: the request that ends it.
            act: the line in the audit log, where somebody in charge ends it.
        """
        with self._people.writing(act) as writer:
            writer.execute(
                "UPDATE polls SET result = ?, session = ?, request = ?, ended = ? WHERE number = ?",
                (poll.result, poll.session, poll.request, poll.ended, poll.number),
            )
            writer.execute("DELETE FROM votes WHERE poll = ?", (poll.number,))
            _note_done(writer, asked, poll.ended)

    @shared
    def forget(self, room: str) -> None:
        """Forget the polls of a room, with their votes."""
        polls = "SELECT number FROM polls WHERE room = ?"
        with self._people.writing() as writer:
            writer.execute(f"DELETE FROM votes WHERE poll IN ({polls})", (room,))
            writer.execute("DELETE FROM polls WHERE room = ?", (room,))


def _put_vote(writer: sqlite3.Connection, vote: KeptVote) -> bool:
    """Keep a vote if its poll is open. Return whether it is."""
    cursor = writer.execute(
        "INSERT OR REPLACE INTO votes SELECT number, ?, ?, ?, ? FROM polls"
        " WHERE number = ? AND result IS NULL",
        (*vote[1:], vote.poll),
    )
    return cursor.rowcount == 1


def _note_done(writer: sqlite3.Connection, asked: Asked, now: float) -> None:
    writer.execute("INSERT OR IGNORE INTO done VALUES (?, ?, ?)", (*asked, now))
