"""What the parent and its workers tell each other: lines of JSON through pipes."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from chat_client.load.model.faults import Faults
from chat_client.load.model.tick import Tick
from chat_client.load.model.workload import Load

Sockaddr = tuple[str | int, ...] | str
"""Where a socket connects to: host and port (and more with IPv6), or a path."""


# -- parent to worker ---------------------------------------------------------------------------


class Plan(Struct, frozen=True, tag=True):
    """The first line: the load, and this worker's part of it.

    Attributes:
        load: of all workers.
        index: which worker this is, from 0. It drives client i if i modulo the workers is that.
        family: the address family of the server's socket.
        address: where the server is.
        password: the server's. It is no part of the load, which stands in reports.
        tls: whether TLS is spoken.
        temporary: whether rooms are joined as temporary ones, which can be removed afterwards.
    """

    load: Load
    index: int
    family: int
    address: Sockaddr
    password: str | None = None
    tls: bool = False
    temporary: bool = False


class Talk(Struct, frozen=True, tag=True):
    """All are in: begin. `at` is when, in µs of the machine's monotonic clock."""

    at: int


class Stop(Struct, frozen=True, tag=True):
    """Say nothing more, earlier than planned."""


class Finish(Struct, frozen=True, tag=True):
    """All that will be said is said. `last` is the seq of the last message of each room."""

    last: dict[str, int]


# -- worker to parent ---------------------------------------------------------------------------


class Ready(Struct, frozen=True, tag=True):
    """As many of this worker's clients are in as will be.

    Attributes:
        up: how many.
        reason: why the others are not, or "".
    """

    up: int
    reason: str


class Quiet(Struct, frozen=True, tag=True):
    """Nothing more will be said, and all that was is answered, or will not be.

    Attributes:
        last: the highest seq that this worker knows of each room.
    """

    last: dict[str, int]


class RoomEnd(Struct, frozen=True):
    """How a room ended for one worker.

    Attributes:
        confirmed: texts that the server said are stored.
        own: messages of this run in its log; None if that is not known.
        digest: of those.
    """

    confirmed: int
    own: int | None
    digest: int


class End(Struct, frozen=True, tag=True):
    """The last line: the audit.

    Attributes:
        received: messages that members got, from the first to the last.
        faults: what went wrong.
        examples: sentences about the first few.
        rooms: each room that this worker has members in.
    """

    received: int
    faults: Faults
    examples: Sequence[str]
    rooms: dict[str, RoomEnd]


Order = Plan | Talk | Stop | Finish
Report = Ready | Tick | Quiet | End

_encoder = msgspec.json.Encoder()
_order_decoder: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_report_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def write_line(message: Order | Report) -> bytes:
    """Return a message as one line."""
    return _encoder.encode(message) + b"\n"


def read_order(line: bytes) -> Order:
    """Return what the parent wrote."""
    return _order_decoder.decode(line)


def read_report(line: bytes) -> Report:
    """Return what a worker wrote."""
    return _report_decoder.decode(line)
