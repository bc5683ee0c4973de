"""Whose hands are up in which room, in their order, and who has the floor: in memory and the store.

A hand belongs to a person, not to a connection: it stays up while the connection is lost, and while
the server restarts. Who is given the floor leaves the queue; the hand is kept as the floor's.

Where several servers share the hands, whatever is decided is decided upon what all have written
(`PeopleStore.decided`), and nothing is changed that cannot be kept. What others wrote is looked at
first, all that came together at once.

The module is long, as each change is made in the store first and in memory second, and how they
wait for each other is to be read in one place.
"""

import logging
import threading
from bisect import insort
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
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


@dataclass(eq=False, slots=True)
class _Hand:
    """A hand that is up.

    Attributes:
        number: its key in the store; a hand that was raised later has a larger one.
        room: where it is up, or has the floor.
        who: the person.
        token: the hash of the secret of the session that raised it.
        nick: what they were called when they raised it.
        time: when, in Unix seconds.
        question: what they ask, or "".
        session: whose it is, once that is known to this run of the server.
    """

    number: int
    room: str
    who: PersonKey
    token: bytes
    nick: str
    time: float
    question: str
    session: Participant | None = None

    @classmethod
    def of(cls, kept: KeptHand, session: Participant | None = None) -> "_Hand":
        """Return a hand that the store has."""
        return cls(*kept[:7], session)

    def follow(self, kept: KeptHand) -> "_Hand":
        """Be what another server has made of it. Return it."""
        if kept.nick != self.nick:
            self.nick, self.session = kept.nick, None
        self.who, self.question = kept.who, kept.question
        return self

    def entry(self) -> "UpHand":
        """Return what others may know of it."""
        names = frozenset((self.who, self.token.hex()))
        return UpHand(self.shown, self.time, self.question, names)

    @property
    def shown(self) -> str:
        """What its owner is called now, as far as it is known."""
        return self.nick if self.session is None else self.session.nick

    def is_of(self, session: Participant) -> bool:
        """Whether it is somebody's."""
        return self.token == session.token or self.who == person_key(session)


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


class HandNews(NamedTuple):
    """What other servers have changed in a room.

    Attributes:
        room: its name.
        came: hands that are up now, or ask something else.
        gone: hands that are up no more.
        hands: how many are up.
        floor: whether somebody else has the floor, or nobody.
    """

    room: str
    came: list[UpHand]
    gone: list[UpHand]
    hands: int
    floor: bool


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
        self._is_stale = False  # another server has written, and nobody has looked at that yet
        self._news: list[HandNews] = []  # what others have changed, which nobody here was told
        with self._lock:
            self._take_in(people.hands())

    # -- what other servers write

    def note_written(self) -> None:
        """Note that another server has changed hands. They are looked at before they are used."""
        with self._lock:
            self._is_stale = True

    def catch_up(self) -> None:
        """Know what other servers have written until now.

        Raises:
            StoreError: they could not be asked.
        """
        self._people.catch_up()
        self._people.decided(self._look)

    def take_news(self) -> list[HandNews]:
        """Return what other servers have changed, each change once."""
        self._people.decided(self._look)
        with self._lock:
            news, self._news = self._news, []
            return news

    def _look(self) -> None:
        """Know what other servers have written, if they have. Part of each decision."""
        with self._lock:
            was_stale, self._is_stale = self._is_stale, False
        if not was_stale:
            return
        try:
            kept = self._people.hands()
        except StoreError:
            self.note_written()
            raise
        with self._lock:
            self._news += self._take_in(kept)

    def _take_in(self, kept: Iterable[KeptHand]) -> list[HandNews]:
        """With `_lock` held: have what is kept. Return what is other than before."""
        assert self._lock.locked()
        queues: dict[str, list[KeptHand]] = {}
        floors = dict[str, KeptHand]()
        for each in kept:
            if each.floor:
                floors[each.room] = each
            else:
                queues.setdefault(each.room, []).append(each)
        rooms = {**self._hands, **self._floors, **queues, **floors}
        news = [self._take_in_room(room, queues.get(room, []), floors.get(room)) for room in rooms]
        return [each for each in news if each.came or each.gone or each.floor]

    def _take_in_room(
        self, room: str, queue: Sequence[KeptHand], floor: KeptHand | None
    ) -> HandNews:
        """With `_lock` held: the same in one room."""
        known = {hand.number: hand for hand in self._in(room)}
        before = {hand.number: hand.entry() for hand in self._hands.pop(room, ())}
        had = self._floors.pop(room, None)

        def made(kept: KeptHand) -> _Hand:
            hand = known.get(kept.number)
            return _Hand.of(kept) if hand is None else hand.follow(kept)

        hands = [made(each) for each in queue]
        if hands:
            self._hands[room] = hands
        if floor is not None:
            self._floors[room] = made(floor)
        asked = {number: entry.question for number, entry in before.items()}
        up = {hand.number for hand in hands}
        return HandNews(
            room,
            [hand.entry() for hand in hands if asked.get(hand.number) != hand.question],
            [entry for number, entry in before.items() if number not in up],
            len(hands),
            (had and had.number) != (floor and floor.number),
        )

    # -- what is up

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

    def floor_names(self, room: str) -> frozenset[PersonKey]:
        """Return all names of who has the floor in a room, as far as they are known."""
        floor = self.floor(room)
        return frozenset() if floor is None else floor.names

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
        with ExitStack() as claimed:
            claimed.enter_context(self._claimed(room, session))
            if question and self._stands(room, session):  # it may be given the floor meanwhile
                claimed.enter_context(self._claims.of(room))
            return self._people.decided(partial(self._raise_hand, room, session, question, here))

    def _raise_hand(
        self,
        room: str,
        session: Participant,
        question: str,
        here: Callable[[], frozenset[PersonKey]],
    ) -> Raised:
        """With its owner claimed: the same."""
        self._look()
        with self._lock:
            queue = list(self._hands.get(room, ()))
        for place, hand in enumerate(queue, 1):
            if hand.is_of(session):
                return Raised(place, len(queue), self._ask(hand, question))
        with self._place_for_one(room, here) as lost:
            who, now = person_key(session), self._clock.time()
            kept = KeptHand(0, room, who, session.token, session.nick, now, question)
            number = self._people.add_hand(kept, [hand.number for hand in lost])
            with self._lock:
                self._drop(lost)
                hands = self._hands.setdefault(room, [])
                new = _Hand.of(kept._replace(number=number), session)
                insort(hands, new, key=_number)  # one that is kept already may have come later
                place, count = hands.index(new) + 1, len(hands)
        absent = next((hand.entry() for hand in lost if hand.room == room), None)
        return Raised(place, count, True, absent, moved=place < count)

    def lower_hand(self, room: str, session: Participant) -> int | None:
        """Take somebody out of a queue. Return how many are left; None if they were not in.

        Args:
            room: its name.
            session: whose it is; or another of the same account.

        Raises:
            StoreError: several servers share it, and it is still up.
        """
        if not self._has(room, self._hands):  # nearly always; who raises a hand is asked later
            return None
        with self._claimed(room, session):
            down = self._people.decided(
                lambda: self._take_down(lambda: self._own(self._hands.get(room, ()), session))
            )
        self.tidy()
        return len(self.queue(room)) if down else None

    def raised_by(self, room: str, session: Participant) -> list[int]:
        """Return the numbers of the hands that a session has raised in a room, with the floor's."""
        if room not in self._hands and room not in self._floors:  # nearly always
            return []
        with self._lock:
            return [hand.number for hand in self._in(room) if hand.token == session.token]

    def numbers(self, room: str) -> list[int]:
        """Return the numbers of all hands of a room, with the floor's."""
        with self._lock:
            return [hand.number for hand in self._in(room)]

    def take_away(self, room: str, numbers: Sequence[int]) -> tuple[list[UpHand], bool]:
        """Take hands down, as whoever raised them has left.

        Args:
            room: its name.
            numbers: of the hands; those that are down already do not matter.

        Returns: those that were up, and whether the floor was one's of them.

        Raises:
            StoreError: several servers share them, and all are as they were.
        """

        floor: list[_Hand] = []

        def choose() -> list[_Hand]:
            floor[:] = self._floor_of(room)
            return [hand for hand in self._in(room) if hand.number in numbers]

        with self._claims.of(room):
            down = self._people.decided(lambda: self._take_down(choose))
        self.tidy()
        up = [hand.entry() for hand in down if hand not in floor]
        return up, len(up) < len(down)

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
            return self._people.decided(partial(self._give_floor, room, here, is_muted, did))

    def _give_floor(
        self,
        room: str,
        here: frozenset[PersonKey],
        is_muted: Callable[[UpHand], bool],
        did: Callable[[UpHand | None], Act],
    ) -> tuple[UpHand | None, UpHand | None]:
        """With the room claimed: the same."""
        self._look()
        with self._lock:
            queue, before = self._hands.get(room, []), self._floors.get(room)
            given = next((hand for hand in queue if hand.entry().names & here), None)
        if before is None and given is None:
            return None, None
        taken = [] if before is None else [before.number]
        entry = None if given is None else given.entry()
        if entry is not None and entry.question and is_muted(entry):
            entry = entry._replace(question="")
        number, question = (given.number, entry.question) if given and entry else (None, "")
        self._people.move_floor(taken, number, question, did(entry))
        with self._lock:
            self._floors.pop(room, None)
            if given is not None and given in self._hands.get(room, []):
                given.question = question
                self._drop([given])
                self._floors[room] = given
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
            changed = self._people.decided(partial(self._name_speaker, room, session))
        self.tidy()
        return changed

    def _name_speaker(self, room: str, session: Participant | None) -> bool:
        """With the room claimed: the same."""
        self._look()
        with self._lock:
            queue, before = self._hands.get(room, []), self._floors.get(room)
            own = next((hand for hand in queue if session and hand.is_of(session)), None)
        if session is None:
            return bool(self._take_down(lambda: self._floor_of(room)))
        if before is not None and before.is_of(session):
            return False
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
            self._floors[room] = _Hand.of(given, session)
        return True

    def yield_floor(self, room: str, session: Participant) -> bool:
        """Take the floor from somebody who gives it back. Return whether they had it.

        Raises:
            StoreError: several servers share it, and they still have it.
        """
        if not self._has(room, self._floors):  # nearly always
            return False
        with self._claims.of(room):
            taken = self._people.decided(
                lambda: self._take_down(lambda: self._own(self._floor_of(room), session))
            )
        self.tidy()
        return bool(taken)

    def thaw(self, room: str, before: float | None = None) -> list[UpHand]:
        """Take down the hands that ask nothing, and take the floor: everybody may speak again.

        The store learns of it with the next `tidy`; where several servers share it, at once.

        Args:
            room: its name.
            before: only what was raised before that moment, in Unix seconds.

        Returns: the hands that are down now.

        Raises:
            StoreError: several servers share them, and all are as they were.
        """

        floor: list[_Hand] = []

        def choose() -> list[_Hand]:
            floor[:] = self._floor_of(room)
            asking_nothing = [hand for hand in self._hands.get(room, ()) if not hand.question]
            return [hand for hand in (*asking_nothing, *floor) if _is_before(hand, before)]

        if not self._has(room, self._hands) and not self._has(room, self._floors):
            return []
        down = self._people.decided(lambda: self._take_down(choose))
        return [hand.entry() for hand in down if hand not in floor]

    def clear(self, room: str) -> bool:
        """Take all hands of a room down. The store learns of it as with `thaw`.

        Returns: whether there were any.

        Raises:
            StoreError: several servers share them, and all are as they were.
        """
        return bool(self._people.decided(lambda: self._take_down(lambda: self._in(room))))

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
                is_same = hand.session is None or hand.session.token == session.token
                if is_same and hand.is_of(session):
                    hand.session = session

    def rename_person(self, session: Participant, before: PersonKey) -> None:
        """Take somebody for who they were, who logged in or out and had another name `before`."""
        for room in self.rooms():
            with self._lock:
                stands = any(_is_named(hand, session, before) for hand in self._in(room))
            if stands:
                self._people.soon(partial(self._rename_in, room, session, before))

    def _rename_in(self, room: str, session: Participant, before: PersonKey) -> None:
        """Do it in one room."""
        with self._claims.of(room):
            self._people.decided(partial(self._rename_person, room, session, before))

    def _rename_person(self, room: str, session: Participant, before: PersonKey) -> None:
        """With the room claimed: the same."""
        self._look()
        now = person_key(session)
        with self._lock:
            floor = self._floors.get(room)
            renamed = [
                hand
                for hands in (self._hands.get(room, []), [] if floor is None else [floor])
                for hand in hands
                if _is_named(hand, session, before) and all(other.who != now for other in hands)
            ]
        if not renamed:
            return
        try:
            self._people.rename_hands([hand.number for hand in renamed], now)
        except StoreError as error:
            if self._people.is_shared:
                raise
            log.error("whose hands are up is not kept for now: %s", error)
        with self._lock:
            for hand in renamed:
                hand.who = now

    def note_nick(self, session: Participant) -> None:
        """Let other servers know what somebody is called now whose hands are up."""
        if self._people.is_shared and self._is_called_otherwise(session):
            self._people.soon(lambda: self._people.decided(partial(self._keep_nick, session)))

    def _is_called_otherwise(self, session: Participant) -> bool:
        with self._lock:
            return any(
                hand.token == session.token and hand.nick != session.nick
                for room in {**self._hands, **self._floors}
                for hand in self._in(room)
            )

    def _keep_nick(self, session: Participant) -> None:
        self._look()
        nick = session.nick
        if not self._is_called_otherwise(session):
            return
        self._people.call_hands(session.token, nick)
        with self._lock:
            for room in {**self._hands, **self._floors}:
                for hand in self._in(room):
                    if hand.token == session.token:
                        hand.nick = nick

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
    ) -> Iterator[list[_Hand]]:
        """Keep a place in a queue for a hand that is about to be there. Yield which ones lose their
        places, if any has to: see `raise_hand` and `_one_to_give_up`.

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
                    if is_full and names is not None:
                        lost = [_absent(hands, names)]
                    else:
                        lost = self._one_to_give_up(len(hands) + self._rising[room])
                    self._rising[room] += 1
                    self._losing |= {hand.number for hand in lost}
                    break
            names = here()
        try:
            yield lost
        finally:
            with self._lock:
                self._rising[room] -= 1
                self._rising += Counter()  # rooms without any are forgotten
                self._losing -= {hand.number for hand in lost}

    def _one_to_give_up(self, stand: int) -> list[_Hand]:
        """With `_lock` held: where as many hands are up in all rooms as may be, return the last of
        the room that has the most: so whoever fills them does it at their own cost.

        Args:
            stand: how many are up in the room in which one more is to be.

        Raises:
            ProtocolError: `unavailable`: no room has more than that.
        """
        assert self._lock.locked()
        count = sum(map(len, self._hands.values())) + self._rising.total() - len(self._losing)
        if count < ALL_HANDS_LIMIT:
            return []
        fullest = max(self._hands.values(), key=len, default=list[_Hand]())
        standing = [hand for hand in fullest if hand.number not in self._losing]
        if len(standing) <= stand:
            raise _full(f"{ALL_HANDS_LIMIT} hands are up in all rooms")
        return [standing[-1]]

    def _take_down(self, choose: Callable[[], Sequence[_Hand]]) -> Sequence[_Hand]:
        """Take down the hands that `choose` returns, and return them. It is called with `_lock`
        held. Where several servers share them, they are down once that is kept.
        """
        self._look()
        with self._lock:
            down = choose()
            if not self._people.is_shared:
                self._drop(down)
                self._leftovers += [hand.number for hand in down]
                return down
        if down:
            self._people.remove_hands([hand.number for hand in down])
            with self._lock:
                self._drop(down)
        return down

    def _drop(self, hands: Iterable[_Hand]) -> None:
        """With `_lock` held: have hands no more, or not in the queue."""
        assert self._lock.locked()
        for hand in hands:
            queue = self._hands.get(hand.room, [])
            if hand in queue:
                queue.remove(hand)
                if not queue:
                    del self._hands[hand.room]
            if self._floors.get(hand.room) is hand:
                del self._floors[hand.room]

    def _forget(self, numbers: list[int]) -> None:
        """Let the store forget hands that are down, now or with the next `tidy`."""
        try:
            self._people.remove_hands(numbers)
        except StoreError as error:
            log.error("hands that are down are not forgotten for now: %s", error)
            with self._lock:
                self._leftovers += numbers

    def _ask(self, hand: _Hand, question: str) -> bool:
        """With its owner and the room claimed: give a hand another question. Return whether it is
        another.
        """
        if question in ("", hand.question):
            return False
        self._people.change_question(hand.number, question)
        with self._lock:
            hand.question = question
        return True

    def _stands(self, room: str, session: Participant) -> bool:
        with self._lock:
            return any(hand.is_of(session) for hand in self._hands.get(room, ()))

    def _has(self, room: str, hands: Container[str]) -> bool:
        """Whether a room may be among those of `hands`."""
        return room in hands or self._is_stale

    def _own(self, hands: Iterable[_Hand], session: Participant) -> list[_Hand]:
        """With `_lock` held: the first of some hands that is somebody's."""
        assert self._lock.locked()
        return [hand for hand in hands if hand.is_of(session)][:1]

    def _floor_of(self, room: str) -> list[_Hand]:
        """With `_lock` held: the hand that has the floor, if one has."""
        assert self._lock.locked()
        floor = self._floors.get(room)
        return [] if floor is None else [floor]

    def _in(self, room: str) -> list[_Hand]:
        """With `_lock` held: the hands of a room, with the floor's."""
        assert self._lock.locked()
        return [*self._hands.get(room, ()), *self._floor_of(room)]


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
