"""What was sent in part, of all connections together."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from chat_server import assembly
from chat_server.gateways.gateway import Handover
from chat_server.gateways.irc.irc_gateway import IrcGateway
from chat_server.gateways.lines import LinesGateway
from chat_server.gateways.native import NativeGateway
from chat_server.gateways.sniff import Sniffer
from chat_server.gateways.unfinished import UNFINISHED_LIMIT, Unfinished
from chat_server.gateways.web.http import HttpGateway
from chat_server.server import Server
from protocol.errors import Code
from protocol.framing import FRAME_LIMIT
from tests.chat_server.gateways.test_gateway import DOORS
from tests.chat_server.house import House
from tests.support.peer import Peer, encode
from tests.support.servers import running_server
from tests.support.waiting import eventually


@dataclass(eq=False)
class Talker:
    """Somebody whose bytes are counted, and who notes how they were ended."""

    ended: list[str] = field(default_factory=list)

    def close(self, code: Code, _: str) -> None:
        self.ended.append(code)

    def abort(self) -> None:
        self.ended.append("aborted")


def test_the_largest_of_the_largest_address_has_to_go() -> None:
    """Not the largest of all: it may be the only one at its address."""
    kept: Unfinished[Talker] = Unfinished(1000)
    alone, first, second = Talker(), Talker(), Talker()
    kept.count(alone, "a", 450)
    kept.count(first, "b", 300)
    kept.count(second, "b", 250)
    assert kept.total == 1000
    kept.count(second, "b", 251)
    assert first.ended == [Code.FLOODING, "aborted"]
    assert not alone.ended + second.ended
    assert kept.total == 701
    kept.forget(first)
    assert kept.total == 701


def test_what_was_completed_is_counted_no_more() -> None:
    """Nor who has gone, and nothing of them is kept."""
    kept: Unfinished[Talker] = Unfinished(1000)
    first, second = Talker(), Talker()
    for _ in range(5):
        kept.count(first, "a", 900)
        kept.count(first, "a", 0)
    kept.count(second, "a", 900)
    kept.forget(second)
    kept.forget(second)
    kept.count(first, "a", 1000)
    assert not first.ended + second.ended
    kept.count(first, "a", 0)
    assert kept.total == 0
    assert not kept._addresses
    assert not kept._address_of


def test_one_that_takes_all_has_to_go() -> None:
    """Also if it is the one that came last."""
    kept: Unfinished[Talker] = Unfinished(1000)
    only = Talker()
    kept.count(only, "a", 1001)
    assert only.ended
    assert kept.total == 0


def websocket() -> tuple[Sniffer, bytes]:
    """What speaks after a handshake, and the handshake."""
    head = (
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    return Sniffer(DOORS, "127.0.0.1:1"), head


MASK = bytes(4)
HALF_FRAME = b"\x81\xfe\x10\x00" + MASK + b" " * 500
FRAGMENT = b"\x01\xfe\x01\xf4" + MASK + b" " * 500

CASES = [
    pytest.param(NativeGateway, b"\0\0\x10\0" + b"x" * 500, 504, id="native"),
    pytest.param(lambda: Sniffer(DOORS, "p"), b"0123456", 7, id="sniffed"),
    pytest.param(lambda: LinesGateway(asks_password=False), b"x" * 500, 500, id="lines"),
    pytest.param(
        lambda: LinesGateway(asks_password=False), b"x\xff\xfa" + b"x" * 500, 503, id="telnet"
    ),
    pytest.param(lambda: IrcGateway(DOORS.irc, "127.0.0.1"), b"x" * 500, 500, id="irc"),
    pytest.param(
        lambda: HttpGateway(DOORS.site, secure=False, needs_tls=False),
        b"GET / HTTP/1.1\r\n" + b"X" * 500,
        516,
        id="http",
    ),
]


@pytest.mark.parametrize(("make", "half", "size"), CASES)
def test_every_gateway_counts_what_it_keeps(
    make: Callable[[], NativeGateway], half: bytes, size: int
) -> None:
    """Of what is not complete, in however many pieces it comes."""
    gateway, in_bytes = make(), make()
    assert gateway.unfinished == 0
    assert not list(gateway.receive(half))
    assert gateway.unfinished == size
    for byte in half:
        list(in_bytes.receive(bytes([byte])))
    assert in_bytes.unfinished == size


def test_a_websocket_counts_frames_and_fragments() -> None:
    """Empty ones, too, of which there may be any number."""
    sniffer, head = websocket()
    gateways = [each.gateway for each in sniffer.receive(head) if isinstance(each, Handover)]
    gateway = gateways[-1]
    gateway.greeted = True
    list(gateway.receive(HALF_FRAME))
    assert gateway.unfinished == len(HALF_FRAME)
    list(gateway.receive(b" " * (0x1000 - 502) + b"{}"))
    assert gateway.unfinished == 0
    list(gateway.receive(FRAGMENT))
    assert 500 <= gateway.unfinished < 600
    for number in range(1, 100):
        list(gateway.receive(b"\x00\x80" + MASK))
        assert gateway.unfinished >= 500 + 50 * number
    list(gateway.receive(b"\x80\x82" + MASK + b"{}"))
    assert gateway.unfinished == 0


HALF = FRAME_LIMIT - 10


def half_frame(peer: Peer, size: int = HALF) -> None:
    """Send a frame but for its last ten bytes."""
    peer.send_raw((size + 10).to_bytes(4) + b" " * size)


def test_half_frames_of_many_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those at the address with the most are ended, as many as it takes, and the others go on."""
    limit = 10 * HALF
    monkeypatch.setattr(assembly, "UNFINISHED_LIMIT", limit)
    with running_server(hosts=("127.0.0.1", "::1")) as server, House(server) as house:
        kept = server._running._unfinished
        ann = house.enter("ann", "lobby", address=str(server.addresses[1]))
        said = encode({"type": "say", "id": ann.next_id(), "room": "lobby", "text": "x" * 3000})
        ann.send_raw(said[:-1])
        eventually(lambda: kept.total == len(said) - 1)
        crowd = [house.enter(f"mallory{number}") for number in range(20)]
        for peer in crowd:
            half_frame(peer)
            assert kept.total <= limit
        eventually(lambda: len(_here(server)) == 1 + 9)
        eventually(lambda: kept.total == len(said) - 1 + 9 * (4 + HALF))
        here = _here(server)
        ended = [peer for peer in crowd if peer.nick not in here]
        assert len(ended) == 11
        assert ann.nick in here
        for peer in ended:
            assert "send whole frames" in peer.expect_fatal("flooding")["text"]
        ann.send_raw(said[-1:])
        assert ann.expect("message")["text"] == "x" * 3000
        for peer in crowd:
            peer.close()
        eventually(lambda: kept.total == 0)


def _here(server: Server) -> set[str | None]:
    """The nicks of those who were not ended."""
    return {each.nick for each in server._crowd.connections() if not each.ended}


def test_a_thousand_may_be_in_the_middle_of_the_longest_frame() -> None:
    """At the same moment: a class is never near that."""
    assert 1000 * FRAME_LIMIT <= UNFINISHED_LIMIT
