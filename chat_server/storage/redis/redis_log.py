"""The log engine on Redis. Several processes may append to the same logs.

What a process delivers is only what it has read from the streams, its own messages too: one path,
one order for everybody on every process. A batch of a room is appended by one script, which is
atomic and may be sent twice (scripts.py). So an outcome that is not known is settled by appending
the same batch again.

The module is long, as it has every method of the interface.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from chat_server.runtime.config.log_address import LogAddress
from chat_server.runtime.errors import AwayError, LogRewoundError, StartError, StoreError
from chat_server.storage.interface import (
    Entry,
    NeighbourListener,
    NotKnown,
    NotStored,
    Outcome,
    Said,
    Stored,
    StoredRoom,
)
from chat_server.storage.redis.connections import (
    Call,
    Connections,
    refuse_cluster,
    warn_of_settings,
)
from chat_server.storage.redis.log_names import CONFIRMED, LogNames
from chat_server.storage.redis.processes.living import LEASE, NO_LEASE, LeaseRefusedError
from chat_server.storage.redis.processes.redis_neighbours import (
    Question,
    RedisNeighbours,
    read_direct,
    read_question,
)
from chat_server.storage.redis.reach.redis_wire import (
    AnyConnection,
    RedisAwayError,
    RedisCommand,
    RedisSilentError,
    exchange,
    fact,
)
from chat_server.storage.redis.redis_retention import RedisRetention
from chat_server.storage.redis.redis_rooms import RedisRooms
from chat_server.storage.redis.redis_sessions import RedisSessions, note_newest
from chat_server.storage.redis.rows import (
    Batches,
    filling,
    in_state,
    messages_of,
    originals_of,
    request_key,
)
from chat_server.storage.redis.scripts import (
    READ,
    ROOMS,
    SAID,
    room_key,
    room_keys,
)
from chat_server.storage.redis.search import RedisSearch, fields_of
from chat_server.storage.redis.watcher import Watcher, process_name
from chat_server.storage.searching.search_index import SearchIndex
from protocol.messages import Message

log = logging.getLogger(__name__)

FOLLOW_LIMIT = 1000
"""Messages that `follow` reads at once."""

REFUSED_FOR = 3.0
"""Seconds for which the lease may be refused before that is worth a word in the server's log."""

_END = 2**52
"""Behind every seq."""

_AWAY = (RedisAwayError, RedisSilentError, ConnectionError, TimeoutError, OSError)

_REFUSALS = (ResponseError, StoreError)
"""What a reply is that is none; a StoreError comes of a node of a cluster."""

_SET_BACK = "it has lost messages that it had"


class RedisLog:
    """The engine. Any thread may call any method. What it does is said in storage/interface.py.

    Attributes:
        commits_wait: True: they wait for the network.
        sessions: the sessions that it keeps.
        neighbours: the other servers on the same Redis.
    """

    commits_wait = True

    def __init__(self, address: LogAddress, password: str, folder: Path) -> None:
        """Connect to Redis, and find what is kept there.

        Args:
            address: where Redis is.
            password: of the address' user, or "".
            folder: where this process derives its search index.

        Raises:
            StartError: Redis cannot be reached or used, or another version's data are in it.
        """
        self._process = process_name(address.database)
        self._known = RedisRooms()
        self._names = LogNames()
        self._watcher = Watcher(self._process, self._verify, self._heard, self._renew)
        self._listener: NeighbourListener | None = None
        self._came_back = False  # what that asks for is not done yet; the watcher's thread's
        # Since when the lease is refused, by the monotonic clock; inf once that is told. As above.
        self._refused_at: float | None = None
        self._connections = Connections(
            address, password, self._admit, self._watcher.doubt, lambda: self._watcher.away
        )
        self.neighbours = RedisNeighbours(self._connections, self._process)
        self._retention = RedisRetention(self._connections, self._known, self._told)
        self._due = threading.Event()
        self.sessions = RedisSessions(self._connections)
        with ExitStack() as opened:
            opened.callback(self._connections.close)
            try:
                self._open()
            except (StoreError, ConnectionError, TimeoutError, OSError) as error:
                kind = AwayError if isinstance(error, _AWAY) else StartError
                raise kind(f"the logs cannot be kept in Redis: {error}") from error
            index = SearchIndex(folder / "search.db", anew=True)
            self._index = RedisSearch(index, self._connections, self._known)
            opened.pop_all()

    def _open(self) -> None:
        connection, run = self._connections.connect()
        try:
            if self._connections.nodes is None:
                refuse_cluster(connection)
            self._names.check_format(connection)
            self._names.settle(connection, run, None)
            warn_of_settings(connection)
        finally:
            connection.disconnect()
        self.neighbours.living.begin()
        self._known.note_listed(room.name for room in self.rooms())

    def watch(self, listener: NeighbourListener) -> None:
        """Tell `listener` from now on, until `close`, what the other servers do."""
        self._listener = listener
        with suppress(StoreError):  # the thread tries again
            self.neighbours.living.renew(listener.facts())
        self._watcher.start(self._connections)

    def stop_searches(self) -> None:
        """End the searches that are under way. Later ones end at once."""
        self._index.stop()
        self._connections.hurry()  # the server stops: nobody waits for a slow Redis any more

    def close(self) -> None:
        """End the thread and close the connections."""
        self._watcher.stop()
        try:
            self.neighbours.living.end()
        except StoreError as error:
            log.warning("the nicks of who was here are free in %d s: %s", LEASE // 1000, error)
        self._index.close()
        self._connections.close()

    @property
    def name(self) -> str:
        """The name of this log."""
        return self._names.name

    def common(self, room: str, name: str, seq: int) -> int | None:
        """Return the last message up to `seq` that a log of another name has in common."""
        return self._names.common(self._connections, room, name, seq)

    def rooms(self) -> list[StoredRoom]:
        """Return every room in which something was ever said."""
        names = [room.decode() for room in self._connections.ask("SMEMBERS", ROOMS)]
        return [room for room in self._load(sorted(names)) if room.last_seq]

    def room(self, name: str) -> StoredRoom | None:
        """Return a room that another process may have made; None if there is none."""
        (found,) = self._load([name])
        return found if found.last_seq else None

    # -- writing

    def append(self, entries: Sequence[Entry]) -> Outcome:
        """Number entries and add them to the logs of their rooms: each room's in one step."""
        if not (batches := Batches(entries, self._told)).rooms:
            return Stored([None] * len(entries))
        try:
            begins, calls = self._calls(batches)
            replies = self._connections.send(calls)
        except (RedisAwayError, RedisSilentError) as error:
            for room in batches.rooms:
                self._known.outdate(room)
            if isinstance(error, RedisAwayError):
                return NotStored(str(error))
            return NotKnown(str(error), settles=True)
        return self._outcome(batches, begins, replies)

    def _calls(self, batches: Batches) -> tuple[list[int], list[RedisCommand | Call]]:
        """Return what appends the batches and reads back what follows, and from where it reads."""
        new = self._known.unlisted(batches.rooms)
        calls: list[RedisCommand | Call] = [("SADD", ROOMS, *new)] if new else []
        if batches.newest:
            calls.append(note_newest(batches.newest))
        begins = [self._known.begin_read(room) for room in batches.rooms]
        for room, begin in zip(batches.rooms, begins, strict=True):
            calls.append(batches.append_call(room))
            calls.append(_read_call(room, "after", begin, FOLLOW_LIMIT))
        return begins, calls

    def _outcome(self, batches: Batches, begins: list[int], replies: list[object]) -> Outcome:
        """Return what became of batches. Where Redis refused a room's, its entries are refused."""
        reason = None
        stored: list[str] = []
        pairs = iter(replies[-2 * len(batches.rooms) :])
        refused = [each for each in replies if isinstance(each, _REFUSALS)]
        if refused:
            reason = f"Redis refuses: {refused[0]}"
        else:
            self._known.note_listed(batches.rooms)
        for room, begin, seqs, read in zip(batches.rooms, begins, pairs, pairs, strict=True):
            if not isinstance(seqs, _REFUSALS):
                batches.note_stored(room, seqs)
                stored.append(room)
            self._read_back(room, begin, read)
        if any(isinstance(each, RedisSilentError) for each in refused):
            if self._listener is not None:
                for room in stored:  # appended again at once, it keeps its numbers
                    self._listener.news(room)
            return NotKnown(f"{reason}", settles=True)
        if reason is not None and not batches.stored_any:
            return NotStored(reason)
        if reason is not None:
            log.error("some of what is said is refused: %s", reason)
        return Stored(batches.seqs())

    def _read_back(self, room: str, begin: int, reply: object) -> None:
        if isinstance(reply, _REFUSALS):
            self._known.outdate(room)
            return
        assert isinstance(reply, list)
        last, oldest, found, states = reply
        if not self._known.learned(room, last, oldest, begin):
            self._known.outdate(room)
            self._watcher.doubt(_SET_BACK)
            return
        messages = [each for each in messages_of(room, found, states) if each.seq > begin]
        whole = last == begin or (bool(messages) and messages[-1].seq == last)
        self._known.read_back(room, messages, whole=whole)

    def follow(self, room: str, seq: int) -> list[Message]:
        """Return the next messages behind `seq` that have become part of a room's log."""
        if not self.neighbours.has_lease:
            raise StoreError(NO_LEASE)
        set_back = self._known.take_set_back(room, seq)
        if set_back is not None:
            raise LogRewoundError(room, set_back)
        fresh = self._known.take_fresh(room, seq)
        if fresh is not None:
            return list(fresh)
        try:
            found = self.after(room, seq, FOLLOW_LIMIT)
        except StoreError:
            self._known.outdate(room)
            raise
        if found and found[-1].seq < self._known.ends(room)[1]:
            self._known.outdate(room)
        return found

    def prune(self, keep: int | None, said_before: float | None, today: float = math.inf) -> int:
        """Delete from the start of every room's log what need not be kept. Return how much."""
        return self._retention.prune(keep, said_before, today)

    def remove_room(self, room: str) -> None:
        """Forget all messages of a room, and its topic."""
        self._retention.remove_room(room, f"{self._process} removed {room}")
        self.maintenance_due.set()

    # -- reading

    def after(self, room: str, seq: int, limit: int, space: int | None = None) -> list[Message]:
        """Return up to `limit` messages that follow `seq`, ascending."""
        found: list[Message] = []
        while len(found) < limit and (space is None or space >= 0):
            messages, last = self._page(room, "after", seq, limit - len(found))
            more, space = filling(messages, space)
            found += more
            if not messages or messages[-1].seq >= last:
                break
            seq = messages[-1].seq
        return found

    def before(
        self, room: str, seq: int | None, limit: int, space: int | None = None
    ) -> list[Message]:
        """Return the newest `limit` messages before `seq`, or of the whole log, ascending."""
        found, end = list[Message](), _END if seq is None else min(seq, _END)
        while len(found) < limit and (space is None or space >= 0):
            messages, _ = self._page(room, "before", end, limit - len(found))
            more, space = filling(reversed(messages), space)
            found += more
            if not messages:
                break
            end = messages[0].seq
        return found[::-1]

    def search(
        self, room: str, query: str, before: int | None, limit: int, space: int | None = None
    ) -> list[Message]:
        """Return the last up to `limit` messages with all words of `query`; ascending."""
        if not self._known.knows(room):
            return []
        seqs = self._index.find(room, query, before, limit)
        read = [_read_call(room, "after", seq - 1, 1) for seq in seqs]
        found = [
            message
            for seq, reply in zip(seqs, self._connections.ask_all(read), strict=True)
            for message in messages_of(room, reply[2], reply[3])
            if message.seq == seq
        ]
        return filling(found, space)[0][::-1]

    def oldest(self, room: str) -> int | None:
        """Return the number of the oldest message that is kept; None if none was deleted."""
        oldest, _ = self._known.ends(room) if self._known.knows(room) else (1, 0)
        return oldest if oldest > 1 else None

    def said(self, room: str, seq: int) -> Said | None:
        """Return a message and the session that said it; None if it is not kept."""
        (reply,) = self._connections.ask_all([Call(SAID, room_keys(room), (seq,))])
        if not reply:
            return None
        entry, flat, state, edits = reply
        first, fields = int(entry.partition(b"-")[0]), fields_of(flat)
        message = originals_of(room, [(first, fields[b"d"])])[seq - first]
        key = fields[b"k"].decode().split(" ")[seq - first]
        session = int(key.partition(":")[0]) if key[0].isdigit() else None
        return Said(in_state(message, state) if state else message, session, edits)

    def find_request(self, room: str, session: int, request: int) -> int | None:
        """Return the number of a stored request; None if it is not stored in that room."""
        seq, oldest = self._connections.ask_all(
            [
                ("HGET", room_key(room, "requests"), request_key(session, request)),
                ("HGET", room_key(room, "meta"), "oldest"),
            ]
        )
        return int(seq) if seq is not None and int(seq) >= int(oldest or 1) else None

    def was_deleted(self, room: str, session: int, request: int) -> bool:
        """Return whether a request was stored in a room, and its message is deleted."""
        gone, seq, oldest = self._connections.ask_all(
            [
                ("HGET", room_key(room, "gone"), f"{session}"),
                ("HGET", room_key(room, "requests"), request_key(session, request)),
                ("HGET", room_key(room, "meta"), "oldest"),
            ]
        )
        return int(gone or 0) >= request or (seq is not None and int(seq) < int(oldest or 1))

    def find_notices(self, session: int, request: int) -> set[str]:
        """Return the rooms in which a `per_room` request of a session was stored."""
        key, names = request_key(session, request, per_room=True), self._known.names()
        asked: list[RedisCommand] = []
        for room in names:
            asked.append(("HEXISTS", room_key(room, "requests"), key))
            asked.append(("HGET", room_key(room, "gone"), f"n{session}"))
        replies = iter(self._connections.ask_all(asked))
        return {
            room
            for room, stored, gone in zip(names, replies, replies, strict=True)
            if stored or int(gone or 0) >= request
        }

    # -- upkeep

    @property
    def maintenance_due(self) -> threading.Event:
        """Set when `maintain` has something to do."""
        return self._due

    def maintain(self, stopping: Callable[[], bool]) -> None:
        """Delete what is stored of messages that are gone."""
        self._due.clear()
        while not stopping() and self._retention.clean_some():
            pass
        self._index.tidy()

    def newest_time(self, up_to: float) -> float | None:
        """Return when the newest message was said, not counting any after `up_to`."""
        names = self._known.names()
        found = self._connections.ask_all(
            [("HGET", room_key(room, "meta"), "time") for room in names]
        )
        times = [float(time) for time in found if time is not None]
        return max((time for time in times if time <= up_to), default=None)

    def confirmed_date(self) -> float | None:
        """Return the date that was kept last; None if none was."""
        found = self._connections.ask("GET", CONFIRMED)
        return None if found is None else float(found)

    def keep_confirmed_date(self, date: float) -> None:
        """Keep a date for the next start."""
        self._connections.ask("SET", CONFIRMED, repr(date))

    # -- below

    def _told(self, room: str) -> str:
        """Return what other processes are told of a room with something new."""
        return f"{self._process} room {room}"

    def _admit(self, run: str) -> None:
        if run not in self._names.run.split():
            reason = "Redis was restarted, and is being looked at"
            self._watcher.doubt(reason if self._connections.nodes is None else None)
            raise RedisAwayError(reason)

    def _verify(self, connection: AnyConnection, run: str) -> None:
        """See what a run of Redis has, after the connections to one had broken."""
        (role,) = exchange(connection, [("INFO", "replication")])
        if isinstance(role, bytes) and fact(role, "role") not in ("master", ""):
            raise StoreError("it is a replica, which nobody may write to")
        before = self.name
        ends = self._names.settle(connection, run, self._known.lasts())
        if ends is not None:
            self._known.set_back(ends)
            log.error("Redis has lost messages that were stored: the log has another name now")
        elif self.name != before:
            log.warning("the log has another name from now on")

    def _heard(self, process: str, word: str, about: str) -> None:
        """Do what another process tells; see `Watcher`."""
        assert self._listener is not None
        if word == "back":
            self._known.outdate_all()
            self._listener.news(None)
            self._renew(came_back=True)
            self.neighbours.writes.heard(word)
        elif word == "room":
            self._known.outdate(about)
            self._listener.news(about)
        elif word == "removed":
            self._known.outdate(about)
            self._listener.removed(about)
        elif word == "session":
            self._listener.taken_over(bytes.fromhex(about))
        elif word in ("direct", "host"):
            self._answer(process, word, read_question(about, self._process))
        elif word == "answer":
            self.neighbours.hear_answer(about)
        elif word == "members":
            self.neighbours.members.heard(process, about, self._listener.members)
        elif word == "echo" and process == self._process:
            self.neighbours.living.hear_echo(about)
        elif word == "ended":
            self.neighbours.members.ended(process, self._listener.members)
        else:
            self.neighbours.writes.heard(word)

    def _answer(self, process: str, word: str, asked: Question | None) -> None:
        """Answer another process, if it asks this one."""
        assert self._listener is not None
        if asked is None:
            return
        if word == "direct":
            answer = self._listener.told(read_direct(asked.about)).value
        else:
            answer = self._listener.host(asked.about)
        self.neighbours.answer(process, asked.number, answer)

    def _renew(self, *, came_back: bool = False) -> None:
        """Renew the lease, and see which others have theirs.

        If it had ended, or Redis has come back, claim all nicks again, and learn all anew.
        """
        assert self._listener is not None
        living, members = self.neighbours.living, self.neighbours.members
        came_back = self._came_back = self._came_back or came_back
        try:
            had_lease = living.renew(self._listener.facts())
            if not had_lease or came_back:
                self._listener.lapsed()
            if not had_lease or self._connections.take_missed():  # something was not delivered
                self._known.outdate_all()
                self._listener.news(None)
            look, others = members.read_all if came_back else members.look, list(living.others())
            living.count(len(others))
            look(others, self._listener.members)
            living.bury()
            self._came_back, self._refused_at = False, None
        except (RedisAwayError, RedisSilentError):
            raise
        except LeaseRefusedError as error:
            self._note_refused(error)
            self.neighbours.writes.heard("back")
            self._watcher.renew_soon()
        except StoreError as error:  # it can be read still
            log.warning("%s: %s", NO_LEASE, error)

    def _note_refused(self, error: LeaseRefusedError) -> None:
        """Say once that the lease is refused, if that lasts: what others wrote takes a while."""
        now = time.monotonic()
        if self._refused_at is None:
            self._refused_at = now
        elif now - self._refused_at >= REFUSED_FOR:
            log.warning("the lease of this server is not renewed: %s", error)
            self._refused_at = math.inf

    def _load(self, names: Sequence[str]) -> list[StoredRoom]:
        """Read what is kept of rooms besides their messages."""
        found = self._connections.ask_all(
            [
                ("HMGET", room_key(name, "meta"), "last", "topic", "oldest", "cleaned")
                for name in names
            ]
        )
        rooms = []
        for name, (last, topic, oldest, cleaned) in zip(names, found, strict=True):
            end, first = int(last or 0), int(oldest or 1)
            self._known.learned(name, end, first)
            if int(cleaned or 1) < first:
                self._retention.found_unclean(name)
                self._due.set()
            said = (topic or b"").decode()
            rooms.append(StoredRoom(name, said, end, not said and first > end))
        return rooms

    def _page(self, room: str, way: str, seq: int, limit: int) -> tuple[list[Message], int]:
        """Return some messages behind `seq`, or the last ones before it; ascending.

        Returns: them, at most `limit`, and the number of the room's last message.
        """
        begin = self._known.ends(room)[1] if self._known.knows(room) else 0
        (reply,) = self._connections.ask_all([_read_call(room, way, min(seq, _END), limit)])
        last, oldest, found, states = reply
        if last and not self._known.learned(room, last, oldest, begin):
            self._watcher.doubt(_SET_BACK)
        if way == "before":
            found.reverse()
        messages = [each for each in messages_of(room, found, states) if each.seq >= oldest]
        if way == "after":
            return [each for each in messages if each.seq > seq][:limit], last
        return [each for each in messages if each.seq < seq][-limit:], last


def _read_call(room: str, way: str, seq: int, limit: int) -> Call:
    return Call(READ, room_keys(room), (way, seq, limit))
