"""What each pattern must cut out of a stream, byte for byte as the servers send it."""

import pytest

from benchmarks.compare.wires import IRC, LINES, MARK, MQTT, NATS, OURS, REDIS, Wire, text_of
from protocol.framing import FrameDecoder
from protocol.messages import Message, Say, decode_request, encode

TEXT = text_of(3, 42)

DELIVERED = {
    "ours": (OURS, encode(Message("lobby", 7, 1.5, "p3", "text", TEXT))),
    "redis": (REDIS, f">3\r\n$7\r\nmessage\r\n$5\r\nlobby\r\n$64\r\n{TEXT}\r\n".encode()),
    "nats": (NATS, f"MSG lobby 1 64\r\n{TEXT}\r\n".encode()),
    "irc": (IRC, f":p3!~p3@127.0.0.1 PRIVMSG #lobby :{TEXT}\r\n".encode()),
    "mqtt": (MQTT, b"\x30\x47\x00\x05lobby" + TEXT.encode()),
    "lines": (LINES, f"p3: {TEXT}\n".encode()),
}

everywhere = pytest.mark.parametrize(("wire", "data"), DELIVERED.values(), ids=DELIVERED)


@everywhere
def test_a_message_is_cut_out_whole(wire: Wire, data: bytes) -> None:
    found = wire.message.match(data + data)
    assert found
    assert (found[0], int(found[1]), int(found[2])) == (data, 3, 42)


@everywhere
def test_a_message_that_is_not_all_there_is_not_taken(wire: Wire, data: bytes) -> None:
    assert not any(wire.message.match(data[:end]) for end in range(len(data)))


@everywhere
def test_a_message_has_one_mark_and_the_bytes_around_it_none(wire: Wire, data: bytes) -> None:
    assert data.count(MARK) == 1
    assert wire.publish("lobby", TEXT, 42).count(MARK) == 1


def test_ours_is_what_the_protocol_says() -> None:
    (payload,) = FrameDecoder().feed(OURS.publish("lobby", TEXT, 42))
    assert decode_request(payload) == Say(44, "lobby", TEXT)


def test_mqtt_is_what_its_standard_says() -> None:
    (connect, _), (subscribe, _) = MQTT.entrance("m1", "lobby")
    assert connect == b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02m1"
    assert subscribe == b"\x82\x0a\x00\x01\x00\x05lobby\x00"
    assert MQTT.publish("lobby", "x" * 200, 0)[:3] == b"\x30\xcf\x01"


def test_every_text_is_as_long_as_it_should_be() -> None:
    assert len(text_of(0, 0)) == len(text_of(999, 99_999_999)) == 64
