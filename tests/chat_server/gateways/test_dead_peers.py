"""Dead, not slow: who has answered no ping and whose socket has taken no byte for the patience."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat_server.server import Server
from tests.chat_server.house import House, seqs
from tests.support.clock import ManualClock
from tests.support.peer import Peer, encode
from tests.support.servers import running_server
from tests.support.waiting import DEADLINE, eventually

PING_INTERVAL, PATIENCE = 30.0, 90.0


class Scene:
    """A server whose time the test moves."""

    def __init__(self, server: Server, clock: ManualClock, house: House) -> None:
        self.house = house
        self._server = server
        self._clock = clock

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and the server do all that is due by then, before more passes."""
        self._clock.advance(seconds)
        done = threading.Event()
        self._server.timers.call_later(0.0, done.set)  # behind what was due before
        self._server.timers.wake()
        assert done.wait(DEADLINE)

    def enter(self, nick: str) -> Peer:
        """Enter the lobby as somebody who answers no ping by itself."""
        peer = self.house.enter(nick, "lobby", address=str(self._server.addresses[-1]))
        peer.answers_pings = False
        self.pass_time(1)
        peer.expect("presence")  # its own: the last that its socket takes unasked
        return peer


@contextmanager
def scene(unix: Path | None = None) -> Iterator[Scene]:
    clock = ManualClock()
    with (
        running_server(
            clock=clock, ping_interval=PING_INTERVAL, patience=PATIENCE, unix=unix
        ) as server,
        House(server) as house,
    ):
        yield Scene(server, clock, house)


def test_who_answers_no_ping_is_told_idle_timeout() -> None:
    """Asked once an interval; after the patience an error, a goodbye and the end."""
    with scene() as stage:
        ada = stage.enter("ada")
        stage.pass_time(PING_INTERVAL)
        ada.expect("ping")
        stage.pass_time(PING_INTERVAL)
        ada.expect("ping")
        stage.pass_time(PING_INTERVAL)
        ada.expect_fatal("idle_timeout")


def test_a_server_that_stood_still_asks_again() -> None:
    """Stopped for longer than the patience (SIGSTOP, a debugger), it could hear no answer."""
    with scene() as stage:
        ada, eva = stage.enter("ada"), stage.enter("eva")
        for _ in range(2):
            stage.pass_time(PING_INTERVAL)
            ada.expect("ping")
            eva.expect("ping")
        stage.pass_time(10 * PATIENCE)
        ada.expect("ping")
        ada.ping()
        stage.pass_time(PING_INTERVAL)
        eva.expect_fatal("idle_timeout")
        ada.ping()


def test_a_hello_that_could_not_be_heard_has_its_time_again() -> None:
    """A server that stood still has not waited for it."""
    clock = ManualClock()
    with running_server(clock=clock, hello_timeout=10.0) as server, House(server) as house:
        stage = Scene(server, clock, house)
        ada = house.connect()
        ada.send_raw(b"\0")
        eventually(lambda: server._crowd.connections())
        stage.pass_time(100)
        stage.pass_time(9)
        ada.send_raw(encode({"type": "hello", "version": 1, "nick": "ada"})[1:])
        ada.expect("welcome")


def test_single_bytes_are_no_sign_of_life() -> None:
    """Whoever sends a frame byte by byte is as silent as who sends none."""
    with scene() as stage:
        ada = stage.enter("ada")
        ada.send_raw(b"\0\0\1\0")
        for _ in range(2):
            stage.pass_time(PING_INTERVAL)
            ada.expect("ping")
            ada.send_raw(b" ")
        stage.pass_time(PING_INTERVAL)
        ada.expect_fatal("idle_timeout")


def test_any_whole_frame_is_a_sign_of_life() -> None:
    """A client that is busy asking need not answer pings."""
    with scene() as stage:
        ada = stage.enter("ada")
        for _ in range(10):
            stage.pass_time(PING_INTERVAL)
            ada.page("rooms")


@pytest.mark.long
def test_who_takes_bytes_is_slow_and_not_dead(tmp_path: Path) -> None:
    """Reading on behind a backlog, without a word, keeps a client beyond any patience.

    Over a Unix socket, whose buffer does not grow: so that there is a backlog to the end.
    """
    count = 2000
    with scene(tmp_path / "socket") as stage:
        ada = stage.enter("ada")
        eva = stage.house.enter("eva", "lobby")
        for number in range(count):  # more than the sockets' buffers hold
            eva.post("say", room="lobby", text=f"{number}" + "🦊" * 3000)
        eva.messages(count, within=40)
        heard = []
        for part in range(10):
            stage.pass_time(PATIENCE / 2)
            heard += seqs(ada.messages(count // 10))
            # She says nothing all the while; the server goes on sending what she makes room for.
            assert heard == list(range(1, (part + 1) * count // 10 + 1))


@pytest.mark.long
def test_a_dead_peer_with_a_full_socket_is_ended_at_once() -> None:
    """By cutting it off, not by waiting until it could be written to; its nick is kept."""
    with scene() as stage:
        stage.enter("ada")
        eva = stage.house.enter("eva", "lobby")
        for _ in range(1500):
            eva.post("say", room="lobby", text="🦊" * 4000)
        eva.messages(1500, within=40)
        for _ in range(5):
            stage.pass_time(PING_INTERVAL)
            eva.ping()
        again = stage.house.connect()
        eventually(lambda: "connection was lost" in again.hello("ada")["text"])
