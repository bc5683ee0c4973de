"""A server that is not ours: it does what a script tells it to, right or wrong."""

import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.peer import encode
from tests.support.waiting import DEADLINE

Frame = dict[str, Any]

HOSTILE = "a\x1b[31mb\x07\x9bc\rd\x00e\u202ef\u2066g\u2028h\udc80i\x7f\x1b]0;title\x07\n\x1b[2J"
"""A text that drives a terminal which prints it as it is."""

_ASKED_BY_ITSELF = frozenset({"who", "rooms", "ping"})


class Line:
    """One connection, seen from such a server."""

    def __init__(self, accepted: socket.socket) -> None:
        accepted.settimeout(DEADLINE)
        self._socket = accepted
        self._stream = accepted.makefile("rb")

    def receive(self) -> Frame:
        """Return the next frame that the client sent.

        Raises:
            EOFError: there is none.
        """
        header = self._stream.read(4)
        if len(header) < 4:
            raise EOFError
        frame: Frame = json.loads(self._stream.read(struct.unpack("!I", header)[0]))
        return frame

    def expect(self, kind: str) -> Frame:
        """Return the next frame, which must be of that type.

        What the terminal client asks by itself, for Tab and the status line, is refused.
        """
        while (frame := self.receive())["type"] != kind:
            self._refuse(frame)
        return frame

    def send(self, kind: str, /, **members: Any) -> None:
        """Send a frame."""
        self.send_raw(encode({"type": kind, **members}))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def welcome(self, **members: Any) -> Frame:
        """Take the hello, answer it, and return it."""
        hello = self.expect("hello")
        answer = {
            "version": 1,
            "server": "foreign/1",
            "session": "secret",
            "nick": hello["nick"],
            "limits": {},
            "motd": "",
        }
        self.send("welcome", **{**answer, **members})
        return hello

    def admit(self, seq: int = 0) -> Frame:
        """Take a join, answer it, and return it."""
        join = self.expect("join")
        self.send("ok", re=join["id"], room=join["room"], seq=seq, members=1, topic="")
        return join

    def post(self, room: str, seq: int, text: str, **members: Any) -> None:
        """Send a message."""
        message = {"time": 1.0, "from": "ana", "kind": "text"}
        self.send("message", room=room, seq=seq, text=text, **{**message, **members})

    def is_ended(self, within: float) -> bool:
        """Drop what the client sends; return whether it closes within so many seconds."""
        readable, _, _ = select.select([self._socket], [], [], within)
        return bool(readable) and not self._socket.recv(65536)

    def wait_for_end(self) -> None:
        """Read until the client closes, which would wait for what it asked by itself."""
        with suppress(EOFError):
            while (frame := self.receive())["type"] != "bye":
                if frame["type"] in _ASKED_BY_ITSELF:
                    self._refuse(frame)

    def _refuse(self, frame: Frame) -> None:
        assert frame["type"] in _ASKED_BY_ITSELF, frame
        self.send("error", re=frame["id"], code="forbidden", text="Not here.")

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self._socket.close()


Script = Callable[[Line], None]


@contextmanager
def foreign_server(*scripts: Script) -> Iterator[str]:
    """Listen, give each connection to the next script, and hand out the address.

    A script that fails, or is not run, fails the test.
    """
    failures: list[BaseException] = []
    lines: list[Line] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(DEADLINE)
    port = listener.getsockname()[1]

    def serve() -> None:
        for script in scripts:
            line = Line(listener.accept()[0])
            lines.append(line)
            try:
                script(line)
            finally:
                line.close()

    def run() -> None:
        try:
            serve()
        except (AssertionError, EOFError, OSError) as error:
            failures.append(error)
        finally:
            listener.close()

    thread = threading.Thread(target=run, name="foreign server")
    thread.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        thread.join(DEADLINE * 2)
    assert not failures, failures
