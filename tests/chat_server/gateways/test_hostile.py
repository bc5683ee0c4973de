"""Whatever a client sends, it gets a named error or is closed, and the room goes on.

The invariant of every case here: after it, a witness in the room says something and hears it, no
traceback was logged (the fixture looks), and what the server answered was a frame of the protocol
with a code of the protocol, never `internal`.
"""

import itertools
import json
import random
import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.chat_server.house import House
from tests.support.peer import ConnectionEnded, Frame, Peer, encode, pack
from tests.support.proxy import Proxy, mischief

CODES = {
    "bad_frame", "frame_too_large", "hello_required", "hello_timeout", "unsupported_version",
    "idle_timeout", "flooding", "shutting_down", "replaced", "bye", "bad_request", "bad_nick",
    "nick_in_use", "bad_room", "not_in_room", "no_such_nick", "no_such_room", "no_such_message",
    "bad_text", "text_too_long", "rate_limited", "too_many_rooms", "unavailable", "forbidden",
    "muted", "banned", "kicked",
}  # fmt: skip
LAST = 2**52
PING = {"type": "ping", "id": LAST}


class Witness:
    """A house, and somebody in its lobby who notices when the room has stopped."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._peer = house.enter("witness", "lobby")
        self._numbers = itertools.count()

    def attack(self, *data: bytes, hello: bool = True) -> list[Frame]:
        """Send `data` as somebody new, and return what came back; then see that all is well."""
        with Peer.connect(self._house.address) as peer:
            if hello:
                assert peer.hello(f"mallory{next(self._numbers)}")["type"] == "welcome"
                peer.join("lobby")
            frames = _exchange(peer, b"".join(data), frames=hello)
        for frame in frames:
            if frame["type"] in ("error", "goodbye"):
                assert frame["code"] in CODES, frame
                assert frame["text"]
        self.look()
        return frames

    def look(self) -> None:
        """The room goes on."""
        seq = self._peer.say("lobby", "all is well")
        self._peer.take(lambda frame: frame["type"] == "message" and frame["seq"] == seq)
        self._peer.queue.clear()


def _exchange(peer: Peer, data: bytes, *, frames: bool) -> list[Frame]:
    """Send `data` and then all of a stream's end; read all until the server closes too.

    Args:
        peer: who sends.
        data: what is sent.
        frames: whether frames came before. Otherwise the first byte decides what is answered.
    """
    try:
        peer.send_raw(data)
        peer.half_close()
    except (BrokenPipeError, ConnectionResetError):
        return []
    if frames or data[:1] in (b"", b"\0"):
        return peer.read_to_end()
    while peer.socket.recv(65536):
        pass
    return []


@pytest.fixture
def witness(house: House) -> Iterator[Witness]:
    """Somebody in a room that must not stop."""
    witness = Witness(house)
    yield witness
    witness.look()


SAY: dict[str, Any] = {"type": "say", "id": 1, "room": "lobby", "text": "hi"}


def _nest(opening: bytes, before: bytes, after: bytes, closing: bytes) -> bytes:
    """The deepest nest that fits a frame."""
    room = 65536 - len(before) - len(after) - 1
    depth = room // (len(opening) + len(closing))
    return before + opening * depth + b"1" + closing * depth + after


NESTS = {
    f"{name}-{order}": pack(_nest(opening, before, after, closing))
    for name, opening, closing in (
        ("array", b"[", b"]"), ("object", b'{"a":', b"}"), ("open-array", b"[", b""),
        ("open-object", b'{"a":', b""),
    )
    for order, before, after in (
        ("type-first", b'{"type":"say","id":1,"x":', b"}"),
        ("type-last", b'{"x":', b',"id":1,"type":"say"}'),
        ("type-absent", b'{"x":', b',"id":1}'),
        ("type-is-it", b'{"type":', b"}"),
        ("id-is-it", b'{"type":"say","id":', b"}"),
        ("text-is-it", b'{"type":"say","id":1,"room":"lobby","text":', b"}"),
        ("all-of-it", b"", b""),
    )
}  # fmt: skip


@pytest.mark.parametrize("hello", [True, False], ids=["after-hello", "first"])
def test_the_deepest_nest_that_fits_a_frame(witness: Witness, hello: bool) -> None:
    """Its type first, last and absent: no thread dies, let alone the server."""
    for name, frame in NESTS.items():
        frames = witness.attack(frame, hello=hello)
        assert [f["code"] for f in frames if f["type"] == "error"] == ["bad_frame"], name


RAW = {
    "nothing": b"",
    "one-byte": b"\x00",
    "half-header": b"\x00\x00",
    "half-frame": encode(SAY)[:-3],
    "zero-length": bytes(4),
    "largest-length": b"\xff" * 4,
    "largest-frame-of-nul": pack(bytes(65536)),
    "largest-frame-of-quotes": pack(b'"' * 65536),
    "largest-frame-of-backslashes": pack(b'"' + b"\\" * 65534 + b'"'),
    "largest-frame-of-digits": pack(b"1" * 65536),
    "largest-frame-of-spaces": pack(b" " * 65536),
    "many-keys": pack(b"{%s}" % b",".join(b'"%d":1' % n for n in range(6000))),
    "same-key": pack(b'{"type":"ping"%s}' % (b',"id":1' * 8000)),
    "long-key": pack(b'{"%s":1}' % (b"k" * 60000)),
    "long-type": pack(b'{"type":"%s","id":1}' % (b"t" * 60000)),
    "long-id": pack(b'{"type":"ping","id":%s}' % (b"9" * 60000)),
    "long-fraction": pack(b'{"type":"ping","id":0.%s}' % (b"9" * 60000)),
    "long-exponent": pack(b'{"type":"ping","id":1e%s}' % (b"9" * 60000)),
    "overflowing": pack(b'{"type":"ping","id":1e400}'),
    "huge-id": pack(b'{"type":"ping","id":1%s}' % (b"0" * 400)),
    "http": b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
    "photograph": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 400,
    "thousand-pings": encode({"type": "ping", "id": 1}) * 1000,
    "thousand-empty-objects": pack(b"{}") * 1000,
    "thousand-joins": encode({"type": "join", "id": 1, "room": "lobby", "after": 0}) * 1000,
    "repeated-says": encode(SAY) * 1000,
    "hello-again": encode({"type": "hello", "version": 1, "nick": "witness"}) * 20,
    "pong-for-nothing": encode({"type": "pong", "re": 5}) * 20,
    "bye-and-more": encode({"type": "bye", "id": 1}) + encode(SAY) * 100,
    "reordered-ids": b"".join(encode({**SAY, "id": n}) for n in (9, 3, 7, 1, 2**53 - 1, 5)),
}


@pytest.mark.parametrize("hello", [True, False], ids=["after-hello", "first"])
def test_a_catalogue_of_bytes(witness: Witness, hello: bool) -> None:
    """Cut, empty, oversized, repeated and reordered frames, and other protocols."""
    for data in RAW.values():
        witness.attack(data, hello=hello)
        witness.attack(*(data[place : place + 1] for place in range(min(len(data), 500))))


# -- hostile values in requests -------------------------------------------------------------------


HOSTILE_TEXTS = [
    "", " ", "\x00", "\ud800", "a\udfff", "\u202eevil", "\ufeff", "\u2028", "\x1b[2J", "\x9b2J",
    "\x07", "e" + "\u0301" * 2000, "\ufdfa" * 200, "x" * 4001, "🦊" * 4000, "\u0958" * 2001,
    "a\r\nb", "../../etc/passwd", "'; DROP TABLE messages; --", '" OR 1=1', "%s%n",
    "{0.__class__}", "\\", "lobby", "LOBBY", "witness", "NULL", "ﷺ" * 32, "İ" * 16, "ß",
    "\u1e9e" * 32, "ẞſ", "\u0345", "\u200d" * 10, "☃" * 33, "\U000e0001",
]  # fmt: skip
HOSTILE_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, -(2**63), 10**400,
    0.5, 1e308, [], {}, [[]], {"type": "say"}, [1, "a", None],
]  # fmt: skip

MEMBERS = [
    "id", "room", "text", "kind", "to", "nick", "topic", "after", "before", "history", "limit",
    "query", "version", "session", "re", "client", "password", "account_password", "account",
    "old", "new", "secret", "who", "reason", "seconds", "speakers", "locked", "up", "address", "x",
]  # fmt: skip
TYPES = [
    "hello", "join", "leave", "say", "tell", "nick", "topic", "who", "rooms", "history", "search",
    "ping", "pong", "bye", "register", "login", "password", "logout", "claim", "op", "deop", "kick",
    "ban", "unban", "mute", "unmute", "bans", "slow", "lock", "announce", "freeze", "unfreeze",
    "hand", "hands", "welcome", "ok", "message", "",
]  # fmt: skip

hostile_values = (
    st.sampled_from(HOSTILE_TEXTS)
    | st.sampled_from(HOSTILE_VALUES)
    | st.integers()
    | st.text(max_size=30)
    | st.floats()
)
plausible: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(1, 2**53 - 1),
    "room": st.sampled_from(["lobby", "cellar"]),
    "text": st.text(min_size=1, max_size=40),
    "nick": st.text(min_size=1, max_size=10),
    "kind": st.sampled_from(["text", "action"]),
    "after": st.integers(0, 2**53 - 1),
    "limit": st.integers(1, 1000),
}


@st.composite
def hostile_requests(draw: st.DrawFn) -> dict[str, Any]:
    """A request of any type with members that may be good, wrong, missing or too many."""
    names = draw(st.lists(st.sampled_from(MEMBERS), max_size=6, unique=True))
    request: dict[str, Any] = {"type": draw(st.sampled_from(TYPES))}
    for name in names:
        good = plausible.get(name, hostile_values)
        request[name] = draw(good | hostile_values)
    return request


def _raw(request: dict[str, Any]) -> bytes:
    """A frame of any request: lone surrogates, NaN and huge numbers go out as they are."""
    payload = json.dumps(request).encode()
    return pack(payload) if len(payload) <= 65536 else bytes(4)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.long
def test_every_hostile_value_in_every_member(witness: Witness, name: str) -> None:
    """Each is refused by name or taken; each has one reply; nothing else happens."""
    members: dict[str, Any] = {
        "room": "lobby",
        "text": "hi",
        "to": "witness",
        "nick": "mallory",
        "topic": "Tea",
    }
    members |= {"query": "hi", "password": "correct horse", "secret": "xyz", "who": "witness"}
    members |= {"seconds": 1, "locked": True, "up": True, "old": "wrong", "new": "correct horse"}
    shapes = {
        "join": ["room"], "leave": ["room"], "say": ["room", "text"], "tell": ["to", "text"],
        "nick": ["nick"], "topic": ["room", "topic"], "who": ["room"], "rooms": [],
        "history": ["room"], "search": ["room", "query"], "ping": [],
        "register": ["password"], "login": ["password"], "claim": ["secret"], "op": ["who"],
        "password": ["old", "new"], "logout": [],
        "kick": ["who"], "ban": ["who"], "mute": ["who"], "unban": ["who"], "bans": [],
        "slow": ["room", "seconds"], "lock": ["room", "locked"], "announce": ["text"],
        "freeze": [], "unfreeze": [], "hand": ["room", "up"], "hands": ["room"],
    }  # fmt: skip
    for value in [*HOSTILE_TEXTS, *HOSTILE_VALUES]:
        requests = [
            {"type": kind, "id": n, **{member: members[member] for member in shape}, name: value}
            for n, (kind, shape) in enumerate(shapes.items(), 1)
        ]
        witness.attack(*map(_raw, requests))


def test_every_hostile_value_from_somebody_in_charge(house: House) -> None:
    """Who may do much can do no more harm than that: each request has its one named reply."""
    assert house.server is not None
    ada = house.enter("ada", "lobby")
    ada.ok("claim", secret=house.server.owner_secret)
    good = {"room": "lobby", "who": "nobody", "seconds": 1, "locked": False, "text": "hi"}
    shapes = {
        "op": ["who"], "deop": ["who"], "kick": ["who", "reason"], "bans": ["after"],
        "ban": ["who", "seconds", "reason", "address"], "unban": ["who"], "unmute": ["who"],
        "mute": ["who", "seconds", "reason"], "slow": ["room", "seconds"],
        "lock": ["room", "locked"], "announce": ["room", "text"], "hands": ["room"],
        "freeze": ["room", "seconds", "speakers"], "unfreeze": ["room"],
    }  # fmt: skip
    texts = [text for text in HOSTILE_TEXTS if not re.search("[\ud800-\udfff]", text)]
    for kind, members in shapes.items():
        usual = {name: good[name] for name in members if name in good}
        for name in members:
            for value in [*texts, *HOSTILE_VALUES, ["a", "\u202e", 1], ["x" * 60_000]]:
                frame = {"type": kind, "id": ada.next_id(), **usual, name: value}
                ada.send_raw(_raw(frame))
                reply = ada.reply(frame["id"])
                assert reply.get("code", "unavailable") in CODES, (frame, reply)
    ada.ok("unfreeze")
    house.enter("eva", "lobby").say("lobby", "all is well")


@pytest.mark.parametrize("name", ["type", "kind", "x" * 65_000])
def test_a_frame_that_its_refusal_would_quote(
    house: House, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a `bad_request` with a short text, no failure of the server's, and the client stays."""
    eva = house.enter("eva", "lobby")
    frame: dict[str, Any] = {"type": "say", "id": eva.next_id(), "room": "lobby", "text": "hi"}
    frame[name] = "y" if len(name) > 1000 else "y" * 65_000
    eva.send_raw(_raw(frame))
    error = eva.reply(frame["id"])
    assert error["code"] == "bad_request"
    assert len(error["text"]) <= 300
    assert caplog.text == ""
    eva.say("lobby", "still here")


@pytest.mark.long
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(hostile_requests(), min_size=1, max_size=6))
@example(requests=[{"type": "search", "id": 1, "room": "lobby", "query": "\x00"}])
def test_hostile_requests(witness: Witness, requests: list[dict[str, Any]]) -> None:
    """Random requests: each that has an id gets at most one reply with it, all of them named."""
    frames = witness.attack(*map(_raw, requests))
    asked = [request.get("id") for request in requests]
    for frame in frames:
        if frame.get("re") is not None:
            assert frame["re"] in asked


def _packed(payloads: list[bytes]) -> bytes:
    return b"".join(map(pack, payloads))


noise = st.binary(max_size=400) | st.lists(st.binary(max_size=100)).map(_packed)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=noise, hello=st.booleans())
@pytest.mark.long
def test_random_bytes(witness: Witness, data: bytes, hello: bool) -> None:
    """Noise, in frames or not."""
    witness.attack(data, hello=hello)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.long
def test_damaged_requests(witness: Witness, data: st.DataObject) -> None:
    """Good frames with some bytes changed, taken away or put in."""
    stream = bytearray(
        encode(SAY) + encode({"type": "who", "id": 2, "room": "lobby"}) + encode(SAY)
    )
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(stream) - 1))
        gone, put = data.draw(st.integers(0, 3)), data.draw(st.binary(max_size=3))
        stream[place : place + gone] = put
        if not stream:
            break
    witness.attack(bytes(stream))


def test_connections_that_end_anywhere(house: House, witness: Witness) -> None:
    """Closed or reset after every byte of a visit."""
    visit = (
        encode({"type": "hello", "version": 1, "nick": "mallory"})
        + encode({"type": "join", "id": 1, "room": "lobby"})
        + encode({**SAY, "id": 2})
    )
    for length in range(0, len(visit) + 1, 3):
        peer = Peer.connect(house.address)
        peer.send_raw(visit[:length])
        (peer.reset if length % 2 else peer.close)()
    witness.look()


@pytest.mark.parametrize("seed", range(3))
def test_visits_through_a_bad_network(house: House, witness: Witness, seed: int) -> None:
    """Drawn faults on every link: whatever happens to them, the room goes on."""
    source = random.Random(seed)
    with Proxy(house.address, mischief(seed, life=6000, patience=0.02)) as proxy:
        for number in range(12):
            with Peer.connect(proxy.address) as peer:
                _visit(peer, f"guest{seed}-{number}", source.randrange(60))
            witness.look()


def _visit(peer: Peer, nick: str, count: int) -> None:
    try:
        peer.hello(nick)
        peer.send({"type": "join", "id": 1, "room": "lobby"})
        for n in range(count):
            peer.send({**SAY, "id": n + 2})
        peer.send({"type": "bye", "id": count + 2})
        peer.read_to_end()
    except (ConnectionEnded, ConnectionError):
        return


def test_a_flood_of_frames_that_are_not_read_back(house: House, witness: Witness) -> None:
    """Who asks much and reads nothing is slowed down, and nobody else is."""
    with Peer.connect(house.address) as peer:
        peer.hello("greedy")
        peer.join("lobby")
        peer.socket.settimeout(0.5)
        much = encode({"type": "rooms", "id": 1}) * 200_000
        with pytest.raises(TimeoutError):
            peer.socket.sendall(much)
        witness.look()


def test_lengths_of_every_size(witness: Witness) -> None:
    """A header that announces anything is answered or waited for, never believed."""
    for exponent in range(32):
        for length in (2**exponent - 1, 2**exponent, 2**exponent + 1):
            witness.attack(struct.pack("!I", length), hello=False)
