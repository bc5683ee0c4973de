"""A connection of an IRC client: lines in, lines out, without waiting. It shares no code with the
server.
"""

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from protocol.errors import Code, ProtocolError

_AT_ONCE = 64 * 1024

_LINE_LIMIT = 512
"""Bytes of a line with its end and without its tags (RFC 1459, 2.3)."""

_TAGS_LIMIT = 8191
"""Bytes of the tags that a server sends, with the `@` and the space (IRCv3 message tags)."""

_ESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


class IrcLine(NamedTuple):
    """A line from the server: its tags, the nick or server it is from, its command, its words."""

    tags: dict[str, str]
    source: str
    command: str
    words: list[str]


class IrcWire:
    """A socket, and the halves of lines on either side of it. One thread uses it."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self.socket = connected
        self._incoming = b""
        self._outgoing = bytearray()

    @property
    def wants_to_write(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._outgoing)

    def put(self, line: str) -> None:
        """Send a line, without its end, with the next `flush`."""
        self._outgoing += line.encode() + b"\r\n"

    def flush(self) -> None:
        """Send what the socket takes. Reading notices a connection that is lost."""
        while self._outgoing:
            try:
                sent = self.socket.send(self._outgoing)
            except BlockingIOError:
                return
            except OSError:
                sent = len(self._outgoing)
            del self._outgoing[:sent]

    def receive(self) -> Iterator[IrcLine]:
        """Yield the lines that have come.

        Raises:
            OSError: the connection is lost or closed.
            ProtocolError: a line is too long, or not UTF-8, or not a line of IRC.
        """
        try:
            data = self.socket.recv(_AT_ONCE)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError("closed")
        *lines, self._incoming = (self._incoming + data).split(b"\r\n")
        for line in lines:
            yield read(line)

    def close(self, *, reset: bool = False) -> None:
        """Close; with `reset`, break the connection as a machine does that is switched off."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def read(line: bytes) -> IrcLine:
    """Return what a line says, which is given without its end.

    Raises:
        ProtocolError: it breaks RFC 1459, or IRCv3 message tags.
    """
    tags, rest = b"", line
    if line.startswith(b"@"):
        tags, _, rest = line.partition(b" ")
    if len(tags) + 1 > _TAGS_LIMIT or len(rest) + 2 > _LINE_LIMIT:
        raise ProtocolError(Code.BAD_FRAME, f"a line of IRC is too long: {len(rest) + 2} bytes")
    if any(sign in line for sign in (b"\r", b"\n", b"\0")):
        raise ProtocolError(Code.BAD_FRAME, f"a line of IRC with a control character: {line!r}")
    try:
        return _parsed(tags.decode()[1:], rest.decode())
    except UnicodeDecodeError:
        raise ProtocolError(Code.BAD_FRAME, f"a line of IRC that is not UTF-8: {line!r}") from None


def _parsed(tags: str, rest: str) -> IrcLine:
    source = ""
    if rest.startswith(":"):
        source, _, rest = rest[1:].partition(" ")
    middle, colon, text = rest.partition(" :")
    command, *words = middle.split() or [""]
    if not command:
        raise ProtocolError(Code.BAD_FRAME, f"a line of IRC without a command: {rest!r}")
    if colon:
        words.append(text)
    pairs = (each.partition("=") for each in tags.split(";") if each)
    found = {name: _unescaped(value) for name, _, value in pairs}
    return IrcLine(found, source.partition("!")[0], command.upper(), words)


def _unescaped(value: str) -> str:
    signs, found = iter(value), []
    for sign in signs:
        if sign == "\\":
            sign = next(signs, "")
            sign = _ESCAPES.get(sign, sign)
        found.append(sign)
    return "".join(found)
