"""Every frame is told of, and nobody reads a secret out of it."""

import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from chat_client.files.trace_file import Traced
from chat_client.transport.trace import Trace, masked
from protocol.messages import (
    AnyRequest,
    Claim,
    Hello,
    Login,
    Password,
    Register,
    Say,
    Welcome,
    decode_request,
    encode,
)

SECRET = 'hunter2 \\ " é'


@pytest.mark.parametrize(
    "message",
    [
        Hello(version=1, nick="ana", password=SECRET, session=SECRET, account_password=SECRET),
        Register(id=1, password=SECRET),
        Login(id=1, password=SECRET, account="ana"),
        Password(id=1, old=SECRET, new=SECRET),
        Claim(id=1, secret=SECRET),
        Welcome(version=1, server="s", session=SECRET, nick="ana", limits={}, motd=""),
    ],
)
def test_secrets_are_masked(message: AnyRequest | Welcome) -> None:
    """With as many bytes as they have, so the length before the frame is still right."""
    frame = encode(message)
    shown = masked(frame)
    assert len(shown) == len(frame)
    assert shown[:4] == frame[:4]
    assert b"hunter2" in frame
    assert b"hunter2" not in shown
    values = msgspec.json.decode(shown[4:])
    hidden = [value for value in values.values() if isinstance(value, str) and "*" in value]
    assert hidden
    assert all(set(value) == {"*"} for value in hidden)


@given(text=st.text(max_size=50))
@pytest.mark.long
def test_what_is_said_is_shown_as_it_is(text: str) -> None:
    """Whatever it looks like: a quotation mark in a text is escaped."""
    try:
        frame = encode(Say(id=1, room="lobby", text=f'{text}"password":"{text}"'))
    except ValueError:  # half a character
        return
    assert masked(frame) == frame
    assert decode_request(masked(frame)[4:])


@given(secret=st.text(min_size=1, max_size=30).filter(lambda text: set(text) != {"*"}))
def test_no_password_escapes_the_mask(secret: str) -> None:
    """Whatever it is made of."""
    try:
        frame = encode(Login(id=1, password=secret))
    except ValueError:
        return
    assert set(msgspec.json.decode(masked(frame)[4:])["password"]) == {"*"}


def test_all_that_happens_is_shown_in_order() -> None:
    """The block waits for the rest."""
    shown: list[Traced] = []
    with Trace(shown.append) as trace:
        trace.connected("host:1")
        trace.sent(encode(Claim(id=1, secret="s")))
        trace.received(b'{"type": "ok",\n"re": 1}')
        trace.received(b"rubbish")
        trace.broken(b"HTTP/1.1 400", "too long")
        trace.closed()
    assert [each.what for each in shown] == [
        "connected",
        "sent",
        "received",
        "received",
        "broken",
        "closed",
    ]
    assert shown[0].note == "host:1"
    sent, received, rubbish, broken = shown[1:5]
    assert sent.says == msgspec.Raw(b'{"type":"claim","id":1,"secret":"*"}')
    assert received.says == msgspec.Raw(b'{"type":"ok","re":1}')
    assert received.data[:4] == len(received.data[4:]).to_bytes(4)
    assert rubbish.says is UNSET
    assert (broken.data, broken.note) == (b"HTTP/1.1 400", "too long")
    assert sorted(each.at for each in shown) == [each.at for each in shown]


def test_who_shows_slowly_holds_nobody_up() -> None:
    """New frames wait, up to a bound. Frames that are lost are counted."""
    shown: list[Traced] = []
    go_on = threading.Event()

    def show(traced: Traced) -> None:
        go_on.wait()
        shown.append(traced)

    with Trace(show) as trace:
        for _ in range(12_000):
            trace.received(b"{}")
        go_on.set()
    lost = [each for each in shown if each.what == "lost"]
    assert len(lost) == 1
    assert len(shown) - 1 + int(lost[0].note) == 12_000
