"""What goes over the operator's socket: frames like the protocol's, with Structs of their own.

A visit is one request. The answer is any number of parts, then `Done` or `RefusedPart`. Both sides
are of one version, as they are one program; a command of another is told so.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from chat_server.storage.interface import ProcessFacts
from protocol.framing import FRAME_LIMIT, encode_frame
from protocol.messages import Look
from protocol.messages.requests import Duration, Speakers

REQUEST_LIMIT = FRAME_LIMIT
"""Bytes of a request's payload: a class list fits."""

OPERATOR = "the operator"
"""Who acts, to those who are told and to the audit log. It has a space: it can be nobody's nick."""

_OVERHEAD = 256
"""What a part takes besides its rows."""


class AdminRequest(
    Struct,
    frozen=True,
    tag_field="type",
    tag=str.lower,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """The base of what the operator asks."""


class Status(AdminRequest, frozen=True):
    """How the server is."""


class Servers(AdminRequest, frozen=True):
    """Which servers share the engine that keeps the logs."""


class Clients(AdminRequest, frozen=True):
    """Who is connected; with `room`, who is in it."""

    room: str | None = None


class Rooms(AdminRequest, frozen=True):
    """Which rooms there are."""


class Top(AdminRequest, frozen=True):
    """Who costs what."""


class Kick(AdminRequest, frozen=True):
    """End the connections of a nick, an `@account`, an address or a network."""

    who: str
    reason: str | None = None


class Ban(AdminRequest, frozen=True):
    """Let a nick, an `@account`, an address or a network in no more; for `seconds`, if given.

    `address`: nor anybody from the address that this nick has.
    """

    who: str
    seconds: Duration | None = None
    reason: str | None = None
    address: bool = False


class Unban(AdminRequest, frozen=True):
    """End a ban."""

    who: str


class Mute(AdminRequest, frozen=True):
    """Let somebody listen only; for `seconds`, if given."""

    who: str
    seconds: Duration | None = None
    reason: str | None = None


class Unmute(AdminRequest, frozen=True):
    """End a mute."""

    who: str


class FreezeRooms(AdminRequest, frozen=True, tag="freeze"):
    """Let only moderators and `speakers` speak, in one room or in all."""

    room: str | None = None
    seconds: Duration | None = None
    speakers: Speakers | None = None


class Unfreeze(AdminRequest, frozen=True):
    """Let everybody speak again, in one room or in all."""

    room: str | None = None


class NewPupil(Struct, frozen=True):
    """Somebody who is to be on a class list.

    Attributes:
        line: of the file that they stand in.
        name: the person's.
        nick: the one to be reserved for them.
        hash: of the PIN, which does not leave the operator's command.
    """

    line: int
    name: str
    nick: str
    hash: str


class ClassAdd(AdminRequest, frozen=True):
    """Reserve the nicks of a class list, as accounts: all of them or none."""

    group: str
    pupils: Sequence[NewPupil]


class ClassRemove(AdminRequest, frozen=True):
    """Forget a class list, or one person on it, and the accounts that were made for them."""

    group: str
    nick: str | None = None


class Announce(AdminRequest, frozen=True):
    """Say something as a notice: in a room, or in all that somebody is in."""

    text: str
    room: str | None = None


class RemoveAccount(AdminRequest, frozen=True):
    """Make the nick of an account anybody's. Who is logged in to it stays, as a member."""

    name: str


class RemoveRoom(AdminRequest, frozen=True):
    """Forget a room in which nobody is, with all that is kept of it."""

    room: str


class NewSecret(AdminRequest, frozen=True):
    """Make another owner's secret. The one before is of no use then, on no server."""


How = Literal["suspend", "delay", "release", "cut"]
"""What is done to a connection."""


class Live(AdminRequest, frozen=True):
    """What the server does at this moment."""


class Disturb(AdminRequest, frozen=True):
    """Hold back, or cut, a connection from this machine. See `protocol.messages.Disturb`."""

    who: str
    how: How


AnyRequest = (
    Status
    | Servers
    | Clients
    | Rooms
    | Kick
    | Announce
    | RemoveAccount
    | RemoveRoom
    | Live
    | Disturb
    | NewSecret
) | (Ban | Unban | Mute | Unmute | FreezeRooms | Unfreeze | ClassAdd | ClassRemove | Top)


class Part(Struct, frozen=True, tag_field="type", tag=str.lower):
    """The base of what is answered."""


class StatusPart(Part, frozen=True, tag="status"):
    """How the server is. Times are Unix seconds, sizes bytes."""

    server: str
    process: int
    started: float
    now: float
    listening: Sequence[str]
    page: str | None  # the URL by which browsers come here
    data: str
    clients: int
    unnamed: int  # connected, and no hello yet
    behind: int  # clients that are being caught up
    rooms: int
    messages: int  # in all rooms, ever
    storing: bool  # whether what is said can be stored
    history: int  # the size of what is kept
    free: int  # on that disk
    memory: int | None
    threads: int


class ServersPart(Part, frozen=True, tag="servers"):
    """All servers on the same engine, the one that answers first."""

    rows: Sequence[ProcessFacts]


class ClientRow(Struct, frozen=True):
    """One connection. Times are seconds."""

    nick: str | None
    account: str | None
    role: str
    address: str
    connected: float
    silent: float
    rooms: Sequence[str]
    behind: bool
    waiting: int  # bytes that wait to be sent


class ClientsPart(Part, frozen=True, tag="clients"):
    """Some of the clients."""

    rows: Sequence[ClientRow]


class Cost(Struct, frozen=True):
    """What one connection has cost since it began.

    Attributes:
        number: tells connections apart, as long as they last.
        nick: who it is; None before the hello.
        account: that they are logged in to.
        address: HOST:PORT.
        host: the address without the port.
        connected: seconds for which it has lasted.
        requests: how many came, right or wrong.
        received: bytes that came.
        sent: bytes that were sent.
        queued: seconds for which it waited in the fair queues, while others were served.
        waiting: bytes that wait to be sent to it.
        lag: messages of its rooms that it has yet to get.
    """

    number: int
    nick: str | None
    account: str | None
    address: str
    host: str
    connected: float
    requests: int
    received: int
    sent: int
    queued: float
    waiting: int
    lag: int


class TopPart(Part, frozen=True, tag="top"):
    """Some of the connections."""

    rows: Sequence[Cost]


class RoomRow(Struct, frozen=True):
    """One room."""

    room: str
    members: int
    messages: int
    topic: str


class RoomsPart(Part, frozen=True, tag="rooms"):
    """Some of the rooms."""

    rows: Sequence[RoomRow]


class LivePart(Part, frozen=True, tag="live"):
    """What the server does; `own`: whose connections may be disturbed, None where nobody's may."""

    view: Look
    own: Sequence[str] | None


class SecretPart(Part, frozen=True, tag="secret"):
    """The owner's secret."""

    secret: str


class Done(Part, frozen=True):
    """That was all; `text` is a sentence about what was done."""

    text: str = ""


class RefusedPart(Part, frozen=True, tag="refused"):
    """What was asked could not be done; `text` says why."""

    text: str


AnyPart = (
    StatusPart
    | ServersPart
    | ClientsPart
    | TopPart
    | RoomsPart
    | LivePart
    | SecretPart
    | Done
    | RefusedPart
)

_encoder = msgspec.json.Encoder()
_request_decoder: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_part_decoder: msgspec.json.Decoder[AnyPart] = msgspec.json.Decoder(AnyPart)

Row = TypeVar("Row", ClientRow, RoomRow, Cost)


def encode(message: AdminRequest | Part) -> bytes:
    """Return `message` as one frame."""
    return encode_frame(_encoder.encode(message))


def decode_request(payload: bytes) -> AnyRequest:
    """Return the request in a payload.

    Raises:
        ValueError: it is none.
    """
    try:
        return _request_decoder.decode(payload)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decode_part(payload: bytes) -> AnyPart:
    """Return the part of an answer in a payload.

    Raises:
        ValueError: it is none.
    """
    return _part_decoder.decode(payload)


def fitting(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield `rows` in lists that fit a part each; a row does by itself."""
    batch: list[Row] = []
    space = FRAME_LIMIT - _OVERHEAD
    for row in rows:
        size = len(_encoder.encode(row)) + 1
        if batch and size > space:
            yield batch
            batch, space = [], FRAME_LIMIT - _OVERHEAD
        batch.append(row)
        space -= size
    if batch:
        yield batch
