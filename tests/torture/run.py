"""The conductor: a run from its first connection to the observations of it."""

import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.support.peer import ConnectionEnded
from tests.support.waiting import DEADLINE, Deadline
from tests.torture import logfile
from tests.torture.client import Client
from tests.torture.executioner import Executioner
from tests.torture.gateway import Gateway
from tests.torture.journal import Journal
from tests.torture.person import Person
from tests.torture.records import Entry, Kept, Observations
from tests.torture.server import Server
from tests.torture.stored import Database, Observer
from tests.torture.tally import Tally

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
        self._server = Server(folder)
        self._journal = Journal()
        self._gateways: list[Gateway] = []
        self._clients: list[Client] = []
        self._executioner = Executioner(
            self._server, self.tally, random.Random(f"{plan.seed}/executioner")
        )
        self._mishaps: list[str] = []

    def execute(self) -> Observations:
        """Do all of it. Leaves no thread and no process, however it ends."""
        with self._server, ExitStack() as open_ends:
            self._server.start()
            for number in range(1, self._plan.clients + 1):
                self._add_client(number, open_ends)
            open_ends.callback(self._abort)
            self._play()
            if not self._executioner.gave_up.is_set():
                self._settle()
                return self._observe()
        self._mishaps.append("the run was given up")
        return self._observations({}, {}, {})

    def _add_client(self, number: int, open_ends: ExitStack) -> None:
        seed = f"{self._plan.seed}/client-{number:02}"
        source = random.Random(seed)
        gateway = Gateway(seed, self._server.address, self.tally)
        open_ends.enter_context(gateway)
        rooms = source.sample(self._rooms, source.randint(1, len(self._rooms)))
        person = Person(f"client-{number:02}", rooms, source)
        client = Client(person, gateway, self._journal, self.tally, source)
        open_ends.callback(client.close)
        self._gateways.append(gateway)
        self._clients.append(client)

    # -- the first part

    def _play(self) -> None:
        for client in self._clients:
            client.start()
        self._executioner.start()
        try:
            self._watch(Deadline(self._plan.seconds))
        finally:
            self._executioner.stop()

    def _watch(self, deadline: Deadline) -> None:
        begin = time.monotonic()
        while deadline.left and not self._executioner.gave_up.is_set():
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
    def deliveries(self) -> int:
        """How many messages came in at the clients so far."""
        return sum(client.deliveries for client in self._clients)

    # -- the second part

    def _settle(self) -> None:
        for gateway in self._gateways:
            gateway.cease()
        self._say("all faults have ceased")
        deadline = Deadline(SETTLE_PATIENCE)
        for client in self._clients:
            client.settle()
        for client in self._clients:
            if not client.settled.wait(deadline.left):
                open_ones = list(client.person.unanswered)[:5]
                self._mishaps.append(
                    f"{client.person.nick} did not come to rest in {SETTLE_PATIENCE:g} s; without "
                    f"an answer are {open_ones}"
                )

    # -- the third part

    def _observe(self) -> Observations:
        served = self._ask_server()
        self._abort()
        self._executioner.stops.append(self._server.stop(signal.SIGINT))
        database = Database(self._server.data)
        self._mishaps += database.faults()
        kept, last_seqs = database.read(self._journal)
        return self._observations(kept, last_seqs, served)

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
                self._mishaps.append(f"{client.person.nick} did not read to the end and say bye")

    # -- the end

    def _abort(self) -> None:
        for client in self._clients:
            client.abort()
        for client in self._clients:
            if not client.join(DEADLINE * 2):
                self._mishaps.append(f"the thread of {client.person.nick} does not end")

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
            readers={client.person.nick: list(client.person.places) for client in self._clients},
            kept=kept,
            last_seqs=last_seqs,
            served=served,
            stops=self._executioner.stops,
            mishaps=[
                *self._executioner.mishaps,
                *self._mishaps,
                *logfile.tracebacks(self._server.log),
            ],
        )
