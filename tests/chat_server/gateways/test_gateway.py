"""What every gateway has to do, whatever its clients speak: the contract."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest

from chat_server.gateways.gateway import (
    AnsweredFirst,
    Gateway,
    Handover,
    OwnReply,
    Reading,
    Received,
    Says,
    together,
)
from chat_server.gateways.irc.irc_gateway import IrcGateway
from chat_server.gateways.irc.network import Network
from chat_server.gateways.native import NativeGateway
from chat_server.gateways.sniff import Doors, Sniffer
from chat_server.gateways.web.site import Site
from chat_server.runtime.config.settings import LiveSettings, Settings
from protocol.errors import Code, ProtocolError
from protocol.messages import Bye, Hello, Join, Ok, Ping, Say, Welcome
from tests.support.irc_live import NobodyHere
from tests.support.peer import encode


@dataclass(frozen=True)
class Case:
    """A client's bytes, and what they ask. The last of them is refused, and the rest goes on."""

    make: Callable[[], Gateway]
    hello: bytes
    requests: bytes
    asked: tuple[type, ...]
    hello_asked: tuple[type, ...] = (Hello,)


def frames(*members: dict[str, object]) -> bytes:
    return b"".join(encode(each) for each in members)


HELLO = frames({"type": "hello", "version": 1, "nick": "ada"})
REQUESTS = frames(
    {"type": "join", "id": 1, "room": "lobby"},
    {"type": "say", "id": 2, "room": "lobby", "text": "hello"},
    {"type": "nonsense", "id": 3},
    {"type": "bye", "id": 4},
)
ASKED = (Join, Say, ProtocolError, Bye)

IRC_HELLO = b"NICK ada\r\nUSER ada 0 * :Ada\r\n"
IRC_REQUESTS = b"JOIN #lobby\r\nPRIVMSG #lobby :hello\r\nNONSENSE\r\nQUIT :bye\r\n"
IRC_ASKED = (Join, Say, OwnReply, Bye)

DOORS = Doors(LiveSettings(Settings()), Site((), {}), Network(NobodyHere()))

# A new gateway is added here.
CASES = [
    pytest.param(Case(NativeGateway, HELLO, REQUESTS, ASKED), id="native"),
    pytest.param(Case(lambda: Sniffer(DOORS, "peer"), HELLO, REQUESTS, ASKED), id="sniffed-native"),
    pytest.param(
        Case(
            lambda: IrcGateway(DOORS.irc, "127.0.0.1"),
            IRC_HELLO,
            IRC_REQUESTS,
            IRC_ASKED,
            (Hello, OwnReply),
        ),
        id="irc",
    ),
    pytest.param(
        Case(lambda: Sniffer(DOORS, "peer"), IRC_HELLO, IRC_REQUESTS, IRC_ASKED, (Hello, OwnReply)),
        id="sniffed-irc",
    ),
]


WELCOME = Welcome(version=1, server="it", session="secret", nick="ada", limits={}, motd="")


def kinds(found: Iterable[Received]) -> list[type]:
    """What was asked, without signs of life and waits; of texts that came together, each."""
    singly = [
        each for asked in found for each in (asked.requests if isinstance(asked, Says) else [asked])
    ]
    return [type(each) for each in singly if each not in (OwnReply(), AnsweredFirst())]


class Connection:
    """What a connection does with a gateway, without one."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def receive(self, data: bytes) -> Iterator[Received]:
        for asked in self.gateway.receive(data):
            if isinstance(asked, Handover):
                self.gateway = asked.gateway
                continue
            if isinstance(asked, Reading):
                asked.do()
                continue
            yield asked
            if isinstance(asked, Hello):
                self.gateway.greeted = True
                self.gateway.write(WELCOME)
                self.gateway.write(Ok(re=1))  # a reply in between, as there is in real life


@pytest.mark.parametrize("case", CASES)
def test_in_one_piece(case: Case) -> None:
    """A hello and what follows it may come at once."""
    found = list(Connection(case.make()).receive(case.hello + case.requests))
    assert kinds(found) == [*case.hello_asked, *case.asked]


@pytest.mark.parametrize("case", CASES)
def test_byte_by_byte(case: Case) -> None:
    """It asks the same, and nothing else, however the stream is cut."""
    connection = Connection(case.make())
    found: list[Received] = []
    for byte in case.hello + case.requests:
        found += connection.receive(bytes([byte]))
    assert kinds(found) == [*case.hello_asked, *case.asked]


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_complete_is_asked_when_it_is(case: Case) -> None:
    """With the beginning of something else behind it."""
    connection = Connection(case.make())
    list(connection.receive(case.hello))
    found = list(connection.receive(case.requests + case.requests[:5]))
    assert kinds(found) == list(case.asked)
    found = list(connection.receive(case.requests[5:]))
    assert kinds(found) == list(case.asked)


def say(identity: int, room: str = "lobby") -> Say:
    return Say(identity, room, "hi")


def test_texts_for_one_room_come_together() -> None:
    """Those for another room, and what is no text, end it; and nothing is put in another order."""
    asked: list[Ping | Say] = [say(1), say(2), say(3, "tea"), say(4), Ping(5), say(6), say(7)]
    assert list(together(iter(asked))) == [
        Says([say(1), say(2)]),
        Says([say(3, "tea")]),
        Says([say(4)]),
        Ping(5),
        Says([say(6), say(7)]),
    ]


def test_nothing_is_looked_for_behind_what_is_no_text() -> None:
    """It is dealt with first: a hello decides how the next is read."""
    taken = []

    def asked() -> Iterator[Ping | Say]:
        for each in (say(1), Ping(2), say(3)):
            taken.append(each)
            yield each

    found = together(asked())
    assert next(found) == Says([say(1)])
    assert next(found) == Ping(2)
    assert taken == [say(1), Ping(2)]


def test_what_came_before_a_fatal_mistake_is_yielded_first() -> None:
    """And then the mistake is raised."""

    def asked() -> Iterator[Say]:
        yield say(1)
        raise ProtocolError(Code.BAD_FRAME, "what is that?")

    found = together(asked())
    assert next(found) == Says([say(1)])
    with pytest.raises(ProtocolError, match="what is that"):
        next(found)
