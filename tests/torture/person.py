"""What a client keeps from one connection to the next.

The protocol asks for four things: the session's secret, the last seq seen of each room, the last
`id` used, and what has no reply yet.
"""

import random
from collections import Counter, deque

from protocol.messages import Join
from tests.torture.records import Said

OWN_LIMIT = 50
"""How many of the messages that it said last a client may still change."""

EDITS_LIMIT = 10
"""How often a client edits one message: less than the server lets it."""


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
        own: room and seq of messages that it may change: no change of them is under way.
    """

    def __init__(self, nick: str, rooms: list[str], source: random.Random) -> None:
        self.nick = nick
        self.session: str | None = None
        self.session_number = 0
        self.places = {room: Place(source) for room in rooms}
        self.unanswered: dict[int, Said] = {}
        self.own: deque[tuple[str, int]] = deque(maxlen=OWN_LIMIT)
        self._edits: Counter[tuple[str, int]] = Counter()
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
        self.own.clear()

    def confirm(self, request: int, seq: int | None) -> None:
        """Take the `ok` to something that was said, with the seq that it named, if it did."""
        said = self.unanswered.pop(request, None)
        if said is None or seq is None:  # it is not kept any more
            return
        if said.kind in ("text", "action"):
            self.own.append((said.room, seq))
        elif said.kind == "edit":
            changed = said.room, said.changes
            self._edits[changed] += 1
            if self._edits[changed] < EDITS_LIMIT:
                self.own.append(changed)
