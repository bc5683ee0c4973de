"""What is deleted from the logs: old messages, and those of removed rooms."""

from chat_server.storage.searching.search_index import SearchIndex
from chat_server.storage.sqlite.deleted import note_deletion
from chat_server.storage.sqlite.keys import base_of, end_of, seq_of
from chat_server.storage.sqlite.known_rooms import KnownRooms
from chat_server.storage.sqlite.log_file import HistoryFile
from chat_server.storage.sqlite.originals import forget_originals, read_removals

STEP = 500
"""Messages deleted in one transaction: a delivery waits for no more than that."""

_FIRST_BETWEEN = (
    "SELECT key FROM messages WHERE key > ? AND key < ? AND time BETWEEN ? AND ?"
    " ORDER BY key LIMIT 1"
)
_LAST_BEFORE = (
    "SELECT key FROM messages WHERE key > ? AND key < ? AND time < ? ORDER BY key DESC LIMIT 1"
)
"""Keys of the first message that was said in a time, and of the last that was said before one."""


class Retention:
    """Deletes messages. Any thread may call any method; one thread deletes."""

    def __init__(self, file: HistoryFile, known: KnownRooms, index: SearchIndex) -> None:
        """
        Args:
            file: has the messages.
            known: is told what is gone.
            index: finds messages, which it must not when they are gone.
        """
        self._file = file
        self._known = known
        self._index = index

    def prune(self, keep: int | None, said_before: float | None, today: float) -> int:
        """Delete from the start of every room's log what need not be kept.

        The arguments are those of `RoomLog.prune`.

        Returns: how many messages were deleted.

        Raises:
            StoreError: not everything could be deleted.
        """
        return sum(
            self._prune_room(room, number, keep, said_before, today)
            for room, number in self._known.numbers()
        )

    def remove_room(self, room: str) -> None:
        """Forget the messages of a room, and its topic. Nobody says anything there meanwhile.

        The room gets another number, which is done at once, however many messages it has. Those
        have the old number, which belongs to no room, and are left to `delete_removed`.

        Raises:
            StoreError: all is as it was.
        """
        old = self._known.number(room)
        if old is None:
            return
        with self._file.transactions as writer:
            # No row is ever deleted, so this number was never another room's.
            ((new,),) = writer.execute("SELECT max(number) + 1 FROM rooms")
            writer.execute("UPDATE rooms SET number = ?, topic = '' WHERE number = ?", (new, old))
            writer.execute("INSERT INTO removed VALUES (?, ?)", (old, room))
        self._known.renumbered(room, new)

    def delete_removed(self) -> bool:
        """Delete some messages of rooms that were removed. Return whether there are more.

        Raises:
            StoreError: they could not be deleted.
        """
        number = self._known.next_removed()
        if number is None:
            return False
        base = base_of(number)
        rows = read_removals(self._file, base, end_of(base), STEP)
        if rows:
            with self._file.reader() as reader:
                row = reader.execute(
                    "SELECT room FROM removed WHERE number = ?", (number,)
                ).fetchone()
            self._delete(row[0] if row else None, number, rows[-1].key)
            self._index.forget(number, rows)
            return True
        with self._file.transactions as writer:
            writer.execute("DELETE FROM removed WHERE number = ?", (number,))
        self._index.forget_room(number)
        return self._known.deleted(number)

    def _prune_room(
        self, room: str, number: int, keep: int | None, said_before: float | None, today: float
    ) -> int:
        deleted, base = 0, base_of(number)
        end = self._end_of_prunable(number, keep, said_before, today)
        while rows := read_removals(self._file, base, end, STEP):
            last = rows[-1].key
            self._delete(room, number, last)
            self._known.pruned(room, number, seq_of(last) + 1)
            # Second, as it can be done again: an index that still knows what is gone does no harm.
            self._index.forget(number, rows)
            deleted += len(rows)
            if self._file.checkpoint_due.is_set():  # a full disk has no space for a log of it all
                self._file.checkpoint()
        return deleted

    def _delete(self, room: str | None, number: int, last: int) -> None:
        """Delete the first messages of a log, up to the key `last`.

        A room that a server of an earlier format removed has no name any more, `room` is None.
        """
        with self._file.transactions as writer:
            if room is not None:
                note_deletion(writer, room, number, last)
            forget_originals(writer, base_of(number), last)
            writer.execute(
                "DELETE FROM messages WHERE key > ? AND key <= ?", (base_of(number), last)
            )

    def _end_of_prunable(
        self, number: int, keep: int | None, said_before: float | None, today: float
    ) -> int:
        """Return the first key behind the messages at the start of a log that are not kept."""
        base = base_of(number)
        with self._file.reader() as reader:
            row = reader.execute(
                "SELECT last_seq FROM rooms WHERE number = ?", (number,)
            ).fetchone()
            if row is None:
                return base  # it was removed at this moment
            surplus = base if keep is None else base + max(0, row[0] - keep)
            if said_before is None:
                return surplus + 1
            recent = reader.execute(
                _FIRST_BETWEEN, (base, end_of(base), said_before, today)
            ).fetchone()
            first: int = recent[0] if recent else end_of(base)
            old = reader.execute(_LAST_BEFORE, (base, first, said_before)).fetchone()
        last: int = old[0] if old else base
        return max(surplus, last) + 1
