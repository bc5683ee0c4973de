"""The works that the servers get."""

import contextlib
from dataclasses import dataclass

from benchmarks.compare.figures import Figures
from benchmarks.compare.generator import Generator, Result
from benchmarks.compare.rivals import Rival

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
