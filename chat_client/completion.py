"""What Tab puts in: commands, nicks, rooms. One candidate after the other, round and round."""

from collections.abc import Iterable

from chat_client.text import fold
from chat_client.view import View


def candidates(before: str, view: View, commands: Iterable[str]) -> tuple[int, list[str]]:
    """Return where the word before the cursor begins, and what could stand there instead.

    Args:
        before: the text before the cursor.
        view: who spoke and who is there; the user himself is never offered.
        commands: what can be typed, with the slash.
    """
    start = max(before.rfind(" "), before.rfind("\n")) + 1
    word = before[start:]
    if start == 0 and word.startswith("/"):
        return 0, [f"{name} " for name in commands if name.startswith(word.lower())]
    if before in ("/reply ", "/r ") and view.writer:
        return 0, [f"/msg {view.writer} "]
    command = before.split(" ", 1)[0]
    if word.startswith("#") or (
        command in ("/join", "/j", "/switch") and start == len(command) + 1
    ):
        mark = "#" if word.startswith("#") else ""
        names = sorted({*view.rooms, *view.listed})
        return start, [f"{mark}{name} " for name in names if name.startswith(word[len(mark) :])]
    ending = ": " if start == 0 else " "
    return start, [f"{nick}{ending}" for nick in _nicks(word, view)] if word or start else []


def _nicks(word: str, view: View) -> list[str]:
    """Who it could be: whoever spoke last comes first, then the silent ones by name."""
    room = view.current
    if room is None:
        return []
    writer = [view.writer] if view.writer else []
    known = dict.fromkeys([*reversed(room.speakers), *sorted(room.nicks, key=fold), *writer])
    return [nick for nick in known if fold(nick).startswith(fold(word)) and nick != view.nick]


class Cycle:
    """Repeated Tabs. It begins anew as soon as the text is another."""

    def __init__(self) -> None:
        self._start = 0
        self._place = 0
        self._text = ""
        self.offered: list[str] = []

    def chosen(self, text: str) -> int | None:
        """Return which of `offered` stands in `text`, the one before the cursor; None if none."""
        return self._place if self.offered and text == self._text else None

    def turn(self, text: str, step: int, start: int, found: list[str]) -> str:
        """Return the text before the cursor with the next candidate in it.

        Args:
            text: before the cursor, as it is.
            step: 1 for the next, -1 for the one before.
            start: where the word begins.
            found: the candidates, unless `text` is one that this made.
        """
        if self.chosen(text) is not None:
            self._place = (self._place + step) % len(self.offered)
        else:
            self._start, self.offered = start, found
            self._place = 0 if step > 0 else -1
        if not self.offered:
            return text
        self._place %= len(self.offered)
        self._text = text[: self._start] + self.offered[self._place]
        return self._text
