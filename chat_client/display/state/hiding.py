"""Whom the user hides, also under new nicks."""

from collections.abc import Callable, Collection, Iterable

from chat_client.display.text import fold

_LIMIT = 1000
"""The most hidden nicks. With so many, new nicks are not followed any more. Only a hostile server
gives hidden people so many."""


class Hiding:
    """Whom the user hides. The view's thread owns it.

    Attributes:
        ignored: who is hidden for good, folded.
        focused: if anybody is in it, all others are hidden; folded.
    """

    def __init__(
        self, ignored: Iterable[str], keep: Callable[[Iterable[str]], None] | None = None
    ) -> None:
        """Begin.

        Args:
            ignored: who is hidden for good, folded.
            keep: called with all of them when that changes.
        """
        self.ignored = set(ignored)
        self.focused: set[str] = set()
        self._keep = keep
        # By room, because each announces new nicks at its own time.
        self._there: dict[str, set[str]] = {}

    def enter(self, room: str) -> None:
        """Note that the user entered a room."""
        self._there.setdefault(room, set(self.ignored))

    def leave(self, room: str) -> None:
        """Note that the user left a room."""
        self._there.pop(room, None)

    def hides(self, nick: str) -> bool:
        """Return whether to hide what somebody says."""
        who = fold(nick)
        return who in self.ignored or (bool(self.focused) and who not in self.focused)

    def ignore(self, nick: str) -> None:
        """Hide somebody for good."""
        for nicks in self._all():
            nicks.add(fold(nick))
        self._changed()

    def show(self, nick: str) -> None:
        """Stop hiding somebody."""
        for nicks in self._all():
            nicks.discard(fold(nick))
        self._changed()

    def follow(self, room: str, renamed: Collection[tuple[str, str]]) -> None:
        """Hide people under their new nicks, and show whoever takes an old nick.

        Args:
            room: the room that announced it.
            renamed: old and new nicks.
        """
        there = self._there.get(room, set())
        hidden, before = set(there), set(self.ignored)
        for old, new in ((fold(old), fold(new)) for old, new in renamed):
            if old in self.focused and len(self.focused) < _LIMIT:
                self.focused.add(new)
            if old not in hidden and new in hidden:
                there.discard(new)
                self.ignored.discard(new)
            elif old in hidden and len(there) < _LIMIT:
                there.add(new)
                self.ignored.add(new)
        if self.ignored != before:
            self._changed()

    def _all(self) -> list[set[str]]:
        return [self.ignored, *self._there.values()]

    def _changed(self) -> None:
        if self._keep:
            self._keep(self.ignored)
