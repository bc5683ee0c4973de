"""What every gateway has to do, whatever its clients speak: the contract."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest

from chat_server.gateways.gateway import Gateway, Handover, OwnReply, Received
from chat_server.gateways.irc.irc_gateway import IrcGateway
from chat_server.gateways.irc.network import Network
from chat_server.gateways.native import NativeGateway
from chat_server.gateways.sniff import Doors, Sniffer
from chat_server.gateways.web.site import Site
from chat_server.runtime.config.settings import LiveSettings, Settings
from protocol.errors import ProtocolError
from protocol.messages import Bye, Hello, Join, Ok, Say, Welcome
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
    """What was asked, without signs of life."""
    return [type(each) for each in found if each != OwnReply()]


class Connection:
    """What a connection does with a gateway, without one."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def receive(self, data: bytes) -> Iterator[Received]:
        for asked in self.gateway.receive(data):
            if isinstance(asked, Handover):
                self.gateway = asked.gateway
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
