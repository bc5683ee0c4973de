"""The command's side of the operator's socket: what is said of a server that does not answer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import socket

import pytest

from chat_server.admin import ask as ask_module
from chat_server.admin.ask import ask, is_running
from chat_server.admin.messages import (
    Done,
    RefusedPart,
    RoomRow,
    RoomsPart,
    Status,
    decode_request,
    encode,
)
from chat_server.network import admin_socket
from chat_server.runtime.errors import AdminError
from protocol.framing import FrameDecoder, encode_frame
from tests.support.waiting import DEADLINE

Script = Callable[[socket], None]


@contextmanager
def answering(data: Path, script: Script) -> Iterator[None]:
    """A server whose answer to one request is what the script does."""

    def serve() -> None:
        visitor, _ = sock.accept()
        with visitor:
            visitor.settimeout(DEADLINE)
            (payload,) = FrameDecoder().feed(visitor.recv(65536))
            assert decode_request(payload) == Status()
            script(visitor)

    with closing(admin_socket.bind(data)) as sock:
        sock.listen()
        sock.settimeout(DEADLINE)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            thread.join()


def test_parts_come_as_they_are_sent(tmp_path: Path) -> None:
    """Up to the last one, in whatever pieces; nothing after it is read."""
    part = RoomsPart([RoomRow("lobby", 1, 2, "tea")])
    frames = encode(part) + encode(part) + encode(Done("done")) + encode(part)

    def script(visitor: socket) -> None:
        visitor.sendall(frames[:5])
        visitor.sendall(frames[5:])

    with answering(tmp_path, script):
        assert list(ask(tmp_path, Status())) == [part, part, Done("done")]


def _refuse(visitor: socket) -> None:
    visitor.sendall(encode(RefusedPart("there is no such room.")))


def _hang_up(_: socket) -> None:
    """Say nothing."""


def _half(visitor: socket) -> None:
    visitor.sendall(encode(Done("done"))[:7])


def _another_version(visitor: socket) -> None:
    visitor.sendall(encode_frame(b'{"type": "weather"}'))


def _no_frame(visitor: socket) -> None:
    visitor.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (_refuse, "there is no such room."),
        (_hang_up, "broke off without an answer"),
        (_half, "broke off without an answer"),
        (_another_version, "of another version"),
        (_no_frame, "of another version"),
    ],
)
def test_an_answer_that_is_none(tmp_path: Path, script: Script, says: str) -> None:
    """A sentence says why."""
    with answering(tmp_path, script), pytest.raises(AdminError, match=says):
        list(ask(tmp_path, Status()))


def test_a_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a time."""
    monkeypatch.setattr(ask_module, "PATIENCE", 0.05)

    def script(visitor: socket) -> None:
        assert visitor.recv(1) == b""  # until the command has gone

    with (
        answering(tmp_path, script),
        pytest.raises(AdminError, match=r"did not answer for 0\.05 seconds"),
    ):
        list(ask(tmp_path, Status()))


def test_without_a_server(tmp_path: Path) -> None:
    """Neither one that was never there nor one that died."""
    for _ in range(2):
        assert not is_running(tmp_path)
        with pytest.raises(AdminError, match="no server runs with the data folder"):
            list(ask(tmp_path, Status()))
        admin_socket.bind(tmp_path).close()
