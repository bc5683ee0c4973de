"""What asks for nothing counts all the same, whatever door it comes through."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from chat_server.gateways import connection
from chat_server.server import Server
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.peer import pack
from tests.support.servers import address_of, running_server
from tests.support.text_peer import TextPeer
from tests.support.waiting import eventually
from tests.support.web import PING, PONG, TEXT, RawWebSocket, frame, get

pytestmark = pytest.mark.long

BURST = 40

IDLE: dict[str, tuple[str, bytes]] = {
    "irc-empty": ("irc", b"\r\n"),
    "irc-blank": ("irc", b" :\r\n"),
    "irc-unregistered": ("", b"CAP LS\r\n\r\n"),
    "lines-empty": ("lines", b"\n"),
    "lines-blank": ("lines", b" \t\r\n"),
    "telnet-command": ("lines", b"\xff\xf1"),
    "telnet-option": ("lines", b"\xff\xfe\x18"),
    "websocket-pong": ("websocket", frame(PONG)),
    "websocket-ping": ("websocket", frame(PING)),
    "websocket-fragment": ("websocket", frame(0, fin=False)),
}


@pytest.fixture
def server(clock: ManualClock) -> Iterator[Server]:
    """One at which nobody's requests are forgotten, as time stands still."""
    limits: dict[str, Any] = {"requests_per_second": 10.0, "requests_burst": BURST}
    with running_server(clock=clock, **limits) as server:
        yield server


def enter(door: str, server: Server) -> TextPeer:
    """Come in as ana."""
    if door == "websocket":
        web = RawWebSocket(address_of(server))
        web.hello("ana")
        web.send_raw(frame(TEXT, b"{", fin=False))
        return web
    peer = TextPeer(address_of(server))
    if door == "irc":
        peer.send("NICK ana", "USER ana 0 * :ana", end="\r\n")
        peer.see(" 001 ")
    elif door == "lines":
        peer.send("ana")
        peer.see("you are ana")
    return peer


@pytest.mark.parametrize("name", IDLE)
def test_who_floods_with_nothing_is_ended(server: Server, name: str) -> None:
    """As who floods with requests; others are not."""
    door, part = IDLE[name]
    with House(server) as house, enter(door, server) as peer:
        bob = house.enter("bob", "lobby")
        peer.send_raw(part * 3 * BURST)
        assert b"at most 10 requests a second" in peer.rest()
        bob.ping()


@pytest.mark.parametrize("name", IDLE)
def test_a_little_of_it_is_no_flood(server: Server, name: str) -> None:
    """Somebody leans on the Return key, and talks on."""
    door, part = IDLE[name]
    with enter(door, server) as peer:
        peer.send_raw(part * (BURST // 4))
        if door == "websocket":
            peer.send_raw(frame(0, b'"type":"ping","id":9}'))
            peer.until(b'"re":9')
        elif door == "lines":
            peer.send("/nonsense")
            peer.see("/nonsense")
        else:
            peer.send("NONSENSE", end="\r\n")
            peer.until(b" NONSENSE " if door else b"\r\n")


def test_a_request_over_websocket_counts_once(server: Server) -> None:
    """As one over the native protocol does."""
    with House(server) as house, RawWebSocket(address_of(server)) as web:
        web.hello("ana")
        native = house.enter("bob")
        ids = range(1, BURST + 1)
        over_web = [web.ask(type="ping", id=number)["type"] for number in ids]
        assert over_web == [native.request("ping")["type"] for _ in ids]
    assert over_web.index("error") >= BURST - 2


def test_bytes_that_come_one_by_one_count(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame may come in small packets, but not in any number of them."""
    monkeypatch.setattr(connection, "FRUITLESS_READS", 10)
    with House(server) as house:
        ana = house.enter("ana", "lobby")
        (own,) = server._crowd.connections()
        before = own.received
        ana.send_raw(pack(b"x" * 1000)[:4])
        for count in range(4, 4 + 10 + 3 * BURST):
            eventually(lambda count=count: own.received == before + count)  # type: ignore[misc]
            if own.ended:
                break
            ana.send_raw(b"x")
        ana.expect_end("flooding")


def test_who_goes_on_sending_after_the_end_is_read_slowly(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty who do so took the processor from everybody, as each is read until it has closed."""
    pauses, really_sleep = list[float](), time.sleep

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        really_sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    with TextPeer(address_of(server)) as peer:
        peer.send_raw(get("/nothing", host=""))
        peer.until(b"\r\n\r\n")
        pauses.clear()
        peer.send_raw(b"x" * 100_000)
        eventually(lambda: connection.READ_ON_AFTER in pauses)
