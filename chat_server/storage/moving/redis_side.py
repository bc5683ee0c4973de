"""The logs in Redis, as they are moved to a data folder, and as they are written from there."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import StartError, StoreError
from chat_server.storage.interface import Entry, RequestKey
from chat_server.storage.moving.content import (
    PORTION,
    DeletedRequests,
    MovedRoom,
    MovedSession,
    Source,
)
from chat_server.storage.redis.connections import Call, Connections, refuse_cluster
from chat_server.storage.redis.log_names import CONFIRMED, LogNames, read_names, write_names
from chat_server.storage.redis.processes.living import Living
from chat_server.storage.redis.reach.redis_wire import RedisCommand
from chat_server.storage.redis.redis_sessions import SESSION_KEYS, note_newest, read_sessions
from chat_server.storage.redis.rows import Batches, originals_of
from chat_server.storage.redis.scripts import (
    KEEP_SESSIONS,
    LEASES,
    PREFIX,
    ROOMS,
    SESSION_COUNTER,
    room_key,
)
from chat_server.storage.redis.search import fields_of

LEASE = 60_000
"""Milliseconds that a portion may take: nobody may append without a lease."""

ENTRIES = 20
"""Entries of a stream that are read at once, of up to a hundred messages each."""

_KEY = re.compile(rb"(n?)(\d+):(\d+)")


class Redis:
    """A Redis that no server uses. A context manager."""

    def __init__(self, address: LogAddress, password: str) -> None:
        """
        Args:
            address: where it is.
            password: of the address' user, or "".

        Raises:
            StartError: it cannot be used, or a server uses it.
            StoreError: it cannot be reached.
        """
        if address.nodes:
            raise StartError("messages cannot be copied to or from a Redis Cluster.")
        self.connections = Connections(
            address, password, lambda _: None, lambda _: None, lambda: None
        )
        self._process = f"moving-{secrets.token_hex(4)}"
        self._lease = f"{LEASES}{self._process}"
        with ExitStack() as opened:
            opened.callback(self.connections.close)
            connection, self.run = self.connections.connect()
            try:
                refuse_cluster(connection)
                self.is_empty = not self.connections.ask("EXISTS", ROOMS, SESSION_COUNTER)
                LogNames().check_format(connection)
            finally:
                connection.disconnect()
            servers = Living(self.connections, "").others()
            if servers:
                where = ", ".join(found for each in servers.values() for found in each.addresses)
                raise StartError(f"servers use this Redis: {where}. Stop them first.")
            opened.pop_all()

    def close(self) -> None:
        """Close the connections."""
        self.connections.close()

    # -- reading: see Source

    def rooms(self) -> list[MovedRoom]:
        """Return all rooms."""
        names = sorted(name.decode() for name in self.connections.ask("SMEMBERS", ROOMS))
        found = self.connections.ask_all(
            [("HMGET", room_key(name, "meta"), "last", "topic", "oldest") for name in names]
        )
        return [
            MovedRoom(name, (topic or b"").decode(), int(last), int(oldest or 1))
            for name, (last, topic, oldest) in zip(names, found, strict=True)
            if last is not None
        ]

    def entries(self, room: MovedRoom) -> Iterator[Sequence[Entry]]:
        """Give the entries of a room's log as they were said."""
        place = "-"
        while found := self.connections.ask(
            "XRANGE", room_key(room.name, "log"), place, "+", "COUNT", ENTRIES
        ):
            entries: list[Entry] = []
            for name, flat in found:
                fields = fields_of(flat)
                first = int(name.partition(b"-")[0])
                messages = originals_of(room.name, [(first, fields[b"d"])])
                keys = fields[b"k"].split(b" ")
                entries += [
                    Entry(message, _request(key))
                    for message, key in zip(messages, keys, strict=True)
                    if message.seq >= room.oldest
                ]
            for start in range(0, len(entries), PORTION):
                yield entries[start : start + PORTION]
            place = f"({found[-1][0].decode()}"

    def sessions(self) -> Iterator[Sequence[MovedSession]]:
        """Give all sessions."""
        for session in read_sessions(self.connections):
            yield [MovedSession(*session)]

    def next_session(self) -> int:
        """Return a number above those of all sessions."""
        return int(self.connections.ask("GET", SESSION_COUNTER) or 0) + 1

    def deleted(self) -> Iterator[Sequence[DeletedRequests]]:
        """Give what is known of requests whose messages are deleted."""
        for room in self.rooms():
            found: list[Any] = self.connections.ask("HGETALL", room_key(room.name, "gone"))
            yield [
                DeletedRequests(
                    room.name,
                    int(mark.removeprefix(b"n")),
                    int(request),
                    mark.startswith(b"n"),
                )
                for mark, request in zip(found[::2], found[1::2], strict=True)
            ]

    def names(self) -> Mapping[str, Mapping[str, int]]:
        """Return the names of the log, and where rooms ended under each."""
        return read_names(self.connections)

    def confirmed_date(self) -> float | None:
        """Return the date that was kept last."""
        found = self.connections.ask("GET", CONFIRMED)
        return None if found is None else float(found)

    # -- writing

    def write(self, source: Source, check: Callable[[], None]) -> int:
        """Write all that another engine keeps; this Redis has nothing. Return how many messages.

        Args:
            source: the other engine.
            check: called when all is written; raises StoreError if something is wrong with it.

        Raises:
            StoreError: it cannot be done; nothing of it is left, if Redis can be reached.
        """
        try:
            known = self._write_sessions(source)
            count = sum(self._write_room(room, source, known) for room in source.rooms())
            for deleted in source.deleted():
                commands: list[RedisCommand] = [
                    (
                        "HSET",
                        room_key(each.room, "gone"),
                        f"{'n' if each.per_room else ''}{each.session}",
                        each.request,
                    )
                    for each in deleted
                ]
                self.connections.ask_all(commands)
            date = source.confirmed_date()
            if date is not None:
                self.connections.ask("SET", CONFIRMED, repr(date))
            write_names(self.connections, source.names(), self.run)
            self.connections.ask("DEL", self._lease)
            check()
        except BaseException:
            with suppress(StoreError):
                self._delete_all()
            raise
        return count

    def _write_sessions(self, source: Source) -> set[int]:
        known = set()
        for sessions in source.sessions():
            calls: list[RedisCommand | Call] = [
                Call(KEEP_SESSIONS, SESSION_KEYS, (each.seen, each.number, 1, each.token.hex()))
                for each in sessions
            ]
            newest = {each.number: each.newest for each in sessions if each.newest}
            if newest:
                calls.append(note_newest(newest))
            self.connections.ask_all(calls)
            known |= {each.number for each in sessions}
        self.connections.ask("SET", SESSION_COUNTER, source.next_session() - 1)
        return known

    def _write_room(self, room: MovedRoom, source: Source, known: set[int]) -> int:
        meta = room_key(room.name, "meta")
        before = room.oldest - 1
        self.connections.ask_all(
            [
                ("SADD", ROOMS, room.name),
                ("HSET", meta, "last", before, "oldest", room.oldest, "cleaned", room.oldest),
                *([("HSET", meta, "topic", room.topic)] if room.topic else []),
            ]
        )
        count = 0
        for entries in source.entries(room):
            batches = Batches(entries, lambda name: f"{self._process} room {name}")
            lease = ("SET", self._lease, "", "PX", LEASE)
            _, seqs = self.connections.ask_all([lease, batches.append_call(room.name)])
            if seqs != [entry.message.seq for entry in entries]:
                raise StoreError(f"the messages of {room.name} do not get their numbers in Redis")
            newest = {
                session: request for session, request in batches.newest.items() if session in known
            }
            if newest:
                self.connections.ask_all([note_newest(newest)])
            count += len(entries)
        return count

    def _delete_all(self) -> None:
        cursor = "0"
        while True:
            cursor, keys = self.connections.ask(
                "SCAN", cursor, "MATCH", f"{PREFIX}*", "COUNT", PORTION
            )
            if keys:
                self.connections.ask("DEL", *keys)
            if int(cursor) == 0:
                return


def _request(key: bytes) -> RequestKey | None:
    """Return which request brought a message; see rows.py."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    per_room, session, request = found.groups()
    return RequestKey(int(session), int(request), per_room=bool(per_room))
