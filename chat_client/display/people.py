"""To whom private things are said: a person, not a nick, which may be somebody else's by now.

The server tells of new nicks room by room, some rooms sooner than others. So a person is followed
in each room by itself. Where that tells nothing, or rooms disagree, there is doubt, and nobody is
written to before the user has said so.
"""

from collections.abc import Iterable, Mapping

from chat_client.display.text import fold
from chat_client.errors import CommandError

_LIMIT = 200
"""People who are followed at the same time."""


class Person:
    """Somebody who is written to, or wrote. Changed by the view's thread alone; what others read is
    one value, whenever they do.

    Attributes:
        nick: the nick, as far as it is known.
        former: the nicks that the person gave up, folded.
    """

    def __init__(self, nick: str, rooms: Iterable[str]) -> None:
        """Begin to follow whoever has a nick now, in the rooms where that person is seen."""
        self.nick = nick
        self.former: frozenset[str] = frozenset()
        self._seen = dict.fromkeys(rooms, fold(nick))  # replaced, never changed
        self._lost = ""

    @property
    def watched(self) -> bool:
        """Whether the server tells of the person's new nicks."""
        return bool(self._seen)

    @property
    def doubt(self) -> str:
        """Why the nick may be somebody else's by now; empty if it is not."""
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
        """Take up new nicks by the old ones, folded, as a room was told."""
        new = renamed.get(self._seen.get(room, ""))
        if new is None:
            return
        self.former |= {fold(self.nick)} - {fold(new)}
        self._seen = {**self._seen, room: fold(new)}
        self.nick = new

    def leave(self, room: str, nicks: Iterable[str] | None = None) -> None:
        """Some, by their folded nicks, left a room; None for the user."""
        was = self._seen.get(room)
        if was is None or (nicks is not None and was not in nicks):
            return
        self._seen = {name: nick for name, nick in self._seen.items() if name != room}
        if not self._seen:
            self.lose(f"{self.nick} is in no room of yours any more")

    def lose(self, why: str) -> None:
        """The person cannot be followed any further."""
        self._lost = self._lost or f"{why}, so the nick may be somebody else's by now"


class People:
    """Those who are followed. The view's thread owns it."""

    def __init__(self) -> None:
        self._people: list[Person] = []  # whoever was named last at the end

    def named(self, nick: str, rooms: Iterable[str]) -> Person:
        """Return whoever has a nick now.

        Args:
            nick: as it was typed, or shown.
            rooms: where somebody with that nick is seen.
        """
        for person in reversed(self._people):
            if fold(person.nick) == fold(nick) and person.watched and not person.doubt:
                return person
        found = Person(nick, rooms)
        self._people.append(found)
        if len(self._people) > _LIMIT:
            self._people.pop(0).lose("it is long ago that you wrote to each other")
        return found

    def moved(self, nick: str) -> Person | None:
        """Return who had a nick when the user wrote to it, or was written to, and gave it up."""
        for person in reversed(self._people):
            if fold(person.nick) == fold(nick):
                return None
            if fold(nick) in person.former:
                return person
        return None

    def stir(self, room: str, left: Iterable[str], renamed: Iterable[tuple[str, str]]) -> None:
        """Take up who left a room, and who is called otherwise since."""
        gone = {fold(nick) for nick in left}
        new = {fold(old): nick for old, nick in renamed}
        for person in self._people:
            person.leave(room, gone)
            person.rename(room, new)

    def leave(self, room: str) -> None:
        """The user left a room, and is told nothing of it any more."""
        for person in self._people:
            person.leave(room)

    def lose(self, why: str) -> None:
        """The user was told nothing for a while."""
        for person in self._people:
            person.lose(why)
