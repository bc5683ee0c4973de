"""What one worker, or all of them together, counted in a stretch of time."""

from typing import Literal

from msgspec import Struct, field

from chat_client.load.model.histogram import Histogram

Phase = Literal["ramp", "warm-up", "measure", "drain"]
"""Of a run: clients connect; load that is not measured; load that is; the last replies come."""

UNANSWERED = "unanswered"
"""The error code of a text that had no reply in time."""


class Tick(Struct, tag=True):
    """What happened since the last tick. A tick lies within one phase.

    Attributes:
        phase: the phase.
        start: the first moment of the tick, in µs of the monotonic clock.
        stop: its last moment, in µs of the monotonic clock.
        up: clients that are in their room at its end.
        cpu: seconds of processor time that the worker used.
        sent: texts that were said.
        missed: texts that were due while no talker was connected. They are said later.
        confirmed: texts that the server confirmed as stored.
        deliveries: messages that members received.
        bytes_in: bytes received.
        bytes_out: bytes sent.
        errors: how many errors there were, by code.
        connect: time from the first packet until the connection stands.
        welcome: time from then to the `welcome`.
        ok: time from when a text was due to its `ok`.
        delivery: time from when a text was due until a member received it, for each member.
        lag: time from when a text was due until it was said: the generator's own lateness.
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
        """Add the counts of another tick. `phase`, `start`, `stop` and `up` stay."""
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
