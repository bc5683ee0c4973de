"""The works that every server gets, and the sum of the figures of their rounds."""

import contextlib
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.compare.generator import Generator, Result
from benchmarks.compare.rivals import Rival
from benchmarks.slow_readers import RESOLUTION, percentile

IDLE_ROOM = 100
"""How many idle clients are in each room."""


@dataclass(frozen=True)
class Work:
    """A number of clients, and how they talk.

    Attributes:
        title: its name in the tables.
        members: how many clients only read.
        talkers: how many clients talk, and read as well; 0 if only the memory is measured.
        window: how many texts that not all members have each talker keeps, or 0.
        rate: how many texts are due each second, or 0.
        times: how many rounds there are for each one that is asked for: more if an aim of 10 %
            depends on a figure that varies by 20 %; 0 for a single round in all.
    """

    title: str
    members: int
    talkers: int = 0
    window: int = 0
    rate: int = 0
    times: int = 1


WORKS = {
    "fan100": Work("4 talk to 100", 100, talkers=4, window=256, times=0),
    "fan1000": Work("4 talk to 1,000", 1000, talkers=4, window=256),
    "fan8000": Work("4 talk to 8,000", 8000, talkers=4, window=64, times=0),
    "all-talk": Work("500 talk to all", 1, talkers=500, window=4),
    "idle": Work("8,000 idle", 8000, times=0),
    "paced500": Work("100 messages/s to 500", 500, talkers=4, rate=100, times=3),
    "paced1000": Work("400 messages/s to 1,000", 1000, talkers=4, rate=400),
}
"""The works, by their names on the command line."""


@dataclass
class Figures:
    """The figures of a work with one server, added up over its rounds. Times are in seconds."""

    rounds: int = 0
    seconds: float = 0.0
    deliveries: int = 0
    server_cpu: float = 0.0
    own_cpu: float = 0.0
    bytes_all_rounds: float = 0.0
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
        self.server_cpu += other.server_cpu
        self.own_cpu += other.own_cpu
        self.bytes_all_rounds += other.bytes_all_rounds
        self.latencies += other.latencies
        self.lateness += other.lateness
        self.troubles += [f"{trouble} ({origin})" for trouble in other.troubles]


def figures_of(result: Result) -> Figures:
    """Return the figures of one round."""
    return Figures(
        rounds=1,
        seconds=result.seconds,
        deliveries=result.deliveries,
        server_cpu=result.server_cpu,
        own_cpu=result.own_cpu,
        latencies=result.latencies,
        lateness=result.lateness,
        troubles=result.troubles,
    )


def do(work: Work, rival: Rival, warm_up: float, seconds: float) -> Figures:
    """Run a server, and give it a work once.

    Returns:
        The figures.

    Raises:
        RunFailedError: the server did not let all clients in.
        ServerFailedError: the server did not start.
        OSError: a connection could not be made.
    """

    with (
        rival.running() as server,
        contextlib.closing(Generator(server, rival.wire, rival.connecting)) as generator,
    ):
        if not work.talkers:
            bytes_each = generator.bytes_each(work.members, work.members // IDLE_ROOM)
            return Figures(rounds=1, bytes_all_rounds=bytes_each)
        generator.fill(work.members, work.talkers)
        if work.window:
            return figures_of(generator.saturate(work.window, warm_up, seconds))
        return figures_of(generator.pace(work.rate, warm_up, seconds))
