"""Who came, left or took another nick in one room since the last line: shown as one line."""

from collections.abc import Collection

from protocol.messages import Presence


class Stir:
    """What presence events of one room add up to."""

    def __init__(self, room: str) -> None:
        """Begin with nothing.

        Args:
            room: which room.
        """
        self._room = room
        self._joined: dict[str, None] = {}
        self._left: dict[str, None] = {}
        self._renamed: list[tuple[str, str]] = []
        self._members = 0

    def add(
        self,
        *,
        joined: Collection[str],
        left: Collection[str],
        renamed: Collection[tuple[str, str]],
        gone: Collection[str],
        members: int,
    ) -> None:
        """Add an event, in time that depends on the event alone.

        Args:
            joined: those who came, as far as they are to be named.
            left: those who left, as far as they are to be named.
            renamed: old and new nicks, as far as they are to be named.
            gone: all nicks that are nobody's there any more.
            members: how many are in the room now.
        """
        for who in gone:
            self._joined.pop(who, None)
        self._joined |= dict.fromkeys(joined)
        self._left |= dict.fromkeys(left)
        self._renamed += renamed
        self._members = members

    def event(self) -> Presence:
        """Return all of it as one event."""
        return Presence(
            self._room, list(self._joined), list(self._left), self._renamed, self._members
        )
