"""What every codec has to do, whichever wire format it writes: the contract."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_server.gateways.irc.network import Network
from chat_server.gateways.lines import LinesCodec
from chat_server.gateways.native import NATIVE
from chat_server.gateways.web.websocket import WEBSOCKET
from chat_server.rooms.codec import Broadcast, Codec
from protocol.errors import ProtocolError
from protocol.messages import Error, Message, Ok, Presence, ServerMessage
from protocol.text import TEXT_LIMIT, normalize_nick, normalize_room, normalize_text
from tests.support.irc_live import NobodyHere

# A new wire format is added here.
IRC = Network(NobodyHere())
CODECS = [
    pytest.param(NATIVE, id="native"),
    pytest.param(IRC.codec(frozenset()), id="irc"),
    pytest.param(IRC.codec(frozenset(("server-time", "message-tags"))), id="irc-with-tags"),
    pytest.param(WEBSOCKET, id="websocket"),
    pytest.param(LinesCodec("\r\n"), id="lines"),
]


def messages(count: int) -> list[Message]:
    """Messages of different lengths."""
    return [
        Message(room="lobby", seq=seq, time=1.5, from_="ada", kind="text", text="ä" * seq)
        for seq in range(1, count + 1)
    ]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_a_batch_is_its_messages_one_after_the_other(codec: Codec, count: int) -> None:
    """And `ends` says where each of them ends."""
    batch = messages(count)
    encoded = codec.encode_messages(batch)
    buffer, ends = encoded.buffer, encoded.ends
    assert len(ends) == count
    begins = [0, *ends]
    for number, message in enumerate(batch):
        assert buffer[begins[number] : ends[number]] == codec.encode(message)
    assert len(buffer) == begins[-1]


@pytest.mark.parametrize("codec", CODECS)
def test_an_event_is_always_written_the_same(codec: Codec) -> None:
    """A codec has no state, so that one buffer serves everybody who speaks it."""
    events: list[ServerMessage] = [
        Ok(re=1, seq=7),
        Error(re=None, code="bad_request", text="why"),
        Presence(room="lobby", joined=["ada"], left=[], renamed=[], members=1),
    ]
    once = [codec.encode(event) for event in events]
    codec.encode_messages(messages(3))
    assert [codec.encode(event) for event in events] == once


@st.composite
def said(draw: st.DrawFn) -> Message:
    """Whatever the rules of text let somebody say, of any name, in any room."""
    names = {"room": "lobby", "from_": "ada", "text": "hi"}
    rules = {"room": normalize_room, "from_": normalize_nick, "text": normalize_text}
    for name, normalize in rules.items():
        with suppress(ProtocolError):
            names[name] = normalize(draw(st.text(max_size=40)))
    kind = draw(st.sampled_from(["text", "action", "topic", "notice"]))
    seq = draw(st.integers(1, 2**53 - 1))
    return Message(names["room"], seq, 1.5, names["from_"], kind, names["text"])


@pytest.mark.parametrize("codec", CODECS)
@given(batch=st.lists(said(), max_size=5))
def test_whatever_can_be_said_can_be_written(codec: Codec, batch: list[Message]) -> None:
    """Delivery relies on it: what is stored is never asked again whether it can be sent."""
    encoded = codec.encode_messages(batch)
    buffer, ends = encoded.buffer, encoded.ends
    assert len(ends) == len(batch)
    assert len(buffer) == (ends[-1] if batch else 0)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("character", ["x", '"', "ä", "あ", "🦊"])
def test_the_longest_text_can_be_written(codec: Codec, character: str) -> None:
    """Of characters that take one byte or four, or that a format has to escape."""
    text = normalize_text(character * TEXT_LIMIT)
    message = Message(
        room="r" * 32, seq=2**53 - 1, time=1e10 / 3, from_="n" * 32, kind="text", text=text
    )
    assert codec.encode_messages([message]).buffer.count(character.encode()) >= TEXT_LIMIT


class _Counting:
    """Counts how often it writes an event."""

    def __init__(self) -> None:
        self.written = 0

    def encode(self, event: ServerMessage) -> bytes:
        self.written += 1
        return NATIVE.encode(event)

    encode_messages = NATIVE.encode_messages


def test_a_broadcast_is_written_once_for_each_codec() -> None:
    """However many members it goes to."""
    one, other = _Counting(), _Counting()
    broadcast = Broadcast(Ok(re=1), Ok(re=2))
    for _ in range(3):
        assert broadcast.encoded(one) == NATIVE.encode(Ok(re=1)) + NATIVE.encode(Ok(re=2))
    broadcast.encoded(other)
    assert (one.written, other.written) == (2, 2)
