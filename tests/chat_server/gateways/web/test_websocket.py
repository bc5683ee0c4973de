"""Native messages over WebSocket (RFC 6455), by an independent client and byte for byte."""

import json
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from chat_server.gateways.gateway import OwnReply, Says
from chat_server.gateways.web.websocket import WEBSOCKET, WebSocketGateway
from protocol.errors import Code
from protocol.framing import HEADER_SIZE
from protocol.messages import Message, Say, encode
from tests.chat_server.house import House
from tests.support.servers import ServerProcess, address_of, running_server
from tests.support.waiting import eventually
from tests.support.web import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawWebSocket,
    WebPeer,
    frame,
    upgrade,
)


def test_the_same_messages_as_in_frames(house: House) -> None:
    """In both directions; and native clients in the same room."""
    ada = house.enter("ada", "lobby")
    with WebPeer(house.address, "wanda") as wanda:
        assert wanda.connection.subprotocol == "backchannel.v1"
        assert wanda.request("join", room="lobby")["members"] == 2
        assert wanda.request("say", room="lobby", text="grüß dich")["seq"] == 1
        assert ada.messages(1)[0]["text"] == "grüß dich"
        ada.say("lobby", "and you")
        assert [m["text"] for m in wanda.messages(2)] == ["grüß dich", "and you"]


def test_a_whole_life_ends_in_1000(house: House) -> None:
    """The goodbye, and a close frame behind it."""
    with WebPeer(house.address, "wanda") as wanda:
        assert wanda.request("bye")["type"] == "ok"
        assert wanda.receive() == {"type": "goodbye", "code": "bye", "text": "Goodbye."}
        with pytest.raises(ConnectionClosed):
            wanda.receive()
        assert wanda.connection.close_code == 1000


def test_resuming_loses_nothing(house: House) -> None:
    """A session that is taken up again goes on at its cursor."""
    ada = house.enter("ada", "lobby")
    wanda = WebPeer(house.address, "wanda")
    wanda.request("join", room="lobby")
    ada.say("lobby", "one")
    (last,) = wanda.messages(1)
    wanda.connection.close()
    ada.say("lobby", "two")
    session = wanda.welcome["session"]
    with WebPeer(house.address, "wanda", session=session) as again:
        again.request("join", room="lobby", after=last["seq"])
        assert [m["text"] for m in again.messages(1)] == ["two"]


def test_taking_over_closes_the_one_before_with_4000(house: House) -> None:
    """So that a second tab is no fight."""
    with (
        WebPeer(house.address, "wanda") as first,
        WebPeer(house.address, "wanda", session=first.welcome["session"]),
    ):
        assert first.receive()["code"] == "replaced"
        with pytest.raises(ConnectionClosed):
            first.receive()
        assert first.connection.close_code == 4000


def test_a_reader_that_stops_loses_nothing_and_holds_up_nobody(house: House) -> None:
    """It is caught up from the log."""
    ada, text = house.enter("ada", "lobby"), "x" * 3000
    with RawWebSocket(house.address) as wanda:
        wanda.hello("wanda")
        wanda.ask(type="join", id=1, room="lobby")
        for number in range(400):
            ada.say("lobby", f"{number} {text}")
        seen: list[int] = []
        while len(seen) < 400:
            message = wanda.read()
            if message["type"] == "message":
                seen.append(message["seq"])
        assert seen == list(range(1, 401))


@pytest.mark.parametrize("length", [1, 120, 125, 126, 127, 1000, 4000])
def test_what_is_written_is_what_the_library_writes(length: int) -> None:
    """Alone and in a batch, around each border between two kinds of length."""
    texts = [*("x" * (length + n) for n in range(-1, 2) if length + n), "ä" * length]
    messages = [Message("a", 1, 1.5, "ada", "text", text) for text in texts]
    payloads = [encode(message)[HEADER_SIZE:] for message in messages]
    expected = [Frame(Opcode.TEXT, payload).serialize(mask=False) for payload in payloads]
    assert [WEBSOCKET.encode(message) for message in messages] == expected
    assert WEBSOCKET.encode_messages(messages).buffer == b"".join(expected)


# -- the protocol ---------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536])
def test_every_length(house: House, length: int) -> None:
    """Of what a client sends; an object that is padded with spaces is one."""
    with RawWebSocket(house.address) as raw:
        raw.hello("wanda")
        ask = json.dumps({"type": "ping", "id": 7}).encode()
        raw.send_raw(frame(TEXT, ask.ljust(length)))
        if length == 65536 or length >= len(ask):
            assert raw.read() == {"type": "pong", "re": 7}
        else:
            assert raw.read()["type"] in ("pong", "error")


def test_fragments_are_joined_with_pings_between(house: House) -> None:
    """However a message is cut."""
    ask = json.dumps({"type": "ping", "id": 7}).encode()
    with RawWebSocket(house.address) as raw:
        raw.hello("wanda")
        raw.send_raw(frame(TEXT, ask[:5], fin=False) + frame(PING, b"are you there"))
        raw.send_raw(frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION, ask[5:]))
        assert raw.read_frame() == (PONG, b"are you there")
        assert raw.read() == {"type": "pong", "re": 7}


def test_texts_of_one_packet_come_together() -> None:
    """As those of a native client: they are posted in one step, and the close comes after them."""
    gateway = WebSocketGateway(ServerProtocol(state=State.OPEN))
    gateway.greeted = True
    says = [Say(number, "lobby", "hi") for number in (1, 2, 3)]
    packet = b"".join(frame(TEXT, encode(each)[HEADER_SIZE:]) for each in says)
    found = list(gateway.receive(packet + frame(CLOSE, (1000).to_bytes(2))))
    assert found[0] == Says(says)
    assert isinstance(found[1], OwnReply)
    assert found[1].ends is Code.BYE
    assert found[2:] == []


def test_byte_by_byte(house: House) -> None:
    """A stream has no pieces."""
    with RawWebSocket(house.address) as raw:
        raw.hello("wanda")
        for byte in frame(TEXT, json.dumps({"type": "ping", "id": 7}).encode()):
            raw.send_raw(bytes([byte]))
        assert raw.read() == {"type": "pong", "re": 7}


def test_what_comes_right_behind_the_handshake(house: House) -> None:
    """In the same packet."""
    hello = json.dumps({"type": "hello", "version": 1, "nick": "wanda"}).encode()
    with RawWebSocket.__new__(RawWebSocket) as raw:
        super(RawWebSocket, raw).__init__(house.address)
        raw.send_raw(upgrade() + frame(TEXT, hello))
        raw.until(b"\r\n\r\n")
        assert raw.read()["type"] == "welcome"


BROKEN = {
    "unmasked": (frame(TEXT, b"{}", mask=False), 1002),
    "reserved-bit": (frame(TEXT, b"{}", bits=0x40), 1002),
    "bad-opcode": (frame(3, b""), 1002),
    "bad-control-opcode": (frame(11, b""), 1002),
    "long-ping": (frame(PING, b"x" * 126), 1002),
    "fragmented-ping": (frame(PING, b"x", fin=False), 1002),
    "continuation-of-nothing": (frame(CONTINUATION, b"x"), 1002),
    "text-in-fragments": (frame(TEXT, b"x", fin=False) + frame(TEXT, b"x"), 1002),
    "close-of-one-byte": (frame(CLOSE, b"x"), 1002),
    "close-with-a-bad-code": (frame(CLOSE, (1005).to_bytes(2)), 1002),
    "length-with-the-top-bit": (b"\x81\xff" + (1 << 63).to_bytes(8), 1002),
    "short-length-in-two-bytes": (b"\x81\xfe\x00\x7d" + bytes(4 + 125), 1002),
    "short-length-in-eight-bytes": (b"\x81\xff" + (65535).to_bytes(8), 1002),
    "bad-length-in-a-fragment": (frame(TEXT, b" ", fin=False) + b"\x80\xfe\x00\x00", 1002),
    "binary": (frame(BINARY, b"{}"), 1003),
    "not-utf-8": (frame(TEXT, b"\xff"), 1007),
    "half-a-character": (frame(TEXT, b"\xe2\x82"), 1007),
    "not-utf-8-in-a-fragment": (frame(TEXT, b"\xff", fin=False), 1007),
    "half-a-character-and-no-more": (
        frame(TEXT, b"\xf4", fin=False) + frame(CONTINUATION, b"\x90", fin=False),
        1007,
    ),
    "too-long": (frame(TEXT, b" " * 65537), 1009),
    "too-long-in-fragments": (
        frame(TEXT, b" " * 65536, fin=False) + frame(CONTINUATION, b" "),
        1009,
    ),
    "no-object": (frame(TEXT, b"hello"), 1008),
}


@pytest.mark.parametrize("greeted", [True, False], ids=["greeted", "first"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_protocol_is_closed_with_its_code(
    house: House, name: str, greeted: bool
) -> None:
    """And nobody else notices."""
    ada = house.enter("ada", "lobby")
    data, code = BROKEN[name]
    with RawWebSocket(house.address) as raw:
        if greeted:
            raw.hello("wanda")
        raw.send_raw(data)
        assert raw.read_close() == code
    ada.ping()


@pytest.mark.parametrize("cut", [0, 1, 2, 9])
def test_what_came_before_a_bad_length_is_answered(house: House, cut: int) -> None:
    """However the two are cut; a frame of each kind of length stands before it."""
    ping = json.dumps({"type": "ping", "id": 7}).encode()
    good = b"".join(frame(TEXT, ping.ljust(size)) for size in (len(ping), 126, 65535, 65536))
    bad = b"\x81\xff" + (65535).to_bytes(8)
    with RawWebSocket(house.address) as raw:
        raw.hello("wanda")
        raw.send_raw(good + bad[:cut])
        for _ in range(4):
            assert raw.read() == {"type": "pong", "re": 7}
        raw.send_raw(bad[cut:])
        assert raw.read_close() == 1002


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_a_close_is_echoed(house: House, code: int) -> None:
    """With its code; the session waits for whoever comes back."""
    with RawWebSocket(house.address) as raw:
        raw.hello("wanda")
        raw.send_raw(frame(CLOSE, code.to_bytes(2)))
        assert raw.read_close() == code


def test_what_is_wrong_in_a_request_is_answered(house: House) -> None:
    """As in frames: and the connection goes on."""
    with RawWebSocket(house.address) as raw:
        raw.hello("wanda")
        assert raw.ask(type="nonsense", id=1)["code"] == "bad_request"
        assert raw.ask(type="ping", id=2)["type"] == "pong"


def test_who_is_asked_by_both_kinds_of_ping_lives_by_either() -> None:
    """A page in the background answers those of WebSocket alone."""
    with (
        running_server(ping_interval=0.1, patience=0.5) as server,
        RawWebSocket(address_of(server)) as raw,
        RawWebSocket(address_of(server)) as silent,
    ):
        raw.hello("wanda")
        silent.hello("silent")
        for _ in range(15):
            assert raw.read()["type"] == "ping"
            assert raw.read_frame() == (PING, b"")
            raw.send_raw(frame(PONG))
        assert silent.read_close() == 1008


def test_a_kick_is_1008() -> None:
    """As what breaks a rule is."""
    with running_server() as server, House(server) as house, RawWebSocket(house.address) as raw:
        raw.hello("wanda")
        teacher = house.enter("teacher")
        teacher.ok("claim", secret=server.owner_secret)
        teacher.request("kick", who="wanda")
        assert raw.read_close() == 1008


def test_a_stop_is_1001(tmp_path: Path) -> None:
    """The server goes away."""
    with ServerProcess.serve(tmp_path) as server, RawWebSocket(server.address) as raw:
        raw.hello("eva")
        server.terminate()
        assert raw.read_close() == 1001


def test_a_thousand_half_open_upgrades_hold_up_nobody() -> None:
    """Each has the time of a hello."""
    with running_server(hello_timeout=1.0) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        half = [house.connect() for _ in range(200)]
        for peer in half:
            peer.send_raw(upgrade()[:-2])
        ada.ping()
        for peer in half:
            eventually(lambda peer=peer: b"408" in peer.socket.recv(4096))  # type: ignore[misc]
