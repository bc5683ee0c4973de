"""What a payload means: a request, a server's message, or the one error that says why not."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.framing import FRAME_LIMIT, FrameDecoder
from protocol.messages import (
    LARGEST_ID,
    NEST_LIMIT,
    THREAD_STACK_SIZE,
    decode_hello,
    decode_request,
    decode_server_message,
    encode,
    encoded_size,
)
from tests.protocol.attempts import attempt, refuse
from tests.protocol.strategies import (
    json_values,
    request_objects,
    server_messages,
)

SAY = {"type": "say", "id": 7, "room": "lobby", "text": "hi"}


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def payload_of(frame: bytes) -> bytes:
    (payload,) = FrameDecoder().feed(frame)
    return payload


# -- what is no JSON object -----------------------------------------------------------------------

NO_OBJECT = {
    "empty": b"",
    "space": b" ",
    "array": b'[{"type":"ping","id":1}]',
    "string": b'"ping"',
    "number": b"5",
    "null": b"null",
    "true": b"true",
    "cut": b'{"type":"ping","id":1',
    "not-json": b"GET / HTTP/1.1\r\n\r\n",
    "trailing": b'{"type":"ping","id":1}x',
    "two": b'{"type":"ping","id":1}{"type":"ping","id":2}',
    "bom": b'\xef\xbb\xbf{"type":"ping","id":1}',
    "utf-16": '{"type":"ping","id":1}'.encode("utf-16"),
    "single-quotes": b"{'type':'ping','id':1}",
    "nan": b'{"type":"ping","id":NaN}',
    "infinity": b'{"type":"ping","id":Infinity}',
    "trailing-comma": b'{"type":"ping","id":1,}',
    "comment": b'{"type":"ping","id":1}//',
    "raw-nul": b'{"type":"say","id":1,"room":"a","text":"\x00"}',
    "nul-behind": b'{"type":"ping","id":1}\x00',
    "bad-utf8-text": b'{"type":"say","id":1,"room":"a","text":"\xff"}',
    "bad-utf8-key": b'{"type":"ping","id":1,"\xff":1}',
    "overlong-utf8": b'{"type":"say","id":1,"room":"a","text":"\xc0\xaf"}',
    "surrogate-utf8": b'{"type":"say","id":1,"room":"a","text":"\xed\xa0\x80"}',
    "bad-utf8-unknown-type": b'{"type":"shout","id":1,"text":"\xff"}',
    "bad-utf8-in-unknown-member": b'{"type":"ping","id":1,"x":"\xff"}',
    "cut-after-unknown-type": b'{"type":"shout","id":1',
}


@pytest.mark.parametrize("payload", NO_OBJECT.values(), ids=NO_OBJECT.keys())
def test_what_is_no_json_object_is_a_bad_frame(payload: bytes) -> None:
    """Fatal, and with no id: nothing in it can be trusted."""
    error = refuse(decode_request, payload)
    assert (error.code, error.re) == (Code.BAD_FRAME, None)


SKIPPED = ("bad-utf8-key", "bad-utf8-in-unknown-member")


@pytest.mark.parametrize("name", [name for name in NO_OBJECT if name not in SKIPPED])
def test_what_is_no_json_object_is_a_bad_frame_to_a_client_too(name: str) -> None:
    """But for what stands in a member that the client ignores."""
    assert refuse(decode_server_message, NO_OBJECT[name]).code == Code.BAD_FRAME


@pytest.mark.parametrize("space", [b"\n", b" ", b"\r\n", b"\t"])
def test_white_space_around_the_object_is_json_too(space: bytes) -> None:
    """JSON allows it, so it is no mistake."""
    assert decode_request(space + b'{"type":"ping","id":1}' + space) == messages.Ping(1)


ODD_VALUES = {
    "1e400": b"1e400",
    "-1e400": b"-1e400",
    "huge-digits": b"1" + b"0" * 400,
    "minus-zero": b"-0",
    "exponent": b"1e0",
    "lone-surrogate": b'"\\ud800"',
    "nul": b'"\\u0000"',
    "long-digits": b"9" * 60_000,
    "long-fraction": b"0." + b"9" * 60_000,
}


@pytest.mark.parametrize("value", ODD_VALUES.values(), ids=ODD_VALUES.keys())
@pytest.mark.parametrize("place", ["id", "text", "type", "x"])
def test_an_odd_value_is_one_protocol_error(value: bytes, place: str) -> None:
    """Whatever a hostile number or string stands for, it decodes or is refused by name."""
    members = {"type": b'"say"', "id": b"7", "room": b'"a"', "text": b'"hi"', place: value}
    payload = b"{%s}" % b",".join(b'"%s":%s' % (k.encode(), v) for k, v in members.items())
    request = attempt(decode_request, payload)
    if isinstance(request, ProtocolError):
        assert request.code in (Code.BAD_REQUEST, Code.BAD_FRAME)
        assert request.text.encode("utf-8")
    else:
        assert place == "text"
        assert request == messages.Say(7, "a", json.loads(value))


def test_the_last_of_duplicate_keys_counts() -> None:
    """As nearly every JSON parser has it; what matters is that it is one of them."""
    assert decode_request(b'{"type":"ping","id":1,"id":2}') == messages.Ping(2)
    payload = b'{"type":"say","id":1,"room":"a","text":"x","text":"y"}'
    assert decode_request(payload) == messages.Say(1, "a", "y")


def test_escapes_mean_what_they_stand_for() -> None:
    """A type may be written with escapes, and so may a pair of surrogates."""
    assert decode_request(b'{"\\u0074ype":"p\\u0069ng","id":1}') == messages.Ping(1)
    payload = b'{"type":"say","id":1,"room":"a","text":"\\ud83e\\udd8a"}'
    assert decode_request(payload) == messages.Say(1, "a", "🦊")


@given(st.binary(max_size=300) | json_values.map(dump) | st.text(max_size=200).map(str.encode))
def test_any_payload_decodes_or_raises_protocol_error(payload: bytes) -> None:
    """On the server: a request, bad_request or bad_frame, and nothing else."""
    outcome = attempt(decode_request, payload)
    if isinstance(outcome, ProtocolError):
        assert outcome.code in (Code.BAD_REQUEST, Code.BAD_FRAME)


@given(request_objects(), st.data())
def test_a_damaged_request_decodes_or_raises_protocol_error(
    value: dict[str, Any], data: st.DataObject
) -> None:
    """One byte changed, taken away or put in, anywhere."""
    payload = dump(value)
    place = data.draw(st.integers(0, len(payload) - 1))
    gone, put = data.draw(st.integers(0, 1)), data.draw(st.binary(max_size=1))
    damaged = payload[:place] + put + payload[place + gone :]
    for outcome in (attempt(decode_request, damaged), attempt(decode_server_message, damaged)):
        if isinstance(outcome, ProtocolError):
            assert outcome.code in (Code.BAD_REQUEST, Code.BAD_FRAME)


# -- the deepest nest -----------------------------------------------------------------------------


def nests() -> dict[str, bytes]:
    """The deepest JSON that fits a frame, with the type first, last and absent."""
    made = {}
    for name, opening, closing in (("array", b"[", b"]"), ("object", b'{"a":', b"}")):
        for order, before, after in (
            ("first", b'{"type":"say","id":1,"x":', b"}"),
            ("last", b'{"x":', b',"id":1,"type":"say"}'),
            ("absent", b'{"x":', b',"id":1}'),
            ("unknown", b'{"type":"shout","x":', b',"id":1}'),
            ("in-type", b'{"type":', b"}"),
            ("in-id", b'{"type":"say","id":', b"}"),
            ("bare", b"", b""),
        ):
            room = FRAME_LIMIT - len(before) - len(after) - 1
            depth = room // (len(opening) + len(closing))
            made[f"{name}-{order}"] = before + opening * depth + b"1" + closing * depth + after
            made[f"{name}-{order}-open"] = before + opening * (room // len(opening))
    return made


def on_a_small_stack(work: Callable[[], object]) -> list[object]:
    """Run `work` on a thread with the stack that the server's threads have."""
    outcome: list[object] = []
    previous = threading.stack_size(THREAD_STACK_SIZE)
    try:
        thread = threading.Thread(target=lambda: outcome.append(work()))
        thread.start()
    finally:
        threading.stack_size(previous)
    thread.join()
    return outcome


@pytest.mark.parametrize("payload", nests().values(), ids=nests().keys())
def test_the_deepest_nest_that_fits_a_frame_is_refused(payload: bytes) -> None:
    """By a client it is an error by name, or ignored, and the interpreter lives."""
    assert len(payload) <= FRAME_LIMIT
    (outcome,) = on_a_small_stack(lambda: attempt(decode_server_message, payload))
    if isinstance(outcome, ProtocolError):
        assert outcome.code is Code.BAD_FRAME
    else:
        assert outcome is None


@pytest.mark.parametrize("payload", nests().values(), ids=nests().keys())
@pytest.mark.parametrize("decode", [decode_request, decode_hello])
def test_no_nest_takes_a_server_more_stack_than_a_request_does(
    payload: bytes, decode: Callable[[bytes], object]
) -> None:
    """It is counted and not tried: the same in every interpreter, and for a thread's whole life."""
    assert "may begin in a frame" in refuse(decode, payload).text


@pytest.mark.parametrize("nest", [b"[%s]", b'{"a":%s}'], ids=["lists", "objects"])
def test_so_many_lists_and_objects_may_begin_in_a_request(nest: bytes) -> None:
    """One in another or beside another; the request's own is one of them."""

    def wrapped(times: int) -> bytes:
        value = b"1"
        for _ in range(times):
            value = nest % value
        return b'{"type":"ping","id":7,"x":%s}' % value

    error = refuse(decode_request, wrapped(NEST_LIMIT - 1))
    assert (error.code, error.re) == (Code.BAD_REQUEST, 7)
    assert refuse(decode_request, wrapped(NEST_LIMIT)).code is Code.BAD_FRAME
    beside = b'{"type":"ping","id":7,"x":[%s]}' % b",".join([nest % b"1"] * (NEST_LIMIT - 2))
    assert refuse(decode_request, beside).code is Code.BAD_REQUEST


@pytest.mark.parametrize("sign", ["[", "{", '["', '"[', "[\\", "\\[", '\\"['])
def test_what_begins_in_a_text_does_not_count(sign: str) -> None:
    """Whoever shows the class a program uses many brackets, between quotes and backslashes."""
    text = sign * (4000 // len(sign))
    assert decode_request(dump({**SAY, "text": text})) == messages.Say(7, "lobby", text)
    nest = dump({**SAY, "text": text})[:-1] + b',"x":' + b"[" * NEST_LIMIT
    assert "may begin in a frame" in refuse(decode_request, nest).text


@pytest.mark.parametrize("filler", [b'"', b"\\", b'"\\n', b'\\"', b'"a",', b"[", b'"["'])
def test_counting_what_begins_takes_no_time_to_speak_of(filler: bytes) -> None:
    """Whatever the strings look like that are to be left out, and whether they end."""
    start = b"[" * NEST_LIMIT + b'{"'
    payload = start + filler * ((FRAME_LIMIT - len(start)) // len(filler))
    began = time.thread_time()
    assert refuse(decode_request, payload).code is Code.BAD_FRAME
    assert time.thread_time() - began < 0.1


# -- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        {**SAY, "x" * 65_000: 1},
        {**SAY, "type": "x" * 65_000},
        {**SAY, "kind": "x" * 65_000},
        {**SAY, "room": {"x" * 65_000: 1}},
        {**SAY, "\x00" * 10_000: 1},
        {**SAY, "🦊" * 5_000: 1},
    ],
    ids=["member", "type", "kind", "object", "control characters", "emoji"],
)
def test_what_a_refusal_quotes_is_bounded(value: dict[str, Any]) -> None:
    """It always fits a frame, however it is written there."""
    error = refuse(decode_request, dump(value))
    assert (error.code, error.re) == (Code.BAD_REQUEST, SAY["id"])
    assert len(error.text) <= 300
    assert len(encode(messages.Error(error.re, error.code, error.text))) < 4096


def test_the_longest_text_fits_a_frame_however_it_is_written() -> None:
    """4,000 characters of the widest kind, from the longest nick in the longest room."""
    message = messages.Message("x" * 50, LARGEST_ID, 1.8e9, "🦊" * 32, "action", "🦊" * 4000)
    assert len(encode(message)) <= 4 + FRAME_LIMIT
    say = {**SAY, "text": "🦊" * 4000}
    assert len(dump(say)) <= FRAME_LIMIT
    assert decode_request(dump(say)) == messages.Say(7, "lobby", "🦊" * 4000)


def test_a_lone_surrogate_cannot_be_encoded() -> None:
    """Our own mistake is a ValueError, and no bytes that nobody can read."""
    with pytest.raises(ValueError, match=r"surrogate|encode"):
        encode(messages.Goodbye("bye", "\ud800"))


@given(server_messages)
def test_encoded_size_is_the_size_inside_a_frame(message: messages.AnyServerMessage) -> None:
    """Whoever fills a page can count on it."""
    assert encoded_size(message) == len(payload_of(encode(message)))
