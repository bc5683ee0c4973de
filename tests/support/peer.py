"""A client made of a socket, `json` and `struct`, which shares no code with what it tests.

It says exactly what a test tells it to, right or wrong, and hands back what came as plain
dictionaries.
"""

import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.waiting import DEADLINE, Deadline

Frame = dict[str, Any]

_HEADER = struct.Struct("!I")
_REPLIES = frozenset({"ok", "page", "error", "pong", "live"})


class ConnectionEnded(Exception):
    """The server closed the connection while more was expected of it."""


class CutShort(ConnectionError):
    """The connection ended inside a frame, which no server does on purpose."""


def encode(frame: Frame) -> bytes:
    """Return `frame` as it goes over the wire; a lone surrogate goes as its escape."""
    return pack(json.dumps(frame, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def pack(payload: bytes) -> bytes:
    """Return `payload` with its length before it, whatever it is."""
    return _HEADER.pack(len(payload)) + payload


def connect_socket(address: object, timeout: float = DEADLINE) -> socket.socket:
    """Connect to `tcp://HOST:PORT`, `tls://HOST:PORT`, `tcp://[HOST]:PORT` or `unix:///PATH`.

    In TLS every certificate is believed.
    """
    url = urlsplit(str(address))
    if url.scheme == "unix":
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(timeout)
        try:
            plain.connect(url.path)
        except OSError:
            plain.close()
            raise
        return plain
    connected = socket.create_connection((url.hostname, url.port), timeout)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if url.scheme == "tls":
        return believing().wrap_socket(connected, suppress_ragged_eofs=False)
    return connected


def believing() -> ssl.SSLContext:
    """Return a client's context that believes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Peer:
    """One connection to a server. One thread uses it.

    Attributes:
        nick: as the server gave it back.
        session: the secret of the last `welcome`.
        queue: frames that came and that nobody asked for yet, in the order in which they came.
        answers_pings: whether the server's `ping` is answered while reading.
    """

    def __init__(self, connected: socket.socket, *, answers_pings: bool = True) -> None:
        self._socket = connected
        self._received = bytearray()
        self._last_id = 0
        self.nick = ""
        self.session = ""
        self.queue: deque[Frame] = deque()
        self.answers_pings = answers_pings

    @classmethod
    def connect(cls, address: object, *, answers_pings: bool = True) -> Self:
        """Connect, and say nothing yet."""
        return cls(connect_socket(address), answers_pings=answers_pings)

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
        """Close without a word, as a client that crashed does."""
        self._socket.close()

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def half_close(self) -> None:
        """Say that nothing more will be sent, and go on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    @property
    def socket(self) -> socket.socket:
        """The socket, for a test that is about sockets."""
        return self._socket

    # -- sending ------------------------------------------------------------------------------

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.settimeout(DEADLINE)
        self._socket.sendall(data)

    def send(self, frame: Frame) -> None:
        """Send one frame, right or wrong."""
        self.send_raw(encode(frame))

    def next_id(self) -> int:
        """Take the next id of this session."""
        self._last_id += 1
        return self._last_id

    def go_on_above(self, identity: int) -> None:
        """Use ids above `identity`, the `last_id` of a `welcome`, from now on."""
        self._last_id = max(self._last_id, identity)

    def skip_ids(self, count: int) -> None:
        """Leave `count` ids out, which an earlier connection of the session may have used."""
        self._last_id += count

    def post(self, kind: str, /, **members: Any) -> int:
        """Send a request and return its id without waiting for the reply."""
        frame = {"type": kind, "id": self.next_id(), **members}
        self.send(frame)
        identity: int = frame["id"]
        return identity

    # -- receiving ----------------------------------------------------------------------------

    def take(self, wanted: Callable[[Frame], bool], within: float = DEADLINE) -> Frame:
        """Return the first frame that is wanted; what came before it stays in the queue.

        Raises:
            TimeoutError: none came in time.
            ConnectionEnded: the server closed first.
        """
        for place, frame in enumerate(self.queue):
            if wanted(frame):
                del self.queue[place]
                return frame
        deadline = Deadline(within)
        while True:
            frame = self._read_frame(deadline)
            if wanted(frame):
                return frame
            self.queue.append(frame)

    def receive(self, within: float = DEADLINE) -> Frame:
        """Return the next frame, whatever it is."""
        return self.take(lambda _: True, within)

    def expect(self, kind: str, /, **members: Any) -> Frame:
        """Take the next frame of that type, which must have these members."""
        frame = self.take(lambda frame: frame.get("type") == kind)
        shown = {name: frame.get(name) for name in members}
        assert shown == members, frame
        return frame

    def reply(self, identity: int, within: float = DEADLINE) -> Frame:
        """Take the reply to the request `identity`."""
        return self.take(
            lambda frame: frame.get("re") == identity and frame.get("type") in _REPLIES, within
        )

    def messages(
        self, count: int, room: str | None = None, within: float = DEADLINE
    ) -> list[Frame]:
        """Take the next `count` messages, of one room or of any."""
        deadline = Deadline(within)

        def wanted(frame: Frame) -> bool:
            return frame.get("type") == "message" and room in (None, frame.get("room"))

        return [self.take(wanted, deadline.left) for _ in range(count)]

    def read_to_end(self, within: float = DEADLINE) -> list[Frame]:
        """Return every frame that is still to come before the server closes."""
        deadline = Deadline(within)
        frames = list(self.queue)
        self.queue.clear()
        while True:
            try:
                frames.append(self._read_frame(deadline))
            except ConnectionEnded:
                return frames

    def expect_end(self, code: str) -> list[Frame]:
        """Read to the end, which must be a `goodbye` with `code` and then the close."""
        frames = self.read_to_end()
        assert frames, "closed without a goodbye"
        assert (frames[-1].get("type"), frames[-1].get("code")) == ("goodbye", code), frames[-3:]
        return frames

    def expect_fatal(self, code: str, re: int | None = None) -> Frame:
        """Read a fatal error, the goodbye with its code, and the close. Return the error."""
        frames = [f for f in self.expect_end(code) if f.get("type") in ("error", "goodbye")]
        assert [frame["type"] for frame in frames] == ["error", "goodbye"], frames
        assert (frames[0]["code"], frames[0]["re"]) == (code, re), frames
        return frames[0]

    # -- what nearly every test says ----------------------------------------------------------

    def hello(self, nick: str, **members: Any) -> Frame:
        """Say `hello` and return the answer, `welcome` or `error`."""
        self.send({"type": "hello", "version": 1, "nick": nick, **members})
        answer = self.take(lambda frame: frame.get("type") in ("welcome", "error"))
        if answer["type"] == "welcome":
            self.nick, self.session = answer["nick"], answer["session"]
        return answer

    def request(self, kind: str, /, within: float = DEADLINE, **members: Any) -> Frame:
        """Send a request and return the reply to it."""
        return self.reply(self.post(kind, **members), within)

    def ok(self, kind: str, /, **members: Any) -> Frame:
        """Send a request, which must be done, and return its `ok`."""
        return self._demand("ok", kind, members)

    def page(self, kind: str, /, **members: Any) -> Frame:
        """Send a request, which must be answered with a page, and return it."""
        return self._demand("page", kind, members)

    def refused(self, code: str, kind: str, /, **members: Any) -> Frame:
        """Send a request, which must be refused with `code`, and return the error."""
        error = self._demand("error", kind, members)
        assert error["code"] == code, error
        assert error["text"].strip(), error
        return error

    def join(self, room: str, **members: Any) -> Frame:
        """Join a room and return the `ok`."""
        return self.ok("join", room=room, **members)

    def say(self, room: str, text: str, **members: Any) -> int:
        """Say something and return its `seq`."""
        seq: int = self.ok("say", room=room, text=text, **members)["seq"]
        return seq

    def ping(self) -> None:
        """Wait until the server has answered all that was asked of it."""
        assert self.request("ping")["type"] == "pong"

    # -- inside -------------------------------------------------------------------------------

    def _demand(self, answer: str, kind: str, members: Frame) -> Frame:
        reply = self.request(kind, **members)
        assert reply["type"] == answer, (kind, members, reply)
        return reply

    def _read_frame(self, deadline: Deadline) -> Frame:
        while True:
            self._fill(_HEADER.size, deadline)
            (length,) = _HEADER.unpack_from(self._received)
            assert 1 <= length <= 65536, f"the server sent a frame of {length} bytes"
            self._fill(_HEADER.size + length, deadline)
            payload = bytes(self._received[_HEADER.size : _HEADER.size + length])
            del self._received[: _HEADER.size + length]
            frame: Frame = json.loads(payload.decode("utf-8"))
            if not self._is_answered(frame):
                return frame

    def _is_answered(self, frame: Frame) -> bool:
        if frame.get("type") != "ping" or not self.answers_pings:
            return False
        self.send({"type": "pong", "re": frame["id"]})
        return True

    def _fill(self, size: int, deadline: Deadline) -> None:
        while len(self._received) < size:
            self._socket.settimeout(deadline.left or 0.000_001)
            try:
                data = self._socket.recv(262_144)
            except TimeoutError:
                raise TimeoutError(f"nothing came; queued: {list(self.queue)[:5]}") from None
            except ConnectionResetError:
                data = b""
            if not data and self._received:
                raise CutShort(f"closed inside a frame: {bytes(self._received)!r}")
            if not data:
                raise ConnectionEnded(f"queued: {list(self.queue)[:5]}")
            self._received += data
