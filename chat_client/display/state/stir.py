"""Who came, left or took another nick in one room since the last line, for one line."""

from collections.abc import Collection, Mapping

from msgspec import UNSET

from protocol.messages import Presence


class Stir:
    """The sum of several presence events of one room."""

    def __init__(self, room: str) -> None:
        """Begin with nothing.

        Args:
            room: which room.
        """
        self._room = room
        self._joined: dict[str, None] = {}
        self._left: dict[str, None] = {}
        self._renamed: list[tuple[str, str]] = []
        self._roles: dict[str, str] = {}
        self._members = 0

    def add(
        self,
        *,
        joined: Collection[str],
        left: Collection[str],
        renamed: Collection[tuple[str, str]],
        gone: Collection[str],
        members: int,
        roles: Mapping[str, str],
    ) -> None:
        """Add an event. The time that this takes depends on the event alone.

        Args:
            joined: who came, without those who are not shown.
            left: who left, without those who are not shown.
            renamed: old and new nicks, without those that are not shown.
            gone: all nicks that nobody in the room has any more.
            members: how many people are in the room now.
            roles: those that are new, without those that are not shown.
        """
        for who in gone:
            self._joined.pop(who, None)
            self._roles.pop(who, None)
        self._roles |= roles
        self._joined |= dict.fromkeys(joined)
        self._left |= dict.fromkeys(left)
        self._renamed += renamed
        self._members = members

    def event(self) -> Presence:
        """Return the sum as one event."""
        return Presence(
            self._room,
            list(self._joined),
            list(self._left),
            self._renamed,
            self._members,
            self._roles or UNSET,
        )
