"""The hands in memory: the queue of each room, and who has the floor there."""

import threading
from bisect import insort
from collections.abc import Iterable, Sequence

from chat_server.identity.participant import Participant
from chat_server.identity.store.records import KeptHand
from chat_server.moderation.hands.hand import Hand, HandNews


class HandsUp:
    """The hands. Every method needs `lock` held.

    Attributes:
        lock: guards all of it, and what its users say that it guards. A leaf.
        queues: the hands that are up, by room; a room has at least one. May be asked without the
            lock for whether it has a room.
        floors: the hand of who has the floor, by room. So may this.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.queues: dict[str, list[Hand]] = {}
        self.floors: dict[str, Hand] = {}

    def rooms(self) -> list[str]:
        """Return the rooms in which hands are up, or somebody has the floor."""
        assert self.lock.locked()
        return list({**self.queues, **self.floors})

    def queue(self, room: str) -> Sequence[Hand]:
        """Return the hands that are up in a room, in the order of the queue."""
        assert self.lock.locked()
        return self.queues.get(room, ())

    def floor(self, room: str) -> list[Hand]:
        """Return the hand that has the floor in a room, if one has."""
        assert self.lock.locked()
        floor = self.floors.get(room)
        return [] if floor is None else [floor]

    def all_in(self, room: str) -> list[Hand]:
        """Return the hands of a room, with the floor's."""
        return [*self.queue(room), *self.floor(room)]

    def add(self, hand: Hand) -> tuple[int, int]:
        """Put a hand into its queue. Return its place there, from 1, and how many are up.

        One that is kept already may have been raised later: that one stands behind it.
        """
        assert self.lock.locked()
        hands = self.queues.setdefault(hand.room, [])
        insort(hands, hand, key=_number)
        return hands.index(hand) + 1, len(hands)

    def drop(self, hands: Iterable[Hand]) -> None:
        """Have hands no more, or not in the queue."""
        assert self.lock.locked()
        for hand in hands:
            queue = self.queues.get(hand.room, [])
            if hand in queue:
                queue.remove(hand)
                if not queue:
                    del self.queues[hand.room]
            if self.floors.get(hand.room) is hand:
                del self.floors[hand.room]

    def take_in(self, kept: Iterable[KeptHand]) -> list[HandNews]:
        """Have what is kept. Return what is other than before."""
        assert self.lock.locked()
        queues: dict[str, list[KeptHand]] = {}
        floors = dict[str, KeptHand]()
        for each in kept:
            if each.floor:
                floors[each.room] = each
            else:
                queues.setdefault(each.room, []).append(each)
        rooms = {**self.queues, **self.floors, **queues, **floors}
        news = [self._take_in_room(room, queues.get(room, []), floors.get(room)) for room in rooms]
        return [each for each in news if each.came or each.gone or each.floor]

    def _take_in_room(
        self, room: str, queue: Sequence[KeptHand], floor: KeptHand | None
    ) -> HandNews:
        """The same in one room."""
        known = {hand.number: hand for hand in self.all_in(room)}
        before = {hand.number: hand.entry() for hand in self.queues.pop(room, ())}
        had = self.floors.pop(room, None)

        def made(kept: KeptHand) -> Hand:
            hand = known.get(kept.number)
            return Hand.of(kept) if hand is None else hand.follow(kept)

        hands = [made(each) for each in queue]
        if hands:
            self.queues[room] = hands
        if floor is not None:
            self.floors[room] = made(floor)
        asked = {number: entry.question for number, entry in before.items()}
        up = {hand.number for hand in hands}
        return HandNews(
            room,
            [hand.entry() for hand in hands if asked.get(hand.number) != hand.question],
            [entry for number, entry in before.items() if number not in up],
            len(hands),
            (had and had.number) != (floor and floor.number),
        )


def own(hands: Iterable[Hand], session: Participant) -> list[Hand]:
    """Return the first of some hands that is somebody's."""
    return [hand for hand in hands if hand.is_of(session)][:1]


def _number(hand: Hand) -> int:
    return hand.number
