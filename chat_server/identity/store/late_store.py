"""What the store of people keeps of direct messages for those who are away."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from chat_server.identity.store.records import KeptDirect
from chat_server.identity.store.replica import Replica
from chat_server.identity.store.shared_calls import shared
from chat_server.storage.shared_commit import SharedCommits

Result = TypeVar("Result")


class LateStore:
    """The tables `late` and `late_refused`. Any thread may call any method; each raises StoreError
    if it fails, and has done nothing then.
    """

    def __init__(self, commits: SharedCommits, replica: Replica | None = None) -> None:
        """
        Args:
            commits: the use of the store of people.
            replica: where several servers share it, the copy of this one.
        """
        self._commits = commits
        self.replica = replica

    def decided(self, decide: Callable[[], Result]) -> Result:
        """Decide upon what is kept, and write it. See `PeopleStore.decided`."""
        return decide() if self.replica is None else self.replica.decided(decide)

    def all(self) -> list[KeptDirect]:
        """Return what waits, in the order in which it was sent, with texts left empty."""
        with self._commits.reading() as reader:
            rows = reader.execute(
                "SELECT number, recipient, sender, nick, '', bot, time, until FROM late"
                " ORDER BY number"
            ).fetchall()
        return [_kept(*row) for row in rows]

    def find(self, numbers: Iterable[int]) -> list[KeptDirect]:
        """Return messages by their numbers, in that order; without those that are gone."""
        found = []
        with self._commits.reading() as reader:
            for number in numbers:
                row = reader.execute("SELECT * FROM late WHERE number = ?", (number,)).fetchone()
                if row is not None:
                    found.append(_kept(*row))
        return found

    @shared
    def add(self, kept: KeptDirect) -> int:
        """Keep a message, and return its number."""
        with self._commits.writing() as writer:
            cursor = writer.execute(
                "INSERT INTO late VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                (*kept[1:5], int(kept.bot), *kept[6:]),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    @shared
    def remove(self, numbers: Sequence[int]) -> None:
        """Forget messages that are delivered, or that have waited for too long."""
        with self._commits.writing() as writer:
            writer.executemany("DELETE FROM late WHERE number = ?", [(each,) for each in numbers])

    def refusing(self) -> list[str]:
        """Return who wants none kept."""
        with self._commits.reading() as reader:
            return [who for (who,) in reader.execute("SELECT who FROM late_refused").fetchall()]

    @shared
    def refuse(self, who: str, now: float) -> None:
        """Keep that somebody wants none kept; `now` in Unix seconds."""
        with self._commits.writing() as writer:
            writer.execute("INSERT OR REPLACE INTO late_refused VALUES (?, ?)", (who, now))

    @shared
    def accept(self, who: str) -> None:
        """Keep that somebody wants messages kept again."""
        with self._commits.writing() as writer:
            writer.execute("DELETE FROM late_refused WHERE who = ?", (who,))

    @shared
    def forget_refusals(self, before: float) -> None:
        """Forget what sessions without an account said before a time, in Unix seconds."""
        with self._commits.writing() as writer:
            writer.execute(
                "DELETE FROM late_refused WHERE time < ? AND who NOT LIKE '@%'", (before,)
            )


def _kept(
    number: int,
    recipient: str,
    sender: str,
    nick: str,
    text: str,
    bot: int,
    time: float,
    until: float,
) -> KeptDirect:
    return KeptDirect(number, recipient, sender, nick, text, bool(bot), time, until)
