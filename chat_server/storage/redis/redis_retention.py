"""What is deleted from the logs in Redis: old messages, and those of removed rooms.

That happens in two steps. Messages are gone at once, when the seq of the oldest one that is kept is
set (`RETIRE`). What is stored of them is deleted after that, some at a time (`CLEAN`), by whichever
process did the first step, or by any at its next start.
"""

import threading
from collections.abc import Callable

from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.redis_rooms import RedisRooms
from chat_server.storage.redis.rows import originals_of
from chat_server.storage.redis.scripts import CLEAN, READ, RETIRE, room_keys
from protocol.messages import Message

STEP = 5
"""Stream entries that are deleted at once, of up to a hundred messages each: Redis waits for it."""

PAGE = 500
"""Messages whose age is looked at in one go."""


class RedisRetention:
    """Deletes messages. Any thread may call any method."""

    def __init__(
        self, connections: Connections, known: RedisRooms, told: Callable[[str], str]
    ) -> None:
        """
        Args:
            connections: to Redis.
            known: the rooms.
            told: what other processes are told of a room.
        """
        self._connections = connections
        self._known = known
        self._told = told
        self._lock = threading.Lock()  # guards the next; a leaf
        self._unclean: set[str] = set()  # rooms of which something is to be deleted

    def found_unclean(self, room: str) -> None:
        """Note that something is stored of messages that are gone."""
        with self._lock:
            self._unclean.add(room)

    @property
    def has_work(self) -> bool:
        """Whether `clean_some` has something to do."""
        with self._lock:
            return bool(self._unclean)

    def prune(self, keep: int | None, said_before: float | None, today: float) -> int:
        """Let go what need not be kept of any room, and delete it. Return how many messages."""
        pruned = 0
        for room in self._known.names():
            kept = self._first_kept(room, keep, said_before, today)
            if kept > self._known.ends(room)[0]:
                pruned += self._retire(room, kept, self._told(room))
                while self._clean(room):
                    pass
        return pruned

    def remove_room(self, room: str, told: str) -> None:
        """Let all messages of a room be gone, and its topic; `told` is what others are told."""
        if self._known.knows(room):
            self._retire(room, "+", told)

    def clean_some(self) -> bool:
        """Delete some of what is stored of messages that are gone. Return whether there is more."""
        with self._lock:
            room = next(iter(self._unclean), None)
        if room is not None:
            self._clean(room)
        return self.has_work

    def _retire(self, room: str, kept: int | str, told: str) -> int:
        call = Call(RETIRE, room_keys(room), (kept, told))
        count, (last, oldest, _, _) = self._connections.ask_all(
            [call, Call(READ, room_keys(room), ("after", 2**52, 0))]
        )
        self.found_unclean(room)
        self._known.learned(room, last, oldest)
        return int(count)

    def _clean(self, room: str) -> bool:
        """Delete some of what is stored of a room's messages that are gone."""
        (more,) = self._connections.ask_all([Call(CLEAN, room_keys(room), (STEP,))])
        if not more:
            with self._lock:
                self._unclean.discard(room)
        return bool(more)

    def _first_kept(
        self, room: str, keep: int | None, said_before: float | None, today: float
    ) -> int:
        """Return the first message behind those at the start of a log that are not kept."""
        oldest, last = self._known.ends(room)
        first = oldest if keep is None else max(oldest, last - keep + 1)
        if said_before is None or first > last:
            return first
        time = self._known.oldest_time(room)
        if time is not None and said_before <= time <= today:
            return first
        return max(first, self._first_young(room, oldest, said_before, today))

    def _first_young(self, room: str, oldest: int, said_before: float, today: float) -> int:
        """Return the first message behind the old ones at the start of a log.

        One with a date after today goes with an old one behind it.
        """
        first, seq = oldest, oldest - 1
        while messages := self._read(room, seq):
            if messages[0].seq == oldest:
                self._known.note_oldest_time(room, oldest, messages[0].time)
            for message in messages:
                if message.time < said_before:
                    first = message.seq + 1
                elif message.time <= today:
                    return first
            seq = messages[-1].seq
        return first

    def _read(self, room: str, seq: int) -> list[Message]:
        (reply,) = self._connections.ask_all([Call(READ, room_keys(room), ("after", seq, PAGE))])
        return [each for each in originals_of(room, reply[2]) if each.seq > seq]
