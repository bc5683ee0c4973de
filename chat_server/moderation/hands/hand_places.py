"""How many hands may be up, and which one loses its place where there are too many."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chat_server.moderation.hands.hand import Hand
from chat_server.moderation.hands.hands_up import HandsUp
from chat_server.rooms.policy import PersonKey
from protocol.errors import Code, ProtocolError

HANDS_LIMIT = 1000
"""How many hands may be up in a room."""
ALL_HANDS_LIMIT = 10_000
"""How many hands may be up in all rooms: 10 MB of the longest questions."""

HANDS_RETRY_AFTER = 30.0


class HandPlaces:
    """The places that are about to be taken. Any thread may call any method."""

    def __init__(self, up: HandsUp) -> None:
        """
        Args:
            up: the hands that are up.
        """
        self._up = up
        # Guarded by `HandsUp.lock`, as are the hands that they are counted with.
        self._rising: Counter[str] = Counter()  # by room, hands that are being kept
        self._losing: set[int] = set()  # hands that lose their places to one of them

    @contextmanager
    def for_one(self, room: str, here: Callable[[], frozenset[PersonKey]]) -> Iterator[list[Hand]]:
        """Keep a place in a queue for a hand that is about to be there. Yield which ones lose their
        places, if any has to: see `HandBook.raise_hand` and `_one_to_give_up`.

        Raises:
            ProtocolError: `unavailable`: there are too many.
        """
        names: frozenset[PersonKey] | None = None
        while True:
            with self._up.lock:
                hands = [hand for hand in self._up.queue(room) if hand.number not in self._losing]
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
            with self._up.lock:
                self._rising[room] -= 1
                self._rising += Counter()  # rooms without any are forgotten
                self._losing -= {hand.number for hand in lost}

    def _one_to_give_up(self, stand: int) -> list[Hand]:
        """With `HandsUp.lock` held: where as many hands are up in all rooms as may be, return the
        last of the room that has the most: so whoever fills them does it at their own cost.

        Args:
            stand: how many are up in the room in which one more is to be.

        Raises:
            ProtocolError: `unavailable`: no room has more than that.
        """
        assert self._up.lock.locked()
        count = sum(map(len, self._up.queues.values())) + self._rising.total() - len(self._losing)
        if count < ALL_HANDS_LIMIT:
            return []
        fullest = max(self._up.queues.values(), key=len, default=list[Hand]())
        standing = [hand for hand in fullest if hand.number not in self._losing]
        if len(standing) <= stand:
            raise _full(f"{ALL_HANDS_LIMIT} hands are up in all rooms")
        return [standing[-1]]


def _absent(queue: list[Hand], here: frozenset[PersonKey]) -> Hand:
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
