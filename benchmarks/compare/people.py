"""Who is in the room: members, who only read, and talkers. One epoll loop gives them their turns.

What a member gets is compared byte for byte with what the others got. A talker hears what is said
between the replies to what it says itself, so its messages are counted, by the mark that begins
each text, and not compared.
"""

import contextlib
import select
import socket
import time
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.audit import SharedLog
from benchmarks.compare.wires import MARK, Wire, text_of

ROOM = "lobby"

_buffer = bytearray(256 * 1024)
_view = memoryview(_buffer)


@dataclass
class Books:
    """What all members share.

    Attributes:
        log: the bytes that all are owed.
        offsets: how many of them each has, by descriptor, of those in good standing.
            Where members are only counted: how many messages.
        closed: how many those had who differed, or whom the server cut off.
        differed: how many got something else than the others.
        timed: whether members note when they read.
    """

    log: SharedLog = field(default_factory=SharedLog)
    offsets: dict[int, int] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)
    differed: int = 0
    timed: bool = False

    def close(self, fd: int) -> None:
        """Count a member no further."""
        if fd in self.offsets:
            self.closed.append(self.offsets.pop(fd))


class Member:
    """One that only reads.

    Attributes:
        read_at: the moment of each read, where that is noted.
        read_to: the bytes of the log it had then.
    """

    def __init__(self, books: Books, connection: socket.socket) -> None:
        self.connection = connection
        self.read_at = array("d")
        self.read_to = array("q")
        self._books = books
        self._fd = connection.fileno()
        self._receive = connection.recv_into

    def turn(self, _event: int) -> None:
        """Receive what is there and compare it with what the others got.

        Raises:
            ConnectionError: the server has closed the connection.
        """
        count = self._receive(_buffer)
        if not count:
            raise ConnectionResetError
        books = self._books
        offset = books.offsets.get(self._fd)
        if offset is None:
            return
        if not books.log.accept(offset, _view[:count]):
            books.differed += 1
            books.close(self._fd)
            return
        books.offsets[self._fd] = offset = offset + count
        if books.timed:
            self.read_at.append(time.perf_counter())
            self.read_to.append(offset)


class CountedMember(Member):
    """One of a server that gives not everybody the same order: its messages are only counted."""

    def __init__(self, books: Books, connection: socket.socket, *, writes: bool) -> None:
        """
        Args:
            books: in which `offsets` count messages, not bytes.
            connection: the member's.
            writes: whether the log is what this member gets.
        """
        super().__init__(books, connection)
        self._writes = writes

    def turn(self, _event: int) -> None:
        """Receive what is there and count it.

        Raises:
            ConnectionError: the server has closed the connection.
        """
        count = self._receive(_buffer)
        if not count:
            raise ConnectionResetError
        books = self._books
        if self._writes:
            books.log.data += _view[:count]
        books.offsets[self._fd] += _buffer.count(MARK, 0, count)
        if books.timed:
            self.read_at.append(time.perf_counter())
            self.read_to.append(books.offsets[self._fd])


class Talker:
    """One that talks, and counts what it hears.

    Attributes:
        due: when each of its texts was due.
        heard: how many messages it has received.
        gone: whether the server has cut it off.
    """

    def __init__(
        self, wire: Wire, number: int, connection: socket.socket, poll: select.epoll
    ) -> None:
        self.connection = connection
        self.due = array("d")
        self.heard = 0
        self.gone = False
        self._wire = wire
        self._number = number
        self._poll = poll
        self._unsent = bytearray()
        self._blocked = False

    @property
    def has(self) -> int:
        """How many messages it knows: where there is no echo, its own as soon as they are said."""
        return self.heard if self._wire.echo else self.heard + len(self.due)

    def turn(self, event: int) -> None:
        """Count what is there, and send what could not be sent before.

        Raises:
            ConnectionError: the server has closed the connection.
        """
        if event & ~select.EPOLLOUT:
            count = self.connection.recv_into(_buffer)
            if not count:
                raise ConnectionResetError
            self.heard += _buffer.count(MARK, 0, count)
        if self._unsent:
            self._flush()

    def say(self, times: Iterable[float]) -> None:
        """Say another text for each of `times`, which is when it was due."""
        if self.gone:
            return
        for due in times:
            number = len(self.due)
            self._unsent += self._wire.publish(ROOM, text_of(self._number, number), number)
            self.due.append(due)
        self._flush()

    def _flush(self) -> None:
        # Who is cut off is found out by whoever reads.
        with contextlib.suppress(BlockingIOError, ConnectionError):
            del self._unsent[: self.connection.send(self._unsent)]
        if self._blocked == bool(self._unsent):
            return
        self._blocked = not self._blocked
        blocked = select.EPOLLOUT if self._blocked else 0
        self._poll.modify(self.connection, select.EPOLLIN | blocked)
