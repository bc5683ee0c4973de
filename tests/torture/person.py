"""What a client keeps from one connection to the next.

The protocol asks for four things: the session's secret, the last seq seen of each room, the last
`id` used, and what has no reply yet.
"""

import random

from protocol.messages import Join
from tests.torture.records import Said


class Place:
    """Where a client is in a room's log.

    Attributes:
        seq: the last that was seen; None before the room was ever joined.
        moved: the client has chosen `seq` itself since it last joined.
    """

    def __init__(self, source: random.Random) -> None:
        self.seq: int | None = None
        self.moved = False
        # How the room is joined for the first time, until that has worked once.
        self._way = source.choice(("after", "history", "new"))
        self._count = source.randrange(50)

    def join(self, identity: int, room: str) -> Join:
        """Return the request that places the cursor here."""
        if self.seq is not None:
            return Join(identity, room, after=self.seq)
        if self._way == "after":
            return Join(identity, room, after=0)
        if self._way == "history":
            return Join(identity, room, history=self._count)
        return Join(identity, room)


def start_of(join: Join, room_ended: int) -> int:
    """Return the seq after which a join is to be answered, in a room that ended there."""
    if join.after is not None:
        return join.after
    return max(0, room_ended - (join.history or 0))


class Person:
    """One client's memory. Its thread alone uses it.

    Attributes:
        session: the secret, None before the first `welcome`.
        session_number: how many sessions there were, 1 if none was ever forgotten.
        places: by room, where it is.
        unanswered: by `id`, what has no `ok` yet, in the order in which it was said.
    """

    def __init__(self, nick: str, rooms: list[str], source: random.Random) -> None:
        self.nick = nick
        self.session: str | None = None
        self.session_number = 0
        self.places = {room: Place(source) for room in rooms}
        self.unanswered: dict[int, Said] = {}
        self._last_id = 0

    def next_id(self) -> int:
        """Return an `id` that is larger than all before."""
        self._last_id += 1
        return self._last_id

    def begin_session(self, secret: str) -> None:
        """Start anew: what had no reply belonged to the session before."""
        self.session = secret
        self.session_number += 1
        self.unanswered.clear()
