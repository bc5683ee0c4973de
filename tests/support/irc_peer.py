"""An IRC client made of a socket, which shares no code with what it tests.

It says exactly what a test tells it to, and checks of each line that comes what holds for all: it
ends with CR LF, is UTF-8, has no CR, LF or NUL within, and is at most 512 bytes without its tags.
"""

import base64
import socket
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.peer import ConnectionEnded, connect_socket
from tests.support.waiting import DEADLINE, Deadline

_UNESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


@dataclass(frozen=True)
class Heard:
    """A line that the server sent."""

    source: str
    command: str
    params: tuple[str, ...]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The last parameter."""
        return self.params[-1]

    @property
    def nick(self) -> str:
        """The nick in the source."""
        return self.source.partition("!")[0]


def read(line: str) -> Heard:
    """Read a line without its end."""
    tags: dict[str, str] = {}
    if line.startswith("@"):
        written, _, line = line[1:].partition(" ")
        for each in written.split(";"):
            name, _, value = each.partition("=")
            tags[name] = _unescaped(value)
    source = ""
    if line.startswith(":"):
        source, _, line = line[1:].partition(" ")
    middle, colon, trailing = (" " + line).partition(" :")
    command, *params = middle.split(" ")[1:]
    return Heard(source, command, (*params, trailing) if colon else tuple(params), tags)


def _unescaped(value: str) -> str:
    signs, found = iter(value), ""
    for sign in signs:
        if sign == "\\":
            sign = next(signs, "")
            sign = _UNESCAPES.get(sign, sign)
        found += sign
    return found


class IrcPeer:
    """One connection. One thread uses it. PINGs are answered while reading.

    Attributes:
        queue: lines that came and that nobody asked for yet.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._received = b""
        self.queue: deque[Heard] = deque()

    @classmethod
    def connect(cls, address: object) -> Self:
        """Connect, and say nothing yet."""
        return cls(connect_socket(address))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close without a word."""
        self._socket.close()

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.settimeout(DEADLINE)
        self._socket.sendall(data)

    def send(self, *lines: str) -> None:
        """Send lines."""
        self.send_raw("".join(f"{line}\r\n" for line in lines).encode())

    def take(self, wanted: Callable[[Heard], bool], within: float = DEADLINE) -> Heard:
        """Return the first line that is wanted; what came before it stays in the queue."""
        for place, heard in enumerate(self.queue):
            if wanted(heard):
                del self.queue[place]
                return heard
        deadline = Deadline(within)
        while True:
            heard = self._read_line(deadline)
            if wanted(heard):
                return heard
            self.queue.append(heard)

    def expect(self, command: str, *params: str | None, source: str | None = None) -> Heard:
        """Take the next line with that command, which must begin with these parameters.

        None stands for any parameter.
        """
        heard = self.take(lambda heard: heard.command == command)
        for place, param in enumerate(params):
            assert param is None or heard.params[place : place + 1] == (param,), heard
        assert source is None or heard.source == source, heard
        return heard

    def until(self, command: str) -> list[Heard]:
        """Return all lines up to, and with, the next one with that command."""
        found: list[Heard] = []
        while not found or found[-1].command != command:
            found.append(self.take(lambda _: True))
        return found

    def sync(self) -> list[Heard]:
        """Wait until all that was sent is answered; return what came meanwhile."""
        self.send("PING :sync-point")
        found = self.until("PONG")
        while found[-1].text != "sync-point":
            found += self.until("PONG")
        return found[:-1]

    def ask(self, *lines: str) -> list[Heard]:
        """Send lines, and return what they are answered with."""
        self.send(*lines)
        return self.sync()

    def commands(self, *lines: str) -> list[str]:
        """Send lines, and return the commands of what they are answered with."""
        return [heard.command for heard in self.ask(*lines)]

    def read_to_end(self) -> list[Heard]:
        """Return all that is still to come before the server closes."""
        found = list(self.queue)
        self.queue.clear()
        deadline = Deadline()
        while True:
            try:
                found.append(self._read_line(deadline))
            except ConnectionEnded:
                return found

    # -- what nearly every test says

    def register(self, nick: str, *capabilities: str) -> list[Heard]:
        """Come in; return what the server said."""
        if capabilities:
            self.send("CAP LS 302", f"CAP REQ :{' '.join(capabilities)}")
        self.send(f"NICK {nick}", f"USER {nick} 0 * :{nick} of the test")
        if capabilities:
            self.send("CAP END")
        heard = self.take(lambda heard: heard.command in ("376", "422"))
        found = [*self.queue, heard]
        self.queue.clear()
        assert any(each.command == "001" for each in found), found
        return found

    def join(self, channel: str) -> list[Heard]:
        """Enter a channel; return what the server said of it."""
        found = self.ask(f"JOIN {channel}")
        assert any(heard.command == "366" for heard in found), found
        return found

    def plain(self, account: str, password: str, authorized: str = "") -> str:
        """SASL PLAIN in base64."""
        return base64.b64encode(f"{authorized}\0{account}\0{password}".encode()).decode()

    # -- inside

    def _read_line(self, deadline: Deadline) -> Heard:
        while True:
            while b"\n" not in self._received:
                self._fill(deadline)
            data, _, self._received = self._received.partition(b"\n")
            heard = self._checked(data)
            if heard.command != "PING":
                return heard
            self.send(f"PONG :{heard.text}")

    def _checked(self, data: bytes) -> Heard:
        assert data.endswith(b"\r"), data
        data = data[:-1]
        assert not set(data) & {0, 10, 13}, data
        content = data.partition(b" ")[2] if data.startswith(b"@") else data
        assert 0 < len(content) <= 510, (len(content), data)
        return read(data.decode("utf-8"))

    def _fill(self, deadline: Deadline) -> None:
        self._socket.settimeout(deadline.left or 0.000_001)
        try:
            data = self._socket.recv(262_144)
        except TimeoutError:
            raise TimeoutError(f"nothing came; queued: {list(self.queue)[-8:]}") from None
        except ConnectionResetError:
            data = b""
        if not data:
            raise ConnectionEnded(f"queued: {list(self.queue)[-8:]}")
        self._received += data


class IrcHouse:
    """Opens IRC connections to one server, and closes them all in the end."""

    def __init__(self, address: object) -> None:
        self.address = address
        self._peers: list[IrcPeer] = []

    def connect(self) -> IrcPeer:
        """Connect, and say nothing yet."""
        peer = IrcPeer.connect(self.address)
        self._peers.append(peer)
        return peer

    def enter(self, nick: str, *channels: str, capabilities: tuple[str, ...] = ()) -> IrcPeer:
        """Connect, come in, enter channels."""
        peer = self.connect()
        peer.register(nick, *capabilities)
        for channel in channels:
            peer.join(channel)
        return peer

    def close(self) -> None:
        """Close all."""
        for peer in self._peers:
            peer.close()


@contextmanager
def irc_house(address: object) -> Iterator[IrcHouse]:
    """IRC connections to a server, for as long as a test lasts."""
    house = IrcHouse(address)
    try:
        yield house
    finally:
        house.close()
