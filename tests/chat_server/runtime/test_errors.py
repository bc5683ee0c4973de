"""Mistakes are answered by name; the fatal ones end the connection, the others do not."""

import json
import struct
from typing import Any

import pytest

from tests.chat_server.house import House
from tests.support.peer import Peer, encode, pack
from tests.support.servers import address_of, running_server
from tests.support.waiting import eventually

BAD_REQUESTS: list[dict[str, Any]] = [
    {"type": "shout", "id": 7},
    {"type": "", "id": 7},
    {"type": None, "id": 7},
    {"type": 5, "id": 7},
    {"id": 7},
    {"type": "say", "id": 7},
    {"type": "say", "id": 7, "room": "lobby"},
    {"type": "say", "id": 7, "room": "lobby", "text": 5},
    {"type": "say", "id": 7, "room": "lobby", "text": None},
    {"type": "say", "id": 7, "room": ["lobby"], "text": "hi"},
    {"type": "say", "id": 7, "room": "lobby", "text": "hi", "colour": "red"},
    {"type": "say", "id": 7, "room": "lobby", "text": "hi", "from": "eva"},
    {"type": "say", "id": 7, "room": "lobby", "text": "hi", "seq": 5},
    {"type": "join", "id": 7},
    {"type": "join", "id": 7, "room": 5},
    {"type": "join", "id": 7, "room": "lobby", "after": "1"},
    {"type": "leave", "id": 7, "room": {}},
    {"type": "tell", "id": 7, "to": "eva"},
    {"type": "nick", "id": 7},
    {"type": "topic", "id": 7, "room": "lobby", "text": "hi"},
    {"type": "who", "id": 7},
    {"type": "rooms", "id": 7, "after": 5},
    {"type": "history", "id": 7, "room": "lobby", "limit": "10"},
    {"type": "history", "id": 7, "room": "lobby", "before": -1},
    {"type": "search", "id": 7, "room": "lobby"},
    {"type": "ping", "id": 7, "x": 1},
    {"type": "bye", "id": 7, "x": 1},
    {"type": "welcome", "id": 7},
    {"type": "message", "id": 7, "room": "lobby", "text": "hi"},
]


@pytest.fixture
def ada(house: House) -> Peer:
    """Somebody in a room."""
    return house.enter("ada", "lobby")


@pytest.mark.parametrize("frame", BAD_REQUESTS, ids=json.dumps)
def test_a_bad_request_is_refused_with_its_id(ada: Peer, frame: dict[str, Any]) -> None:
    """An unknown type, an unknown or missing member, a wrong type; the connection lives on."""
    ada.send(frame)
    error = ada.expect("error", re=7, code="bad_request")
    assert error["text"].strip()
    ada.ping()


@pytest.mark.parametrize("identity", [0, -1, "1", 1.5, None, True, [], {}, 10**30])
def test_an_id_that_is_none_is_answered_with_null(ada: Peer, identity: object) -> None:
    """Where no id could be read, `re` is null."""
    ada.send({"type": "say", "id": identity, "room": "lobby", "text": "hi"})
    ada.expect("error", re=None, code="bad_request")
    ada.ping()


@pytest.mark.parametrize("frame", [{}, {"type": "shout"}, {"type": "say", "room": "lobby"}])
def test_a_request_without_an_id_is_answered_with_null(ada: Peer, frame: dict[str, Any]) -> None:
    """It is an object, so the connection lives on."""
    ada.send(frame)
    ada.expect("error", re=None, code="bad_request")
    ada.ping()


def test_a_bad_request_does_nothing(ada: Peer) -> None:
    """Nothing of it is stored or done."""
    for frame in BAD_REQUESTS:
        ada.send(frame)
        ada.expect("error", re=7)
    assert ada.page("history", room="lobby")["messages"] == []
    assert ada.page("who", room="lobby")["members"] == ["ada"]


def test_every_request_gets_one_reply(ada: Peer) -> None:
    """Good, refused and wrong ones in one piece: as many replies, each with its own id."""
    requests: list[dict[str, Any]] = [
        {"type": "say", "id": 1, "room": "lobby", "text": "hi"},
        {"type": "say", "id": 2, "room": "elsewhere", "text": "hi"},
        {"type": "say", "id": 3, "room": "lobby", "text": ""},
        {"type": "shout", "id": 4},
        {"type": "ping", "id": 5},
        {"type": "who", "id": 6, "room": "lobby"},
        {"type": "join", "id": 7, "room": "garden"},
        {"type": "leave", "id": 8, "room": "garden"},
        {"type": "tell", "id": 9, "to": "nobody", "text": "hi"},
        {"type": "rooms", "id": 10},
        {"type": "history", "id": 11, "room": "lobby"},
        {"type": "search", "id": 12, "room": "lobby", "query": "hi"},
        {"type": "topic", "id": 13, "room": "lobby", "topic": "Tea"},
        {"type": "nick", "id": 14, "nick": "ada2"},
        {"type": "bye", "id": 15},
    ]
    ada.send_raw(b"".join(map(encode, requests)))
    frames = [frame for frame in ada.expect_end("bye") if "re" in frame]
    assert sorted(frame["re"] for frame in frames) == list(range(1, 16))
    kinds = {frame["re"]: frame.get("code", frame["type"]) for frame in frames}
    assert kinds == {
        1: "ok",
        2: "not_in_room",
        3: "bad_text",
        4: "bad_request",
        5: "pong",
        6: "page",
        7: "ok",
        8: "ok",
        9: "no_such_nick",
        10: "page",
        11: "page",
        12: "page",
        13: "ok",
        14: "ok",
        15: "ok",
    }


# -- fatal ----------------------------------------------------------------------------------------


BAD_FRAMES = {
    "empty": pack(b""),
    "array": pack(b"[]"),
    "number": pack(b"5"),
    "string": pack(b'"ping"'),
    "null": pack(b"null"),
    "cut": pack(b'{"type":"ping","id":1'),
    "not-json": pack(b"hello"),
    "not-utf8": pack(b'{"type":"say","id":1,"room":"lobby","text":"\xff"}'),
    "surrogate": pack(b'{"type":"say","id":1,"room":"lobby","text":"\xed\xa0\x80"}'),
    "bom": pack(b'\xef\xbb\xbf{"type":"ping","id":1}'),
    "two-objects": pack(b'{"type":"ping","id":1}{"type":"ping","id":2}'),
    "nest": pack(b'{"type":"ping","id":1,"x":' + b"[" * 60_000),
    "nest-in-type": pack(b'{"type":' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
}
HUGE = {
    "one-too-many": struct.pack("!I", 65537),
    "tls": b"\x16\x03\x01\x02\x00",
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "irc": b"NICK ada\r\n",
    "all-ones": b"\xff\xff\xff\xff",
}


@pytest.mark.parametrize("data", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
def test_a_bad_frame_is_fatal(house: House, ada: Peer, data: bytes) -> None:
    """The error, the goodbye, the close; whoever else is there is not disturbed."""
    eva = house.enter("eva", "lobby")
    ada.send_raw(data)
    ada.expect_fatal("bad_frame")
    eva.say("lobby", "still here")


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE.keys())
def test_a_frame_too_large_is_refused_from_its_length(ada: Peer, data: bytes) -> None:
    """The body is never waited for: the four bytes are enough."""
    ada.send_raw(data)
    ada.expect_fatal("frame_too_large")


def test_a_frame_too_large_before_hello_is_refused_too(house: House) -> None:
    """What begins as another protocol is answered in its own language: see gateways/test_sniff."""
    peer = house.connect()
    peer.send_raw(b"\x00\x01\x00\x01")  # 65,537 bytes
    peer.expect_fatal("frame_too_large")


def test_the_largest_frame_is_read(ada: Peer) -> None:
    """65,536 bytes are not too large: JSON may be padded with white space."""
    payload = json.dumps({"type": "ping", "id": 5}).encode()
    ada.send_raw(pack(payload + b" " * (65536 - len(payload))))
    assert ada.reply(5)["type"] == "pong"


def test_a_fatal_error_comes_after_the_answers_before_it(ada: Peer) -> None:
    """What was asked properly before the mistake is done and answered."""
    says = [{"type": "say", "id": n, "room": "lobby", "text": "hi"} for n in range(1, 21)]
    ada.send_raw(b"".join(map(encode, says)) + pack(b"oops") + encode(says[0]) * 5)
    frames = ada.expect_end("bad_frame")
    oks = [frame["re"] for frame in frames if frame["type"] == "ok"]
    assert oks == list(range(1, 21))


def test_after_a_fatal_error_nothing_more_is_done(house: House, ada: Peer) -> None:
    """What stands behind the mistake in the same piece is not heard."""
    eva = house.enter("eva", "lobby")
    late = {"type": "say", "id": 9, "room": "lobby", "text": "late"}
    ada.send_raw(bytes(4) + encode(late))
    ada.expect_fatal("bad_frame")
    assert eva.say("lobby", "first") == 1


def test_after_a_fatal_error_the_nick_is_there_for_who_comes_back(house: House, ada: Peer) -> None:
    """The connection is over; the nick is kept for the session, as after any but a bye."""
    ada.send_raw(bytes(4))
    ada.expect_fatal("bad_frame")
    assert house.connect().hello("ada")["code"] == "nick_in_use"
    assert house.connect().hello("ada", session=ada.session)["type"] == "welcome"


# -- ping and bye ---------------------------------------------------------------------------------


def test_ping_is_answered_with_pong(ada: Peer) -> None:
    """`pong` with `re`, and nothing else in it that matters."""
    reply = ada.request("ping")
    assert reply["type"] == "pong"


def test_the_servers_ping_keeps_who_answers() -> None:
    """A client that is silent is asked; one that answers stays beyond the patience."""
    with (
        running_server(hello_timeout=2, ping_interval=0.05, patience=1.5) as server,
        House(address_of(server)) as house,
    ):
        ada = house.enter("ada")
        ada.answers_pings = False
        for _ in range(15):
            ping = ada.expect("ping")
            assert isinstance(ping["id"], int)
            ada.send({"type": "pong", "re": ping["id"]})
        ada.ping()


def test_who_answers_no_ping_and_takes_nothing_is_gone_after_the_patience() -> None:
    """Dead: no answer, and its socket takes no byte. Its nick is kept then."""
    with (
        running_server(hello_timeout=0.5, ping_interval=0.05, patience=0.5) as server,
        House(address_of(server)) as house,
    ):
        ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
        ada.answers_pings = False
        for _ in range(1000):  # more than the sockets' buffers hold: ada reads none of it
            eva.post("say", room="lobby", text="🦊" * 4000)
        eva.messages(1000, within=30)
        eventually(lambda: _is_gone(house, "ada"))


def _is_gone(house: House, nick: str) -> bool:
    return "connection was lost" in house.connect().hello(nick)["text"]


def test_bye_is_answered_and_the_server_closes(ada: Peer) -> None:
    """`ok`, then goodbye `bye`, then the close."""
    identity = ada.post("bye")
    frames = ada.expect_end("bye")
    assert [frame["re"] for frame in frames if frame["type"] == "ok"] == [identity]
    assert not [frame for frame in frames if frame["type"] == "error"]


def test_nothing_is_done_after_a_bye(house: House, ada: Peer) -> None:
    """Requests behind it are not heard."""
    eva = house.enter("eva", "lobby")
    bye = {"type": "bye", "id": 1}
    late = {"type": "say", "id": 2, "room": "lobby", "text": "late"}
    ada.send_raw(encode(bye) + encode(late))
    ada.expect_end("bye")
    assert eva.say("lobby", "first") == 1
