"""What is in the rooms in the end, read from Redis itself and not by the server's code."""

import json
from typing import Any

from protocol.messages.events import DELETED
from tests.support.redis_server import RedisServer
from tests.torture.journal import Journal
from tests.torture.records import Entry, Kept
from tests.torture.stored import marks_of

_KEY = "backchannel:{{{}}}:{}"


class RedisLogs:
    """The logs in a Redis that runs."""

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis

    def read(self, journal: Journal) -> tuple[dict[str, list[Kept]], dict[str, int]]:
        """Return the log of every room, and where each says that it ends."""
        logs, lasts = {}, {}
        for room in sorted(self._redis.do("SMEMBERS", "backchannel:rooms")):
            lasts[room] = int(self._redis.do("HGET", _KEY.format(room, "meta"), "last") or 0)
            logs[room] = self._read_room(room, journal)
        return logs, lasts

    def _read_room(self, room: str, journal: Journal) -> list[Kept]:
        states = self._redis.do("HGETALL", _KEY.format(room, "changed"))
        log = []
        for name, fields in self._redis.do("XRANGE", _KEY.format(room, "log"), "-", "+"):
            first = int(name.partition("-")[0])
            rows, keys = json.loads(fields["d"]), fields["k"].split(" ")
            for seq, (row, key) in enumerate(zip(rows, keys, strict=True), start=first):
                entry = _entry(room, seq, row, states.get(str(seq)))
                # What no request brought has a mark for a key.
                request = int(key.partition(":")[2] or seq)
                log.append(Kept(journal.shared(entry), request))
        return log


def _entry(room: str, seq: int, row: list[Any], state: str | None) -> Entry:
    """A row as it is after its last change, if there was one."""
    time, from_, kind, text, marks = [*row, {}][:5]
    entry = Entry(room, seq, time, from_, kind, text, **marks_of(marks))
    if state is None:
        return entry
    if state == "-":
        kept = kind if kind == "edit" else "text"
        return entry._replace(kind=kept, text=DELETED, edited=False, deleted=True)
    return entry._replace(text=json.loads(state), edited=kind != "edit")
