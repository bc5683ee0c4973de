"""One client: a thread that talks, listens, and misbehaves as people and their machines do.

It never waits for anything but its selector: for what comes, for space to write, for its next
whim, and for the conductor of the run, who wakes it.

What it does, it draws from its own source of randomness. It says numbered texts, one or a burst;
reads pages of history; stops reading for a while; leaves a room and comes back to it further up;
goes and comes back with its session; comes in a second time while it is still there.
"""

import random
import selectors
import socket
import threading
import time
from collections.abc import Callable
from enum import Enum, auto

from protocol.messages import History, Ping, Rooms, Search, Who
from tests.torture.gateway import Gateway
from tests.torture.journal import Journal
from tests.torture.person import Person
from tests.torture.records import Said
from tests.torture.tally import Tally
from tests.torture.texts import Texts
from tests.torture.visit import Asked, Visit
from tests.torture.wire import Wire

# Seconds between two whims, on average.
WHIM_INTERVAL = 0.4
# A connection that owes us something and has been silent for so long is given up for another.
PATIENCE = 4.0
# How long a former connection is listened to.
FORMER_PATIENCE = 8.0
# Who has said so much without an answer says no more for now.
UNANSWERED_LIMIT = 200
# The pause before coming back grows from the first to the second, each time by a random factor.
BACKOFF = (0.05, 1.0)
# How far up the log a client goes that wants to read it again.
FAR_BACK = 3000

KINDS = ("text", "action", "topic")
KIND_WEIGHTS = (90, 8, 2)


class Part(Enum):
    """The part of the run that a client is in."""

    PLAY = auto()  # whims
    SETTLE = auto()  # say nothing new; get every answer
    FINISH = auto()  # read to the end of every room, and say bye
    ABORT = auto()  # end at once


class Client:
    """A client and its thread. The conductor calls `start`, then the others up to `join`."""

    def __init__(
        self,
        person: Person,
        gateway: Gateway,
        journal: Journal,
        tally: Tally,
        source: random.Random,
    ) -> None:
        self.person = person
        self.settled = threading.Event()
        self.finished = False  # it took its leave with everything read; true once it has
        self.deliveries = 0  # written by the client's thread alone
        self._gateway = gateway
        self._journal = journal
        self._tally = tally
        self._source = source
        self._texts = Texts(person.nick, source)
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_receiver.setblocking(False)
        self._lock = threading.Lock()  # guards _part and _ends
        self._part = Part.PLAY
        self._ends: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name=person.nick)
        # All below is the thread's alone.
        self._visit: Visit | None = None
        self._former: list[Visit] = []
        self._last: Visit | None = None  # on which it takes its leave for good
        self._visits = 0
        self._come_at = 0.0  # when to come in (again)
        self._pause = BACKOFF[0]
        self._whim_at = 0.0
        self._deaf_until = 0.0

    # -- the conductor

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def settle(self) -> None:
        """Say nothing new. `settled` is set when all that was said is confirmed."""
        self._turn_to(Part.SETTLE)

    def finish(self, ends: dict[str, int]) -> None:
        """Read up to the seq in `ends` in every room, say bye, and end."""
        with self._lock:
            self._ends = ends
        self._turn_to(Part.FINISH)

    def abort(self) -> None:
        """End at once."""
        self._turn_to(Part.ABORT)

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end; return whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Let go of everything, after the thread has ended."""
        self._wake_sender.close()
        self._wake_receiver.close()

    def _turn_to(self, part: Part) -> None:
        with self._lock:
            self._part = part
        self._wake_sender.send(b"!")

    # -- the thread

    def _run(self) -> None:
        self._whim_at = time.monotonic() + self._source.uniform(0, WHIM_INTERVAL)
        try:
            while not self.finished:
                part = self._look_up()
                if part is Part.ABORT:
                    return
                self._live(part, time.monotonic())
                self._wait()
        finally:
            for visit in self._open_visits():
                visit.end()

    def _look_up(self) -> Part:
        with self._lock:
            return self._part

    def _live(self, part: Part, now: float) -> None:
        """Do what is due."""
        self._forget_former(now)
        if part is not Part.PLAY:
            self._deaf_until = 0.0
        if self._visit is not None and self._visit.over:
            self._be_gone(now)
        if self.finished:
            return
        if self._visit is None:
            if now >= self._come_at:
                self._come_in()
            return
        self._visit.send_due(now)
        if part is Part.PLAY:
            self._give_up_the_silent(self._visit, now)
            self._follow_a_whim(now)
        elif part is Part.SETTLE and not self._visit.waits and not self.person.unanswered:
            self.settled.set()
        elif part is Part.FINISH and self._is_at_the_end(self._visit):
            self._last = self._visit
            self._visit.take_leave()

    def _be_gone(self, now: float) -> None:
        """The connection has ended: come back later, or be done."""
        assert self._visit is not None
        if self._visit is self._last and self._visit.polite:
            self.finished = True
        if self._visit.welcome:
            self._pause = BACKOFF[0]
        self._visit = None
        self._come_back_later(now)

    def _come_back_later(self, now: float) -> None:
        self._come_at = now + self._pause * self._source.uniform(0.5, 1.5)
        self._pause = min(BACKOFF[1], self._pause * 2)

    def _come_in(self) -> None:
        self._visits += 1
        try:
            wire = Wire(self._gateway.connect())
        except ConnectionError:  # cut before it was made
            self._visit = None
            self._come_back_later(time.monotonic())
            return
        self._visit = Visit(wire, self._visits, self.person, self._journal)
        self._tally.add("connections")

    def _wait(self) -> None:
        """Until something comes, or something is due."""
        now = time.monotonic()
        with selectors.PollSelector() as selector:
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            for visit in self._open_visits():
                visit.wire.flush()
                interest = self._interest(visit, now)
                if interest:
                    selector.register(visit.wire.socket, interest, visit)
            for key, events in selector.select(self._time_left(now)):
                if key.data is None:
                    self._wake_receiver.recv(64)
                elif events & selectors.EVENT_READ:
                    self._hear(key.data)

    def _hear(self, visit: Visit) -> None:
        before = visit.deliveries
        visit.hear()
        self.deliveries += visit.deliveries - before

    def _interest(self, visit: Visit, now: float) -> int:
        deaf = visit is self._visit and now < self._deaf_until
        reading = 0 if deaf else selectors.EVENT_READ
        return reading | (selectors.EVENT_WRITE if visit.wire.wants_to_write else 0)

    def _time_left(self, now: float) -> float:
        """Seconds until something may be due. Not much of it needs to be on the dot."""
        moments = [now + 0.5, self._whim_at, self._deaf_until, self._come_at]
        return max(0.0, min(moment for moment in moments if moment > now) - now)

    def _open_visits(self) -> list[Visit]:
        visits = [*self._former, *([self._visit] if self._visit else [])]
        return [visit for visit in visits if not visit.over]

    def _forget_former(self, now: float) -> None:
        for visit in self._former:
            if now - visit.heard_at > FORMER_PATIENCE:
                visit.end()
        self._former = [visit for visit in self._former if not visit.over]

    def _is_at_the_end(self, visit: Visit) -> bool:
        if visit.leaving or not visit.welcome:
            return False
        with self._lock:
            ends = self._ends
        return all(
            visit.is_in(room) and place.seq is not None and place.seq >= ends[room]
            for room, place in self.person.places.items()
        )

    # -- whims

    def _give_up_the_silent(self, visit: Visit, now: float) -> None:
        """A network that says nothing may be gone: come in by another connection."""
        silent = now - max(visit.heard_at, self._deaf_until)
        if visit.waits and silent > PATIENCE:
            self._tally.add("given up")
            self._replace(visit)

    def _follow_a_whim(self, now: float) -> None:
        visit = self._visit
        if now < self._whim_at or visit is None:
            return
        self._whim_at = now + self._source.expovariate(1 / WHIM_INTERVAL)
        weights = [weight for weight, _ in _WHIMS]
        (whim,) = self._source.choices([whim for _, whim in _WHIMS], weights)
        if visit.rooms():
            whim(self, visit)

    def _say_one(self, visit: Visit) -> None:
        if len(self.person.unanswered) >= UNANSWERED_LIMIT:
            return
        (kind,) = self._source.choices(KINDS, KIND_WEIGHTS)
        said = Said(
            self.person.nick,
            self.person.session_number,
            self.person.next_id(),
            self._source.choice(visit.rooms()),
            kind,
            self._texts.next(),
        )
        self._journal.add_said(said)
        self.person.unanswered[said.request] = said
        visit.say(said)

    def _say_many(self, visit: Visit) -> None:
        for _ in range(self._source.randrange(5, 40)):
            self._say_one(visit)

    def _ask(self, visit: Visit) -> None:
        identity, room = self.person.next_id(), self._source.choice(visit.rooms())
        place = self.person.places[room]
        asked: Asked = self._source.choice(
            (
                Ping(identity),
                Who(identity, room),
                Rooms(identity),
                Search(identity, room, self.person.nick, limit=5),
                History(identity, room, after=(place.seq or 0) // 2, limit=50),
            )
        )
        if visit.is_in(room):
            visit.ask(asked)

    def _stop_reading(self, _: Visit) -> None:
        self._tally.add("naps")
        self._deaf_until = time.monotonic() + self._source.uniform(1.0, 8.0)

    def _read_again(self, visit: Visit) -> None:
        room = self._source.choice(visit.rooms())
        if not visit.is_in(room):
            return
        self._tally.add("moves")
        seq = self.person.places[room].seq or 0
        back = self._source.choice([0, self._source.randrange(FAR_BACK)])
        visit.move(room, max(0, seq - back) if back else None)

    def _go(self, visit: Visit) -> None:
        way = self._source.choice(["bye", "close", "reset"])
        self._tally.add(f"left {way}")
        if way == "bye":
            visit.take_leave()
            return
        visit.wire.flush()
        visit.end(reset=way == "reset")
        self._visit = None
        self._come_at = time.monotonic() + self._source.uniform(0.0, 3.0)

    def _take_over(self, visit: Visit) -> None:
        self._tally.add("takeovers")
        if self._source.random() < 0.5:
            self._say_many(visit)  # both connections will say this
        self._replace(visit)

    def _replace(self, visit: Visit) -> None:
        """Come in once more, and let the server end the connection that is there."""
        visit.wire.flush()
        visit.retire()
        self._former.append(visit)
        self._deaf_until = 0.0
        self._come_in()


_WHIMS: list[tuple[float, Callable[[Client, Visit], None]]] = [
    (80, Client._say_one),
    (3, Client._say_many),
    (8, Client._ask),
    (2, Client._stop_reading),
    (1, Client._read_again),
    (1.5, Client._go),
    (1.5, Client._take_over),
]
