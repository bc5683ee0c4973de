"""Requests: what their members may be, and that everything else is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages
from protocol.errors import Code
from protocol.framing import FrameDecoder
from protocol.messages import (
    LARGEST_ID,
    AnyRequest,
    decode_request,
    encode,
)
from tests.protocol.attempts import refuse
from tests.protocol.strategies import (
    DEFAULTS,
    OPTIONAL,
    REQUEST_TYPES,
    REQUIRED,
    json_values,
    request_objects,
    requests,
)

SAY = {"type": "say", "id": 7, "room": "lobby", "text": "hi"}


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def payload_of(frame: bytes) -> bytes:
    (payload,) = FrameDecoder().feed(frame)
    return payload


def test_the_types_are_those_of_the_document() -> None:
    """Every request of the table exists, and pong."""
    assert {kind.__struct_config__.tag for kind in REQUEST_TYPES} == set(REQUIRED)


@given(requests)
def test_requests_round_trip(request: AnyRequest) -> None:
    """What is encoded decodes to the same value."""
    assert decode_request(payload_of(encode(request))) == request


@given(request_objects())
def test_a_request_means_what_its_members_say(value: dict[str, Any]) -> None:
    """Every member arrives under its own name; one that is absent has its default."""
    request = decode_request(dump(value))
    assert type(request).__struct_config__.tag == value["type"]
    for name in REQUIRED[value["type"]] + OPTIONAL.get(value["type"], ()):
        wanted = value.get(name, DEFAULTS.get(name))
        assert getattr(request, name) == (tuple(wanted) if name == "options" else wanted)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in OPTIONAL for name in OPTIONAL[kind]]
)
def test_null_is_as_good_as_nothing(kind: str, name: str) -> None:
    """Of every member that may be left out."""
    value: dict[str, Any] = {"type": kind, **dict.fromkeys(REQUIRED[kind], "x")}
    value |= {each: 1 for each in ("id", "version") if each in value}
    value |= {each: "delay" for each in ("how",) if each in value}
    value |= {each: True for each in ("up",) if each in value}
    value |= {each: ["a", "b"] for each in ("options",) if each in value}
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
    """`re` cannot repeat an invalid id."""
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
    [
        {},
        {"id": 3},
        {"type": "shout", "id": 3},
        {"type": "", "id": 3},
        {"type": "SAY", "id": 3},
        {"type": None, "id": 3},
        {"type": 5, "id": 3},
        {"type": ["say"], "id": 3},
    ],
)
def test_an_unknown_or_missing_type_is_a_bad_request(value: dict[str, Any]) -> None:
    """It is an object, so the connection lives on, and its id is answered."""
    error = refuse(decode_request, dump(value))
    assert (error.code, error.re) == (Code.BAD_REQUEST, value.get("id"))
    assert not error.fatal


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
