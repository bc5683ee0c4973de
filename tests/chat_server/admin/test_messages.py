"""What goes over the operator's socket."""

from itertools import pairwise

import pytest

from chat_server.admin.messages import (
    REQUEST_LIMIT,
    Announce,
    AnyRequest,
    ClientRow,
    Clients,
    ClientsPart,
    Kick,
    RemoveAccount,
    RemoveRoom,
    Rooms,
    Servers,
    Status,
    decode_part,
    decode_request,
    encode,
    fitting,
)
from protocol.framing import FRAME_LIMIT, FrameDecoder
from protocol.text import TEXT_LIMIT

REQUESTS: list[AnyRequest] = [
    Status(),
    Clients(),
    Clients("lobby"),
    Rooms(),
    Servers(),
    Kick("bob", "Enough."),
    Announce("tea", "lobby"),
    Announce("\U0001f375" * TEXT_LIMIT),
    RemoveAccount("ada"),
    RemoveRoom("shed"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=[type(each).__name__ for each in REQUESTS])
def test_a_request_is_understood(request_: AnyRequest) -> None:
    """As it was asked; the longest, too, is short enough."""
    (payload,) = FrameDecoder().feed(encode(request_))
    assert len(payload) <= REQUEST_LIMIT
    assert decode_request(payload) == request_


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"type":"weather"}',
        b'{"type":"kick"}',
        b'{"type":"status","more":1}',
        b'{"type":"kick","who":' + b"[" * 10_000,
    ],
)
def test_what_is_no_request(payload: bytes) -> None:
    """Of another version, or of no command at all."""
    with pytest.raises(ValueError):  # noqa: PT011
        decode_request(payload)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_rows_fit_their_parts(count: int) -> None:
    """However many they are, in their order, and in no more parts than it takes."""
    rows = [
        ClientRow(f"n{n}", None, "member", "10.0.0.7:5", 1.0, 0.0, ["lobby"] * (n % 200), False, 0)
        for n in range(count)
    ]
    parts = list(fitting(rows))
    assert [row for part in parts for row in part] == rows
    frames = [encode(ClientsPart(part)) for part in parts]
    assert all(len(frame) <= FRAME_LIMIT for frame in frames)
    assert all(len(one) + len(two) > FRAME_LIMIT for one, two in pairwise(frames))
    for frame, part in zip(frames, parts, strict=True):
        assert decode_part(frame[4:]) == ClientsPart(part)
