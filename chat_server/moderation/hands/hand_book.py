"""Whose hands are up in which room, in their order: in memory and in the store.

A hand belongs to a person, not to a connection: it stays up while the connection is lost, and while
the server restarts. Who is given the floor leaves the queue; the hand is kept as the floor's.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from chat_server.identity.participant import Participant
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import KeptHand
from chat_server.moderation.hands.floor_book import FloorBook
from chat_server.moderation.hands.hand import Hand, Raised, UpHand
from chat_server.moderation.hands.hand_places import HandPlaces
from chat_server.moderation.hands.hands_up import own
from chat_server.moderation.hands.kept_hands import KeptHands
from chat_server.rooms.policy import PersonKey, person_key, person_keys
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import StoreError
from protocol.errors import Code, ProtocolError
from protocol.text import nick_key

log = logging.getLogger(__name__)


class HandBook:
    """The hands. Any thread may call any method.

    Attributes:
        kept: how they are kept, and what other servers have changed.
        floors: who has the floor.
    """

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
        self.kept = KeptHands(people)
        self.floors = FloorBook(self.kept, clock)
        self._up = self.kept.up
        self._places = HandPlaces(self._up)

    def rooms(self) -> list[str]:
        """Return the rooms in which hands are up, or somebody has the floor."""
        with self._up.lock:
            return self._up.rooms()

    def queue(self, room: str) -> list[UpHand]:
        """Return the hands that are up in a room, in the order of the queue."""
        if room not in self._up.queues:  # nearly always
            return []
        with self._up.lock:
            return [hand.entry() for hand in self._up.queue(room)]

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

        def raise_hand() -> Raised:
            with self._up.lock:
                queue = list(self._up.queue(room))
            for place, hand in enumerate(queue, 1):
                if hand.is_of(session):
                    return Raised(place, len(queue), self._ask(hand, question))
            with self._places.for_one(room, here) as lost:
                return self._put_up(room, session, question, lost)

        with ExitStack() as claimed:
            claimed.enter_context(self._claimed(room, session))
            if question and self._stands(room, session):  # it may be given the floor meanwhile
                claimed.enter_context(self.kept.claims.of(room))
            return self.kept.decided(raise_hand)

    def lower_hand(self, room: str, session: Participant) -> int | None:
        """Take somebody out of a queue. Return how many are left; None if they were not in.

        Args:
            room: its name.
            session: whose it is; or another of the same account.

        Raises:
            StoreError: several servers share it, and it is still up.
        """
        if not self.kept.may_have(room, self._up.queues):
            return None  # nearly always; who raises a hand is asked later
        with self._claimed(room, session):
            down = self.kept.decided(
                lambda: self.kept.take_down(lambda: own(self._up.queue(room), session))
            )
        self.kept.tidy()
        return len(self.queue(room)) if down else None

    def raised_by(self, room: str, session: Participant) -> list[int]:
        """Return the numbers of the hands that a session has raised in a room, with the floor's."""
        if room not in self._up.queues and room not in self._up.floors:  # nearly always
            return []
        with self._up.lock:
            return [hand.number for hand in self._up.all_in(room) if hand.token == session.token]

    def numbers(self, room: str) -> list[int]:
        """Return the numbers of all hands of a room, with the floor's."""
        with self._up.lock:
            return [hand.number for hand in self._up.all_in(room)]

    def take_away(self, room: str, numbers: Sequence[int]) -> tuple[list[UpHand], bool]:
        """Take hands down, as whoever raised them has left.

        Args:
            room: its name.
            numbers: of the hands; those that are down already do not matter.

        Returns: those that were up, and whether the floor was one's of them.

        Raises:
            StoreError: several servers share them, and all are as they were.
        """

        floor: list[Hand] = []

        def choose() -> list[Hand]:
            floor[:] = self._up.floor(room)
            return [hand for hand in self._up.all_in(room) if hand.number in numbers]

        with self.kept.claims.of(room):
            down = self.kept.decided(lambda: self.kept.take_down(choose))
        self.kept.tidy()
        up = [hand.entry() for hand in down if hand not in floor]
        return up, len(up) < len(down)

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

        floor: list[Hand] = []

        def choose() -> list[Hand]:
            floor[:] = self._up.floor(room)
            asking_nothing = [hand for hand in self._up.queue(room) if not hand.question]
            return [hand for hand in (*asking_nothing, *floor) if _is_before(hand, before)]

        may_have = self.kept.may_have
        if not may_have(room, self._up.queues) and not may_have(room, self._up.floors):
            return []
        down = self.kept.decided(lambda: self.kept.take_down(choose))
        return [hand.entry() for hand in down if hand not in floor]

    def clear(self, room: str) -> bool:
        """Take all hands of a room down. The store learns of it as with `thaw`.

        Returns: whether there were any.

        Raises:
            StoreError: several servers share them, and all are as they were.
        """
        return bool(self.kept.decided(lambda: self.kept.take_down(lambda: self._up.all_in(room))))

    def know(self, room: str, session: Participant) -> None:
        """Take somebody who comes into a room for whose hand is up there, if it is theirs."""
        if room not in self._up.queues and room not in self._up.floors:  # nearly always
            return
        with self._up.lock:
            for hand in self._up.all_in(room):
                is_same = hand.session is None or hand.session.token == session.token
                if is_same and hand.is_of(session):
                    hand.session = session

    def rename_person(self, session: Participant, before: PersonKey) -> None:
        """Take somebody for who they were, who logged in or out and had another name `before`."""
        for room in self.rooms():
            with self._up.lock:
                stands = any(_is_named(hand, session, before) for hand in self._up.all_in(room))
            if stands:
                self._people.soon(partial(self._rename_in, room, session, before))

    def _rename_in(self, room: str, session: Participant, before: PersonKey) -> None:
        """Do it in one room."""
        with self.kept.claims.of(room):
            self.kept.decided(partial(self._rename_person, room, session, before))

    def _rename_person(self, room: str, session: Participant, before: PersonKey) -> None:
        """With the room claimed: the same."""
        now = person_key(session)
        with self._up.lock:
            renamed = [
                hand
                for hands in (self._up.queue(room), self._up.floor(room))
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
        with self._up.lock:
            for hand in renamed:
                hand.who = now

    def note_nick(self, session: Participant) -> None:
        """Let other servers know what somebody is called now whose hands are up."""
        if self._people.is_shared and self._is_called_otherwise(session):
            self._people.soon(lambda: self.kept.decided(partial(self._keep_nick, session)))

    def _is_called_otherwise(self, session: Participant) -> bool:
        with self._up.lock:
            return any(
                hand.token == session.token and hand.nick != session.nick
                for room in self._up.rooms()
                for hand in self._up.all_in(room)
            )

    def _keep_nick(self, session: Participant) -> None:
        nick = session.nick
        if not self._is_called_otherwise(session):
            return
        self._people.call_hands(session.token, nick)
        with self._up.lock:
            for room in self._up.rooms():
                for hand in self._up.all_in(room):
                    if hand.token == session.token:
                        hand.nick = nick

    # -- below

    @contextmanager
    def _claimed(self, room: str, session: Participant) -> Iterator[None]:
        """Wait until nobody raises the hand of the same person there, or takes it down."""
        with ExitStack() as claimed:
            for name in sorted(set(person_keys(session))):
                claimed.enter_context(self.kept.claims.of((room, name)))
            yield

    def _put_up(self, room: str, session: Participant, question: str, lost: list[Hand]) -> Raised:
        """With its owner claimed: keep a new hand, in place of those that are lost."""
        who, now = person_key(session), self._clock.time()
        kept = KeptHand(0, room, who, session.token, session.nick, now, question)
        number = self._people.add_hand(kept, [hand.number for hand in lost])
        with self._up.lock:
            self._up.drop(lost)
            place, count = self._up.add(Hand.of(kept._replace(number=number), session))
        absent = next((hand.entry() for hand in lost if hand.room == room), None)
        return Raised(place, count, True, absent, moved=place < count)

    def _ask(self, hand: Hand, question: str) -> bool:
        """With its owner and the room claimed: give a hand another question. Return whether it is
        another.
        """
        if question in ("", hand.question):
            return False
        self._people.change_question(hand.number, question)
        with self._up.lock:
            hand.question = question
        return True

    def _stands(self, room: str, session: Participant) -> bool:
        with self._up.lock:
            return any(hand.is_of(session) for hand in self._up.queue(room))


def _is_named(hand: Hand, session: Participant, who: PersonKey) -> bool:
    """Whether a session raised a hand when it was the person `who`."""
    return hand.who == who and hand.token == session.token


def _is_before(hand: Hand, moment: float | None) -> bool:
    return moment is None or hand.time <= moment
