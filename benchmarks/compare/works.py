"""The works that every server is given, and what is added up over their rounds."""

import contextlib
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.compare.crowd import Crowd, Result
from benchmarks.compare.rivals import Rival
from benchmarks.slow_readers import RESOLUTION, percentile

IDLE_ROOM = 100
"""How many are in each room of those who only sit there."""


@dataclass(frozen=True)
class Work:
    """A crowd, and how it talks.

    Attributes:
        title: what the tables call it.
        members: how many only read.
        talkers: how many talk, and hear what is said as well; 0 where only memory is looked at.
        window: how many texts of each may be under way, or 0.
        rate: how many texts are due each second, or 0.
        times: how many rounds of it there are for each that is asked for: more where an aim of 10 %
            hangs on what varies by 20; 0 for one in all, where none does, or it does not vary.
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
"""By the name that the command line knows."""


@dataclass
class Figures:
    """What came of a work with one server, added up over its rounds. Times are in seconds."""

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
        """Return the seconds within which `share` of the deliveries came."""
        return percentile(self.latencies, share) * RESOLUTION

    def lag(self, share: float) -> float:
        """Return the seconds within which the generator sent `share` of what was due."""
        return percentile(self.lateness, share) * RESOLUTION

    def include(self, other: "Figures", origin: str) -> None:
        """Add those of another round; say of what went wrong in it that it was in that one."""
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
    """Return one round's result as figures."""
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
    """Run a server, give it a work once, and return what came of it.

    Raises:
        RunFailedError: the server did not let everybody in.
        ServerFailedError: it did not start.
        OSError: a connection could not be made.
    """
    with (
        rival.running() as server,
        contextlib.closing(Crowd(server, rival.wire, rival.knocking)) as crowd,
    ):
        if not work.talkers:
            bytes_each = crowd.bytes_each(work.members, work.members // IDLE_ROOM)
            return Figures(rounds=1, bytes_all_rounds=bytes_each)
        crowd.fill(work.members, work.talkers)
        if work.window:
            return figures_of(crowd.saturate(work.window, warm_up, seconds))
        return figures_of(crowd.pace(work.rate, warm_up, seconds))
