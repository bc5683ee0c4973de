"""The sum of the figures of a work's rounds with one server."""

from collections import Counter
from dataclasses import dataclass, field

from benchmarks.slow_readers import RESOLUTION, percentile


@dataclass
class Figures:
    """The figures of a work with one server, added up over its rounds. Times are in seconds.

    Attributes:
        rounds: how many there were.
        seconds: the measured time.
        deliveries: the texts that clients received in it, or that the server acknowledged where it
            only stores.
        messages: the texts that it took in, as far as they were delivered.
        server_cpu: its processor time.
        engine_cpu: that of its log engine, if it is another process.
        own_cpu: that of the generator.
        bytes_all_rounds: its memory for each connection, the sum of all rounds.
        clients: how many came in, and were timed.
        entering: the time until all were in, the sum of all rounds.
        entering_cpu: the server's processor time for that.
        gap: the longest time without a delivery.
        latencies: how often each latency occurred, in units of RESOLUTION.
        lateness: how often the generator was how late with a text, in the same units.
        troubles: what the server did wrong.
    """

    rounds: int = 0
    seconds: float = 0.0
    deliveries: int = 0
    messages: float = 0.0
    server_cpu: float = 0.0
    engine_cpu: float = 0.0
    own_cpu: float = 0.0
    bytes_all_rounds: float = 0.0
    clients: int = 0
    entering: float = 0.0
    entering_cpu: float = 0.0
    gap: float = 0.0
    latencies: Counter[int] = field(default_factory=Counter)
    lateness: Counter[int] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.deliveries / self.seconds if self.seconds else 0.0

    @property
    def per_cpu_second(self) -> float:
        """Deliveries for each second of the server's processor time."""
        return self.deliveries / self.server_cpu if self.server_cpu else 0.0

    @property
    def cpu_each(self) -> float:
        """Seconds of the server's processor time for each delivery."""
        return self.server_cpu / self.deliveries if self.deliveries else 0.0

    @property
    def taken_in(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds if self.seconds else 0.0

    @property
    def taken_in_per_cpu_second(self) -> float:
        """Messages for each second of the server's processor time."""
        return self.messages / self.server_cpu if self.server_cpu else 0.0

    @property
    def entering_each_round(self) -> float:
        """Seconds until all clients were in."""
        return self.entering / self.rounds if self.rounds else 0.0

    @property
    def entering_cpu_each(self) -> float:
        """Seconds of the server's processor time for each client that came in."""
        return self.entering_cpu / self.clients if self.clients else 0.0

    @property
    def bytes_each(self) -> float:
        """The server's memory for each connection."""
        return self.bytes_all_rounds / self.rounds if self.rounds else 0.0

    def latency(self, share: float) -> float:
        """Return the seconds that `share` (0 to 1) of the latencies do not exceed."""
        return percentile(self.latencies, share) * RESOLUTION

    def lag(self, share: float) -> float:
        """Return the seconds that `share` (0 to 1) of the generator's delays do not exceed."""
        return percentile(self.lateness, share) * RESOLUTION

    def include(self, other: "Figures", origin: str) -> None:
        """Add the figures of another round.

        Args:
            other: its figures.
            origin: which round it is, for its troubles.
        """
        self.rounds += other.rounds
        self.seconds += other.seconds
        self.deliveries += other.deliveries
        self.messages += other.messages
        self.server_cpu += other.server_cpu
        self.engine_cpu += other.engine_cpu
        self.own_cpu += other.own_cpu
        self.bytes_all_rounds += other.bytes_all_rounds
        self.clients += other.clients
        self.entering += other.entering
        self.entering_cpu += other.entering_cpu
        self.gap = max(self.gap, other.gap)
        self.latencies += other.latencies
        self.lateness += other.lateness
        self.troubles += [f"{trouble} ({origin})" for trouble in other.troubles]
