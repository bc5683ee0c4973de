"""The works that the servers get."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.compare.figures import Figures
from benchmarks.compare.generator import Generator, Result
from benchmarks.compare.rivals import CHAT, Rival
from benchmarks.compare.rooms.generator import Rooms, measure, missing

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
        servers: the servers that get it.
    """

    title: str
    members: int
    talkers: int = 0
    window: int = 0
    rate: int = 0
    times: int = 1
    servers: Sequence[str] = tuple(CHAT)


@dataclass(frozen=True)
class RoomsWork:
    """A work of small rooms, or of coming in. The generator in C does it.

    Attributes:
        title: its name in the tables.
        rooms: the rooms, and how they talk.
        times: as in `Work`.
        servers: the servers that get it.
    """

    title: str
    rooms: Rooms
    times: int = 1
    servers: Sequence[str] = ("ours", "bare", "redis", "nats")

    @property
    def window(self) -> int:
        """How many texts that not all of its room have each talker keeps, or 0."""
        return self.rooms.window

    @property
    def rate(self) -> int:
        """How many texts are due each second, or 0."""
        return self.rooms.rate


STORING = ("ours", "bare", "redis", "streams", "nats")
"""The servers that get the works that Redis Streams can do."""

WORKS: dict[str, Work | RoomsWork] = {
    "fan100": Work("4 talk to 100", 100, talkers=4, window=256, times=0),
    "fan1000": Work("4 talk to 1,000", 1000, talkers=4, window=256),
    "fan8000": Work("4 talk to 8,000", 8000, talkers=4, window=64, times=0),
    "all-talk": Work("500 talk to all", 1, talkers=500, window=4),
    "idle": Work("8,000 idle", 8000, times=0, servers=(*CHAT, "bare")),
    "paced500": Work("100 messages/s to 500", 500, talkers=4, rate=100, times=3),
    "paced1000": Work("400 messages/s to 1,000", 1000, talkers=4, rate=400),
    "pair": RoomsWork("1 room of 2", Rooms(1, 2, talkers=2, window=256)),
    "ten": RoomsWork("1 room of 10", Rooms(1, 10, talkers=10, window=64)),
    "rooms10": RoomsWork("100 rooms of 10, 2 talk", Rooms(100, 10, talkers=2, window=16)),
    "pairs": RoomsWork("500 rooms of 2", Rooms(500, 2, talkers=2, window=16)),
    "one-each": RoomsWork("50 clients, 1 text each", Rooms(25, 2, 2, window=1), servers=STORING),
    "many-each": RoomsWork("50 clients, 16 each", Rooms(25, 2, 2, window=16), servers=STORING),
    "paced-rooms": RoomsWork("2,000/s, 100 rooms of 10", Rooms(100, 10, talkers=10, rate=2000)),
    "class": RoomsWork("20/s, 1 room of 30", Rooms(1, 30, talkers=30, rate=20)),
    "one-by-one": RoomsWork("1,000, one by one", Rooms(100, 10, entering=1)),
    "at-once": RoomsWork("5,000 at once", Rooms(100, 50, entering=5000)),
}
"""The works, by their names on the command line."""


def figures_of(result: Result) -> Figures:
    """Return the figures of one round."""
    return Figures(
        rounds=1,
        seconds=result.seconds,
        deliveries=result.deliveries,
        server_cpu=result.server_cpu,
        engine_cpu=result.engine_cpu,
        own_cpu=result.own_cpu,
        latencies=result.latencies,
        lateness=result.lateness,
        troubles=result.troubles,
    )


def lacking(work: str) -> str:
    """Return what a work needs and this machine has not, or ""."""
    return missing() if isinstance(WORKS[work], RoomsWork) else ""


def do(work: Work | RoomsWork, rival: Rival, warm_up: float, seconds: float) -> Figures:
    """Run a server, and give it a work once.

    Returns:
        The figures.

    Raises:
        RunFailedError: the server did not let all clients in.
        ServerFailedError: the server did not start.
        OSError: a connection could not be made.
    """
    if isinstance(work, RoomsWork):
        with rival.running() as server:
            return measure(work.rooms, server, rival.wire, warm_up, seconds)
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
