"""The clients of a lesson, which speak lines, and the one thread that reads for all of them.

The words of a lesson's server: a client's first line is its name, and the server answers
`welcome NAME`. Each further line goes to everybody, to its sender too, as `NAME: TEXT`, with a
number before it where the server numbers. A line `ping` is answered with `pong`.
"""

import re
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from chat_server.network.wakeup import WakeUp
from lab.stage.errors import ServerError

PATIENCE = 5.0
"""Seconds to wait for what a server does at once if it does it at all."""

_RECEIVE = 65536

_PONG = 0.5
"""Seconds that the readers' thread gives to a server to take a pong."""

_MESSAGE = re.compile(r"(?:(\d+) )?(\w+): (.*)", re.DOTALL)

READS, SUSPENDED, UNPLUGGED, CLOSED = "reads", "suspended", "unplugged", "closed"
"""The states of a client: it reads; it does not read; it does nothing at all; it is gone."""


class Client:
    """A client. Its methods may be called from any thread; the readers' thread receives.

    Attributes:
        name: its name.
        port: its own port.
        state: one of the states above.
        lines: the lines that it received, without their ends.
        texts: who said what, of what it received.
        said: how many lines it said.
        bytes: how many bytes it received.
        ended: whether the server has closed the connection.
    """

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        readers: "Readers",
        heard: "Callable[[Client, str], None]",
        buffer: int = 0,
        datagrams: bool = False,
    ) -> None:
        """Connect, and say the name.

        Args:
            name: the client's name; empty to say none.
            address: the server's host and port.
            readers: reads for it.
            heard: is called with each line, on the readers' thread.
            buffer: bytes of the kernel's buffer for what the client has not read; 0 for the usual.
            datagrams: speak UDP.

        Raises:
            ServerError: the server does not accept the connection.
        """
        self.name = name
        self.state = READS
        self.lines: list[str] = []
        self.said = 0
        self.bytes = 0
        self.ended = False
        self._given_up = False
        self._readers = readers
        self._heard = heard
        self._rest = bytearray()
        self._between_lines = True  # a pong amid a line would be part of it
        self._messages: list[tuple[str, str]] = []
        self.texts: set[tuple[str, str]] = set()
        self._numbers: list[int] = []
        self._times: list[float] = []
        self._changed = threading.Condition()  # guards the lines and `ended` for who waits
        self._socket = _datagrams(address) if datagrams else _connected(address, buffer)
        self.port: int = self._socket.getsockname()[1]
        readers.do(lambda: readers.add(self))
        if name:
            self.send(f"{name}\n".encode())

    # -- talking ------------------------------------------------------------------------------

    def say(self, text: str, within: float = PATIENCE) -> bool:
        """Send a line. Return whether the server took all of it."""
        self.said += 1
        return self.send(f"{text}\n".encode(), within)

    def send(self, data: bytes, within: float = PATIENCE) -> bool:
        """Send bytes. Return whether the server's kernel took all of them within the time."""
        end = time.monotonic() + within
        view = memoryview(data)
        self._between_lines = data.endswith(b"\n")
        with selectors.DefaultSelector() as selector:
            try:
                selector.register(self._socket, selectors.EVENT_WRITE)
            except ValueError:  # it is closed
                return False
            while view:
                left = end - time.monotonic()
                if left <= 0 or self._given_up or self.state in (UNPLUGGED, CLOSED):
                    return False
                if selector.select(min(left, 0.1)):
                    try:
                        view = view[self._socket.send(view) :]
                    except BlockingIOError:
                        continue
                    except OSError:
                        return False
        return True

    # -- what it received ---------------------------------------------------------------------

    def wait(self, condition: Callable[[], bool], within: float = PATIENCE) -> bool:
        """Wait until something holds that depends on what was received. Return whether it does."""
        with self._changed:
            self._changed.wait_for(lambda: condition() or self._given_up, within)
            return condition()

    def hears(self, line: str, within: float = PATIENCE) -> bool:
        """Wait for a line, as it is sent. Return whether it came."""
        return self.wait(lambda: line in self.lines, within)

    def hears_text(self, name: str, text: str, within: float = PATIENCE) -> bool:
        """Wait for what somebody said. Return whether it came."""
        return self.wait(lambda: (name, text) in self.texts, within)

    def is_welcome(self, within: float = PATIENCE) -> bool:
        """Wait for the server's greeting. Return whether it came."""
        return self.hears(f"welcome {self.name}", within)

    def count_messages(self, wanted: int, within: float = PATIENCE) -> int:
        """Wait for so many messages. Return how many came."""
        self.wait(lambda: len(self._messages) >= wanted, within)
        return len(self._messages)

    def messages(self) -> list[tuple[str, str]]:
        """Return what it received of what was said: names and texts, in order."""
        return list(self._messages)

    def times(self) -> list[float]:
        """Return when each of the messages came, on the monotonic clock."""
        return list(self._times)

    def numbers(self) -> list[int]:
        """Return the numbers of the messages that it received, in order."""
        return list(self._numbers)

    @property
    def unfinished(self) -> bytes:
        """The bytes after the last complete line."""
        return bytes(self._rest)

    @property
    def unread(self) -> int:
        """How many bytes wait in the kernel because the client does not read."""
        return self._queued("FIONREAD")

    @property
    def unsent(self) -> int:
        """How many bytes the server's kernel has not taken. 0 where that is not known."""
        return self._queued("TIOCOUTQ")

    def _queued(self, request: str) -> int:
        import fcntl
        import termios

        number = getattr(termios, request, None)
        if number is None:
            return 0
        try:
            answer = fcntl.ioctl(self._socket.fileno(), number, b"\0\0\0\0")
        except (OSError, ValueError):  # it is closed
            return 0
        count: int = struct.unpack("i", answer)[0]
        return count

    # -- what is done to it -------------------------------------------------------------------

    def suspend(self) -> None:
        """Stop reading, as a program does that is suspended with Ctrl-Z."""
        self._become(SUSPENDED)

    def unplug(self) -> None:
        """Do nothing any more, without a word to the server, as if the cable was pulled."""
        self._become(UNPLUGGED)

    def resume(self) -> None:
        """Read again."""
        self._become(READS)

    def give_up(self) -> None:
        """Let nobody wait any more for what this client says or hears."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def close(self) -> None:
        """Close the connection in good order."""
        self._end(abort=False)

    def cut(self) -> None:
        """Break the connection with a TCP reset."""
        self._end(abort=True)

    def shut(self) -> None:
        """Tell the server that nothing more will come (`shutdown`), and read on."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _become(self, state: str) -> None:
        def change() -> None:
            if self.state == CLOSED:
                return
            if state == READS:
                self._readers.add(self)
            else:
                self._readers.remove(self)
            self.state = state

        self._readers.do(change)

    def _end(self, abort: bool) -> None:
        def end() -> None:
            if self.state == CLOSED:
                return
            self._readers.remove(self)
            self.state = CLOSED
            if abort:
                with suppress(OSError):
                    linger = struct.pack("ii", 1, 0)  # socket(7): a close sends a reset
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._socket.close()
            self._note_end()

        self._readers.do(end)

    # -- on the readers' thread ---------------------------------------------------------------

    def fileno(self) -> int:
        """Return the socket's descriptor, for the selector."""
        return self._socket.fileno()

    def receive(self) -> None:
        """Take what came. The readers call it when there is something."""
        try:
            data = self._socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._readers.remove(self)
            self._note_end()
            return
        self.bytes += len(data)
        self._rest += data
        if b"\n" not in data:
            return
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            self._take(line.decode(errors="replace"))

    def _take(self, line: str) -> None:
        if line == "ping":
            if self._between_lines:
                self.send(b"pong\n", _PONG)
            return
        with self._changed:
            self.lines.append(line)
            if match := _MESSAGE.fullmatch(line):
                self._messages.append((match[2], match[3]))
                self.texts.add((match[2], match[3]))
                self._times.append(time.monotonic())
                self._numbers += [int(match[1])] if match[1] else []
            self._changed.notify_all()
        self._heard(self, line)

    def _note_end(self) -> None:
        with self._changed:
            self.ended = True
            self._changed.notify_all()


def _connected(address: tuple[str, int], buffer: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        if buffer:  # before the handshake, which tells the other side of it: tcp(7)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(PATIENCE)
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
    except OSError as error:
        connection.close()
        reason = error.strerror or "no answer"
        raise ServerError(f"The server does not accept a connection: {reason}.") from None
    return connection


def _datagrams(address: tuple[str, int]) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.connect(address)
    made.setblocking(False)
    return made


class Readers:
    """The thread that reads for all clients. A context manager."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake = WakeUp()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._lock = threading.Lock()  # guards _orders
        self._orders: list[tuple[Callable[[], None], threading.Event]] = []
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="lab-readers")

    def __enter__(self) -> "Readers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._wake.wake()
        self._thread.join()
        self._selector.close()
        self._wake.close()

    def do(self, order: Callable[[], None]) -> None:
        """Have the thread do something, and wait until it is done."""
        if threading.current_thread() is self._thread:
            order()
            return
        done = threading.Event()
        with self._lock:
            self._orders.append((order, done))
        self._wake.wake()
        done.wait(PATIENCE)

    def add(self, client: Client) -> None:
        """Read for a client. On the thread."""
        if client.fileno() >= 0 and client.fileno() not in self._selector.get_map():
            self._selector.register(client.fileno(), selectors.EVENT_READ, client)

    def remove(self, client: Client) -> None:
        """Read no more for a client. On the thread."""
        if client.fileno() >= 0 and client.fileno() in self._selector.get_map():
            self._selector.unregister(client.fileno())

    def _run(self) -> None:
        while not self._ending:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._wake.take()
                elif key.data.state == READS:
                    key.data.receive()
            with self._lock:
                orders, self._orders = self._orders, []
            for order, done in orders:
                order()
                done.set()
