"""What the store of people keeps of class lists."""

import sqlite3
from collections.abc import Sequence

from chat_server.identity.store.records import Account, Act, Pupil
from chat_server.identity.store.replica import Replica
from chat_server.identity.store.shared_calls import shared
from chat_server.storage.shared_commit import SharedCommits

COLUMNS = (
    "pupils.number, class, pupils.name, nick, coalesce(accounts.number, 0) FROM pupils"
    " LEFT JOIN accounts ON accounts.number = pupils.account"
)
"""What a Pupil is read from."""


class ClassStore:
    """The table `pupils`. Any thread may call any method; each raises StoreError if it fails, and
    has done nothing then.
    """

    def __init__(self, commits: SharedCommits, replica: Replica | None = None) -> None:
        """
        Args:
            commits: the use of the store of people.
            replica: where several servers share it, the copy of this one.
        """
        self._commits = commits
        self.replica = replica

    def pupils(self) -> list[Pupil]:
        """Return all, in the order of the lists."""
        with self._commits.reading() as reader:
            return read_pupils(reader)

    @shared
    def add(self, pupils: Sequence[Pupil], accounts: Sequence[Account], act: Act) -> list[int]:
        """Keep people together with an account for each, whose numbers are returned."""
        numbers = []
        with self._commits.writing() as writer:
            for pupil, account in zip(pupils, accounts, strict=True):
                cursor = writer.execute(
                    "INSERT INTO accounts (name, key, hash, role, made) VALUES (?, ?, ?, ?, ?)",
                    (account.name, account.key, account.hash, account.role.word, act.time),
                )
                assert cursor.lastrowid is not None
                numbers.append(cursor.lastrowid)
                writer.execute(
                    "INSERT INTO pupils VALUES (NULL, ?, ?, ?, ?)", (*pupil[1:4], cursor.lastrowid)
                )
            writer.execute("INSERT INTO audit VALUES (NULL, ?, ?, ?, ?, ?, ?)", act[:6])
        return numbers

    @shared
    def remove(self, numbers: Sequence[int], act: Act) -> None:
        """Forget people; their accounts stay."""
        with self._commits.writing() as writer:
            writer.executemany(
                "DELETE FROM pupils WHERE number = ?", [(number,) for number in numbers]
            )
            writer.execute("INSERT INTO audit VALUES (NULL, ?, ?, ?, ?, ?, ?)", act[:6])


def read_pupils(reader: sqlite3.Connection) -> list[Pupil]:
    """Return all who are on class lists; `reader` is a connection to a store of people."""
    rows = reader.execute(f"SELECT {COLUMNS} ORDER BY pupils.number").fetchall()
    return [Pupil(*row) for row in rows]
