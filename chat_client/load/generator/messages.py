"""The messages between the parent process and its workers: lines of JSON through pipes."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from chat_client.load.model.faults import Faults
from chat_client.load.model.tick import Tick
from chat_client.load.model.workload import Load

Sockaddr = tuple[str | int, ...] | str
"""What a socket connects to: host and port (and two more with IPv6), or a path."""


# -- parent to worker ---------------------------------------------------------------------------


class Server(Struct, frozen=True):
    """A server of the run.

    Attributes:
        family: the address family of its socket.
        address: its address.
        tls: whether the clients speak TLS with it.
    """

    family: int
    address: Sockaddr
    tls: bool = False


class Plan(Struct, frozen=True, tag=True):
    """The first order: the load, and this worker's share of it.

    Attributes:
        load: the load of all workers.
        index: the number of this worker, from 0. It drives client i if i modulo the number of
            workers is `index`.
        servers: the servers, over which the clients are spread in turn.
        password: the server's password. It is not in `load`, because reports contain that.
        temporary: whether the clients join rooms as temporary ones, which can be removed.
    """

    load: Load
    index: int
    servers: tuple[Server, ...]
    password: str | None = None
    temporary: bool = False


class Begin(Struct, frozen=True, tag=True):
    """All clients are in: begin to talk at `at`, in µs of the machine's monotonic clock."""

    at: int


class Stop(Struct, frozen=True, tag=True):
    """Stop talking, earlier than planned."""


class Finish(Struct, frozen=True, tag=True):
    """Nobody talks any more: audit. `last` is the seq of the last message of each room."""

    last: dict[str, int]


# -- worker to parent ---------------------------------------------------------------------------


class Ready(Struct, frozen=True, tag=True):
    """The ramp is over.

    Attributes:
        up: how many of this worker's clients are in.
        reason: why the others are not, or "".
    """

    up: int
    reason: str


class Drained(Struct, frozen=True, tag=True):
    """This worker talks no more, and every text is answered or its time is over.

    Attributes:
        last: the highest seq that this worker knows of each room.
    """

    last: dict[str, int]


class RoomAudit(Struct, frozen=True):
    """What one worker saw of a room.

    Attributes:
        confirmed: texts that the server confirmed as stored.
        own: messages of this run in the worker's log; None if the log is not complete.
        digest: a checksum of those messages in their order.
    """

    confirmed: int
    own: int | None
    digest: int


class Audit(Struct, frozen=True, tag=True):
    """The last report: what the audit found.

    Attributes:
        received: deliveries to this worker's clients over the whole run.
        faults: what went wrong with deliveries.
        examples: sentences about the first few faults.
        rooms: what the worker saw of each room that its clients are in.
    """

    received: int
    faults: Faults
    examples: Sequence[str]
    rooms: dict[str, RoomAudit]


Order = Plan | Begin | Stop | Finish
Report = Ready | Tick | Drained | Audit

_encoder = msgspec.json.Encoder()
_order_decoder: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_report_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def write_line(message: Order | Report) -> bytes:
    """Return a message as one line."""
    return _encoder.encode(message) + b"\n"


def read_order(line: bytes) -> Order:
    """Return the order in a line of the parent."""
    return _order_decoder.decode(line)


def read_report(line: bytes) -> Report:
    """Return the report in a line of a worker."""

    return _report_decoder.decode(line)
