"""The interface of a log engine: what the rooms need from whatever stores them.

A room is a log, and the engine numbers its messages. The delivery workers hand it entries without
numbers (`append`) and deliver what it says has become part of the log (`follow`). So it makes no
difference to them whether this process or another one appended a message.

SQLite is one engine (`storage/sqlite`), which a single process writes; Redis is the other
(`storage/redis`), which several may share. Both pass the tests in
`tests/chat_server/storage/test_interface.py`. It is long, as it says all that an engine does.

The module is long, as it says of every method what an engine has to do.
"""

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from msgspec import Struct

from chat_server.storage.shared_stays import SharedStays
from chat_server.storage.shared_writes import SharedWrites
from protocol.messages import CHANGES, Direct, Message

UNNUMBERED = 0
"""The `seq` of a message that no log has numbered yet."""


class RequestKey(Struct, frozen=True, gc=False):
    """The request that brings a message. A log stores it once, however often it is sent.

    Attributes:
        session: the number of its session.
        id: its number in the session.
        per_room: it may leave one message in each of several rooms, as the notice of a moderator
            does. It is stored once in each of them then.
    """

    session: int
    id: int
    per_room: bool = False


class Entry(Struct, frozen=True, gc=False):
    """A message that is to be stored.

    Attributes:
        message: its `seq` is UNNUMBERED.
        request: which request brings it; None for a notice of the server's own, which is never
            sent again.
        mark: a random text that tells such a notice from all others, should it be appended again
            because its outcome was not known.
    """

    message: Message
    request: RequestKey | None
    mark: str = ""


class Said(NamedTuple):
    """A message that is in the log.

    Attributes:
        message: as it is now.
        session: the number of the session that said it; None for a notice.
        edits: how often it was edited.
    """

    message: Message
    session: int | None
    edits: int


class Stored(NamedTuple):
    """The entries are in the log.

    Attributes:
        seqs: the number of each entry, in the order in which they were given. A request that the
            log had already keeps the number that it had. None for an entry that can never be
            stored, such as a text that is not Unicode; the others are not affected by it. 0 for a
            request that was stored before, and whose message is deleted by now.
    """

    seqs: Sequence[int | None]


class NotStored(NamedTuple):
    """No entry is in the log, and none will be.

    Attributes:
        reason: why, as a sentence for the operator.
    """

    reason: str


class NotKnown(NamedTuple):
    """Each entry may be in the log or not. `find_request` can tell; nobody may guess.

    Attributes:
        reason: why, as a sentence for the operator.
        settles: whether appending the same entries again settles it, once the engine can be
            reached: those that are in the log keep their numbers.
    """

    reason: str
    settles: bool = False


Outcome = Stored | NotStored | NotKnown

_ACTING = CHANGES | {"topic"}


def acting(messages: Iterable[Message]) -> list[Message]:
    """Return those of some messages that do something besides being said: topics, and changes."""
    return [message for message in messages if message.kind in _ACTING]


class StoredRoom(NamedTuple):
    """What is kept of a room besides its messages.

    Attributes:
        name: the room's.
        topic: the present one, or "".
        last_seq: the number of the last message. Numbers go on from it, whatever was deleted.
        is_empty: neither a message is kept nor a topic.
    """

    name: str
    topic: str
    last_seq: int
    is_empty: bool


class StoredSession(NamedTuple):
    """What is kept of a session. `newest` is the highest request that it stored."""

    number: int
    newest: int


class SessionStore(Protocol):
    """What is kept of the sessions. Any thread may call any method.

    Every method raises StoreError if the engine cannot be used just now; nothing was kept then.
    """

    def keep(self, new: Sequence[bytes], resumed: Sequence[int], now: float) -> list[int]:
        """Keep new sessions, and that others were taken up again, in one transaction.

        Args:
            new: the hashes of the new ones' secrets.
            resumed: the numbers of the others.
            now: Unix seconds.

        Returns: the numbers of the new ones, in the order given.
        """
        ...

    def forget(self, seen_before: float) -> None:
        """Forget the sessions that nobody has taken up since a time, in Unix seconds."""
        ...

    def unused(self, behind: int, seen_before: float) -> list[tuple[int, bytes]]:
        """Return the next sessions that stored nothing, as numbers and hashes of secrets.

        Args:
            behind: the number before the first.
            seen_before: those taken up later, in Unix seconds, are not meant.
        """
        ...

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget sessions, at most as many as `unused` returns at once."""
        ...

    def token(self, number: int) -> bytes | None:
        """Return the hash of the secret of a session; None if it is forgotten."""
        ...

    def find(self, token: bytes) -> StoredSession | None:
        """Return the session whose secret has this hash, if there is one."""
        ...


class ProcessFacts(Struct, frozen=True):
    """What a server says of itself to the others on the same engine.

    Attributes:
        name: its name.
        addresses: where it listens.
        version: of the program.
        pid: its process.
        started: when it started, in Unix seconds.
        connections: how many are open.
        clients: how many of those have said hello.
        members: how many memberships in rooms they have.
        round_trip: seconds that the engine took for its last answer to a renewal of the lease.
        lag: seconds after which this server heard what it had told itself by way of the engine.
    """

    name: str
    addresses: list[str]
    version: str
    pid: int
    started: float
    connections: int
    clients: int
    members: int
    round_trip: float = 0.0
    lag: float = 0.0


class EngineHealth(NamedTuple):
    """How an engine that several servers share is doing, as this server saw it last.

    Attributes:
        round_trip: as in ProcessFacts.
        lag: as in ProcessFacts.
        servers: how many servers live, with this one.
    """

    round_trip: float
    lag: float
    servers: int


class MembersChange(Struct, frozen=True, omit_defaults=True):
    """What has changed of who is in a room on one server.

    Attributes:
        present: who is in, or has another role, by nick, and their role as the protocol writes it.
        gone: the nicks of who is not in any more.
        renamed: those of `present` who had another nick, which is not in `gone`; new and old.
        parted: those of `gone` who have left this room alone, and are on that server still.
    """

    present: dict[str, str] = {}
    gone: list[str] = []
    renamed: dict[str, str] = {}
    parted: list[str] = []


class DirectOutcome(Enum):
    """What became of a direct message to somebody on another server."""

    SENT = "sent"
    FULL = "full"
    """They do not read just now."""
    NOBODY = "nobody"
    """Nobody there has the nick."""
    UNKNOWN = "unknown"
    """Their server does not answer: they may have it or not."""


class Neighbours(Protocol):
    """The other servers on the same engine. Any thread may call any method.

    Every method raises StoreError if the engine cannot be used just now.
    """

    @property
    def writes(self) -> SharedWrites:
        """The order of what all of them write of people."""
        ...

    @property
    def stays(self) -> SharedStays:
        """The order of what all of them tell of who was where."""
        ...

    @property
    def has_lease(self) -> bool:
        """Whether the others count on this server. Where they do not, it lets nobody do anything.

        It asks nobody, and takes no lock.
        """
        ...

    def holder(self, nick: str) -> tuple[bytes, str] | None:
        """Return who has a nick on another server: the hash of the session's secret, and the nick
        as it is written; None if nobody there has it.
        """
        ...

    def awaited(self, nick: str) -> bytes | None:
        """Return whom a nick is kept for who was lost on another server: the hash of the session's
        secret; None if it is kept for nobody.
        """
        ...

    def claim_nick(self, nick: str, token: bytes) -> str | None:
        """Have a nick for a session, unless it is another session's on another server.

        Args:
            nick: as normalize_nick returned it.
            token: the hash of the session's secret.

        Returns: the nick of who has it, or one that looks like it, on another server, or whose
            connection was lost there a moment ago; None if it is claimed.
        """
        ...

    def drop_nick(self, nick: str, token: bytes | None, held: float) -> None:
        """Let others have a nick, if it is claimed here.

        Args:
            nick: which.
            token: the hash of the secret of the session that must have it; None for any.
            held: for how many seconds only that session may have it.
        """
        ...

    def take_over(self, token: bytes) -> None:
        """Let the other servers end the connection that has a session: it is here now."""
        ...

    def tell(self, direct: Direct) -> DirectOutcome:
        """Send a message to somebody on another server, and wait until that has answered."""
        ...

    def host(self, nick: str) -> str | None:
        """Ask the server on which somebody has a nick from which address they are connected, and
        return that without a port. None if nobody there has it, or it does not answer.
        """
        ...

    def claimed(self) -> set[str]:
        """Return what the nicks look like that this server has claimed: their skeletons."""
        ...

    def claim_all(self, nicks: Mapping[str, bytes], free: Iterable[str]) -> list[bytes]:
        """Claim the nicks of everybody who is here, and drop those that nobody has any more.

        Args:
            nicks: which session has which, by its hash.
            free: what the nicks look like that are to be dropped.

        Returns: the sessions whose nick somebody on another server has by now.
        """
        ...

    def show_members(self, rooms: Mapping[str, MembersChange], *, whole: bool) -> bool:
        """Tell the other servers who came into the rooms here, and who went. One thread calls it.

        Args:
            rooms: what has changed, by room.
            whole: whether this is all there is, in place of what was told before.

        Returns: whether it was told; False if it has to be told as a whole.
        """
        ...

    def others(self) -> Mapping[str, ProcessFacts]:
        """Return the other servers that live, by what they are known by, and what each says."""
        ...

    def health(self) -> EngineHealth:
        """Return how the engine is doing. It raises nothing, and does not ask the engine."""
        ...


class NeighbourListener(NamedTuple):
    """What a server does when it hears of the others on the same engine.

    All are called by one thread, with no lock held.

    Attributes:
        news: called with the name of a room to which another process has appended; with None where
            it may be any room, or the engine can be reached again.
        taken_over: called with the hash of the secret of a session that is on another server now.
        told: called with a message for somebody who is here; returns what became of it.
        lapsed: called when the others may have taken what is claimed here: claim it again.
        members: called with what another server is known by, what has changed there of who is in
            which room, and whether that is all there is; with nothing and True when it is dead.
        facts: returns what this server says of itself.
        removed: called with the name of a room that another process has removed.
        host: returns the address from which whoever has a nick is connected; "" if nobody has it.
    """

    news: Callable[[str | None], None]
    taken_over: Callable[[bytes], None]
    told: Callable[[Direct], DirectOutcome]
    lapsed: Callable[[], None]
    members: Callable[[str, Mapping[str, MembersChange], bool], None]
    facts: Callable[[], ProcessFacts]
    removed: Callable[[str], None]
    host: Callable[[str], str]


class RoomLog(Protocol):
    """The logs of all rooms, in one engine. Any thread may call any method.

    Methods that read raise StoreError if the engine cannot be read just now. Methods that write,
    apart from `append`, raise StoreError if nothing was written.
    """

    @property
    def name(self) -> str:
        """The name of this log. It changes if numbers may have been given out twice."""
        ...

    @property
    def commits_wait(self) -> bool:
        """Whether `append` waits each time: for a disk that is synced, or for the network."""
        ...

    @property
    def sessions(self) -> SessionStore:
        """The sessions that the engine keeps."""
        ...

    @property
    def neighbours(self) -> Neighbours | None:
        """The other servers on the same engine; None where there can be none."""
        ...

    def watch(self, listener: NeighbourListener) -> None:
        """Tell `listener` from now on, until `close`, what the other servers do."""
        ...

    def common(self, room: str, name: str, seq: int) -> int | None:
        """Return the last message up to `seq` that a log of another name has in common with this.

        Args:
            room: the room.
            name: the log that a reader knows.
            seq: the last message that the reader has.

        Returns: its number; 0 if there is none or it cannot be known; None if this is that log.
        """
        ...

    def rooms(self) -> list[StoredRoom]:
        """Return every room in which something was ever said."""
        ...

    def room(self, name: str) -> StoredRoom | None:
        """Return one of them that another process may have made since; None if there is none."""
        ...

    # -- writing

    def append(self, entries: Sequence[Entry]) -> Outcome:
        """Number entries and add them to the logs of their rooms, in one transaction.

        Entries of one room get numbers that follow each other, in the order given. What another
        process appends at the same moment stands before them or behind them.

        An entry of a kind in CHANGES brings the message that it changes, and the edits of that
        before it, to their latest state: see `Message.changed_by`. Whatever reads messages from
        then on, `follow` too, finds that. An edit of what is deleted by then is stored as
        deleted itself.

        Args:
            entries: of one room or of several.
        """
        ...

    def follow(self, room: str, seq: int) -> list[Message]:
        """Return the next messages behind `seq` that have become part of a room's log.

        This is the only way in which messages reach the members of a room. A delivery worker calls
        it in each of the room's turns, until nothing comes back. An engine that several processes
        write gives a room a turn when another process has appended to it.

        Args:
            room: the room.
            seq: the last message that was delivered to it.

        Returns: ascending, all behind `seq`, and without a gap but for what is deleted.

        Raises:
            LogRewoundError: the log ends before `seq`: the engine has lost its tail.
        """
        ...

    def prune(self, keep: int | None, said_before: float | None, today: float = math.inf) -> int:
        """Delete from the start of every room's log what need not be kept.

        Args:
            keep: how many messages of a room are kept; None for all.
            said_before: messages said before this time, in Unix seconds, are deleted.
            today: Unix seconds. A message with a later date, which must be wrong, is deleted with
                the message behind it.

        Returns: how many messages were deleted.
        """
        ...

    def remove_room(self, room: str) -> None:
        """Forget all messages of a room, and its topic. Its numbers go on from where they were.

        Nobody appends to the room meanwhile.
        """
        ...

    # -- reading

    def after(self, room: str, seq: int, limit: int, space: int | None = None) -> list[Message]:
        """Return up to `limit` messages that follow `seq`, ascending.

        Args:
            room: the room.
            seq: the message before the first one.
            limit: how many.
            space: bytes of a page. The messages end with the one that no longer fits it.
        """
        ...

    def before(
        self, room: str, seq: int | None, limit: int, space: int | None = None
    ) -> list[Message]:
        """Return the newest `limit` messages before `seq`, or of the whole log, ascending.

        `space` is as in `after`, counted from the newest message.
        """
        ...

    def search(
        self, room: str, query: str, before: int | None, limit: int, space: int | None = None
    ) -> list[Message]:
        """Return the last up to `limit` messages with all words of `query`; ascending.

        `space` is as in `before`.

        Raises:
            SearchTooLongError: the search took too long, and was ended.
        """
        ...

    def stop_searches(self) -> None:
        """End the searches that are under way. Later ones end at once."""
        ...

    def oldest(self, room: str) -> int | None:
        """Return the number of the oldest message that is kept; None if none was deleted."""
        ...

    def said(self, room: str, seq: int) -> Said | None:
        """Return a message and the session that said it; None if it is not kept."""
        ...

    def find_request(self, room: str, session: int, request: int) -> int | None:
        """Return the number that a request of a session is stored with in a room; None if it is
        not."""
        ...

    def was_deleted(self, room: str, session: int, request: int) -> bool:
        """Return whether a request was stored in a room, and its message is deleted.

        That is known of a session for as long as the session is. It is asked after `find_request`
        has found nothing. An engine may answer for all ids of the session up to the highest that
        was deleted in this room, as ids grow.
        """
        ...

    def find_notices(self, session: int, request: int) -> set[str]:
        """Return the rooms in which a `per_room` request of a session was stored.

        That includes rooms in which the notice is deleted.
        """
        ...

    # -- upkeep

    @property
    def maintenance_due(self) -> threading.Event:
        """Set when `maintain` has something to do."""
        ...

    def maintain(self, stopping: Callable[[], bool]) -> None:
        """Do what takes long and nobody waits for, until `stopping` returns True."""
        ...

    def newest_time(self, up_to: float) -> float | None:
        """Return when the newest message was said, not counting any after `up_to`.

        Both are in Unix seconds. None if there is none.
        """
        ...

    def confirmed_date(self) -> float | None:
        """Return the date that was kept last, in Unix seconds; None if none was."""
        ...

    def keep_confirmed_date(self, date: float) -> None:
        """Keep a date, in Unix seconds, for the next start."""
        ...

    def close(self) -> None:
        """Close the engine, once nobody uses it. Later calls raise StoreError."""
        ...
