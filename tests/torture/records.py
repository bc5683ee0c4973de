"""What is written down during a run, and is all that the checker knows.

Nobody judges while the run goes on: a client that gets a message twice writes it down twice.

A room's log is seen many times over, by every client and on every page. So each distinct message
is kept once, as an Entry in one table, and what a client saw is an array of numbers of entries: 8
bytes a delivery. Two sights that differ in anything, be it the time, are two entries.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Entry(NamedTuple):
    """One message of a room, as somebody saw it."""

    room: str
    seq: int
    time: float
    from_: str
    kind: str
    text: str
    changes: int = 0  # the seq of the message that it edits or deletes
    edited: bool = False
    deleted: bool = False


class Kept(NamedTuple):
    """One row of the database: a message, and the request that brought it."""

    entry: Entry
    request: int


class Said(NamedTuple):
    """A request to add something to a room's log. Its text is nobody else's.

    Its `request` is no other one's of that client, in any session.
    """

    client: str
    session: int  # which of the client's sessions, from 1
    request: int  # the `id`
    room: str
    kind: str
    text: str
    changes: int = 0  # the seq of the message that it edits or deletes


class Reply(NamedTuple):
    """A reply to a request. `seq` where an `ok` has one, `code` where it is an error."""

    re: int
    type: str
    seq: int | None = None
    code: str | None = None
    try_again: bool = False  # the error said when
    gone: bool = False  # an `ok` that says that the message is not kept any more


class Refusal(NamedTuple):
    """An error without a request: the answer to a hello, or the reason of a close."""

    code: str
    try_again: bool
    resuming: bool  # the hello was there to take a session up


@dataclass(slots=True)
class Dialogue:
    """One connection: what was asked on it, and what was replied."""

    client: str
    connection: int
    session: int = 0
    asked: list[int] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    goodbye: str | None = None
    broken: str | None = None  # what about the server's bytes was against the protocol
    forgotten: bool = False  # the server did not know the session that it was shown


class Source(StrEnum):
    """Where a client saw messages."""

    LIVE = "live"  # what it prints: its one sequence of the room
    FORMER = "former connection"  # on a connection whose session it has taken over since
    PAGE = "page"  # the answer to `history`


@dataclass(slots=True)
class Stretch:
    """Messages of one room as they came, one after the other, from one place in its log on."""

    client: str
    connection: int
    room: str
    source: Source
    after: int  # the first is to be the one after this
    moved: bool = False  # the client asked for this place, instead of going on where it was
    # Where the room ended when this was asked for, or further on: the `ok` to the join said so, or
    # the client had seen so much of it.
    room_ended: int | None = None
    entries: "array[int]" = field(default_factory=lambda: array("Q"))
    # Which message the server said is the oldest that is kept, as what was to come is gone; and how
    # many entries had come by then.
    oldest: list[tuple[int, int]] = field(default_factory=list)


class Stray(NamedTuple):
    """A message of a room that the client was not in."""

    client: str
    connection: int
    entry: Entry


@dataclass(slots=True)
class Utterance:
    """Something that an IRC client said. It has no request number, and is never sent again.

    Attributes:
        client: the client.
        nick: the nick of the connection that it said it on.
        room: the room.
        kind: the kind of the message.
        text: the text, which nobody else says.
        seq: the seq that its echo named; None if no echo came.
        refused: whether the server refused it.
    """

    client: str
    nick: str
    room: str
    kind: str
    text: str
    seq: int | None = None
    refused: bool = False


class Glimpse(NamedTuple):
    """A line of a message, as an IRC client saw it.

    IRC cuts a text into lines and changes white space. So `text` is without any.
    """

    seq: int
    from_: str
    kind: str
    text: str


@dataclass(slots=True)
class Sighting:
    """Lines of one room as an IRC client received them, one after the other.

    Attributes:
        client: the client.
        connection: which of its connections.
        room: the room.
        source: LIVE or PAGE.
        after: the first line must be of the message after this one; None if any may be first.
        lines: the lines.
        cut: whether the connection ended there, perhaps between two lines of one message.
        until: nothing that is shown may be missing up to this seq; None if it may go on behind its
            last line.
    """

    client: str
    connection: int
    room: str
    source: Source
    after: int | None
    lines: list[Glimpse] = field(default_factory=list)
    cut: bool = True
    until: int | None = None


class Stop(NamedTuple):
    """A stop of the server that was no kill."""

    signal: str
    code: int | None  # None if it did not end
    seconds: float


class Backup(NamedTuple):
    """A copy that was made while the server ran, and was killed.

    Attributes:
        ends: by room, the last message that anybody had seen before the command began.
        rows: by room, what stands for each message in it, in their order.
        firsts: by room, the seq of the first of them, where it is not 1.
    """

    ends: Mapping[str, int]
    rows: Mapping[str, Sequence[int]]
    firsts: Mapping[str, int] = MappingProxyType({})


@dataclass(slots=True)
class Observations:
    """A whole run."""

    entries: Sequence[Entry] = ()  # what the numbers in the stretches mean
    said: Sequence[Said] = ()
    dialogues: Sequence[Dialogue] = ()
    stretches: Sequence[Stretch] = ()
    strays: Sequence[Stray] = ()
    utterances: Sequence[Utterance] = ()
    sightings: Sequence[Sighting] = ()
    # How far each IRC client came in each room in the end, by client and room.
    reached: Mapping[tuple[str, str], int] = field(default_factory=dict)
    # Who was to be where in the end, having read everything.
    readers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # The log of every room: from the database, and from the server's own pages.
    kept: Mapping[str, Sequence[Kept]] = field(default_factory=dict)
    last_seqs: Mapping[str, int] = field(default_factory=dict)
    served: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    stops: Sequence[Stop] = ()
    backups: Sequence[Backup] = ()
    keep: int | None = None  # how many messages of each room the server keeps; None for all
    # What went wrong outside of any conversation, a sentence each: a server that died by itself,
    # a traceback in its log, a client that never came to rest.
    mishaps: Sequence[str] = ()


def squeezed(text: str) -> str:
    """Return a text without white space: that is what IRC must not change of it."""
    return "".join(text.split())
