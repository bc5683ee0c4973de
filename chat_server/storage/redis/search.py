"""What the search index of this process has to learn of a log in Redis.

A stream keeps what was said at first, and which entries changed it. So what a message said at any
time can be read from it.
"""

import threading

from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.redis_rooms import RedisRooms
from chat_server.storage.redis.rows import originals_of
from chat_server.storage.redis.scripts import READ, SAID, room_key, room_keys
from chat_server.storage.searching.search_index import Addition, SearchIndex
from chat_server.storage.sqlite.keys import base_of, end_of, key_of, seq_of
from protocol.messages import CHANGES, Message

INDEX_STEP = 500
"""Messages that are indexed in one transaction."""

STALE_LIMIT = 1000
"""Messages that are gone and may be in the index still, where it holds few others."""


class RedisSearch:
    """The index of the rooms that are searched on this process. Any thread may call any method.

    Nothing can be taken out of it when it is gone from Redis, as that takes its text. So the index
    is begun anew when it holds more of what is gone than of what is kept.
    """

    def __init__(self, index: SearchIndex, connections: Connections, known: RedisRooms) -> None:
        """
        Args:
            index: empty.
            connections: to Redis.
            known: the rooms.
        """
        self._index = index
        self._connections = connections
        self._known = known
        # Guards the next two. A leaf.
        self._lock = threading.Lock()
        self._begun: dict[str, int] = {}  # where the log of each room began when it was indexed
        self._generation = 0  # how often it was begun anew

    def stop(self) -> None:
        """End the searches that are under way. Later ones end at once."""
        self._index.stop()

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def find(self, room: str, query: str, before: int | None, limit: int) -> list[int]:
        """Return the seqs of the last up to `limit` messages with all words, the newest first.

        Raises:
            SearchTooLongError: the search took too long.
            StoreError: Redis could not be asked, or the index not be written.
        """
        number, budget = self._known.number(room), self._index.budget()
        base = base_of(number)
        end = end_of(base) if before is None else key_of(base, before)
        while True:
            oldest, _ = self._known.ends(room)
            with self._lock:
                generation = self._generation
                self._begun.setdefault(room, oldest)
            self._index.catch_up(
                number,
                lambda after: read_additions(self._connections, room, number, after, INDEX_STEP),
                budget,
            )
            first = key_of(base, self._known.ends(room)[0])
            keys = self._index.find(query, first, end, limit, budget)
            with self._lock:
                if generation == self._generation:
                    return [seq_of(key) for key in keys]

    def tidy(self) -> None:
        """Begin the index anew, if it holds more of what is gone than of what is kept.

        Raises:
            StoreError: the index could not be written.
        """
        with self._lock:
            begun = dict(self._begun)
        ends = {room: self._known.ends(room) for room in begun}
        stale = sum(ends[room][0] - first for room, first in begun.items())
        kept = sum(last - oldest + 1 for oldest, last in ends.values())
        if not stale or (kept and stale <= max(STALE_LIMIT, kept)):
            return
        self._index.clear()
        with self._lock:
            self._begun.clear()
            self._generation += 1


def read_additions(
    connections: Connections, room: str, number: int, after: int, limit: int
) -> list[Addition]:
    """Return what the next up to `limit` entries of a log add to the texts that can be found.

    Args:
        connections: to Redis.
        room: whose log.
        number: what the index has the room under.
        after: the key before the first entry.
        limit: how many.

    Raises:
        StoreError: Redis could not be asked.
    """
    seq, base = seq_of(after) if after else 0, base_of(number)
    (reply,) = connections.ask_all([Call(READ, room_keys(room), ("after", seq, limit))])
    _, oldest, found, _ = reply
    first = max(seq + 1, oldest)
    messages = [each for each in originals_of(room, found) if each.seq >= first][:limit]
    return [
        _change(connections, base, oldest, each)
        if each.kind in CHANGES
        else Addition(key_of(base, each.seq), each.text)
        for each in messages
    ]


def _change(connections: Connections, base: int, oldest: int, entry: Message) -> Addition:
    """Return what an entry adds that changes another, if it did change it."""
    nothing = Addition(key_of(base, entry.seq), "")
    if entry.changes < oldest:
        return nothing
    room = entry.room
    written = connections.ask("HGET", room_key(room, "edits"), entry.changes) or b""
    changes = written.decode().split()
    own = f"{entry.seq}" if entry.kind == "edit" else f"x{entry.seq}"
    if own not in changes:
        return nothing
    place = changes.index(own)
    before = read_original(connections, room, int(changes[place - 1]) if place else entry.changes)
    if before is None:
        return nothing
    after = entry.text if entry.kind == "edit" else ""
    changed = key_of(base, entry.changes)
    return nothing._replace(changed=changed, before=before.text, after=after)


def read_original(connections: Connections, room: str, seq: int) -> Message | None:
    """Return a message as it was said; None if it is not kept.

    Raises:
        StoreError: Redis could not be asked.
    """
    (reply,) = connections.ask_all([Call(SAID, room_keys(room), (seq,))])
    if not reply:
        return None
    entry, fields, _, _ = reply
    first = int(entry.partition(b"-")[0])
    return originals_of(room, [(first, fields_of(fields)[b"d"])])[seq - first]


def fields_of(flat: list[bytes]) -> dict[bytes, bytes]:
    """Return the fields of a stream entry, which Redis gives as a flat list."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
