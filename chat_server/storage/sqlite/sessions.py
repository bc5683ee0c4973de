"""The sessions in the history: what makes those who come back the same, and a request done once."""

import sqlite3
from collections.abc import Sequence

from chat_server.storage.database import check_space
from chat_server.storage.interface import StoredSession
from chat_server.storage.sqlite.deleted import forget_sessions
from chat_server.storage.sqlite.keys import ROOM_BITS
from chat_server.storage.sqlite.log_file import HistoryFile

PORTION = 500
"""Sessions deleted in one transaction: a delivery waits for no more than that."""

_UNUSED_SESSION = f"""
SELECT 1 + max(
    (SELECT coalesce(max(number), 0) FROM sessions),
    (SELECT coalesce(max(session), 0) FROM messages),
    (SELECT coalesce(-min(session), 0) >> {ROOM_BITS} FROM messages)
)
"""
"""A session that was forgotten leaves its messages behind: its number is not another's, whose
requests would be taken for those.
"""

_UNUSED_SESSIONS = """
SELECT number, token FROM sessions
WHERE number > ? AND seen < ? AND number < (SELECT max(number) FROM sessions)
    AND NOT EXISTS (SELECT 1 FROM messages WHERE session = sessions.number)
ORDER BY number LIMIT ?
"""


_FIND = f"""
SELECT number, max(
    (SELECT coalesce(max(request), 0) FROM messages WHERE session = number),
    (SELECT coalesce(max(request), 0) FROM messages
     WHERE session BETWEEN 1 - (number + 1 << {ROOM_BITS}) AND -(number << {ROOM_BITS})),
    (SELECT coalesce(max(request), 0) FROM deleted WHERE session = number
        OR session BETWEEN 1 - (number + 1 << {ROOM_BITS}) AND -(number << {ROOM_BITS}))
) FROM (SELECT sessions.number AS number FROM sessions WHERE token = ?)
"""
"""The highest request with which it said something or, under the numbers of notices, left one."""


_CONFIRMED = "(SELECT coalesce(max(time), 0) FROM confirmed)"
"""A clock that was set back must not let a session look as if nobody had taken it up for years."""


class Sessions:
    """What is kept of them. Any thread may call any method."""

    def __init__(self, file: HistoryFile) -> None:
        self._file = file

    def keep(self, new: Sequence[bytes], resumed: Sequence[int], now: float) -> list[int]:
        """Keep new sessions, and that others were taken up again, in one transaction.

        Args:
            new: the hashes of the new ones' secrets.
            resumed: the numbers of the others.
            now: Unix seconds.

        Returns: the numbers of the new ones, in the order given.

        Raises:
            StoreError: nothing of it could be kept.
        """
        if new:
            check_space(self._file.path)
        with self._file.transactions as writer:
            unused = next_number(writer)
            numbers = list(range(unused, unused + len(new)))
            writer.executemany(
                f"INSERT INTO sessions VALUES (?, ?, max(?, {_CONFIRMED}))",
                [(number, token, now) for number, token in zip(numbers, new, strict=True)],
            )
            writer.executemany(
                f"UPDATE sessions SET seen = max(seen, ?, {_CONFIRMED}) WHERE number = ?",
                [(now, number) for number in resumed],
            )
            return numbers

    def forget(self, seen_before: float) -> None:
        """Forget the sessions that nobody has taken up since a time, in Unix seconds.

        Raises:
            StoreError: they could not be forgotten.
        """
        with self._file.transactions as writer:
            writer.execute("DELETE FROM sessions WHERE seen < ?", (seen_before,))
            forget_sessions(writer)

    def unused(self, behind: int, seen_before: float) -> list[tuple[int, bytes]]:
        """Return the next sessions that stored nothing, as numbers and hashes of secrets.

        The newest is never among them, so that its number is given to no other.

        Args:
            behind: the number before the first.
            seen_before: those taken up later, in Unix seconds, are not meant.

        Raises:
            StoreError: they could not be read.
        """
        with self._file.reader() as reader:
            return reader.execute(_UNUSED_SESSIONS, (behind, seen_before, PORTION)).fetchall()

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget sessions, at most PORTION.

        Raises:
            StoreError: they could not be forgotten.
        """
        with self._file.transactions as writer:
            writer.executemany(
                "DELETE FROM sessions WHERE number = ?", [(number,) for number in numbers]
            )
            forget_sessions(writer)

    def token(self, number: int) -> bytes | None:
        """Return the hash of the secret of a session; None if it is forgotten."""
        with self._file.reader() as reader:
            row = reader.execute(
                "SELECT token FROM sessions WHERE number = ?", (number,)
            ).fetchone()
        return None if row is None else row[0]

    def find(self, token: bytes) -> StoredSession | None:
        """Return the session whose secret has this hash, if there is one."""
        with self._file.reader() as reader:
            row = reader.execute(_FIND, (token,)).fetchone()
        return None if row is None else StoredSession(*row)


def next_number(connection: sqlite3.Connection) -> int:
    """Return a number that no session ever had."""
    ((unused,),) = connection.execute(_UNUSED_SESSION)
    return int(unused)
