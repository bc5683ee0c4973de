"""One client: a thread that talks, listens, and misbehaves as people and their machines do.

It never waits for anything but its selector: for what comes, for space to write, for its next
whim, and for the conductor of the run, who wakes it.

What it does, it draws from its own source of randomness. It says numbered texts, one or a burst;
reads pages of history; stops reading for a while; leaves a room and comes back to it further up;
goes and comes back with its session; comes in a second time while it is still there; edits and
deletes what it said, as soon as that is confirmed.
"""

import random
import selectors
import socket
import time
from collections.abc import Callable, Iterator

from protocol.messages import History, Ping, Rooms, Search, Who
from tests.torture.gateway import Gateway
from tests.torture.journal import Journal
from tests.torture.person import Person
from tests.torture.player import BACKOFF, Part, Player
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
# How many of the changes of what was said are deletions.
DELETIONS = 0.3
# How far up the log a client goes that wants to read it again.
FAR_BACK = 3000

KINDS = ("text", "action", "topic")
KIND_WEIGHTS = (90, 8, 2)


class Client(Player):
    """A client that speaks the protocol, in frames or over WebSocket."""

    def __init__(
        self,
        person: Person,
        gateway: Gateway,
        journal: Journal,
        tally: Tally,
        source: random.Random,
        make_wire: Callable[[socket.socket], Wire] = Wire,
    ) -> None:
        """
        Args:
            person: what the client keeps from one connection to the next.
            gateway: connects it.
            journal: takes what it sees.
            tally: counts what it does.
            source: everything random that it does comes from here.
            make_wire: makes the connection of a socket.
        """
        super().__init__(person.nick, gateway, journal, tally, source)
        self.person = person
        self._make_wire = make_wire
        self._texts = Texts(person.nick, source)
        self._visit: Visit | None = None
        self._former: list[Visit] = []
        self._last: Visit | None = None  # on which it takes its leave for good
        self._visits = 0
        self._whim_at = time.monotonic() + source.uniform(0, WHIM_INTERVAL)
        self._deaf_until = 0.0

    @property
    def rooms(self) -> list[str]:
        """The rooms that the client must have read to the end when it has finished."""
        return list(self.person.places)

    @property
    def open_ends(self) -> list[str]:
        """What has no answer yet."""
        return [f"request {identity}" for identity in self.person.unanswered]

    # -- the thread

    def _live(self, part: Part, ends: dict[str, int], now: float) -> None:
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
        elif part is Part.FINISH and self._is_at_the_end(self._visit, ends):
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

    def _come_in(self) -> None:
        self._visits += 1
        try:
            wire = self._make_wire(self._gateway.connect())
        except ConnectionError:  # cut before it was made
            self._visit = None
            self._come_back_later(time.monotonic())
            return
        self._visit = Visit(wire, self._visits, self.person, self._journal)
        self._tally.add("connections")

    def _connections(self, now: float) -> Iterator[tuple[socket.socket, int, object]]:
        for visit in self._open_visits():
            visit.wire.flush()
            yield visit.wire.socket, self._interest(visit, now), visit

    def _hear(self, connection: object) -> None:
        assert isinstance(connection, Visit)
        before = connection.deliveries
        connection.hear()
        self.deliveries += connection.deliveries - before

    def _moments(self) -> list[float]:
        return [self._whim_at, self._deaf_until]

    def _end(self) -> None:
        for visit in self._open_visits():
            visit.end()

    def _interest(self, visit: Visit, now: float) -> int:
        deaf = visit is self._visit and now < self._deaf_until
        reading = 0 if deaf else selectors.EVENT_READ
        return reading | (selectors.EVENT_WRITE if visit.wire.wants_to_write else 0)

    def _open_visits(self) -> list[Visit]:
        visits = [*self._former, *([self._visit] if self._visit else [])]
        return [visit for visit in visits if not visit.over]

    def _forget_former(self, now: float) -> None:
        for visit in self._former:
            if now - visit.heard_at > FORMER_PATIENCE:
                visit.end()
        self._former = [visit for visit in self._former if not visit.over]

    def _is_at_the_end(self, visit: Visit, ends: dict[str, int]) -> bool:
        if visit.leaving or not visit.welcome:
            return False
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
        self._say(visit, self._source.choice(visit.rooms()), kind, self._texts.next())

    def _change_one(self, visit: Visit) -> None:
        """Edit or delete something that it said. What it said is changed by one request at once."""
        rooms = visit.rooms()
        own = [(room, seq) for room, seq in self.person.own if room in rooms]
        if not own or len(self.person.unanswered) >= UNANSWERED_LIMIT:
            return
        room, seq = self._source.choice(own)
        self.person.own.remove((room, seq))
        if self._source.random() < DELETIONS:
            self._tally.add("deletions")
            self._say(visit, room, "delete", f"deleted message {seq}: {self._texts.brief()}", seq)
        else:
            self._tally.add("edits")
            self._say(visit, room, "edit", self._texts.next(), seq)

    def _say(self, visit: Visit, room: str, kind: str, text: str, changes: int = 0) -> None:
        person = self.person
        request = person.next_id()
        said = Said(person.nick, person.session_number, request, room, kind, text, changes)
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
    (10, Client._change_one),
    (8, Client._ask),
    (2, Client._stop_reading),
    (1, Client._read_again),
    (1.5, Client._go),
    (1.5, Client._take_over),
]
