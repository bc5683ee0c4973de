"""Raised hands: who would like to speak or has a question, whose turn it is, and who is told.

Moderators see the queue; everybody sees who has the floor, and their own place.

Where several servers share the hands, each tells those who are connected to it.
"""

import threading
from collections.abc import Callable, Iterable
from functools import partial

from msgspec import UNSET

from chat_server.identity.participant import Participant
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act, StoredPolicy
from chat_server.moderation.hands.hand import HandNews, UpHand
from chat_server.moderation.hands.hand_book import HandBook
from chat_server.moderation.in_force.permissions import Permissions
from chat_server.moderation.in_force.policy_book import EVERYWHERE, PolicyBook
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import NO_POLICY, PersonKey, person_keys
from chat_server.rooms.room import Member, Outlet, Room
from chat_server.runtime.timers import Timers
from protocol.messages import FloorChange, HandChange, PlaceChange

PLACES_INTERVAL = 0.1
"""Seconds within which those in a queue are told once that it has moved: each such wave is an event
for everybody who stands there.
"""

UNTOLD = UpHand("", 0.0, "", frozenset())
"""Who has the floor as far as nobody was told yet: no hand is like it."""


class RaisedHands:
    """Puts them up and takes them down. Any thread may call any method."""

    def __init__(
        self,
        permissions: Permissions,
        rules: PolicyBook,
        book: HandBook,
        timers: Timers,
        people: PeopleStore,
        elsewhere: Callable[[str], Participant | None],
    ) -> None:
        """
        Args:
            permissions: says who is a moderator.
            rules: those of the rooms; who has the floor may speak by them.
            book: has the hands.
            timers: tells those in a queue that it has moved.
            people: keeps the hands.
            elsewhere: returns who has a nick on another server; raises StoreError.
        """
        self._people = people
        self._elsewhere = elsewhere
        self._rules = rules
        self._book = book
        self._permissions = permissions
        self._timers = timers
        # Guards the next. A leaf.
        self._lock = threading.Lock()
        self._moved: set[str] = set()  # rooms in whose queue places are about to be told

    def raise_hand(self, room: Room, session: Participant, question: str) -> int:
        """Put somebody at the end of a room's queue, and return their place in it.

        Whose hand is up already keeps the place, and may ask something else.

        Raises:
            ProtocolError: `unavailable`: there are too many.
            StoreError: it could not be kept; nothing has changed.
        """
        raised = self._book.raise_hand(room.name, session, question, lambda: self._names_in(room))
        if raised.lost is not None:
            self._tell_down(room, [raised.lost], raised.hands - 1)
        if raised.lost is not None or raised.moved:
            self._tell_places(room)
        if raised.news:
            change = HandChange(room.name, session.nick, True, raised.hands, question)
            self._tell_moderators(room, change)
        return raised.place

    def catch_up(self) -> None:
        """Know what other servers have written of hands until now.

        Raises:
            StoreError: they could not be asked.
        """
        self._book.kept.catch_up()

    def note_written(self) -> None:
        """Note that another server has changed hands: `show_news` is to be called."""
        self._book.kept.note_written()

    def show_news(self, find_room: Callable[[str], Room | None]) -> list[Room]:
        """Tell those who are here what other servers have changed. Called by one thread.

        Returns: the rooms in which somebody else has the floor.

        Raises:
            StoreError: what they have changed could not be read.
        """
        moved = []
        for news in self._book.kept.take_news():
            room = find_room(news.room)
            if room is not None:
                self._show(room, news)
                moved += [room] if news.floor else []
        return moved

    def lower_hand(self, room: Room, session: Participant) -> None:
        """Take somebody out of a room's queue, if they are in it; else the floor, if they have it.

        Raises:
            StoreError: several servers share it, and nothing has changed.
        """
        if not self.take_down(room, session):
            self._yield_floor(room, session)

    def take_down(self, room: Room, session: Participant) -> bool:
        """Take somebody out of a room's queue. Return whether they were in it.

        Raises:
            StoreError: several servers share it, and nothing has changed.
        """
        count = self._book.lower_hand(room.name, session)
        if count is None:
            return False
        self._tell_moderators(room, HandChange(room.name, session.nick, False, count))
        self._tell_places(room)
        return True

    def _yield_floor(self, room: Room, session: Participant) -> None:
        """Take the floor from somebody, if they have it."""
        if self._book.floors.give_back(room.name, session):
            self._rules.impose(room)
            self.tell_floor(room)

    def give_floor(
        self, room: Room, did: Callable[[UpHand | None], Act]
    ) -> tuple[UpHand | None, UpHand | None]:
        """Give the floor to the first in a queue who is here. See FloorBook.give.

        Nobody is told before `tell_turn`.
        """
        self._book.kept.catch_up()
        here = self._people_in(room)

        def is_muted(hand: UpHand) -> bool:
            owners = [here[name] for name in hand.names if name in here]
            return any(self._is_muted(owner) for owner in owners)

        return self._book.floors.give(room.name, frozenset(here), is_muted, did)

    def tell_turn(self, room: Room, given: UpHand | None) -> None:
        """Tell those in a room who got the floor, and those in the queue that it moved."""
        self.tell_floor(room)
        if given is not None:
            self._tell_down(room, [given], len(self._book.nicks(room.name)))
            self._tell_places(room)

    def name_speaker(self, room: Room, session: Participant | None) -> None:
        """Let somebody have the floor, whom the room's rules name, or nobody.

        Raises:
            StoreError: nothing has changed.
        """
        if self._book.floors.name_speaker(room.name, session):
            self.tell_floor(room)

    def floor(self, room: str) -> UpHand | None:
        """Return the hand of who has the floor in a room."""
        return self._book.floors.of(room)

    def queue(self, room: Room, after: str | None) -> list[UpHand]:
        """Return a room's queue, or what is behind `after` in it.

        Raises:
            ProtocolError: `no_such_nick`: `after` is not in the queue.
        """
        if after is None:
            return self._book.queue(room.name)
        return self._book.queue_after(room.name, after)

    def thaw(self, room: Room, before: float | None = None) -> None:
        """Take down the hands that ask nothing, as everybody in a room may speak again.

        Args:
            room: which.
            before: only those that were raised before that moment, in Unix seconds.

        Raises:
            StoreError: several servers share them, and all are as they were.
        """
        had_floor = self._book.floors.of(room.name) is not None
        down = self._book.thaw(room.name, before)
        if had_floor:
            self.tell_floor(room)
        if down:
            self._tell_down(room, down, len(self._book.nicks(room.name)))
            self._tell_places(room)

    def tidy(self) -> None:
        """Let the store forget the hands that are down."""
        self._book.kept.tidy()

    def know(self, member: Member) -> None:
        """Take somebody who came into a room for whose hand is up there, and tell how it is."""
        room = member.room
        self._book.know(room.name, member.session)
        told: UpHand | None = None
        while told != (now := self._book.floors.of(room.name)):  # it may be told of ahead of this
            told = now
            member.outbox.put_if_short(Broadcast(_floor_event(room, now)))
        for place, hand in enumerate(self._book.queue(room.name), 1):
            if hand.is_of(member.session):
                _put_place(member.outbox, room, place, hand.question)

    def note_nick(self, session: Participant) -> None:
        """Let moderators on other servers know what somebody is called now whose hand is up."""
        self._book.note_nick(session)

    def rename_person(self, session: Participant, before: PersonKey) -> None:
        """Take somebody for who they were, who logged in or out and had another name `before`."""
        self._book.rename_person(session, before)

    def forget(self, room: str) -> None:
        """Take all hands of a room down that is removed.

        Raises:
            StoreError: several servers share them, and all are as they were.
        """
        if self._book.clear(room):
            self._book.kept.tidy()

    def room_gone(self, room: str) -> None:
        """Take all hands of a room down that has gone with its last member."""
        numbers = self._book.numbers(room)
        if numbers:
            self._people.soon(partial(self._drop_all, room, numbers))

    def member_left(self, member: Member, comes_back: bool) -> None:
        """Take down the hand of somebody who has left a room, unless they are expected back."""
        numbers = [] if comes_back else self._book.raised_by(member.room.name, member.session)
        if numbers:
            self._people.soon(partial(self._take_away, member.room, numbers))

    # -- below

    def _drop_all(self, room: str, numbers: list[int]) -> None:
        """Take down hands of a room in which nobody is."""
        self._book.take_away(room, numbers)

    def _take_away(self, room: Room, numbers: list[int]) -> None:
        """Take down hands of somebody who has left."""
        down, had_floor = self._book.take_away(room.name, numbers)
        for hand in down:
            count = len(self._book.nicks(room.name))
            self._tell_moderators(room, HandChange(room.name, hand.nick, False, count))
            self._tell_places(room)
        if had_floor:
            self._rules.impose(room)
            self.tell_floor(room)

    def _show(self, room: Room, news: HandNews) -> None:
        """Tell those in a room what other servers have changed there."""
        if news.floor:
            self._rules.impose(room)
            self.tell_floor(room)
        for hand in news.came:
            change = HandChange(room.name, hand.nick, True, news.hands, hand.question)
            self._tell_moderators(room, change)
        if news.gone:
            self._tell_down(room, news.gone, news.hands)
            self._tell_places(room)
        for place, hand in enumerate(self._book.queue(room.name) if news.came else (), 1):
            for member in room.members() if hand in news.came else ():
                if hand.is_of(member.session):
                    _put_place(member.outbox, room, place, hand.question)

    def _people_in(self, room: Room) -> dict[PersonKey, Participant]:
        """Who is in a room, by all their names. Of those on other servers only whoever stands in
        the queue ahead of all who are here.

        Raises:
            StoreError: the other servers could not be asked.
        """
        here: dict[PersonKey, Participant] = {
            name: member.session
            for member in room.members()
            for name in person_keys(member.session)
        }
        elsewhere = room.roles_elsewhere()
        for hand in self._book.queue(room.name) if elsewhere else ():
            if hand.names & here.keys():
                break
            found = self._elsewhere(hand.nick) if hand.nick in elsewhere else None
            if found is not None and hand.is_of(found):
                return here | dict.fromkeys(hand.names, found)
        return here

    def _names_in(self, room: Room) -> frozenset[PersonKey]:
        """All names of those who are in a room; of those on other servers, if their hand is up."""
        here = (person_keys(member.session) for member in room.members())
        elsewhere = room.roles_elsewhere()
        up = [hand.names for hand in self._book.queue(room.name) if hand.nick in elsewhere]
        return frozenset[PersonKey]().union(*here, *up)

    def _is_muted(self, who: Participant) -> bool:
        """Whether somebody who is here may say nothing anywhere."""
        connection = who.connection if isinstance(who, Session) else None
        return self._permissions.is_muted(who, connection.host if connection else "")

    def tell_floor(self, room: Room) -> None:
        """Tell everybody in a room who has the floor."""
        told: UpHand | None = UNTOLD
        # Of two who tell, one tells the latest.
        while told != (now := self._book.floors.of(room.name)):
            told = now
            event = Broadcast(_floor_event(room, now))
            for member in room.members():
                member.outbox.put_if_short(event)

    def _tell_places(self, room: Room) -> None:
        """Tell everybody in a room's queue, soon, where they stand: once, however often it moves
        until then.
        """
        with self._lock:
            is_first = room.name not in self._moved
            self._moved.add(room.name)
        if is_first:
            self._timers.call_later(PLACES_INTERVAL, partial(self._tell_places_now, room))

    def _tell_places_now(self, room: Room) -> None:
        """On the timers' thread: the same, now."""
        with self._lock:
            self._moved.discard(room.name)
        told, places = [], self._places(room)
        for member in room.members() if places else ():
            for name in person_keys(member.session) & places.keys():
                _put_place(member.outbox, room, *places[name])
                told.append(member)
                break
        if not told:
            return
        now = self._places(room)
        for member in told:
            if now.keys().isdisjoint(person_keys(member.session)):  # that was told ahead of this
                _put_place(member.outbox, room, 0)

    def _places(self, room: Room) -> dict[PersonKey, tuple[int, str]]:
        """Where those stand whose hands are up, and what they ask, by all of their names."""
        return {
            name: (place, hand.question)
            for place, hand in enumerate(self._book.queue(room.name), 1)
            for name in hand.names
        }

    def _tell_down(self, room: Room, hands: list[UpHand], count: int) -> None:
        """Tell moderators of hands that are down, and whose they are, who took none down."""
        for hand in hands:
            self._tell_moderators(room, HandChange(room.name, hand.nick, False, count))
        for member in room.members():
            if any(hand.is_of(member.session) for hand in hands):
                _put_place(member.outbox, room, 0)

    def _tell_moderators(self, room: Room, change: HandChange) -> None:
        told = Broadcast(change)
        for member in room.members():
            if self._permissions.is_moderator(member.session):
                member.outbox.put_if_short(told)


def _put_place(outbox: Outlet, room: Room, place: int, question: str = "") -> None:
    outbox.put_if_short(Broadcast(PlaceChange(room.name, place, question)))


def _floor_event(room: Room, floor: UpHand | None) -> FloorChange:
    if floor is None:
        return FloorChange(room.name, UNSET)
    return FloorChange(room.name, floor.nick, floor.question)


def take_down_ended(book: HandBook, rules: PolicyBook, kept: Iterable[StoredPolicy]) -> None:
    """At the start: take down what a freeze would have that ended since the last run.

    Args:
        book: has the hands of that run.
        rules: those that hold now.
        kept: those that held when it ended.

    Raises:
        StoreError: several servers share the hands, and all are as they were.
    """
    ended = {
        each.room: each.frozen_until
        for each in kept
        if each.frozen and rules.own(each.room).freeze is None
    }
    for room in book.rooms():
        until = max(
            (ended[name] or 0.0 for name in (room, EVERYWHERE) if name in ended), default=None
        )
        if until is not None and not (rules.of(room) or NO_POLICY).has_freeze:
            book.thaw(room, until)
    book.kept.tidy()
