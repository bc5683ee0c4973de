"""What this process knows of the rooms without asking Redis."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from protocol.messages import Message


@dataclass(slots=True)
class _Room:
    """One room.

    Attributes:
        number: what the search index of this process has it under.
        last: the number of its last message, as far as it is known here.
        oldest: the number of the oldest message that is kept.
        stale: whether there may be more in Redis than `last` says.
        fresh: what was read of the log that nobody has followed yet.
        oldest_time: when the oldest message was said; None if that was not looked up.
        set_back_to: where the log ended when Redis had lost its tail; None if it had not, or that
            was told.
    """

    number: int
    last: int = 0
    oldest: int = 1
    stale: bool = True
    fresh: Sequence[Message] = ()
    oldest_time: float | None = None
    set_back_to: int | None = None


class RedisRooms:
    """The rooms, as of the last time that Redis said something of them. Any thread may call."""

    def __init__(self) -> None:
        # Guards the next two. A leaf.
        self._lock = threading.Lock()
        self._rooms: dict[str, _Room] = {}
        self._listed: set[str] = set()  # those that are in the set of rooms in Redis

    def names(self) -> list[str]:
        """Return the names of all rooms."""
        with self._lock:
            return list(self._rooms)

    def knows(self, room: str) -> bool:
        """Return whether the room is known."""
        with self._lock:
            return room in self._rooms

    def note_listed(self, rooms: Iterable[str]) -> None:
        """Note that rooms are in the set of rooms in Redis."""
        with self._lock:
            self._listed.update(rooms)

    def unlisted(self, rooms: Iterable[str]) -> list[str]:
        """Return those rooms that may not be in that set."""
        with self._lock:
            return [room for room in rooms if room not in self._listed]

    def number(self, room: str) -> int:
        """Return what the search index of this process has a room under."""
        with self._lock:
            return self._get(room).number

    def learned(self, room: str, last: int, oldest: int, begin: int = 0) -> bool:
        """Note where a log begins and ends. Both only ever grow.

        Args:
            room: which.
            last: the number of its last message.
            oldest: the number of the oldest that is kept.
            begin: the number of the last message that was known before Redis was asked. What
                another thread has learned since may be newer than this answer.

        Returns: whether they did: Redis has lost messages otherwise.
        """
        with self._lock:
            known = self._get(room)
            if oldest > known.oldest:
                known.oldest, known.oldest_time = oldest, None
            known.last = max(known.last, last)
            return last >= begin

    def lasts(self) -> dict[str, int]:
        """Return the number of each room's last message, as far as it is known here."""
        with self._lock:
            return {name: room.last for name, room in self._rooms.items()}

    def ends(self, room: str) -> tuple[int, int]:
        """Return the numbers of the oldest and the last message."""
        with self._lock:
            known = self._get(room)
            return known.oldest, known.last

    def note_oldest_time(self, room: str, seq: int, time: float) -> None:
        """Note when the oldest message was said, if that is still `seq`."""
        with self._lock:
            known = self._get(room)
            if known.oldest == seq:
                known.oldest_time = time

    def oldest_time(self, room: str) -> float | None:
        """Return when the oldest message was said, in Unix seconds; None if it is not known."""
        with self._lock:
            return self._get(room).oldest_time

    # -- what follows

    def outdate(self, room: str) -> None:
        """Note that there may be more in Redis than is known here."""
        with self._lock:
            self._get(room).stale = True

    def outdate_all(self) -> None:
        """Note that of every room."""
        with self._lock:
            for known in self._rooms.values():
                known.stale, known.fresh = True, ()

    def begin_read(self, room: str) -> int:
        """Return the number of the last message, behind which the log is about to be read.

        What Redis tells of the room after this call counts as new.
        """
        with self._lock:
            known = self._get(room)
            known.stale = False
            return known.last

    def read_back(self, room: str, messages: Sequence[Message], *, whole: bool) -> None:
        """Note what was read behind what this process has just appended.

        Args:
            room: which.
            messages: those that were read.
            whole: whether the log had no more than these.
        """
        with self._lock:
            known = self._get(room)
            known.fresh, known.stale = messages, known.stale or not whole

    def take_fresh(self, room: str, seq: int) -> Sequence[Message] | None:
        """Return what follows `seq` and is here already: nothing, if that is all there is.

        Returns None if Redis has to be asked. What it is told of after this call counts as new.
        """
        with self._lock:
            known = self._get(room)
            fresh, known.fresh = known.fresh, ()
            if fresh and fresh[0].seq == seq + 1:
                return fresh
            if not known.stale and seq >= known.last:
                return ()
            known.stale = False
            return None

    def set_back(self, ends: Mapping[str, int]) -> None:
        """Note that Redis has lost the tails of some logs.

        Args:
            ends: the number of the last message of each room that is left.
        """
        with self._lock:
            self._listed.clear()
            for name, known in self._rooms.items():
                end = ends.get(name, 0)
                if end < known.last:
                    known.last, known.set_back_to = end, end
                    known.oldest, known.oldest_time = min(known.oldest, end + 1), None
                    known.stale, known.fresh = True, ()

    def take_set_back(self, room: str, seq: int) -> int | None:
        """Return, once, where a log was set back to, for one who has followed it up to `seq`.

        Returns None if it was not set back, or `seq` is not behind that.
        """
        with self._lock:
            known = self._get(room)
            end, known.set_back_to = known.set_back_to, None
            return end if end is not None and seq > end else None

    def _get(self, room: str) -> _Room:
        assert self._lock.locked()
        found = self._rooms.get(room)
        if found is None:
            found = self._rooms[room] = _Room(len(self._rooms) + 1)
        return found
