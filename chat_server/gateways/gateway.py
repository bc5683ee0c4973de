"""The gateway seam: how one client speaks, without any I/O.

A gateway turns the bytes of one connection into what is asked, and replies and events into bytes.
The connection has the thread, the socket, the limits and the end; what a request does is the same
for all gateways (`requests`).
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from chat_server.rooms.codec import Writer
from protocol.errors import Code, ProtocolError
from protocol.messages import AnyRequest, Say


@dataclass(frozen=True, slots=True)
class OwnReply:
    """What a gateway says by itself, to what is no request here: the answer to an HTTP request, a
    numeric, a pong.

    Attributes:
        data: bytes to be sent; none, if what came is only a sign of life.
        ends: why the connection ends after it; None if it goes on.
        returns: whether who ends it did not say goodbye, and may be about to come back.
    """

    data: bytes = b""
    ends: Code | None = None
    returns: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """Something to do for the client that takes long, or waits for the disk. It is done in one of
    the places for that, and nobody who wants anything else waits for it.

    Attributes:
        do: does it, and returns what to answer.
        waits: whether it does next to nothing but wait for others; then it takes no place.
    """

    do: "Callable[[], OwnReply | Stream]"
    waits: bool = False


@dataclass(frozen=True, slots=True)
class AnsweredFirst:
    """What comes next reads what was asked for before: all of that is answered first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Something that has to be looked up in the store: those who read take turns meanwhile.

    Attributes:
        do: looks it up, and keeps what it finds for the gateway.
    """

    do: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Idle:
    """What came asks for nothing: empty lines, fragments, signs of life. It has to be looked at all
    the same, and counts as so many requests.

    Attributes:
        parts: how many there were.
    """

    parts: int


IDLE_AT_ONCE = 64
"""A gateway tells at the latest after so many parts that they ask for nothing: others are answered
in between.
"""


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer of any length. It is sent as fast as the client takes it.

    Attributes:
        pieces: of the answer, in order. Closed if the connection ends before the last.
        ends: why the connection ends after it; None if it goes on.
    """

    pieces: Generator[bytes, None, None]
    ends: Code | None = None


class Says(NamedTuple):
    """Texts for one room that came together, in order. At least one."""

    requests: Sequence[Say]


@dataclass(frozen=True, slots=True)
class Handover:
    """Another gateway speaks from now on, or this one with another codec.

    Who hands over then feeds it the rest of the bytes, and yields what that asks.
    """

    gateway: "Gateway"


class Gateway(Writer, Protocol):
    """One connection's. It is a Writer too, whose methods are called by any thread, under the lock
    of the connection's outbox; `receive` is called by the connection's thread, without it.

    Attributes:
        greeted: whether the hello was answered with a welcome. Set by the connection.
    """

    greeted: bool

    @property
    def answers_pings(self) -> bool:
        """Whether a client that is there answers a ping. Who does not is never taken for dead."""
        ...

    @property
    def unfinished(self) -> int:
        """How many bytes are kept of what is not complete: a frame, a line, a head, a message."""
        ...

    def receive(self, data: bytes) -> "Iterator[Received]":
        """Yield what `data` completes, in order: a hello as long as none was answered, then
        requests; mistakes, which are refused; answers; handovers.

        Each is dealt with before the next is looked for: the reply to a request that is answered
        at once has been given to `write` by then. The iterator is not run on after the end of the
        connection.

        Raises:
            ProtocolError: fatal: this ends the connection.
        """
        ...


Received = (
    AnyRequest | Says | ProtocolError | OwnReply | AnsweredFirst | Work | Reading | Handover | Idle
)
"""What a gateway makes of the bytes that it received."""

Found = TypeVar("Found")


def looked_up(look: Callable[[], Found]) -> Generator[Received, None, Found]:
    """Return what `look` finds in the store, in the turn of those who read.

    Raises:
        ProtocolError: as `look` does.
    """
    found: list[Found] = []
    faults: list[ProtocolError] = []

    def do() -> None:
        try:
            found.append(look())
        except ProtocolError as fault:
            faults.append(fault)

    yield Reading(do)
    if faults:
        raise faults[0]
    return found[0]


def together(
    received: Iterator[AnyRequest | ProtocolError | OwnReply | Idle],
) -> "Iterator[Received]":
    """Yield what comes, but as one `Says` the texts for one room that follow one another.

    What is behind anything else is looked for only once that is dealt with: see `receive`.
    """
    said: list[Say] = []
    try:
        for each in received:
            if isinstance(each, Say):
                if said and each.room != said[0].room:
                    yield Says(said)
                    said = []
                said.append(each)
                continue
            if said:
                yield Says(said)
                said = []
            yield each
    except ProtocolError:  # fatal, and after what came before it
        if said:
            yield Says(said)
        raise
    if said:
        yield Says(said)
