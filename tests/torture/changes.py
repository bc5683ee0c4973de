"""What edits and deletions make of the messages of a room, by what was said alone.

An edit gives a message, and its edits before, the new text; a deletion takes the text of all of
them. Who reads a message afterwards finds the state that it has by then.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from protocol.messages import CHANGES, DELETED
from tests.torture.records import Entry, Kept, Said


class State(NamedTuple):
    """How a message is from an entry on: `since` is the seq of that entry, 0 as it was said."""

    since: int
    entry: Entry


class Latest:
    """The messages of a room as somebody knows them who takes in one entry after another.

    Attributes:
        entries: by seq.
    """

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self._edits: dict[int, list[int]] = {}  # by the seq of the message

    def add(self, entry: Entry) -> list[int]:
        """Take in an entry. Return the seqs of those that it changes."""
        self.entries[entry.seq] = entry
        if entry.kind not in CHANGES:
            return []
        edits = self._edits.setdefault(entry.changes, [])
        before = [seq for seq in (entry.changes, *edits) if seq < entry.seq and seq in self.entries]
        for seq in before:
            self.entries[seq] = _changed(self.entries[seq], entry)
        if entry.kind == "edit" and entry.seq not in edits:
            edits.append(entry.seq)
        return before

    def forget(self, oldest: int) -> None:
        """Know nothing more of what was said before `oldest`."""
        self.entries = {seq: entry for seq, entry in self.entries.items() if seq >= oldest}


def states(kept: Iterable[Kept], said: Mapping[tuple[str, int], Said]) -> dict[int, list[State]]:
    """Return every state that each message of a room had to have, by its seq.

    Args:
        kept: the log of the room: it says what came in which order, and no more.
        said: by client and request, what was said.
    """
    latest, found = Latest(), dict[int, list[State]]()
    for entry, request in kept:
        origin, first = said.get((entry.from_, request)), entry
        if origin is not None:
            first = Entry(
                *(entry.room, entry.seq, entry.time, entry.from_),
                *(origin.kind, origin.text, origin.changes),
            )
        found[entry.seq] = [State(0, first)]
        for seq in latest.add(first):
            found[seq].append(State(entry.seq, latest.entries[seq]))
    return found


def _changed(entry: Entry, change: Entry) -> Entry:
    if entry.deleted:
        return entry
    kind = entry.kind
    if change.kind == "delete" or change.deleted:
        kind = kind if kind == "edit" else "text"
        return entry._replace(kind=kind, text=DELETED, edited=False, deleted=True)
    return entry._replace(text=change.text, edited=kind != "edit")
