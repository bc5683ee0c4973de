"""A connection, from its first byte to its last."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chat_server.delivery.outbox import Outbox
from chat_server.gateways.connection import Connection
from chat_server.gateways.irc.client import IrcClient
from protocol.framing import encode_frame
from tests.chat_server.house import House
from tests.support.irc_peer import IrcPeer
from tests.support.peer import Peer
from tests.support.text_peer import TextPeer
from tests.support.waiting import eventually
from tests.support.web import RawWebSocket, get

HEAVY = (Connection, Outbox, IrcClient)


@contextmanager
def no_collector() -> Iterator[Callable[[], bool]]:
    """Let nothing go but what nobody refers to. Yield whether all is gone that was made since."""
    gc.collect()
    before = [each for each in gc.get_objects() if type(each) in HEAVY]  # which others keep
    known = set(map(id, before))
    gc.disable()
    try:
        yield lambda: all(type(each) not in HEAVY or id(each) in known for each in gc.get_objects())
    finally:
        gc.enable()


def native(house: House, number: int) -> None:
    with Peer.connect(house.address) as peer:
        peer.hello(f"ana{number}")
        peer.join("lobby")
        peer.say("lobby", "hello")
        peer.say("lobby", "and gone, before it is stored")


def half_a_frame(house: House, number: int) -> None:  # noqa: ARG001
    with Peer.connect(house.address) as peer:
        peer.send_raw(encode_frame(b"x" * 100)[:50])


def irc(house: House, number: int) -> None:
    with IrcPeer.connect(house.address) as peer:
        peer.send(f"NICK ana{number}", "USER ana 0 * :Ana", "JOIN #lobby")
        peer.expect("366")
        peer.send(*["PRIVMSG #lobby :hello", "NOTICE #lobby :hello"] * 3)


def lines(house: House, number: int) -> None:
    with TextPeer(house.address) as peer:
        peer.send(f"ana{number}")
        assert peer.line().startswith("* you are")
        peer.send("hello")


def refused(house: House, number: int) -> None:
    with IrcPeer.connect(house.address) as peer:
        peer.send("NICK #", f"NICK ana{number}", "USER ana 0 * :Ana", "JOIN 0", "JOIN bad", "WHAT")
        peer.expect("421")


def websocket(house: House, number: int) -> None:
    with RawWebSocket(house.address) as peer:
        peer.hello(f"ana{number}")
        peer.ask(type="join", id=2, room="lobby")


def http(house: House, number: int) -> None:  # noqa: ARG001
    with TextPeer(house.address) as peer:
        peer.send_raw(get("/"))
        assert peer.line().startswith("HTTP/1.1 200")


VISITS = [native, half_a_frame, irc, lines, refused, websocket, http]


@pytest.mark.parametrize("visit", VISITS)
def test_nothing_of_who_has_gone_waits_for_the_collector(
    house: House, visit: Callable[[House, int], None]
) -> None:
    """A thousand may come and go in a second, and a collection looks at all that they leave."""
    with no_collector() as all_gone:
        for number in range(10):
            visit(house, number)
        eventually(all_gone)
