"""The rules of a room: who may speak, how often, and who may come in.

The rules are immutable, so a room's can be read without a lock, and who has read them can see
later, by identity, whether they still hold. Nothing here knows a room, a socket or a store.
"""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass

from chat_server.identity.participant import Participant
from protocol.common.durations import show_duration
from protocol.errors import Code, ProtocolError

TALKERS_LIMIT = 10_000
"""Of how many people slow mode remembers in each room when they last spoke."""

PersonKey = str
"""A person, whatever they are called: `@` and the account's number, or the session in hex."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Only moderators and the speakers speak.

    Attributes:
        by: the nick of who froze.
        since: when, in Unix seconds.
        until: when it ends, in Unix seconds; None if it does not.
        ends: the same in the clock's monotonic seconds.
        speakers: who may speak on.
        everywhere: it holds in all rooms.
    """

    by: str
    since: float
    until: float | None
    ends: float | None
    speakers: frozenset[PersonKey] = frozenset()
    everywhere: bool = False

    def holds(self, now: float) -> bool:
        """Whether it has not ended by itself; `now` in the clock's monotonic seconds."""
        return self.ends is None or now < self.ends


@dataclass(frozen=True, slots=True)
class Lock:
    """Nobody else comes in. `insiders` were in, and may come back when their connection broke."""

    by: str
    insiders: frozenset[PersonKey] = frozenset()


@dataclass(frozen=True, slots=True)
class RoomPolicy:
    """What holds in a room.

    Attributes:
        slow: seconds between two messages of one person; 0 for none.
        lock: nobody else comes in.
        freeze: of this room.
        server_freeze: of all rooms. It and `freeze` end independently.
    """

    slow: float = 0.0
    lock: Lock | None = None
    freeze: Freeze | None = None
    server_freeze: Freeze | None = None

    @property
    def has_freeze(self) -> bool:
        """Whether there is a freeze, which may have ended a moment ago."""
        return self.freeze is not None or self.server_freeze is not None

    def frozen(self, now: float) -> Freeze | None:
        """Return the freeze that holds; of two, the one that ends last."""
        holding = [each for each in (self.freeze, self.server_freeze) if each and each.holds(now)]
        return max(holding, key=_end, default=None)

    def check_speaker(self, names: frozenset[PersonKey], now: float) -> None:
        """See that somebody who is no moderator may speak.

        Args:
            names: every one that the person has.
            now: the clock's monotonic seconds.

        Raises:
            ProtocolError: `muted`.
        """
        stopping = [
            each
            for each in (self.freeze, self.server_freeze)
            if each and each.holds(now) and not each.speakers & names
        ]
        if not stopping:
            return
        freeze = max(stopping, key=_end)
        what = "all rooms are" if freeze.everywhere else "this room is"
        left = None if freeze.ends is None else freeze.ends - now
        raise ProtocolError(
            Code.MUTED,
            f"{what} frozen by {freeze.by}{shown_rest(left)}: only moderators and whom they let "
            "speak do; /hand asks for the floor",
            retry_after=left,
        )

    def check_entry(self, names: frozenset[PersonKey]) -> None:
        """See that somebody who is no moderator may come in.

        Raises:
            ProtocolError: `forbidden`.
        """
        if self.lock is not None and not self.lock.insiders & names:
            raise ProtocolError(
                Code.FORBIDDEN, f"the room is locked by {self.lock.by}: nobody else may come in"
            )


NO_POLICY = RoomPolicy()


def person_keys(session: Participant) -> frozenset[PersonKey]:
    """Return every name that somebody has in rules: that of the session, that of the account."""
    return frozenset((session.token.hex(), person_key(session)))


def person_key(session: Participant) -> PersonKey:
    """Return the name that somebody has on all connections: the account's if there is one."""
    return session.token.hex() if session.account is None else f"@{session.account}"


def shown_rest(seconds: float | None) -> str:
    """Return " for another 5 min", or "" for what does not end by itself."""
    return "" if seconds is None else f" for another {show_duration(seconds)}"


class SlowMode:
    """Who has spoken lately in a room. Any thread may call any method."""

    __slots__ = ("_lock", "_spoke")

    def __init__(self) -> None:
        # Guards all below. A leaf.
        self._lock = threading.Lock()
        self._spoke: OrderedDict[PersonKey, float] = OrderedDict()  # the longest ago first

    def take(self, who: PersonKey, slow: float, now: float) -> float:
        """Let somebody speak, or return for how many seconds they must not yet.

        Args:
            who: the person.
            slow: seconds between two messages.
            now: the clock's monotonic seconds.
        """
        with self._lock:
            spoke = self._spoke
            while spoke and (
                len(spoke) >= TALKERS_LIMIT or next(iter(spoke.values())) + slow <= now
            ):
                spoke.popitem(last=False)
            wait = spoke.get(who, -math.inf) + slow - now
            if wait > 0:
                return wait
            spoke[who] = now
            spoke.move_to_end(who)
            return 0.0

    def give_back(self, who: PersonKey) -> None:
        """Forget that somebody spoke: it was refused after all."""
        with self._lock:
            self._spoke.pop(who, None)

    def rename_person(self, session: Participant, before: PersonKey) -> None:
        """Take somebody for who they were, who logged in or out and had another name `before`.

        The other name stays as well: others may be logged in to the same account.
        """
        if not self._spoke:
            return
        now = person_key(session)
        with self._lock:
            if before in self._spoke:
                self._spoke[now] = max(self._spoke[before], self._spoke.get(now, -math.inf))


def _end(freeze: Freeze) -> float:
    return float("inf") if freeze.ends is None else freeze.ends
