"""How many clients may be connected, in all and from one address."""

import threading
from contextlib import suppress
from typing import Any

import pytest

from chat_server.identity.connection_limit import ConnectionLimit
from chat_server.runtime.config.settings import LiveSettings, Settings
from tests.chat_server.house import House
from tests.support.peer import ConnectionEnded
from tests.support.servers import running_server
from tests.support.waiting import DEADLINE, eventually


def _is_welcome(house: House, nick: str) -> bool:
    """Try to come in, and stay if that works."""
    peer = house.connect()
    with suppress(BrokenPipeError, ConnectionEnded):
        peer.send({"type": "hello", "version": 1, "nick": nick})
        if peer.receive()["type"] == "welcome":
            return True
    peer.close()
    return False


@pytest.mark.parametrize("limit", ["connections", "connections_per_address"])
def test_a_full_server_says_so(limit: str) -> None:
    """`server_full`, fatal, with the number and retry_after; once somebody leaves, come in."""
    settings: dict[str, Any] = {limit: 3}
    with running_server(**settings) as server, House(server) as house:
        ada, _, _ = (house.enter(nick) for nick in ("ada", "eva", "zoe"))
        error = house.connect().expect_fatal("server_full")
        assert "3" in error["text"]
        assert ("from yours, 127.0.0.1" in error["text"]) is (limit == "connections_per_address")
        assert error["retry_after"] > 0
        ada.ok("bye")
        ada.expect_end("bye")
        ada.close()
        eventually(lambda: _is_welcome(house, "max"))


def test_who_was_refused_takes_nobodys_place() -> None:
    """A refused client that does not close is not connected: it fills no place."""
    with running_server(connections=3, linger=4) as server, House(server) as house:
        ada, _, _ = (house.enter(nick) for nick in ("ada", "eva", "zoe"))
        for _ in range(5):
            house.connect().expect("error", code="server_full")
        ada.ok("bye")
        ada.expect_end("bye")
        ada.close()
        eventually(lambda: _is_welcome(house, "max"))


def test_who_never_said_hello_counts_too() -> None:
    """A socket is a socket."""
    with running_server(connections=2) as server, House(server) as house:
        house.connect()
        house.connect()
        house.connect().expect_fatal("server_full")


def test_too_many_at_once_are_cut_off_and_those_inside_talk_on() -> None:
    """Far over the limit nobody waits for an answer; nothing of them stays."""
    with running_server(connections=5) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        crowd = [house.connect() for _ in range(400)]
        assert ada.say("lobby", "still here") == 1
        ends = [peer.read_to_end() for peer in crowd[4:]]
        codes = {frame["code"] for frames in ends for frame in frames}
        assert codes <= {"server_full"}
        for peer in crowd:
            peer.close()
        eventually(lambda: _is_welcome(house, "eva"))


class _Guest:
    """A connection, as far as it is counted, whose thread ends when it is told to."""

    host = "127.0.0.1"

    def __init__(self, crowd: "ConnectionLimit[_Guest]") -> None:
        self._crowd = crowd
        self.told = threading.Event()
        self.removed = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self._crowd.remove(self)
        self.removed.set()
        self.told.wait(DEADLINE)


def test_a_thread_that_does_not_end_is_waited_for_only_so_long() -> None:
    """Its connection is gone, but among thousands a thread may take long to end."""
    crowd: ConnectionLimit[_Guest] = ConnectionLimit(LiveSettings(Settings()))
    guest = _Guest(crowd)
    assert crowd.add(guest) is None
    guest.thread.start()
    assert guest.removed.wait(DEADLINE)
    assert not len(crowd)
    assert not crowd.wait_until_empty(0.01)
    guest.told.set()
    assert crowd.wait_until_empty(DEADLINE)
    assert not guest.thread.is_alive()
