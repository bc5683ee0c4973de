"""Whose hands are up in which room, in their order: in memory, and in the store.

A hand belongs to a person, not to a connection: it stays up while the connection is lost, and while
the server restarts.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from chat_server.identity.participant import Participant
from chat_server.identity.people_store import PeopleStore
from chat_server.identity.records import KeptHand
from chat_server.rooms.policy import PersonKey, person_key
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import StoreError
from protocol.errors import Code, ProtocolError
from protocol.text import nick_key

log = logging.getLogger(__name__)

HANDS_LIMIT = 1000
"""How many hands may be up in a room."""
HANDS_RETRY_AFTER = 30.0


@dataclass(slots=True)
class _Hand:
    """A hand that is up.

    Attributes:
        number: its key in the store; a hand that was raised later has a larger one.
        who: the person.
        token: the hash of the secret of the session that raised it.
        nick: what they were called when they raised it.
        session: whose it is, once that is known to this run of the server.
    """

    number: int
    who: PersonKey
    token: bytes
    nick: str
    session: Participant | None = None

    @property
    def shown(self) -> str:
        """What its owner is called now, as far as it is known."""
        return self.nick if self.session is None else self.session.nick

    def is_of(self, session: Participant, *, leaving: bool = False) -> bool:
        """Whether it is somebody's: see HandBook.lower_hand."""
        return self.token == session.token or (not leaving and self.who == person_key(session))


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
        # Held while hands are changed, in the store and in memory, so that both change in the same
        # order. Above all locks but Session.posting.
        self._changing = threading.Lock()
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._hands: dict[str, list[_Hand]] = {}  # by room, which has at least one
        self._leftovers: list[int] = []  # hands that are down and perhaps still in the store
        for kept in people.hands():
            hand = _Hand(kept.number, kept.who, kept.token, kept.nick)
            self._hands.setdefault(kept.room, []).append(hand)

    def rooms(self) -> list[str]:
        """Return the rooms in which hands are up."""
        with self._lock:
            return list(self._hands)

    def nicks(self, room: str) -> list[str]:
        """Return the nicks of whose hands are up in a room, in the order of the queue."""
        with self._lock:
            return [hand.shown for hand in self._hands.get(room, ())]

    def nicks_after(self, room: str, nick: str) -> list[str]:
        """Return those that stand behind `nick`.

        Raises:
            ProtocolError: `no_such_nick`: that one does not stand in the queue any more.
        """
        nicks, key = self.nicks(room), nick_key(nick)
        for place, each in enumerate(nicks, 1):
            if nick_key(each) == key:
                return nicks[place:]
        raise ProtocolError(
            Code.NO_SUCH_NICK,
            f"{nick!r} has no hand up in {room} any more: ask again without `after`",
        )

    def raise_hand(
        self, room: str, session: Participant, here: Callable[[], frozenset[PersonKey]]
    ) -> tuple[int, str | None] | None:
        """Put somebody at the end of a queue.

        Where the queue is full, whoever has stood in it the longest of those who are not in the
        room loses the place.

        Args:
            room: its name.
            session: who it is.
            here: returns all names of those who are in the room.

        Returns: how many are in the queue, and the nick of who lost the place; None if they stand
            in it already.

        Raises:
            ProtocolError: `unavailable`: there are too many.
            StoreError: it could not be kept; nothing has changed.
        """
        who = person_key(session)
        with self._changing:
            with self._lock:
                queue = list(self._hands.get(room, ()))
            if any(hand.is_of(session) for hand in queue):
                return None
            absent = _absent(queue, here()) if len(queue) >= HANDS_LIMIT else None
            kept = KeptHand(0, room, who, session.token, session.nick, self._clock.time())
            number = self._people.add_hand(kept, () if absent is None else [absent.number])
            with self._lock:
                hands = self._hands.setdefault(room, [])
                if absent in hands:
                    hands.remove(absent)
                hands.append(_Hand(number, who, session.token, session.nick, session))
                return len(hands), None if absent is None else absent.shown

    def lower_hand(self, room: str, session: Participant, *, leaving: bool = False) -> int | None:
        """Take somebody out of a queue. Return how many are left; None if they were not in.

        Args:
            room: its name.
            session: whose it is; or another of the same account, unless
            leaving: it is the session that goes, and nobody else's hand.
        """
        if room not in self._hands:  # nearly always; who raises a hand is asked later
            return None
        with self._changing:
            with self._lock:
                hands = self._hands.get(room, [])
                own = next((hand for hand in hands if hand.is_of(session, leaving=leaving)), None)
                if own is None:
                    return None
                hands.remove(own)
                self._leftovers.append(own.number)
                left = len(hands)
                if not left:
                    del self._hands[room]
            self._tidy()
            return left

    def clear(self, room: str) -> None:
        """Take all hands of a room down. The store learns of it with the next `tidy`."""
        with self._lock:
            self._leftovers += [hand.number for hand in self._hands.pop(room, ())]

    def tidy(self) -> None:
        """Let the store forget the hands that are down."""
        with self._changing:
            self._tidy()

    def know(self, room: str, session: Participant) -> None:
        """Take somebody who comes into a room for whose hand is up there, if it is theirs."""
        if room not in self._hands:
            return
        with self._lock:
            for hand in self._hands.get(room, ()):
                if hand.session is None and hand.is_of(session):
                    hand.session = session

    def rename_person(self, session: Participant, before: PersonKey) -> None:
        """Take somebody for who they were, who logged in or out and had another name `before`."""
        now = person_key(session)
        with self._changing:
            with self._lock:
                renamed = [
                    hand
                    for hands in self._hands.values()
                    for hand in hands
                    if hand.who == before
                    and hand.token == session.token
                    and all(other.who != now for other in hands)
                ]
                for hand in renamed:
                    hand.who = now
            if not renamed:
                return
            try:
                self._people.rename_hands([hand.number for hand in renamed], now)
            except StoreError as error:
                log.error("whose hands are up is not kept for now: %s", error)

    def _tidy(self) -> None:
        """With `_changing` held."""
        assert self._changing.locked()
        with self._lock:
            numbers, self._leftovers = self._leftovers, []
        if not numbers:
            return
        try:
            self._people.remove_hands(numbers)
        except StoreError as error:
            log.error("hands that are down are not forgotten for now: %s", error)
            with self._lock:
                self._leftovers += numbers


def _absent(queue: list[_Hand], here: frozenset[PersonKey]) -> _Hand:
    """The first in a full queue who is not in the room.

    Raises:
        ProtocolError: `unavailable`: all are.
    """
    for hand in queue:
        if hand.who not in here and hand.token.hex() not in here:
            return hand
    raise ProtocolError(
        Code.UNAVAILABLE,
        f"{HANDS_LIMIT} hands are up, the most there may be: try again later",
        retry_after=HANDS_RETRY_AFTER,
    )
