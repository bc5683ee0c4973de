"""The operator's socket: who may use it, and what no visitor can do."""

import logging
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_server.admin.ask import ask, is_running
from chat_server.admin.messages import (
    REQUEST_LIMIT,
    AnyPart,
    ClientRow,
    Disturb,
    Done,
    Live,
    LivePart,
    RefusedPart,
    Status,
    StatusPart,
    decode_part,
    fitting,
)
from chat_server.network import admin_socket
from chat_server.network.socket_service import VISIT_LIMIT
from chat_server.runtime.errors import AdminError
from protocol.framing import FRAME_LIMIT, FrameDecoder
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.peer import pack
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.waiting import DEADLINE, eventually

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextmanager
def visit(data: Path) -> Iterator[socket.socket]:
    """Connect to the socket, and say nothing yet."""
    with admin_socket.connect(data) as sock:
        sock.settimeout(DEADLINE)
        yield sock


def answer(sock: socket.socket) -> list[AnyPart]:
    """Everything that is answered before the server closes."""
    decoder = FrameDecoder()
    parts: list[AnyPart] = []
    while True:
        try:
            received = sock.recv(65536)
        except ConnectionResetError:  # it closed before it had read all
            return parts
        if not received:
            return parts
        parts += [decode_part(payload) for payload in decoder.feed(received)]


def test_it_is_for_the_owner_alone(tmp_path: Path) -> None:
    """From its first moment, in a folder that others may look into, too; and it goes in the end."""
    tmp_path.chmod(0o755)
    with running_server(tmp_path):
        assert stat.S_IMODE((tmp_path / admin_socket.FILE).stat().st_mode) == 0o600
        assert is_running(tmp_path)
    assert not (tmp_path / admin_socket.FILE).exists()
    assert not is_running(tmp_path)


@needs_root
def test_another_user_is_turned_away(tmp_path: Path) -> None:
    """Even where the socket's mode was changed: the system says whose process it is."""
    stranger = (
        "import os, socket, sys; os.setuid(65534); "
        "sock = socket.socket(socket.AF_UNIX); sock.connect(sys.argv[1]); "
        "sock.sendall(bytes.fromhex(sys.argv[2])); print(sock.recv(100))"
    )
    with running_server(tmp_path / "data"):
        path = tmp_path / "data" / admin_socket.FILE
        for folder in [*path.parents][:-2]:
            folder.chmod(folder.stat().st_mode | 0o011)
        path.chmod(0o666)
        request = pack(b'{"type":"status"}').hex()
        child = subprocess.run(
            [sys.executable, "-c", stranger, path, request], capture_output=True, check=False
        )
        assert child.stdout in (b"b''\n", b""), child  # closed, or reset with the request unread
        assert b"Permission" not in child.stderr, child
        (status, done) = ask(tmp_path / "data", Status())
        assert isinstance(status, StatusPart)
        assert isinstance(done, Done)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x00\x00\x00\x00",
        (REQUEST_LIMIT + 1).to_bytes(4, "big"),
        pack(b"nonsense"),
        pack(b"[" * REQUEST_LIMIT),
        pack(b'{"a":' + b"[" * (REQUEST_LIMIT - 30) + b',"type":"status"}'),
        pack(b'{"type":"format_disk"}'),
        pack(b'{"type":"status","more":1}'),
        pack(b'{"type":"clients","room":7}'),
    ],
)
def test_garbage_is_refused(tmp_path: Path, garbage: bytes) -> None:
    """With a sentence, and the next visitor is served."""
    with running_server(tmp_path):
        with visit(tmp_path) as sock:
            sock.sendall(garbage)
            (part,) = answer(sock)
            assert isinstance(part, RefusedPart)
        assert len(list(ask(tmp_path, Status()))) == 2


def test_a_visitor_that_goes_is_no_harm(tmp_path: Path) -> None:
    """Without a word, in the middle of one, or before the answer."""
    with running_server(tmp_path):
        for said in (b"", b"\x00\x00", pack(b'{"type":"status"}')[:-3], pack(b'{"type":"rooms"}')):
            with visit(tmp_path) as sock:
                sock.sendall(said)
        assert len(list(ask(tmp_path, Status()))) == 2


def test_a_silent_visitor_is_cut_off(tmp_path: Path) -> None:
    """After a few seconds, whatever it dribbles meanwhile; then the next one has its turn."""
    clock = ManualClock()
    with running_server(tmp_path, clock) as server, visit(tmp_path) as silent:
        silent.sendall(b"\x00")
        eventually(lambda: _is_timed(server.timers))
        clock.advance(VISIT_LIMIT + 0.1)
        server.timers.wake()
        assert answer(silent) == []
        assert len(list(ask(tmp_path, Status()))) == 2


def _is_timed(timers: object) -> bool:
    """Whether the visit has begun: its end is due."""
    return any("_cut" in repr(entry) for entry in getattr(timers, "_due"))  # noqa: B009


def test_visitors_do_not_hold_up_the_end(tmp_path: Path) -> None:
    """Nor those who wait for their turn."""
    with running_server(tmp_path):
        visitors = [admin_socket.connect(tmp_path) for _ in range(5)]
    for sock in visitors:
        sock.close()


def test_a_long_path(tmp_path: Path) -> None:
    """Longer than a Unix socket's may be: Linux has a way round."""
    data = tmp_path / ("d" * 100) / ("e" * 100)
    with running_server(data):
        assert stat.S_IMODE((data / admin_socket.FILE).stat().st_mode) == 0o600
        assert len(list(ask(data, Status()))) == 2
    assert not (data / admin_socket.FILE).exists()


def test_a_long_path_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The server runs without, and says so; so does the command."""
    monkeypatch.setattr(admin_socket, "_BY_DESCRIPTOR", tmp_path / "no-such-folder")
    data = tmp_path / ("d" * 100) / ("e" * 100)
    with caplog.at_level(logging.WARNING), running_server(data) as server:
        assert "chat-server admin" in caplog.text
        assert str(admin_socket.PATH_LIMIT) in caplog.text
        with House(address_of(server)) as house:
            house.enter("ada", "lobby").say("lobby", "hi")
        with pytest.raises(AdminError, match=str(admin_socket.PATH_LIMIT)):
            list(ask(data, Status()))


def test_what_stands_in_the_way_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file of that name is somebody's; the server runs without a socket."""
    (tmp_path / admin_socket.FILE).write_text("mine")
    with caplog.at_level(logging.WARNING), running_server(tmp_path):
        assert admin_socket.FILE in caplog.text
    assert (tmp_path / admin_socket.FILE).read_text() == "mine"


def test_the_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    """Nobody has to clean up."""
    with ServerProcess.serve(tmp_path) as server:
        server.kill()
        assert (tmp_path / admin_socket.FILE).exists()
        with pytest.raises(AdminError, match="no server runs"):
            list(ask(tmp_path, Status()))
    with running_server(tmp_path):
        assert is_running(tmp_path)


def test_rows_fit_their_parts() -> None:
    """However many and however long; none is lost."""
    rows = [
        ClientRow(
            "n" * 32, None, "member", "a" * 40, 1.0, 1.0, ["r" * 50] * (number % 101), False, 0
        )
        for number in range(500)
    ]
    batches = list(fitting(rows))
    assert [row for batch in batches for row in batch] == rows
    assert len(batches) > 1
    assert all(len(repr(batch)) < FRAME_LIMIT * 2 for batch in batches)


def test_the_operator_looks_at_the_server(tmp_path: Path) -> None:
    """And learns whose connections may be disturbed, where there are any."""
    with running_server(tmp_path) as server, House(server) as house:
        house.enter("ana", "lobby")
        part, _ = ask(tmp_path, Live())
        assert isinstance(part, LivePart)
        assert [each.nick for each in part.view.members] == ["ana"]
        assert part.own is None
        with pytest.raises(AdminError, match="started with --no-limits"):
            list(ask(tmp_path, Disturb("ana", "cut")))


def test_the_operator_disturbs_connections_from_this_machine(tmp_path: Path) -> None:
    """By a loopback address or the Unix socket."""
    path = tmp_path / "socket"
    with (
        running_server(tmp_path / "data", no_limits=True, unix=path) as server,
        House(server) as house,
    ):
        house.enter("ana", "lobby")
        house.enter("ben", "lobby", address=f"unix://{path}")
        part, _ = ask(tmp_path / "data", Live())
        assert isinstance(part, LivePart)
        assert part.own == ["ana", "ben"]
        assert list(ask(tmp_path / "data", Disturb("ana", "cut"))) == [Done("ana: cut.")]
        eventually(lambda: server._parts.registry.session_called("ana") is None)
        with pytest.raises(AdminError, match="nobody here is called"):
            list(ask(tmp_path / "data", Disturb("nobody", "cut")))
