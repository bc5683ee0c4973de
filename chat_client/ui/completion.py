"""What the Tab key completes: commands, nicks, rooms, durations.

Each Tab puts in the next candidate, and after the last one the first again. What a command takes
stands in its `arguments`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chat_client.commands.command import IN_CHARGE, Command, Table
from chat_client.commands.in_charge.rule_commands import RULES, VALUES
from chat_client.display.state.model import View
from chat_client.display.text import fold
from chat_client.events import MEMBER
from protocol.common.durations import UNITS, begins_duration


def candidates(before: str, view: View, commands: Table) -> tuple[int, list[str]]:
    """Return where the word before the cursor begins, and the candidates for it.

    Args:
        before: the text before the cursor.
        view: knows who spoke and who is there. The user's own nick is no candidate.
        commands: all commands.
    """
    start = max(before.rfind(" "), before.rfind("\n")) + 1
    word = before[start:]
    if start == 0 and word.startswith("/"):
        names = [f"/{command.name} " for command in commands if _may_use(command, view)]
        return 0, [name for name in names if name.startswith(word.lower())]
    if before in ("/answer ", "/r ") and view.writer:
        return 0, [f"/msg {view.writer.nick} "]
    if word.startswith("#"):
        return start, [f"#{name} " for name in _rooms(word[1:], view)]
    if not before.startswith("/") or before.startswith("//"):
        ending = ": " if start == 0 else " "
        return start, [f"{nick}{ending}" for nick in _nicks(word, view)] if word or start else []
    name, *words = before[:start].split()
    command = commands.get(name[1:])
    arguments = command.arguments if command else ""
    return start, [f"{each} " for each in _candidates(arguments, words, word, view)]


def _may_use(command: Command, view: View) -> bool:
    """Return whether the user's role may use a command."""
    return command.group != IN_CHARGE or view.role != MEMBER


# -- what a command takes, as its arguments say ------------------------------------------------


_REST = ("TEXT", "REASON", "WORDS", "WHY")
"""Arguments that go on to the end of the line."""

_GROUP = re.compile(r"\[[^]]*\]|\S+")


@dataclass(frozen=True)
class _Place:
    """A word of a command's arguments.

    Attributes:
        kinds: what may stand there: a word in lower case as it is, or a word in capitals that
            stands for a kind of argument.
        optional: whether it may be left out.
        tied: whether it must follow the one before it directly.
        lasting: whether it may be repeated.
    """

    kinds: Sequence[str]
    optional: bool
    tied: bool
    lasting: bool

    def takes(self, word: str, view: View) -> bool:
        """Return whether a typed word may stand here."""
        return any(_fits(kind, word, view) for kind in self.kinds) or not self.optional


def _candidates(arguments: str, words: Sequence[str], word: str, view: View) -> list[str]:
    """Return the candidates for `word`, which follows `words` behind a command's name."""
    places = _places(arguments)
    for typed in words:
        number = next((n for n, place in _reachable(places) if place.takes(typed, view)), None)
        if number is None:
            return []
        places = places[number if places[number].lasting else number + 1 :]
    found: list[str] = []
    for _, place in _reachable(places):
        for kind in place.kinds:
            found += _meant(kind, word, view)
    return list(dict.fromkeys(found))


def _reachable(places: Sequence[_Place]) -> Iterator[tuple[int, _Place]]:
    """Yield the places that can come next, with their numbers, up to the first required one."""
    for number, place in enumerate(places):
        if place.tied and number:
            return
        yield number, place
        if not place.optional:
            return


def _places(arguments: str) -> list[_Place]:
    places: list[_Place] = []
    for group in _GROUP.findall(arguments):
        optional, words = group.startswith("["), group.strip("[]").split()
        several = words[-1] == "..."
        words = words[:-1] if several else words
        for word in words:
            kinds, last = word.split("|"), word is words[-1]
            lasting = kinds[0] in _REST or (several and last)
            places.append(_Place(kinds, optional, tied=word is not words[0], lasting=lasting))
    return places


def _fits(kind: str, word: str, view: View) -> bool:
    match kind:
        case "DURATION":
            return begins_duration(word)
        case "ROOM":
            return word.removeprefix("#") in {*view.rooms, *view.listed}
        case _ if kind[0] in "#@":
            return word.startswith(kind[0])
        case _:
            return kind.isupper() or kind == word


def _meant(kind: str, word: str, view: View) -> list[str]:
    """Return the candidates for one kind of argument."""
    match kind:
        case "NICK":
            raised = view.current.raised if view.current else {}
            return [*_beginning(raised, word), *_nicks(word, view)]
        case "TEXT" | "REASON" | "WORDS" | "WHY":
            return _nicks(word, view)
        case "WHO":
            return [
                *_nicks(word, view),
                *(who for who in sorted(view.barred) if who.startswith(word)),
            ]
        case "ROOM":
            return _rooms(word, view)
        case "DURATION":
            return _durations(word)
        case "RULE":
            return [each for each in RULES if each.startswith(word)]
        case "VALUE":
            return [each for each in VALUES if each.startswith(word)]
        case _:
            return [kind] if kind.islower() and kind.startswith(word) else []


def _rooms(word: str, view: View) -> list[str]:
    return [name for name in sorted({*view.rooms, *view.listed}) if name.startswith(word)]


def _durations(word: str) -> list[str]:
    """Return a number with each unit; without a number, some usual durations."""
    if word.isascii() and word.isdigit():
        return [f"{word}{unit}" for unit in UNITS]
    return [usual for usual in ("30s", "10m", "2h", "1d") if usual.startswith(word)]


def _beginning(nicks: Iterable[str], word: str) -> list[str]:
    return [nick for nick in nicks if fold(nick).startswith(fold(word))]


def _nicks(word: str, view: View) -> list[str]:
    """Return nicks that begin with `word`: those who spoke, the last first, then the others."""
    room = view.current
    if room is None:
        return []
    writer = [view.writer.nick] if view.writer else []
    known = dict.fromkeys([*reversed(room.speakers), *sorted(room.nicks, key=fold), *writer])
    return [nick for nick in _beginning(known, word) if nick != view.nick]


class Cycle:
    """The state between repeated Tabs. It begins anew as soon as the text is another."""

    def __init__(self) -> None:
        self._start = 0
        self._place = 0
        self._text = ""
        self.offered: list[str] = []

    def chosen(self, text: str) -> int | None:
        """Return the index of the candidate that `text`, before the cursor, ends with, if any."""
        return self._place if self.offered and text == self._text else None

    def advance(self, text: str, step: int, start: int, found: list[str]) -> str:
        """Return the text before the cursor with the next candidate in it.

        Args:
            text: before the cursor, as it is.
            step: 1 for the next candidate, -1 for the previous one.
            start: where the word begins.
            found: the candidates. Ignored if the last call returned `text`.
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
