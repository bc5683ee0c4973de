"""The rules of a room: who may speak, how often, and who may come in.

The rules are immutable, so a room's can be read without a lock, and who has read them can see
later, by identity, whether they still hold. Nothing here knows a room, a socket or a store.
"""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from chat_server.identity.participant import Participant
from protocol.common.durations import show_duration
from protocol.errors import Code, ProtocolError

READ_ONLY_TEXT = "this room is for announcements: only moderators speak here"
"""What somebody is told who may only read in a room."""

GUESTS_LIMIT = 300
"""How many may be invited to a room: one frame names them all."""

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


class Guest(NamedTuple):
    """Somebody who is invited. `shown` is what they were called when that was said."""

    key: PersonKey
    shown: str


TopicRule = Literal["", "moderators", "everybody"]
"""Who sets the topic; "" is moderators where there is an owner in the room, else everybody."""


@dataclass(frozen=True, slots=True)
class RoomPolicy:
    """What holds in a room.

    Attributes:
        slow: seconds between two messages of one person; 0 for none.
        lock: nobody else comes in.
        freeze: of this room.
        server_freeze: of all rooms. It and `freeze` end independently.
        topic: who sets the topic.
        read_only: only moderators speak, and whom a freeze lets speak.
        invite_by: the nick of who let only those in who are invited; "" if everybody comes in.
            Others do not learn that there is the room.
        guests: who is invited. It may be kept ahead of the rule.
        forget: all that was said is deleted when nobody is in the room any more.
        images: clients may show images that are offered as files.
        floor: the names of who has the floor, and may speak though the room is frozen.
    """

    slow: float = 0.0
    lock: Lock | None = None
    freeze: Freeze | None = None
    server_freeze: Freeze | None = None
    topic: TopicRule = ""
    read_only: bool = False
    invite_by: str = ""
    guests: tuple[Guest, ...] = ()
    forget: bool = False
    images: bool = False

    @property
    def invited(self) -> frozenset[PersonKey]:
        """The names of who is invited."""
        return frozenset(guest.key for guest in self.guests)

    floor: frozenset[PersonKey] = frozenset()

    def without(self, names: frozenset[PersonKey]) -> "RoomPolicy":
        """Return the rules in which nobody with one of these names may come back, or is invited."""
        lock = self.lock
        if lock is not None:
            lock = replace(lock, insiders=lock.insiders - names)
        guests = tuple(guest for guest in self.guests if guest.key not in names)
        return replace(self, lock=lock, guests=guests)

    @property
    def has_freeze(self) -> bool:
        """Whether there is a freeze, which may have ended a moment ago."""
        return self.freeze is not None or self.server_freeze is not None

    def frozen(self, now: float) -> Freeze | None:
        """Return the freeze that holds; of two, the one that ends last."""
        holding = [each for each in (self.freeze, self.server_freeze) if each and each.holds(now)]
        return max(holding, key=_end, default=None)

    def stopping(self, names: frozenset[PersonKey], now: float) -> Freeze | None:
        """Return the freeze that keeps somebody who is no moderator from speaking.

        Args:
            names: every one that the person has.
            now: the clock's monotonic seconds.
        """
        if self.floor & names:
            return None
        stopping = [
            each
            for each in (self.freeze, self.server_freeze)
            if each and each.holds(now) and not each.speakers & names
        ]
        return max(stopping, key=_end, default=None)

    def is_read_only_for(self, names: frozenset[PersonKey], now: float) -> bool:
        """Whether somebody who is no moderator only reads here, frozen or not."""
        if not self.read_only:
            return False
        freeze = self.frozen(now)
        return freeze is None or not freeze.speakers & names

    def check_speaker(self, names: frozenset[PersonKey], now: float) -> None:
        """See that somebody who is no moderator may speak.

        Args:
            names: every one that the person has.
            now: the clock's monotonic seconds.

        Raises:
            ProtocolError: `muted`.
        """
        freeze = self.stopping(names, now)
        if freeze is not None:
            left = None if freeze.ends is None else freeze.ends - now
            text = f"{shown_freeze(freeze, shown_rest(left))}; /hand asks for the floor"
            raise ProtocolError(Code.MUTED, text, retry_after=left)
        if self.is_read_only_for(names, now):
            raise ProtocolError(Code.MUTED, READ_ONLY_TEXT)

    def check_entry(self, names: frozenset[PersonKey]) -> None:
        """See that somebody who is no moderator may come in.

        A room for those who are invited is refused as a locked one is: whoever guesses its name
        learns no more.

        Raises:
            ProtocolError: `forbidden`.
        """
        by = self.closed_by(names)
        if by:
            raise ProtocolError(
                Code.FORBIDDEN, f"the room is locked by {by}: nobody else may come in"
            )

    def closed_by(self, names: frozenset[PersonKey]) -> str:
        """Return who keeps somebody out who is no moderator; "" if they may come in."""
        if self.lock is not None and not self.lock.insiders & names:
            return self.lock.by
        return self.invite_by if self.hides_from(names) else ""

    def hides_from(self, names: frozenset[PersonKey]) -> bool:
        """Whether somebody who is no moderator is not to learn that there is this room."""
        return bool(self.invite_by) and not self.invited & names


NO_POLICY = RoomPolicy()


def person_keys(session: Participant) -> frozenset[PersonKey]:
    """Return every name that somebody has in rules: that of the session, that of the account."""
    return frozenset((session.token.hex(), person_key(session)))


def person_key(session: Participant) -> PersonKey:
    """Return the name that somebody has on all connections: the account's if there is one."""
    return session.token.hex() if session.account is None else f"@{session.account}"


def shown_freeze(freeze: Freeze, rest: str = "") -> str:
    """Return a freeze as a sentence for who may not speak. `rest` is as shown_rest has it."""
    what = "all rooms are" if freeze.everywhere else "this room is"
    return f"{what} frozen by {freeze.by}{rest}: only moderators and whom they let speak do"


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

    def take(self, who: PersonKey, slow: float, now: float, nick: str = "") -> float:
        """Let somebody speak, or return for how many seconds they must not yet.

        Args:
            who: the person.
            slow: seconds between two messages.
            now: the clock's monotonic seconds.
            nick: what theirs is compared by, where they may have spoken on another server.
        """
        with self._lock:
            spoke = self._spoke
            while spoke and (
                len(spoke) >= TALKERS_LIMIT or next(iter(spoke.values())) + slow <= now
            ):
                spoke.popitem(last=False)
            last = max(spoke.get(who, -math.inf), spoke.get(_heard(nick), -math.inf))
            wait = last + slow - now
            if wait > 0:
                return wait
            spoke[who] = now
            spoke.move_to_end(who)
            return 0.0

    def hear(self, nick: str, now: float) -> None:
        """Note that somebody spoke on another server, of whom this one knows the nick alone.

        Args:
            nick: what theirs is compared by.
            now: the clock's monotonic seconds.
        """
        with self._lock:
            self._spoke[_heard(nick)] = now
            self._spoke.move_to_end(_heard(nick))
            if len(self._spoke) > TALKERS_LIMIT:
                self._spoke.popitem(last=False)

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


def _heard(nick: str) -> str:
    """What SlowMode knows somebody by of whom it knows the nick alone: nobody's PersonKey."""
    return f"nick {nick}"


def _end(freeze: Freeze) -> float:
    return float("inf") if freeze.ends is None else freeze.ends
