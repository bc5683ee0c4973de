"""A client of the checks: it sends what a check says, and compares what comes back.

A check decides by what arrived, not by how fast: each wait has a generous limit, and ends
as soon as a byte has come that is wrong.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Self

HEADER = struct.Struct(">I")
"""The length in front of a frame: four bytes, the most significant first."""

LONGEST_ANSWER = 16 * 1024 * 1024
"""Bytes. A longer frame is not read: its length is text, or in another byte order."""

_READ_SIZE = 262_144
_PAUSE = 0.001  # seconds between two looks at /proc
_SHOWN = 60  # characters of data in a sentence


class Wrong(Exception):
    """The server did something wrong.

    Attributes:
        happened: a clause that says what happened.
        expected: a noun phrase, to which "was expected" is added.
        closed: whether the server has closed a connection, as a server that crashes does.
        silent: whether nothing came in time.
        starting: whether the server was not there yet.
    """

    def __init__(
        self,
        happened: str,
        expected: str,
        closed: bool = False,
        silent: bool = False,
        starting: bool = False,
    ) -> None:
        super().__init__(f"{happened}, but {expected} was expected")
        self.happened = happened
        self.expected = expected
        self.closed = closed
        self.silent = silent
        self.starting = starting


class Clock:
    """How long a check may wait for one thing, and for all of them together."""

    def __init__(self, answer: float, whole: float) -> None:
        """Start the clock.

        Args:
            answer: seconds for one answer.
            whole: seconds for the whole check, from now.
        """
        self.whole = whole
        self._answer = answer
        self._end = time.monotonic() + whole

    @property
    def over(self) -> bool:
        """Whether the time for the whole check is over."""
        return time.monotonic() > self._end

    def until(self, factor: float = 1) -> float:
        """Return the monotonic time until which an answer that is asked for now may take.

        Args:
            factor: how many times the usual patience it may take.
        """
        return min(time.monotonic() + self._answer * factor, self._end)


class Peer:
    """One connection to the server under test.

    Attributes:
        name: what sentences call this client.
        patience: how many times the usual patience an answer may take.
    """

    def __init__(self, sock: socket.socket, name: str, clock: Clock) -> None:
        """Take over a connected socket.

        Args:
            sock: the socket; `close` closes it.
            name: what sentences call this client.
            clock: limits every wait.
        """
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name = name
        self.patience = 1.0
        self._sock = sock
        self._clock = clock
        self._did = "connected"
        self._sent_at = time.monotonic()
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port of this end of the connection."""
        return int(self._sock.getsockname()[1])

    @property
    def silent_for(self) -> float:
        """Seconds since this client has sent something."""
        return time.monotonic() - self._sent_at

    # -- doing ------------------------------------------------------------------------------------

    def send(self, data: bytes, did: str = "") -> None:
        """Send all of `data`.

        Args:
            data: the bytes.
            did: the clause for a sentence, such as 'sent half a line'; made from `data` if empty.

        Raises:
            Wrong: the server has closed the connection, or does not read.
        """
        self._did = did or f"sent {shown(data)}"
        self._sock.settimeout(max(0.001, self._clock.until(self.patience) - time.monotonic()))
        try:
            self._sock.sendall(data)
            self._sent_at = time.monotonic()
        except TimeoutError:
            raise Wrong(
                f"{self.name} could not send {shown(data)} because the server stopped reading",
                "a server that goes on reading",
            ) from None
        except OSError:
            raise Wrong(
                f"the server had closed the connection when {self.name} {self._did}",
                "an open connection",
                closed=True,
            ) from None

    def send_some(self, data: bytes | memoryview) -> int:
        """Send as much of `data` as fits without waiting.

        Returns:
            How many bytes were sent, 0 if none fit now.

        Raises:
            ConnectionError: the server has closed the connection.
        """
        self._sock.setblocking(False)
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    def send_until_stuck(self, data: memoryview, seconds: float) -> int:
        """Send until all of `data` is sent, or nothing more fits for a while.

        Args:
            data: the bytes.
            seconds: how long nothing fits.

        Returns:
            How many bytes were sent.

        Raises:
            ConnectionError: the server has closed the connection.
        """
        sent = 0
        with selectors.DefaultSelector() as ready:
            ready.register(self._sock, selectors.EVENT_WRITE)
            while sent < len(data) and ready.select(seconds):
                sent += self.send_some(data[sent : sent + _READ_SIZE])
        return sent

    def send_frame(self, text: str) -> None:
        """Send `text` as a frame."""
        content = text.encode()
        self.send(frame(content), f"sent the frame {shown(content)}")

    def end(self) -> None:
        """Say that no more will be sent, as `shutdown(SHUT_WR)` does."""
        self._did = "had no more to say (shutdown)"
        with contextlib.suppress(OSError):  # the server was first
            self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection as a crash does: the server's `recv` fails with ECONNRESET."""
        # SO_LINGER with 0 seconds: close() sends RST (socket(7)).
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    # -- expecting --------------------------------------------------------------------------------

    def expect(self, expected: bytes, wanted: str = "") -> None:
        """Read as many bytes as `expected` has.

        Args:
            expected: the bytes.
            wanted: what they are, for the sentence; made from `expected` if empty.

        Raises:
            Wrong: other bytes came, or fewer.
        """
        wanted = wanted or shown(expected)
        done = 0
        for part in self._parts(len(expected), wanted):
            if part != expected[done : done + len(part)]:
                came = self._with_rest(expected[:done] + part)
                raise Wrong(f"{self.name} {self._did} and received {shown(came)}", wanted)
            done += len(part)

    def expect_end(self) -> None:
        """Wait until the server closes the connection, and expect nothing before that.

        Raises:
            Wrong: something came, or the server left the connection open.
        """
        wanted = "the end of the connection"
        with contextlib.suppress(_Ended):
            self._fill(1, wanted)
            came = shown(bytes(self._buffer))
            raise Wrong(f"{self.name} {self._did} and received {came}", wanted)

    def skip_to_end(self) -> None:
        """Wait until the server closes the connection, and throw away what comes before that.

        Raises:
            Wrong: the server left the connection open.
        """
        with contextlib.suppress(_Ended):
            while True:
                self._buffer.clear()
                self._fill(1, "the end of the connection")

    def read_frame(self, wanted: str = "a frame") -> bytes:
        """Read a frame.

        Args:
            wanted: what was expected, for the sentence.

        Returns:
            What is in it.

        Raises:
            Wrong: no whole frame came, or what came is none.
        """
        header = b"".join(self._parts(HEADER.size, wanted))
        (length,) = HEADER.unpack(header)
        if length > LONGEST_ANSWER:
            came = shown(self._with_rest(header))
            raise Wrong(
                f"{self.name} {self._did} and received {came}, "
                f"of which the first four bytes would be the length {length:,}",
                f"{wanted} with its length in front",
            )
        return b"".join(self._parts(length, wanted))

    def read_text(self, wanted: str = "a frame") -> str:
        """Read a frame whose content is UTF-8. Arguments and errors as for `read_frame`."""
        content = self.read_frame(wanted)
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise Wrong(
                f"{self.name} received the frame {shown(content)}, which is not UTF-8", wanted
            ) from None

    def expect_frame(self, text: str) -> None:
        """Read a frame that contains `text`.

        Raises:
            Wrong: something else came, or nothing.
        """
        expected = text.encode()
        content = self.read_frame(f"the frame {shown(expected)}")
        if content != expected:
            raise Wrong(
                f"{self.name} {self._did} and received the frame {shown(content)}",
                f"the frame {shown(expected)}",
            )

    def read_bytes(self, size: int, wanted: str) -> bytes:
        """Read `size` bytes. Arguments and errors as for `read_frame`."""
        return b"".join(self._parts(size, wanted))

    def note(self, did: str) -> None:
        """Say in the next sentence that this client `did` something, such as 'waited'."""
        self._did = did

    @property
    def has_answer(self) -> bool:
        """Whether something has come that was not read yet, or the end of the connection."""
        if self._buffer:
            return True
        with selectors.DefaultSelector() as ready:
            ready.register(self._sock, selectors.EVENT_READ)
            return bool(ready.select(0))

    # -- waiting ----------------------------------------------------------------------------------

    def wait_until_read(self, seconds: float = 1) -> None:
        """Wait until the server has read all that was sent, so that what follows comes by itself.

        A server that does not read is waited for in vain. Where there is no /proc/net/tcp
        (proc(5)), this does not wait.

        Args:
            seconds: how long at most.
        """
        until = time.monotonic() + seconds
        pause = threading.Event()
        while self._unread_by_server() and time.monotonic() < until:
            pause.wait(_PAUSE)

    def wait_until_readable(self, seconds: float) -> None:
        """Wait until the server has begun to answer, without reading.

        Args:
            seconds: how long at most.
        """
        with selectors.DefaultSelector() as ready:
            ready.register(self._sock, selectors.EVENT_READ)
            ready.select(seconds)

    def _unread_by_server(self) -> bool:
        """Whether bytes of this connection wait in the server's receive queue, if that is known."""
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            # OSError: there is no such table, or the server has reset the connection.
            with contextlib.suppress(OSError), open(table, encoding="ascii") as rows:
                ends = (self._sock.getpeername(), self._sock.getsockname())
                wanted = [f":{end[1]:04X}" for end in ends]
                for row in rows:
                    fields = row.split()
                    if [each[-5:] for each in fields[1:3]] == wanted:
                        return int(fields[4].partition(":")[2], 16) > 0
        return False

    # -- reading ----------------------------------------------------------------------------------

    def _parts(self, size: int, wanted: str) -> Iterator[bytes]:
        """Yield `size` bytes in parts as they come."""
        left = size
        while left:
            try:
                self._fill(1, wanted)
            except _Ended:
                got = f" after {size - left:,} of {size:,} bytes" if left < size else ""
                raise Wrong(
                    f"{self.name} {self._did} and the server closed the connection{got}",
                    wanted,
                    closed=True,
                ) from None
            part = bytes(self._buffer[:left])
            del self._buffer[: len(part)]
            left -= len(part)
            yield part

    def _fill(self, size: int, wanted: str) -> None:
        """Read until the buffer has `size` bytes.

        Raises:
            _Ended: the server closed the connection first.
            Wrong: they did not come in time, or the time for the whole check is over.
        """
        if self._clock.over:  # a server that never stops sending is never silent
            late = f"the check had not ended after {self._clock.whole:.0f} s"
            raise Wrong(f"{self.name} {self._did} and {late}", wanted)
        began = time.monotonic()
        until = self._clock.until(self.patience)
        while len(self._buffer) < size:
            self._sock.settimeout(max(0.001, until - time.monotonic()))
            try:
                data = self._sock.recv(_READ_SIZE)
            except TimeoutError:
                waited = f"{until - began:.0f} s" if until - began >= 1 else "a moment"
                raise Wrong(
                    f"{self.name} {self._did} and received nothing more for {waited}",
                    wanted,
                    silent=True,
                ) from None
            except OSError:
                raise _Ended from None
            if not data:
                raise _Ended
            self._buffer += data

    def _with_rest(self, data: bytes) -> bytes:
        """Add to `data` what has arrived behind it."""
        self._sock.setblocking(False)
        with contextlib.suppress(OSError):
            self._buffer += self._sock.recv(_READ_SIZE)
        return data + bytes(self._buffer)


class _Ended(Exception):
    """The server closed the connection, or reset it."""


def frame(content: bytes) -> bytes:
    """Return a frame: the length of `content`, then `content`."""
    return HEADER.pack(len(content)) + content


def shown(data: bytes) -> str:
    """Return data for a sentence, in quotes, on one line, cut where it is long."""
    # What can be printed stays; the rest is escaped, so that nothing moves a terminal's cursor.
    text = "".join(map(_escaped, data[: _SHOWN * 4].decode("utf-8", "surrogateescape")))
    if len(text) <= _SHOWN and len(data) <= _SHOWN * 4:
        return f'"{text}"'
    return f'"{text[:_SHOWN]}…" ({len(data):,} bytes)'


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else ascii(letter)[1:-1]
