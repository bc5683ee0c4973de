"""Pages of a room's log, for readers that are behind.

Near the end of the log a page is in the room's tail. Further back it comes from the store, and then
often for many at once: a class that wakes its laptops after lunch, or comes back to a server that
was restarted. So stored pages begin at fixed places, and the latest stay encoded in a small cache:
who reads the same stretch of the log shares them.
"""

from collections import OrderedDict

from chat_server.rooms.codec import Codec
from chat_server.rooms.log_tail import PAGE_LIMIT, Chunk, Segment
from chat_server.rooms.room import Room
from chat_server.storage.interface import RoomLog

MESSAGES_PER_PAGE = 250
"""A page goes from one multiple of this many messages to the next."""

CACHE_LIMIT = 4 * 1024 * 1024
"""How many bytes of encoded pages are kept."""


class Pages:
    """Reads pages. The catch-up thread's alone."""

    def __init__(self, log: RoomLog) -> None:
        self._log = log
        # By room, place, how far the log went then, and which entry had changed it last; the one
        # used last at the end.
        self._cache: OrderedDict[tuple[str, int, int, int], Segment] = OrderedDict()
        self._size = 0

    def read(self, room: Room, seq: int, codec: Codec) -> Chunk:
        """Return a page of the messages of `room` that follow `seq`, as far as they are kept.

        Args:
            room: whose log it is.
            seq: the last message that the reader has.
            codec: the reader's.

        Raises:
            StoreError: they are not in memory, and the store cannot be read.
        """
        return room.tail_after(seq, codec) or self._read_stored(room, seq, codec)

    @property
    def cached(self) -> int:
        """How many bytes the cache holds."""
        return self._size

    def _read_stored(self, room: Room, seq: int, codec: Codec) -> Chunk:
        oldest = self._log.oldest(room.name) or 1
        begin = max(seq, oldest - 1)
        changed_at, last = room.changed_at, room.last  # ahead of the page, which may be newer
        if begin >= last:
            return Chunk(seq + 1, last, b"", ())  # all of it is gone
        number = begin // MESSAGES_PER_PAGE
        end = min((number + 1) * MESSAGES_PER_PAGE, last)
        page = self._cached(room.name, number, end, changed_at)
        if page.last < page.first:
            return Chunk(seq + 1, end, b"", ())
        return page.after(begin, codec, PAGE_LIMIT)._replace(first=seq + 1)

    def _cached(self, room: str, number: int, end: int, changed_at: int) -> Segment:
        key = (room, number, end, changed_at)
        page = self._cache.get(key)
        if page is not None:
            self._cache.move_to_end(key)
            return page
        page = self._cache[key] = self._load(room, number, end)
        self._size += page.cost
        while self._size > CACHE_LIMIT and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._size -= oldest.cost
        return page

    def _load(self, room: str, number: int, end: int) -> Segment:
        begin = number * MESSAGES_PER_PAGE
        messages = self._log.after(room, begin, end - begin)
        return Segment(messages[0].seq if messages else end + 1, tuple(messages))
