"""The people to whom private messages go. A nick may belong to somebody else by now.

The server announces new nicks room by room, in some rooms later than in others, and a moment after
they were taken. A direct message arrives at once. So the client follows a person in each room
separately. If no room tells, if the rooms disagree, or if a nick changes hands just as somebody
writes under it, the client is in doubt, and asks the user before it sends anything.
"""

import time
from collections.abc import Iterable, Mapping

from chat_client.display.text import fold
from chat_client.errors import CommandError

_LIMIT = 200
"""People whom the client follows at the same time."""

_AT_THAT_MOMENT = 3.0
"""Seconds. A server announces new nicks 0.1 s late, or later if it or the network is busy."""


class Person:
    """Somebody to whom the user writes, or who wrote to the user.

    Only the view's thread changes it. Other threads may read each attribute at any time.

    Attributes:
        nick: the last nick that the client knows of.
        former: the nicks that the person gave up, folded.
        wrote: when the person wrote to the user last, on the monotonic clock; None for somebody
            whom the user named.
    """

    def __init__(self, nick: str, rooms: Iterable[str], wrote: float | None = None) -> None:
        """Begin to follow whoever has a nick now.

        Args:
            nick: the nick.
            rooms: where somebody with that nick is seen.
            wrote: see `wrote`.
        """
        self.nick = nick
        self.former: frozenset[str] = frozenset()
        self.wrote = wrote
        self._seen = dict.fromkeys(rooms, fold(nick))  # replaced, never changed
        self._lost = ""

    @property
    def watched(self) -> bool:
        """Whether a room would tell us of the person's new nicks."""
        return bool(self._seen)

    @property
    def doubt(self) -> str:
        """Why the nick may be somebody else's by now; empty without doubt."""
        if self._lost:
            return self._lost
        names = set(self._seen.values())
        return f"{self.nick} is just taking another nick" if len(names) > 1 else ""

    def now(self) -> str:
        """Return the nick to write to.

        Raises:
            CommandError: it may be somebody else's.
        """
        if doubt := self.doubt:
            raise CommandError(f"not sent: {doubt}")
        return self.nick

    def rename(self, room: str, renamed: Mapping[str, str]) -> None:
        """Follow the person to a new nick.

        Args:
            room: the room that announced it.
            renamed: new nicks by the old ones, folded.
        """
        new = renamed.get(self._seen.get(room, ""))
        if new is None:
            return
        if self.wrote is not None and time.monotonic() - self.wrote < _AT_THAT_MOMENT:
            # The person who wrote may have had the nick before, or may have taken it since.
            self.lose(f"{self.nick} took another nick just when you were written to")
            return
        self.former |= {fold(self.nick)} - {fold(new)}
        self._seen = {**self._seen, room: fold(new)}
        self.nick = new

    def leave(self, room: str, nicks: Iterable[str] | None = None) -> None:
        """Note that some people left a room.

        Args:
            room: the room.
            nicks: theirs, folded; None if the user left.
        """
        was = self._seen.get(room)
        if was is None or (nicks is not None and was not in nicks):
            return
        self._seen = {name: nick for name, nick in self._seen.items() if name != room}
        if not self._seen:
            self.lose(f"{self.nick} is in no room of yours any more")

    def lose(self, why: str) -> None:
        """Note that the client cannot follow the person any further, and why."""
        self._lost = self._lost or f"{why}, so the nick may be somebody else's by now"


class People:
    """The people whom the client follows. The view's thread owns it."""

    def __init__(self) -> None:
        self._people: list[Person] = []  # the last one named stands last

    def named(self, nick: str, rooms: Iterable[str]) -> Person:
        """Return the person who has a nick that the user typed.

        Args:
            nick: as it was typed.
            rooms: where somebody with that nick is seen.
        """
        return self._known(nick, wrote=False) or self._follow(Person(nick, rooms))

    def wrote(self, nick: str, rooms: Iterable[str]) -> Person:
        """Return the person who wrote to the user under a nick just now. `named` returns another
        object, because the client cannot know yet whether that is the same person.

        Args:
            nick: as the server sent it.
            rooms: where somebody with that nick is seen.
        """
        now = time.monotonic()
        known = self._known(nick, wrote=True)
        if known is None:
            return self._follow(Person(nick, rooms, now))
        known.wrote = now
        return known

    def _known(self, nick: str, *, wrote: bool) -> Person | None:
        for person in reversed(self._people):
            same = fold(person.nick) == fold(nick) and (person.wrote is not None) == wrote
            if same and person.watched and not person.doubt:
                return person
        return None

    def _follow(self, found: Person) -> Person:
        self._people.append(found)
        if len(self._people) > _LIMIT:
            self._people.pop(0).lose("it is long ago that you wrote to each other")
        return found

    def moved(self, nick: str) -> Person | None:
        """Return the person with whom the user wrote under this nick, and who gave it up since."""
        for person in reversed(self._people):
            if fold(person.nick) == fold(nick) and (person.wrote is None or not person.doubt):
                return None
            if fold(nick) in person.former:
                return person
        return None

    def stir(self, room: str, left: Iterable[str], renamed: Iterable[tuple[str, str]]) -> None:
        """Note who left a room, and who has another nick."""
        gone = {fold(nick) for nick in left}
        new = {fold(old): nick for old, nick in renamed}
        for person in self._people:
            person.leave(room, gone)
            person.rename(room, new)

    def leave(self, room: str) -> None:
        """Note that the user left a room, so that it tells nothing any more."""
        for person in self._people:
            person.leave(room)

    def lose(self, why: str) -> None:
        """Note that the client got no events for a while."""
        for person in self._people:
            person.lose(why)
