"""The clients in the room: members, which only read, and talkers. One epoll loop serves them.

What a member receives is compared byte by byte with what the others received. A talker also gets
replies to its own texts. So its messages are not compared but counted, by the mark at the beginning
of each text.
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
"""The room that all clients are in."""

_buffer = bytearray(256 * 1024)
_view = memoryview(_buffer)


@dataclass
class Books:
    """The state that all members share.

    Attributes:
        log: the bytes that every member must receive.
        offsets: by descriptor, how many of these bytes a member has received. If members only
            count, how many messages. Without members that differed or were disconnected.
        closed: the last offsets of members that differed or were disconnected.
        differed: how many members received something else than the others.
        timed: whether members note when they read.
    """

    log: SharedLog = field(default_factory=SharedLog)
    offsets: dict[int, int] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)
    differed: int = 0
    timed: bool = False

    def close(self, fd: int) -> None:
        """Stop counting a member."""
        if fd in self.offsets:
            self.closed.append(self.offsets.pop(fd))


class Member:
    """A client that only reads.

    Attributes:
        connection: its socket.
        read_at: the time of each read, if that is noted.
        read_to: how many bytes of the log it had received then.
    """

    def __init__(self, books: Books, connection: socket.socket) -> None:
        self.connection = connection
        self.read_at = array("d")
        self.read_to = array("q")
        self._books = books
        self._fd = connection.fileno()
        self._receive = connection.recv_into

    def on_ready(self, _event: int) -> None:
        """Receive, and compare it with what the other members received.

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
    """A member of a server that does not send the same order to all: it only counts messages."""

    def __init__(self, books: Books, connection: socket.socket, *, writes: bool) -> None:
        """
        Args:
            books: what all members share. Its `offsets` count messages, not bytes.
            connection: the member's socket.
            writes: whether the log is what this member receives.
        """
        super().__init__(books, connection)
        self._writes = writes

    def on_ready(self, _event: int) -> None:
        """Receive, and count the messages.

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
    """A client that talks, and counts what it receives.

    Attributes:
        connection: its socket.
        due: when each of its texts was due.
        heard: how many messages it has received.
        gone: whether the server has disconnected it.
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
        """How many messages it has. Without an echo it has its own as soon as it says them."""
        return self.heard if self._wire.echo else self.heard + len(self.due)

    def on_ready(self, event: int) -> None:
        """Receive and count messages, and send what the socket did not take before.

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
        """Say a text for each of `times`, which is when it was due."""
        if self.gone:
            return
        for due in times:
            number = len(self.due)
            self._unsent += self._wire.publish(ROOM, text_of(self._number, number), number)
            self.due.append(due)
        self._flush()

    def _flush(self) -> None:
        # Reading notices that the connection is gone.

        with contextlib.suppress(BlockingIOError, ConnectionError):
            del self._unsent[: self.connection.send(self._unsent)]
        if self._blocked == bool(self._unsent):
            return
        self._blocked = not self._blocked
        blocked = select.EPOLLOUT if self._blocked else 0
        self._poll.modify(self.connection, select.EPOLLIN | blocked)
