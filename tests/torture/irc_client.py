"""An IRC client: it talks, listens, and misbehaves as people and their machines do.

It has no session: each of its connections has a nick of its own, since the server keeps the nick of
a lost connection for a while. What it said without getting an echo is not said again.
"""

import random
import selectors
import socket
import time
from collections.abc import Iterator

from tests.torture.gateway import Gateway
from tests.torture.irc_visit import IrcRoom, IrcVisit
from tests.torture.irc_wire import IrcWire
from tests.torture.journal import Journal
from tests.torture.player import BACKOFF, Part, Player
from tests.torture.records import Utterance
from tests.torture.tally import Tally

WHIM_INTERVAL = 0.5
"""Seconds between two whims, on average."""

PATIENCE = 6.0
"""Seconds: a connection that owes something and is silent for longer is given up."""

UNANSWERED_LIMIT = 20
"""A client that has said so much without an echo says no more for now."""

TEXT_LIMIT = 60
"""Characters of a text, so that its echo is one line."""

_ALPHABETS = ("abcdefghij klmnop", "äöü ßéè ñçø", "漢字 仮名交", "😀🦊 🚀")


class IrcClient(Player):
    """An IRC client and its thread."""

    def __init__(
        self,
        name: str,
        rooms: list[str],
        gateway: Gateway,
        journal: Journal,
        tally: Tally,
        source: random.Random,
    ) -> None:
        """
        Args:
            name: what the journal calls the client, and what its nicks begin with.
            rooms: the rooms that it is in.
            gateway: connects it.
            journal: takes what it sees.
            tally: counts what it does.
            source: everything random that it does comes from here.
        """
        super().__init__(name, gateway, journal, tally, source)
        self.places = {room: IrcRoom() for room in rooms}
        self.broken: list[str] = []
        self._visit: IrcVisit | None = None
        self._last: IrcVisit | None = None  # on which it takes its leave for good
        self._visits = 0
        self._said = 0
        self._deaf_until = 0.0
        self._whim_at = time.monotonic() + source.uniform(0, WHIM_INTERVAL)

    @property
    def rooms(self) -> list[str]:
        """The rooms that the client must have read to the end when it has finished."""
        return list(self.places)

    @property
    def open_ends(self) -> list[str]:
        """What has no echo yet, or why there is none to wait for."""
        if self._visit is None:
            return ["no connection"]
        waiting = [said.text.partition(": ")[0] for said in self._visit.waiting.values()]
        return waiting or [f"the history of {self.rooms}"]

    # -- the thread

    def _live(self, part: Part, ends: dict[str, int], now: float) -> None:
        if part is not Part.PLAY:
            self._deaf_until = 0.0
        if self._visit is not None and self._visit.over:
            self._be_gone(now)
        if self.finished:
            return
        visit = self._visit
        if visit is None:
            if now >= self._come_at:
                self._come_in(now)
            return
        quiet = visit.has_caught_up() and not visit.waiting
        if part is Part.PLAY:
            self._give_up_the_silent(visit, now, quiet=quiet)
            self._follow_a_whim(now)
        elif part is Part.SETTLE and quiet:
            self.settled.set()
        elif part is Part.FINISH and quiet and not visit.leaving:
            self._finish(visit, ends)

    def _finish(self, visit: IrcVisit, ends: dict[str, int]) -> None:
        if not self._is_at(ends):
            visit.read_to(ends)
            return
        self._last = visit
        visit.take_leave()

    def _is_at(self, ends: dict[str, int]) -> bool:
        return all((place.seq or 0) >= ends[room] for room, place in self.places.items())

    def _be_gone(self, now: float) -> None:
        assert self._visit is not None
        if self._visit.broken is not None:
            self.broken.append(self._visit.broken)
        if self._visit is self._last and self._visit.polite:
            self.finished = True
        if self._visit.registered:
            self._pause = BACKOFF[0]
        self._visit = None
        self._come_back_later(now)

    def _come_in(self, now: float) -> None:
        self._visits += 1
        try:
            wire = IrcWire(self._gateway.connect())
        except ConnectionError:  # cut before it was made
            self._come_back_later(now)
            return
        nick = f"{self.name}-{self._visits}"
        self._visit = IrcVisit(wire, self._visits, nick, self.places, self._journal)
        self._tally.add("connections")

    def _connections(self, now: float) -> Iterator[tuple[socket.socket, int, object]]:
        visit = self._visit
        if visit is None or visit.over:
            return
        visit.wire.flush()
        reading = 0 if now < self._deaf_until else selectors.EVENT_READ
        writing = selectors.EVENT_WRITE if visit.wire.wants_to_write else 0
        yield visit.wire.socket, reading | writing, visit

    def _hear(self, connection: object) -> None:
        assert isinstance(connection, IrcVisit)
        before = connection.deliveries
        connection.hear()
        self.deliveries += connection.deliveries - before

    def _moments(self) -> list[float]:
        return [self._whim_at, self._deaf_until]

    def _end(self) -> None:
        if self._visit is not None:
            self._visit.end()

    # -- whims

    def _give_up_the_silent(self, visit: IrcVisit, now: float, *, quiet: bool) -> None:
        if not quiet and now - max(visit.heard_at, self._deaf_until) > PATIENCE:
            self._tally.add("given up")
            visit.end(reset=True)

    def _follow_a_whim(self, now: float) -> None:
        visit = self._visit
        if now < self._whim_at or visit is None or visit.over:
            return
        self._whim_at = now + self._source.expovariate(1 / WHIM_INTERVAL)
        if not visit.rooms():
            return
        draw = self._source.random()
        if draw < 0.85:
            for _ in range(1 if draw < 0.8 else self._source.randrange(3, 15)):
                self._say_one(visit)
        elif draw < 0.9:
            self._tally.add("naps")
            self._deaf_until = now + self._source.uniform(1.0, 8.0)
        elif draw < 0.94:
            self._tally.add("moves")
            visit.move(self._source.choice(visit.rooms()))
        else:
            self._go(visit, now)

    def _say_one(self, visit: IrcVisit) -> None:
        if len(visit.waiting) >= UNANSWERED_LIMIT:
            return
        self._said += 1
        alphabet = self._source.choice(_ALPHABETS)
        text = "".join(self._source.choices(alphabet, k=self._source.randrange(TEXT_LIMIT)))
        said = Utterance(
            self.name,
            visit.nick,
            self._source.choice(visit.rooms()),
            self._source.choices(("text", "action"), (9, 1))[0],
            f"{self.name} {self._said}: {text}.",
        )
        self._journal.add_utterance(said)
        visit.say(said)

    def _go(self, visit: IrcVisit, now: float) -> None:
        way = self._source.choice(["bye", "close", "reset"])
        self._tally.add(f"left {way}")
        if way == "bye":
            visit.take_leave()
            return
        visit.wire.flush()
        visit.end(reset=way == "reset")
        self._visit = None
        self._come_at = now + self._source.uniform(0.0, 3.0)
