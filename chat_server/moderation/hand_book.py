"""Whose hands are up in which room, in their order, and who has the floor: in memory and the store.

A hand belongs to a person, not to a connection: it stays up while the connection is lost, and while
the server restarts. Who is given the floor leaves the queue; the hand is kept as the floor's.

The module is long, as each change is made in the store first and in memory second, and how they
wait for each other is to be read in one place.
"""

import logging
import threading
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from chat_server.identity.participant import Participant
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act, KeptHand
from chat_server.rooms.policy import PersonKey, person_key, person_keys
from chat_server.runtime.claims import Claims
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import StoreError
from protocol.errors import Code, ProtocolError
from protocol.text import nick_key

log = logging.getLogger(__name__)

HANDS_LIMIT = 1000
"""How many hands may be up in a room."""
ALL_HANDS_LIMIT = 10_000
"""How many hands may be up in all rooms: 10 MB of the longest questions."""

HANDS_RETRY_AFTER = 30.0


@dataclass(slots=True)
class _Hand:
    """A hand that is up.

    Attributes:
        number: its key in the store; a hand that was raised later has a larger one.
        who: the person.
        token: the hash of the secret of the session that raised it.
        nick: what they were called when they raised it.
        time: when, in Unix seconds.
        question: what they ask, or "".
        session: whose it is, once that is known to this run of the server.
    """

    number: int
    who: PersonKey
    token: bytes
    nick: str
    time: float
    question: str
    session: Participant | None = None

    @classmethod
    def of(cls, kept: KeptHand, session: Participant | None = None) -> "_Hand":
        """Return a hand that the store has."""
        return cls(kept.number, kept.who, kept.token, kept.nick, kept.time, kept.question, session)

    def entry(self) -> "UpHand":
        """Return what others may know of it."""
        names = frozenset((self.who, self.token.hex()))
        return UpHand(self.shown, self.time, self.question, names)

    @property
    def shown(self) -> str:
        """What its owner is called now, as far as it is known."""
        return self.nick if self.session is None else self.session.nick

    def is_of(self, session: Participant, *, leaving: bool = False) -> bool:
        """Whether it is somebody's: see HandBook.lower_hand."""
        return self.token == session.token or (not leaving and self.who == person_key(session))


class UpHand(NamedTuple):
    """A hand as it is at a moment.

    Attributes:
        nick: what its owner is called.
        time: when it was raised, in Unix seconds.
        question: what they ask, or "".
        names: those that the owner has in rules, as far as they are known.
    """

    nick: str
    time: float
    question: str
    names: frozenset[PersonKey]

    def is_of(self, session: Participant) -> bool:
        """Whether it is somebody's."""
        return not self.names.isdisjoint(person_keys(session))


class Raised(NamedTuple):
    """What has become of a hand that somebody raised.

    Attributes:
        place: where it stands in the queue, from 1.
        hands: how many do.
        news: whether anything has changed.
        lost: the hand that lost its place to it.
        moved: whether others stand behind it who stood there before.
    """

    place: int
    hands: int
    news: bool
    lost: UpHand | None = None
    moved: bool = False


class HandBook:
    """The hands. Any thread may call any method."""

    def __init__(self, people: PeopleStore, clock: Clock) -> None:
        """
        Args:
            people: keeps the hands, and has those of earlier runs.
            clock: for when a hand was raised.

        Raises:
            StoreError: they could not be read.
        """
        self._people = people
        self._clock = clock
        # Rooms whose floor or whose hands are changed, in the store and in memory; and, ahead of
        # that, a room together with a name of somebody who raises a hand or takes it down there.
        self._claims = Claims()
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._hands: dict[str, list[_Hand]] = {}  # by room, which has at least one
        self._floors: dict[str, _Hand] = {}  # by room, in which somebody has the floor
        self._leftovers: list[int] = []  # hands that are down and perhaps still in the store
        self._rising: Counter[str] = Counter()  # by room, hands that are being kept
        self._losing: set[int] = set()  # hands that lose their places to one of them
        for kept in people.hands():
            if kept.floor:
                self._floors[kept.room] = _Hand.of(kept)
            else:
                self._hands.setdefault(kept.room, []).append(_Hand.of(kept))

    def rooms(self) -> list[str]:
        """Return the rooms in which hands are up, or somebody has the floor."""
        with self._lock:
            return list({**self._hands, **self._floors})

    def queue(self, room: str) -> list[UpHand]:
        """Return the hands that are up in a room, in the order of the queue."""
        if room not in self._hands:  # nearly always
            return []
        with self._lock:
            return [hand.entry() for hand in self._hands.get(room, ())]

    def nicks(self, room: str) -> list[str]:
        """Return the nicks of whose hands are up in a room, in the order of the queue."""
        return [hand.nick for hand in self.queue(room)]

    def queue_after(self, room: str, nick: str) -> list[UpHand]:
        """Return those that stand behind `nick`.

        Raises:
            ProtocolError: `no_such_nick`: that one does not stand in the queue any more.
        """
        queue, key = self.queue(room), nick_key(nick)
        for place, each in enumerate(queue, 1):
            if nick_key(each.nick) == key:
                return queue[place:]
        raise ProtocolError(
            Code.NO_SUCH_NICK,
            f"{nick!r} has no hand up in {room} any more: ask again without `after`",
        )

    def floor(self, room: str) -> UpHand | None:
        """Return the hand of who has the floor in a room."""
        if room not in self._floors:  # nearly always
            return None
        with self._lock:
            hand = self._floors.get(room)
            return None if hand is None else hand.entry()

    def raise_hand(
        self,
        room: str,
        session: Participant,
        question: str,
        here: Callable[[], frozenset[PersonKey]],
    ) -> Raised:
        """Put somebody at the end of a queue; or give the hand that is up another question.

        Where the queue is full, whoever has stood in it the longest of those who are not in the
        room loses the place.

        Args:
            room: its name.
            session: who it is.
            question: what they ask; "" leaves the one that they asked before.
            here: returns all names of those who are in the room.

        Raises:
            ProtocolError: `unavailable`: there are too many.
            StoreError: it could not be kept; nothing has changed.
        """
        with self._claimed(room, session):
            with self._lock:
                queue = list(self._hands.get(room, ()))
            for place, hand in enumerate(queue, 1):
                if hand.is_of(session):
                    news = self._ask(room, hand, question)
                    return Raised(place, len(queue), news)
            with self._place_for_one(room, here) as absent:
                who, now = person_key(session), self._clock.time()
                kept = KeptHand(0, room, who, session.token, session.nick, now, question)
                number = self._people.add_hand(kept, () if absent is None else [absent.number])
                with self._lock:
                    hands = self._hands.setdefault(room, [])
                    if absent in hands:
                        hands.remove(absent)
                    new = _Hand.of(kept._replace(number=number), session)
                    insort(hands, new, key=_number)  # one that is kept already may have come later
                    place, count = hands.index(new) + 1, len(hands)
            lost = None if absent is None else absent.entry()
            return Raised(place, count, True, lost, moved=place < count)

    def lower_hand(self, room: str, session: Participant, *, leaving: bool = False) -> int | None:
        """Take somebody out of a queue. Return how many are left; None if they were not in.

        Args:
            room: its name.
            session: whose it is; or another of the same account, unless
            leaving: it is the session that goes, and nobody else's hand.
        """
        if room not in self._hands:  # nearly always; who raises a hand is asked later
            return None
        with self._claimed(room, session), self._lock:
            hands = self._hands.get(room, [])
            own = next((hand for hand in hands if hand.is_of(session, leaving=leaving)), None)
            if own is None:
                return None
            hands.remove(own)
            left = len(hands)
            if not left:
                del self._hands[room]
        self._forget([own.number])
        return left

    def give_floor(
        self,
        room: str,
        here: frozenset[PersonKey],
        is_muted: Callable[[UpHand], bool],
        did: Callable[[UpHand | None], Act],
    ) -> tuple[UpHand | None, UpHand | None]:
        """Give the floor to the first in a queue who is in the room, and take it from who had it.

        Args:
            room: its name.
            here: all names of those who are in the room.
            is_muted: returns whether somebody may say nothing: then nobody reads their question.
            did: returns the line of the audit log for who gets it, or for that nobody does.

        Returns: who had it, and who has it now. If neither, nothing was done. Whose hand is taken
            down on the way, as everybody may speak again, does not get it.

        Raises:
            StoreError: nothing has changed.
        """
        with self._claims.of(room):
            with self._lock:
                queue, before = self._hands.get(room, []), self._floors.get(room)
                given = next((hand for hand in queue if hand.entry().names & here), None)
            if before is None and given is None:
                return None, None
            taken = () if before is None else (before.number,)
            entry = None if given is None else given.entry()
            if entry is not None and entry.question and is_muted(entry):
                entry = entry._replace(question="")
            number, question = (given.number, entry.question) if given and entry else (None, "")
            self._people.move_floor(taken, number, question, did(entry))
            with self._lock:
                self._floors.pop(room, None)
                queue = self._hands.get(room, [])
                if given in queue:
                    given.question = question
                    self._floors[room] = given
                    queue.remove(given)
                    if not queue:
                        del self._hands[room]
                else:
                    entry = None
            return None if before is None else before.entry(), entry

    def name_speaker(self, room: str, session: Participant | None) -> bool:
        """Note that somebody, or nobody, has the floor in a room, whose rules say so.

        A hand of theirs stays in the queue.

        Returns: whether another had it before.

        Raises:
            StoreError: nothing has changed.
        """
        with self._claims.of(room):
            with self._lock:
                queue, before = self._hands.get(room, []), self._floors.get(room)
                own = next((hand for hand in queue if session and hand.is_of(session)), None)
            if before is None and session is None:
                return False
            if before is not None and session is not None and before.is_of(session):
                return False
            if session is not None:
                kept = KeptHand(
                    0,
                    room,
                    person_key(session),
                    session.token,
                    session.nick,
                    self._clock.time(),
                    own.question if own else "",
                    floor=True,
                )
                old = [] if before is None else [before.number]
                given = kept._replace(number=self._people.add_hand(kept, old))
            with self._lock:
                if session is not None:
                    self._floors[room] = _Hand.of(given, session)
                elif before is not None:
                    del self._floors[room]
        if session is None and before is not None:
            self._forget([before.number])
        return True

    def yield_floor(self, room: str, session: Participant, *, leaving: bool = False) -> bool:
        """Take the floor from somebody who gives it back, or leaves. Return whether they had it."""
        if room not in self._floors:  # nearly always
            return False
        with self._claims.of(room), self._lock:
            hand = self._floors.get(room)
            if hand is None or not hand.is_of(session, leaving=leaving):
                return False
            del self._floors[room]
        self._forget([hand.number])
        return True

    def thaw(self, room: str, before: float | None = None) -> list[UpHand]:
        """Take down the hands that ask nothing, and take the floor: everybody may speak again.

        The store learns of it with the next `tidy`.

        Args:
            room: its name.
            before: only what was raised before that moment, in Unix seconds.

        Returns: the hands that are down now.
        """
        with self._lock:
            hands = self._hands.pop(room, [])
            down = [each for each in hands if not each.question and _is_before(each, before)]
            left = [each for each in hands if each not in down]
            if left:
                self._hands[room] = left
            floor = self._floors.get(room)
            if floor is not None and _is_before(floor, before):
                self._leftovers.append(self._floors.pop(room).number)
            self._leftovers += [hand.number for hand in down]
            return [hand.entry() for hand in down]

    def clear(self, room: str) -> bool:
        """Take all hands of a room down. The store learns of it with the next `tidy`.

        Returns: whether there were any.
        """
        with self._lock:
            gone = self._hands.pop(room, [])
            if room in self._floors:
                gone.append(self._floors.pop(room))
            self._leftovers += [hand.number for hand in gone]
            return bool(gone)

    def tidy(self) -> None:
        """Let the store forget the hands that are down."""
        with self._lock:
            numbers, self._leftovers = self._leftovers, []
        if numbers:
            self._forget(numbers)

    def know(self, room: str, session: Participant) -> None:
        """Take somebody who comes into a room for whose hand is up there, if it is theirs."""
        if room not in self._hands and room not in self._floors:  # nearly always
            return
        with self._lock:
            for hand in self._in(room):
                if hand.session is None and hand.is_of(session):
                    hand.session = session

    def rename_person(self, session: Participant, before: PersonKey) -> None:
        """Take somebody for who they were, who logged in or out and had another name `before`."""
        for room in self.rooms():
            with self._lock:
                stands = any(_is_named(hand, session, before) for hand in self._in(room))
            if stands:
                with self._claims.of(room):
                    self._rename_person(room, session, before)

    def _rename_person(self, room: str, session: Participant, before: PersonKey) -> None:
        """With the room claimed: the same, in one room."""
        now = person_key(session)
        with self._lock:
            floor = self._floors.get(room)
            renamed = [
                hand
                for hands in (self._hands.get(room, []), [] if floor is None else [floor])
                for hand in hands
                if _is_named(hand, session, before) and all(other.who != now for other in hands)
            ]
            for hand in renamed:
                hand.who = now
        if not renamed:
            return
        try:
            self._people.rename_hands([hand.number for hand in renamed], now)
        except StoreError as error:
            log.error("whose hands are up is not kept for now: %s", error)

    @contextmanager
    def _claimed(self, room: str, session: Participant) -> Iterator[None]:
        """Wait until nobody raises the hand of the same person there, or takes it down."""
        with ExitStack() as claimed:
            for name in sorted(set(person_keys(session))):
                claimed.enter_context(self._claims.of((room, name)))
            yield

    @contextmanager
    def _place_for_one(
        self, room: str, here: Callable[[], frozenset[PersonKey]]
    ) -> Iterator[_Hand | None]:
        """Keep a place in a queue for a hand that is about to be there. Yield which one loses its
        place, if one has to: see `raise_hand`.

        Raises:
            ProtocolError: `unavailable`: there are too many.
        """
        names: frozenset[PersonKey] | None = None
        while True:
            with self._lock:
                hands = [
                    hand for hand in self._hands.get(room, ()) if hand.number not in self._losing
                ]
                is_full = len(hands) + self._rising[room] >= HANDS_LIMIT
                if not is_full or names is not None:
                    absent = _absent(hands, names) if is_full and names is not None else None
                    gone = None if absent else self._give_one_up(len(hands) + self._rising[room])
                    self._rising[room] += 1
                    self._losing |= {absent.number} if absent else set()
                    break
            names = here()
        try:
            if gone is not None:
                self._forget([gone.number])
            yield absent
        finally:
            with self._lock:
                self._rising[room] -= 1
                self._rising += Counter()  # rooms without any are forgotten
                self._losing -= {absent.number} if absent else set()

    def _give_one_up(self, stand: int) -> _Hand | None:
        """With `_lock` held: where as many hands are up in all rooms as may be, take down the last
        of the room that has the most, and return it: so whoever fills them does it at their own
        cost.

        Args:
            stand: how many are up in the room in which one more is to be.

        Raises:
            ProtocolError: `unavailable`: no room has more than that.
        """
        assert self._lock.locked()
        if sum(map(len, self._hands.values())) + self._rising.total() < ALL_HANDS_LIMIT:
            return None
        fullest = max(self._hands, key=lambda room: len(self._hands[room]), default=None)
        if fullest is None or len(self._hands[fullest]) <= stand:
            raise _full(f"{ALL_HANDS_LIMIT} hands are up in all rooms")
        gone = self._hands[fullest].pop()
        if not self._hands[fullest]:
            del self._hands[fullest]
        return gone

    def _forget(self, numbers: list[int]) -> None:
        """Let the store forget hands that are down, now or with the next `tidy`."""
        try:
            self._people.remove_hands(numbers)
        except StoreError as error:
            log.error("hands that are down are not forgotten for now: %s", error)
            with self._lock:
                self._leftovers += numbers

    def _ask(self, room: str, hand: _Hand, question: str) -> bool:
        """With its owner claimed: give a hand another question. Return whether it is another."""
        if question in ("", hand.question):
            return False
        with self._claims.of(room):
            self._people.change_question(hand.number, question)
            with self._lock:
                hand.question = question
        return True

    def _in(self, room: str) -> list[_Hand]:
        """With `_lock` held: the hands of a room, with the floor's."""
        assert self._lock.locked()
        floor = self._floors.get(room)
        return [*self._hands.get(room, ()), *([] if floor is None else [floor])]


def _is_named(hand: _Hand, session: Participant, who: PersonKey) -> bool:
    """Whether a session raised a hand when it was the person `who`."""
    return hand.who == who and hand.token == session.token


def _number(hand: _Hand) -> int:
    return hand.number


def _is_before(hand: _Hand, moment: float | None) -> bool:
    return moment is None or hand.time <= moment


def _absent(queue: list[_Hand], here: frozenset[PersonKey]) -> _Hand:
    """The first in a full queue who is not in the room.

    Raises:
        ProtocolError: `unavailable`: all are.
    """
    for hand in queue:
        if hand.who not in here and hand.token.hex() not in here:
            return hand
    raise _full(f"{HANDS_LIMIT} hands are up")


def _full(how: str) -> ProtocolError:
    return ProtocolError(
        Code.UNAVAILABLE,
        f"{how}, the most there may be: try again later",
        retry_after=HANDS_RETRY_AFTER,
    )
