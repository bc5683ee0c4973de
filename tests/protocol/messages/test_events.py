"""What the server sends: members and types that a client does not know are ignored."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages
from protocol.framing import FrameDecoder
from protocol.messages import (
    decode_server_message,
    encode,
)
from tests.protocol.strategies import (
    json_values,
    server_messages,
)


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def payload_of(frame: bytes) -> bytes:
    (payload,) = FrameDecoder().feed(frame)
    return payload


@given(server_messages)
def test_server_messages_round_trip(message: messages.AnyServerMessage) -> None:
    """What the server encodes, the client decodes to an equal value."""
    decoded = decode_server_message(payload_of(encode(message)))
    assert encode(decoded) == encode(message) if decoded else False


@given(server_messages, st.data())
def test_an_unknown_member_is_ignored_in_a_server_message(
    message: messages.AnyServerMessage, data: st.DataObject
) -> None:
    """The server may gain members within version 1."""
    value = json.loads(payload_of(encode(message)))
    value["x-" + data.draw(st.text(max_size=5))] = data.draw(json_values)
    decoded = decode_server_message(dump(value))
    assert decoded is not None
    assert encode(decoded) == encode(message)


@pytest.mark.parametrize("value", [{"type": "applause", "room": "a"}, {"type": ""}, {}])
def test_an_unknown_event_is_none(value: dict[str, Any]) -> None:
    """The server may gain events within version 1: a client ignores them."""
    assert decode_server_message(dump(value)) is None


def test_an_error_without_a_request_has_a_null_re() -> None:
    """`re` is there and is null where no id could be read."""
    payload = payload_of(encode(messages.Error(None, "bad_frame", "why")))
    assert json.loads(payload) == {"type": "error", "re": None, "code": "bad_frame", "text": "why"}


def test_from_is_called_from_on_the_wire() -> None:
    """A Python keyword is no reason for another name."""
    message = messages.Message("a", 1, 1.5, "ada", "text", "hi")
    assert json.loads(payload_of(encode(message))) == {
        "type": "message",
        "room": "a",
        "seq": 1,
        "time": 1.5,
        "from": "ada",
        "kind": "text",
        "text": "hi",
    }


def test_a_welcome_of_before_there_were_roles_is_one() -> None:
    """A server may be older than its client."""
    welcome = {"type": "welcome", "version": 1, "server": "x", "session": "y", "nick": "ada"}
    decoded = decode_server_message(dump({**welcome, "limits": {}, "motd": ""}))
    assert isinstance(decoded, messages.Welcome)
    assert not decoded.role
