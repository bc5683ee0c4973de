"""What the parent and its workers tell each other: lines of JSON through pipes."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct, field

from chat_client.load.model.faults import Faults
from chat_client.load.model.histogram import Histogram

Phase = Literal["ramp", "warm-up", "measure", "drain"]


UNANSWERED = "unanswered"
"""The code under which texts are counted as errors that had no reply in time."""

Sockaddr = tuple[str | int, ...] | str
"""Where a socket connects to: host and port (and more with IPv6), or a path."""


class Load(Struct, frozen=True, kw_only=True):
    """What is asked of the server: the load model.

    Attributes:
        clients: how many there are, in all processes.
        rooms: how many rooms they share; client i is in room i modulo this.
        rate: messages a second in all, due by the clock (open loop); None for as fast as it goes
            (closed loop, `--burst`).
        ramp: seconds over which the clients come.
        warm_up: seconds of load that are not counted.
        duration: seconds of load that are.
        shortest: the shortest text, in bytes.
        longest: the longest text.
        talkers: percent of the clients that talk; the others only read.
        churn: how many clients a second lose their connection and come back.
        slow: percent of the clients that stop reading from time to time.
        patience: seconds that the last replies, and then the last messages, may take to come.
        processes: how many workers there are.
        seed: of all that is left to chance.
        nick_prefix: what the nicks and rooms begin with.
    """

    clients: int = 100
    rooms: int = 1
    rate: float | None = 100.0
    ramp: float = 0.0
    warm_up: float = 2.0
    duration: float = 10.0
    shortest: int = 64
    longest: int = 64
    talkers: float = 10.0
    churn: float = 0.0
    slow: float = 0.0
    patience: float = 10.0
    processes: int = 1
    seed: int = 1
    nick_prefix: str = "load"

    @property
    def talking(self) -> int:
        """How many clients talk: the first ones, so that they spread over rooms and processes."""
        return max(1, round(self.clients * self.talkers / 100))

    @property
    def slow_ones(self) -> int:
        """How many clients are slow: the last ones."""
        return round(self.clients * self.slow / 100)

    def room_names(self) -> list[str]:
        """Return the names of the rooms."""
        return [f"{self.nick_prefix}-{number}" for number in range(self.rooms)]

    def members(self, room: int) -> int:
        """Return how many clients are in a room (from 0)."""
        return len(range(room, self.clients, self.rooms))


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


class Tick(Struct, tag=True):
    """What happened since the last tick, all within one phase.

    Attributes:
        phase: which.
        start: in µs of the monotonic clock.
        stop: in µs of the monotonic clock.
        up: how many clients are in now.
        cpu: seconds of processor time that the worker used.
        sent: texts that were said.
        missed: texts that were due while no talker was connected; they are said when one is.
        confirmed: replies to texts that say that they are stored.
        deliveries: messages that members received.
        bytes_in: received.
        bytes_out: sent.
        errors: how many, by code.
        connect: from the first packet until the connection stands.
        welcome: from there to the `welcome`.
        ok: from when a text was due to its `ok`.
        delivery: from when a text was due until a member received it.
        lag: from when a text was due until it was said: the generator's own lateness.
    """

    phase: Phase
    start: int
    stop: int = 0
    up: int = 0
    cpu: float = 0.0
    sent: int = 0
    missed: int = 0
    confirmed: int = 0
    deliveries: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    connect: Histogram = field(default_factory=Histogram)
    welcome: Histogram = field(default_factory=Histogram)
    ok: Histogram = field(default_factory=Histogram)
    delivery: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)

    def count_error(self, code: str, times: int = 1) -> None:
        """Count an error, `times` times."""
        self.errors[code] = self.errors.get(code, 0) + times

    def add(self, other: "Tick") -> None:
        """Add the counts of another tick; phase, times and `up` stay."""
        self.cpu += other.cpu
        self.sent += other.sent
        self.missed += other.missed
        self.confirmed += other.confirmed
        self.deliveries += other.deliveries
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        for code, times in other.errors.items():
            self.count_error(code, times)
        self.connect.merge(other.connect)
        self.welcome.merge(other.welcome)
        self.ok.merge(other.ok)
        self.delivery.merge(other.delivery)
        self.lag.merge(other.lag)


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
