"""The protocols, a `Wire` for each: all that the generator knows of a server.

Every text has the same form in every protocol: a mark, the talker, its number among the talker's
texts, and filler up to 64 bytes. So one pattern for each protocol cuts a member's stream into
messages, and the number of marks in a stream is the number of its messages.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocol import VERSION
from protocol.messages import Hello, Join, Pong, Say, encode

MARK = ord("^")
"""The first byte of each text. Nothing else that a server sends after the joins contains it."""

TEXT_BYTES = 64
"""The size of each text."""

_HEAD = "^%03d%08d"
_FILLER = "x" * (TEXT_BYTES - 12)
_TEXT = rb"\^(\d{3})(\d{8})x{%d}" % len(_FILLER)


@dataclass(frozen=True)
class Wire:
    """A protocol.

    Attributes:
        entrance: returns what a nick sends to join a room: each step with the answer to wait for.
        publish: returns what says a text, given the room, the text, and its number from 0.
        message: matches one whole message; its groups are the talker and the number.
        sign_of_life: what a member sends so that the server does not ping it, or b"".
        ordered: whether all members receive all messages in the same order.
        echo: whether a talker receives its own texts.
        quiet: seconds without a byte after which the server has announced all joins.
        acknowledges: a byte that each acknowledgement has once, where the server only stores what
            is said; b"" where it delivers.
    """

    entrance: Callable[[str, str], Sequence[tuple[bytes, bytes]]]
    publish: Callable[[str, str, int], bytes]
    message: "re.Pattern[bytes]"
    sign_of_life: bytes = b""
    ordered: bool = True
    echo: bool = True
    quiet: float = 0.5
    acknowledges: bytes = b""


def text_of(talker: int, number: int) -> str:
    """Return text `number` of talker `talker`, both from 0."""
    return _HEAD % (talker, number) + _FILLER


# -- ours

_JOIN_ID = 1


def _enter_ours(nick: str, room: str) -> Sequence[tuple[bytes, bytes]]:
    hello = encode(Hello(VERSION, nick, client="bench")) + encode(Join(_JOIN_ID, room))
    return [(hello, b'"members":')]


def _publish_ours(room: str, text: str, number: int) -> bytes:
    return encode(Say(_JOIN_ID + 1 + number, room, text))


OURS = Wire(
    entrance=_enter_ours,
    publish=_publish_ours,
    message=re.compile(
        rb'[\0-\xff]{4}\{"type":"message","room":"[^"]*","seq":\d+,[^{}^]*"text":"'
        + _TEXT
        + rb'"\}'
    ),
    sign_of_life=encode(Pong(1)),  # one that nobody asked for has no reply
)

# -- Redis, in the version of its protocol in which a subscriber may publish


def _enter_redis(_nick: str, room: str) -> Sequence[tuple[bytes, bytes]]:
    return [(f"HELLO 3\r\nSUBSCRIBE {room}\r\n".encode(), b"\r\n:1\r\n")]


def _publish_redis(room: str, text: str, _number: int) -> bytes:
    return (f"*3\r\n$7\r\nPUBLISH\r\n${len(room)}\r\n{room}\r\n${len(text)}\r\n{text}\r\n").encode()


REDIS = Wire(
    entrance=_enter_redis,
    publish=_publish_redis,
    message=re.compile(rb">3\r\n\$7\r\nmessage\r\n\$\d+\r\n\w+\r\n\$\d+\r\n" + _TEXT + rb"\r\n"),
)

# -- Redis Streams: what is said is stored, and read by who asks for it


def _enter_streams(_nick: str, _room: str) -> Sequence[tuple[bytes, bytes]]:
    return [(b"PING\r\n", b"+PONG\r\n")]


def _publish_streams(room: str, text: str, _number: int) -> bytes:
    parts = ["XADD", room, "*", "text", text]
    return f"*{len(parts)}\r\n".encode() + b"".join(
        f"${len(part)}\r\n{part}\r\n".encode() for part in parts
    )


STREAMS = Wire(
    entrance=_enter_streams,
    publish=_publish_streams,
    message=re.compile(rb"\$4\r\ntext\r\n\$\d+\r\n\^(\d{6})(\d{8})x+\r\n"),
    acknowledges=b"$",  # the reply is the entry's id, a bulk string
)

# -- NATS


def _enter_nats(_nick: str, room: str) -> Sequence[tuple[bytes, bytes]]:
    options = '{"verbose":false,"pedantic":false,"tls_required":false}'
    return [(f"CONNECT {options}\r\nSUB {room} 1\r\nPING\r\n".encode(), b"PONG\r\n")]


def _publish_nats(room: str, text: str, _number: int) -> bytes:
    return f"PUB {room} {len(text)}\r\n{text}\r\n".encode()


NATS = Wire(
    entrance=_enter_nats,
    publish=_publish_nats,
    message=re.compile(rb"MSG \w+ 1 \d+\r\n" + _TEXT + rb"\r\n"),
    ordered=False,  # only the texts of one talker are in the same order for all
    quiet=3.0,  # the server sends a PING about two seconds after the join
)

# -- IRC


def _enter_irc(nick: str, room: str) -> Sequence[tuple[bytes, bytes]]:
    return [
        (f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\n".encode(), f" 001 {nick} ".encode()),
        (f"JOIN #{room}\r\n".encode(), f" 366 {nick} ".encode()),
    ]


def _publish_irc(room: str, text: str, _number: int) -> bytes:
    return f"PRIVMSG #{room} :{text}\r\n".encode()


IRC = Wire(
    entrance=_enter_irc,
    publish=_publish_irc,
    message=re.compile(rb":\w+![^ ]+ PRIVMSG #\w+ :" + _TEXT + rb"\r\n"),
    echo=False,
)

# -- MQTT 3.1.1, at most once


def _mqtt_packet(kind: int, body: bytes) -> bytes:
    size, length = len(body), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([kind]) + length + bytes([size]) + body


def _mqtt_string(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def _enter_mqtt(nick: str, room: str) -> Sequence[tuple[bytes, bytes]]:
    clean_session, no_keep_alive = b"\x02", b"\0\0"
    connect = _mqtt_string("MQTT") + b"\x04" + clean_session + no_keep_alive + _mqtt_string(nick)
    subscribe = b"\0\x01" + _mqtt_string(room) + b"\0"
    return [
        (_mqtt_packet(0x10, connect), b"\x20\x02\0\0"),
        (_mqtt_packet(0x82, subscribe), b"\x90\x03\0\x01\0"),
    ]


def _publish_mqtt(room: str, text: str, _number: int) -> bytes:
    return _mqtt_packet(0x30, _mqtt_string(room) + text.encode())


MQTT = Wire(
    entrance=_enter_mqtt,
    publish=_publish_mqtt,
    message=re.compile(rb"\x30[\0-\x7f]\0[\0-\xff]\w+?" + _TEXT),
)

# -- the line protocol of the two Python servers


def _enter_lines(nick: str, room: str) -> Sequence[tuple[bytes, bytes]]:
    return [(f"JOIN {room} {nick}\n".encode(), f"JOINED {room}\n".encode())]


def _publish_lines(_room: str, text: str, _number: int) -> bytes:
    return f"{text}\n".encode()


LINES = Wire(
    entrance=_enter_lines,
    publish=_publish_lines,
    message=re.compile(rb"\w+: " + _TEXT + rb"\n"),
)
