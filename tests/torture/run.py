"""The conductor: a run from its first connection to the observations of it."""

import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from chat_server.rooms.people.nicks import HOLD_SECONDS
from tests.support.peer import ConnectionEnded
from tests.support.redis_server import RedisServer
from tests.support.waiting import DEADLINE, Deadline
from tests.torture import logfile
from tests.torture.caretaker import Caretaker
from tests.torture.client import Client
from tests.torture.cluster.redis_executioner import RedisExecutioner, lose_writes
from tests.torture.cluster.redis_logs import RedisLogs
from tests.torture.executioner import Executioner
from tests.torture.gateway import Gateway
from tests.torture.irc_client import IrcClient
from tests.torture.journal import Journal
from tests.torture.person import Person
from tests.torture.player import Player
from tests.torture.records import Entry, Kept, Observations
from tests.torture.server import Server
from tests.torture.stored import Database, Observer
from tests.torture.tally import Tally
from tests.torture.websocket_wire import WebSocketWire
from tests.torture.wire import Wire

SETTLE_PATIENCE = 90.0
"""Seconds that everybody has to come to rest, when all faults have ceased."""

READ_PATIENCE = 120.0
"""Seconds that everybody then has to read to the end."""

SAID_LIMIT = 300_000
"""After so many messages a run ends, however long it was to be: it keeps all of them in memory."""

PROGRESS = 10.0
"""Seconds between two lines about how it goes."""


@dataclass(frozen=True)
class Plan:
    """What is to be done. All that is random comes from `seed`."""

    seed: str
    seconds: float
    clients: int
    rooms: int
    websocket: bool = False
    irc: bool = False
    workers: int = 1
    keep: int | None = None
    redis: bool = False
    lose_writes: bool = False

    def wire_of(self, number: int) -> str:
        """Return what a client speaks, whose number is from 1.

        A third of them speak WebSocket, and a sixth IRC, where that is asked for.
        """
        if self.websocket and number % 3 == 0:
            return "websocket"
        return "irc" if self.irc and number % 6 == 1 else "native"


class Run:
    """One run.

    Attributes:
        tally: what was done.
        interrupted: set from outside to end the first part before its time.
    """

    def __init__(self, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
        self.tally = Tally()
        self.interrupted = threading.Event()
        self._plan = plan
        self._say = say
        self._rooms = [f"room-{number}" for number in range(1, plan.rooms + 1)]
        self._folder = folder
        names = ("one", "two") if plan.redis else ("",)
        self._servers = [Server(folder / name, plan.workers, plan.keep) for name in names]
        self._server = self._servers[0]
        self._redis: RedisServer | None = None
        self._journal = Journal()
        self._gateways: list[Gateway] = []
        self._clients: list[Player] = []
        self._executioners = [
            Executioner(
                server,
                self.tally,
                random.Random(f"{plan.seed}/executioner{name}"),
                pauses=plan.redis,
            )
            for server, name in zip(self._servers, names, strict=True)
        ]
        self._caretaker = Caretaker(
            self._server,
            folder,
            self._journal,
            self.tally,
            random.Random(f"{plan.seed}/caretaker"),
        )
        self._mishaps: list[str] = []

    def execute(self) -> Observations:
        """Do all of it. Leaves no thread and no process, however it ends."""
        with ExitStack() as open_ends:
            if self._plan.redis:
                self._redis = open_ends.enter_context(RedisServer(self._folder / "redis"))
            for server in self._servers:
                server.engine = self._redis.url if self._redis else ""
                open_ends.enter_context(server).start()
            for number in range(1, self._plan.clients + 1):
                self._add_client(number, open_ends)
            open_ends.callback(self._abort)
            self._play()
            if not self._gave_up:
                self._settle()
                return self._observe()
        self._mishaps.append("the run was given up")
        return self._observations({}, {}, {})

    def _add_client(self, number: int, open_ends: ExitStack) -> None:
        seed = f"{self._plan.seed}/client-{number:02}"
        source = random.Random(seed)
        gateway = Gateway(seed, [server.address for server in self._servers], self.tally)
        open_ends.enter_context(gateway)
        rooms = source.sample(self._rooms, source.randint(1, len(self._rooms)))
        client = self._client(number, rooms, gateway, source)
        open_ends.callback(client.close)
        self._gateways.append(gateway)
        self._clients.append(client)

    def _client(
        self, number: int, rooms: list[str], gateway: Gateway, source: random.Random
    ) -> Player:
        spoken = self._plan.wire_of(number)
        if spoken == "irc":
            return IrcClient(f"irc-{number:02}", rooms, gateway, self._journal, self.tally, source)
        make_wire: Callable[[socket.socket], Wire] = Wire
        if spoken == "websocket":
            make_wire = partial(WebSocketWire, server=self._server.address)
        person = Person(f"client-{number:02}", rooms, source)
        return Client(person, gateway, self._journal, self.tally, source, make_wire)

    # -- the first part

    def _play(self) -> None:
        for client in self._clients:
            client.start()
        with ExitStack() as open_ends:
            for worker in self._troublemakers():
                worker.start()
                open_ends.callback(worker.stop)
            self._watch(Deadline(self._plan.seconds))
        if self._plan.lose_writes:
            self._say("a failover loses what Redis had confirmed")
            assert self._redis is not None
            lose_writes(self._redis, self._folder / "replica", self.interrupted, self._say)

    def _troublemakers(self) -> "list[Executioner | Caretaker | RedisExecutioner]":
        if self._redis is None:
            return [*self._executioners, self._caretaker]
        if self._plan.lose_writes:  # nothing else is to be found
            return []
        source = random.Random(f"{self._plan.seed}/redis")
        return [*self._executioners, RedisExecutioner(self._redis, self.tally, source)]

    @property
    def _gave_up(self) -> bool:
        """Whether a server does not start any more."""
        return any(each.gave_up.is_set() for each in self._executioners)

    def _watch(self, deadline: Deadline) -> None:
        begin = time.monotonic()
        while deadline.left and not self._gave_up:
            if self.interrupted.wait(min(PROGRESS, deadline.left)):
                self._say("interrupted: everybody is to settle, and it is all checked")
                return
            if self._journal.said_count >= SAID_LIMIT:
                self._say(f"{SAID_LIMIT} messages are enough")
                return
            self._say(self._progress(time.monotonic() - begin))

    def _progress(self, seconds: float) -> str:
        kills = self.tally["kills"] + self.tally["kills early"]
        cuts = sum(self.tally.starting_with("cut ").values())
        return (
            f"{seconds:5.0f} s: {kills} kills, {cuts} cuts, {self.tally['connections']} "
            f"connections, {self._journal.said_count} said, {self.deliveries} deliveries"
        )

    @property
    def logs(self) -> list[Path]:
        """What the servers have logged."""
        return [server.log for server in self._servers]

    @property
    def deliveries(self) -> int:
        """How many messages came in at the clients so far."""
        return sum(client.deliveries for client in self._clients)

    # -- the second part

    def _settle(self) -> None:
        for gateway in self._gateways:
            gateway.cease()
        self._say("all faults have ceased")
        deadline = Deadline(SETTLE_PATIENCE + (HOLD_SECONDS if self._plan.redis else 0))
        for client in self._clients:
            client.settle()
        for client in self._clients:
            if not client.settled.wait(deadline.left):
                open_ones = ", ".join(client.open_ends[:5])
                self._mishaps.append(
                    f"{client.name} did not settle within {SETTLE_PATIENCE:g} s; no answer to: "
                    f"{open_ones}"
                )

    # -- the third part

    def _observe(self) -> Observations:
        served = self._ask_server()
        self._abort()
        for server, executioner in zip(self._servers, self._executioners, strict=True):
            executioner.stops.append(server.stop(signal.SIGINT))
        if self._redis is not None:
            kept, last_seqs = RedisLogs(self._redis).read(self._journal)
        else:
            database = Database(self._server.data)
            self._mishaps += database.faults()
            kept, last_seqs = database.read(self._journal)
        return self._observations(
            {
                room: kept.get(room, []) for room in self._rooms
            },  # the caretaker looked at the others
            {room: last_seqs.get(room, 0) for room in self._rooms},
            served,
        )

    def _ask_server(self) -> dict[str, list[Entry]]:
        """Let everybody read to the end, and read all of it ourselves."""
        try:
            with Observer(self._server.address, self._rooms) as observer:
                self._let_everybody_finish(observer.ends)
                return {room: observer.read(room, self._journal) for room in self._rooms}
        except (OSError, ConnectionEnded, AssertionError) as error:
            self._mishaps.append(f"the log could not be read from the server: {error!r}")
            return {}

    def _let_everybody_finish(self, ends: dict[str, int]) -> None:
        deadline = Deadline(READ_PATIENCE)
        for client in self._clients:
            client.finish(ends)
        for client in self._clients:
            if not client.join(deadline.left) or not client.finished:
                self._mishaps.append(f"{client.name} did not read to the end and say bye")

    # -- the end

    def _abort(self) -> None:
        for client in self._clients:
            client.abort()
        for client in self._clients:
            if not client.join(DEADLINE * 2):
                self._mishaps.append(f"the thread of {client.name} does not end")

    def _observations(
        self,
        kept: dict[str, list[Kept]],
        last_seqs: dict[str, int],
        served: dict[str, list[Entry]],
    ) -> Observations:
        journal = self._journal
        return Observations(
            entries=journal.entries,
            said=journal.said,
            dialogues=journal.dialogues,
            stretches=journal.stretches,
            strays=journal.strays,
            utterances=journal.utterances,
            sightings=journal.sightings,
            reached={
                (client.name, room): place.seq or 0
                for client in self._clients
                if isinstance(client, IrcClient)
                for room, place in client.places.items()
            },
            readers={
                client.name: client.rooms for client in self._clients if isinstance(client, Client)
            },
            kept=kept,
            last_seqs=last_seqs,
            served=served,
            stops=[stop for each in self._executioners for stop in each.stops],
            backups=self._caretaker.backups,
            keep=self._plan.keep,
            mishaps=[
                *(mishap for each in self._executioners for mishap in each.mishaps),
                *self._caretaker.mishaps,
                *self._mishaps,
                *(
                    f"{client.name} over IRC: {broken}"
                    for client in self._clients
                    if isinstance(client, IrcClient)
                    for broken in client.broken
                ),
                *(found for server in self._servers for found in logfile.tracebacks(server.log)),
            ],
        )
