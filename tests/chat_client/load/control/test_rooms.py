"""A load test leaves no rooms on a server that others use."""

import signal

import pytest

from chat_client.load.control import command_line
from tests.chat_client.load.faulty import faulty_server
from tests.chat_client.load.runs import make_run, start
from tests.support.peer import Peer
from tests.support.servers import address_of, running_server
from tests.support.waiting import DEADLINE

SHORT = (
    "--clients",
    "4",
    "--rooms",
    "2",
    "--talkers",
    "100",
    "--duration",
    "0.4",
    "--warm-up",
    "0",
)


def rooms_on(address: str) -> list[str]:
    """Return the rooms of a server."""
    with Peer.connect(address) as peer:
        peer.hello("ana")
        rooms = [each["room"] for each in peer.page("rooms")["rooms"]]
        peer.ok("bye")  # so that the nick is free for the next look
        return rooms


@pytest.mark.long
def test_the_rooms_of_a_test_go_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The rooms are removed, except one in which somebody else talked. The report names it."""
    with running_server() as server:
        address = address_of(server)
        assert command_line.main([address, *SHORT]) == 0
        assert rooms_on(address) == []
        assert "stay on the server" not in capsys.readouterr().out
        with Peer.connect(address) as ben:
            ben.hello("ben")
            ben.join("load-1")
            ben.say("load-1", "I am here")
            assert command_line.main([address, *SHORT, "--churn", "20"]) == 0
            assert rooms_on(address) == ["load-1"]
    out = capsys.readouterr().out
    assert "! The messages stay on the server, in 1 room (load-1)" in out
    assert "`chat-server admin remove-room load-1`" in " ".join(out.split())


def test_rooms_are_kept_where_that_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--keep-rooms` the rooms stay on the server."""
    with running_server() as server:
        assert command_line.main([address_of(server), *SHORT, "--keep-rooms"]) == 0
        assert rooms_on(address_of(server)) == ["load-0", "load-1"]
    assert "in 2 rooms (load-0 to load-1)" in capsys.readouterr().out


def test_ctrl_c_removes_them_too() -> None:
    """Ctrl-C during the load removes the rooms too."""
    with running_server() as server:
        program = start(address_of(server), "--clients", "4", "--duration", "600")
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=DEADLINE)
        assert rooms_on(address_of(server)) == []


def test_a_server_that_does_not_know_temporary_rooms() -> None:
    """A server without temporary rooms gets no request that it refuses. Its rooms stay."""
    with faulty_server() as address:
        result = make_run(address)
    assert result.verdict.passed
    assert not result.errors
    assert result.rooms_kept == ["load-0"]
