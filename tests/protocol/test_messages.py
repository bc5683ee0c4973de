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
    AnyRequest,
    decode_hello,
    decode_request,
    decode_server_message,
    encode,
    encoded_size,
)
from tests.protocol.attempts import attempt, refuse
from tests.protocol.strategies import (
    DEFAULTS,
    OPTIONAL,
    REQUEST_TYPES,
    REQUIRED,
    json_values,
    request_objects,
    requests,
    server_messages,
)

SAY = {"type": "say", "id": 7, "room": "lobby", "text": "hi"}


def payload_of(frame: bytes) -> bytes:
    (payload,) = FrameDecoder().feed(frame)
    return payload


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


# -- requests -------------------------------------------------------------------------------------


def test_the_types_are_those_of_the_document() -> None:
    """Every request of the table exists, and pong."""
    assert {kind.__name__.lower() for kind in REQUEST_TYPES} == set(REQUIRED)


@given(requests)
def test_requests_round_trip(request: AnyRequest) -> None:
    """What is encoded decodes to the same value."""
    assert decode_request(payload_of(encode(request))) == request


@given(request_objects())
def test_a_request_means_what_its_members_say(value: dict[str, Any]) -> None:
    """Every member arrives under its own name; one that is absent has its default."""
    request = decode_request(dump(value))
    assert type(request).__name__.lower() == value["type"]
    for name in REQUIRED[value["type"]] + OPTIONAL.get(value["type"], ()):
        assert getattr(request, name) == value.get(name, DEFAULTS.get(name))


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in OPTIONAL for name in OPTIONAL[kind]]
)
def test_null_is_as_good_as_nothing(kind: str, name: str) -> None:
    """Of every member that may be left out."""
    value: dict[str, Any] = {"type": kind, **dict.fromkeys(REQUIRED[kind], "x")}
    value |= {each: 1 for each in ("id", "version") if each in value}
    assert getattr(decode_request(dump({**value, name: None})), name) is None
    decode_request(dump(value))


@given(request_objects(), st.data())
def test_null_is_no_member_that_is_needed(value: dict[str, Any], data: st.DataObject) -> None:
    """It is a wrong type there."""
    name = data.draw(st.sampled_from(REQUIRED[value["type"]]))
    assert refuse(decode_request, dump({**value, name: None})).code == Code.BAD_REQUEST


@given(request_objects(), st.data())
def test_an_unknown_member_is_refused_in_a_request(
    value: dict[str, Any], data: st.DataObject
) -> None:
    """bad_request, with the id as re, whatever the member holds."""
    known = {"type", *value, *OPTIONAL.get(value["type"], ())}
    name = data.draw(st.text(max_size=8).filter(lambda name: name not in known | {"id"}))
    error = refuse(decode_request, dump({**value, name: data.draw(json_values)}))
    assert error.code == Code.BAD_REQUEST
    assert error.re == value.get("id")


@given(request_objects(), st.data())
def test_a_missing_member_is_refused(value: dict[str, Any], data: st.DataObject) -> None:
    """bad_request, with the id as re unless the id is what is missing."""
    missing = data.draw(st.sampled_from(REQUIRED[value["type"]]))
    del value[missing]
    error = refuse(decode_request, dump(value))
    assert error.code == Code.BAD_REQUEST
    assert error.re == value.get("id")


WRONG: list[object] = [None, True, 1.5, -1, "x", [], {}, 10**400, LARGEST_ID + 1]


@given(request_objects(), st.data())
def test_a_wrong_json_type_is_refused(value: dict[str, Any], data: st.DataObject) -> None:
    """bad_request: no string passes for a number, nor a number, a list or null for a string."""
    name = data.draw(st.sampled_from(REQUIRED[value["type"]]))
    is_text = isinstance(value[name], str)
    wrong = data.draw(st.sampled_from([w for w in WRONG if isinstance(w, str) is not is_text]))
    if name == "version" and type(wrong) is int:
        return  # a version that is not spoken here is another error
    error = refuse(decode_request, dump({**value, name: wrong}))
    assert error.code == Code.BAD_REQUEST
    assert error.re == (None if name == "id" else value.get("id"))


@pytest.mark.parametrize("identity", [0, -1, 1.0, "1", True, None, [1], LARGEST_ID + 1, 10**400])
def test_an_id_is_a_positive_integer(identity: object) -> None:
    """An id that is none cannot be repeated in `re`."""
    error = refuse(decode_request, dump({**SAY, "id": identity}))
    assert (error.code, error.re) == (Code.BAD_REQUEST, None)


@pytest.mark.parametrize("identity", [1, LARGEST_ID])
def test_the_smallest_and_the_largest_id_pass(identity: int) -> None:
    """1 to 2**53 - 1."""
    request = decode_request(dump({**SAY, "id": identity}))
    assert request == messages.Say(identity, "lobby", "hi")


@pytest.mark.parametrize("kind", ["topic", "notice", "TEXT", "", 1])
def test_a_client_says_text_and_actions_alone(kind: object) -> None:
    """The kinds that the server makes are not a client's to send."""
    assert refuse(decode_request, dump({**SAY, "kind": kind})).code == Code.BAD_REQUEST


@pytest.mark.parametrize(
    "value",
    [{}, {"id": 3}, {"type": "shout", "id": 3}, {"type": "", "id": 3}, {"type": "SAY", "id": 3},
     {"type": None, "id": 3}, {"type": 5, "id": 3}, {"type": ["say"], "id": 3}],
)  # fmt: skip
def test_an_unknown_or_missing_type_is_a_bad_request(value: dict[str, Any]) -> None:
    """It is an object, so the connection lives on, and its id is answered."""
    error = refuse(decode_request, dump(value))
    assert (error.code, error.re) == (Code.BAD_REQUEST, value.get("id"))
    assert not error.fatal


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


@pytest.mark.parametrize("kind", ["welcome", "ok", "message", "page", "error", "goodbye", "direct"])
def test_what_only_the_server_says_is_no_request(kind: str) -> None:
    """A client cannot speak for the server."""
    assert refuse(decode_request, dump({"type": kind, "id": 4})).code == Code.BAD_REQUEST


FREEZE = {"type": "freeze", "id": 5}
MUTE = {"type": "mute", "id": 5, "who": "ada"}
SLOW = {"type": "slow", "id": 5, "room": "lobby"}


@pytest.mark.parametrize(
    "speakers", ["ada", {}, ["ada", 1], [["ada"]], [None], ["a"] * 101, {"0": "ada"}]
)
def test_the_one_list_of_a_request_holds_strings(speakers: object) -> None:
    """Up to 100 of them, and nothing that nests."""
    error = refuse(decode_request, dump({**FREEZE, "speakers": speakers}))
    assert (error.code, error.re) == (Code.BAD_REQUEST, 5)


def test_a_freeze_may_let_a_hundred_speak_on() -> None:
    """Or nobody, which is another thing than not saying."""
    nicks = tuple(f"n{number}" for number in range(100))
    assert decode_request(dump({**FREEZE, "speakers": nicks})) == messages.Freeze(
        5, None, None, nicks
    )
    assert decode_request(dump({**FREEZE, "speakers": []})) == messages.Freeze(5, speakers=())


@pytest.mark.parametrize("seconds", [0, -1, 1_000_000_001, "60", True, [60]])
def test_a_duration_is_some_time(seconds: object) -> None:
    """More than nothing, and at most 10^9 seconds."""
    error = refuse(decode_request, dump({**MUTE, "seconds": seconds}))
    assert (error.code, error.re) == (Code.BAD_REQUEST, 5)


@pytest.mark.parametrize("seconds", [0, 0.5, 60, 86_400])
def test_a_pause_may_be_none(seconds: float) -> None:
    """0 ends slow mode."""
    assert decode_request(dump({**SLOW, "seconds": seconds})) == messages.Slow(5, "lobby", seconds)
    assert refuse(decode_request, dump({**SLOW, "seconds": -1})).code == Code.BAD_REQUEST
    assert refuse(decode_request, dump({**SLOW, "seconds": 86_401})).code == Code.BAD_REQUEST


def test_a_welcome_of_before_there_were_roles_is_one() -> None:
    """A server may be older than its client."""
    welcome = {"type": "welcome", "version": 1, "server": "x", "session": "y", "nick": "ada"}
    decoded = decode_server_message(dump({**welcome, "limits": {}, "motd": ""}))
    assert isinstance(decoded, messages.Welcome)
    assert not decoded.role


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


# -- server messages ------------------------------------------------------------------------------


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
        "type": "message", "room": "a", "seq": 1, "time": 1.5, "from": "ada", "kind": "text",
        "text": "hi",
    }  # fmt: skip


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
