"""The log of each room, as far as it is known: what is kept of it, and what is gone by now.

A server may keep only the newest part of a log. Which message had a number that is gone, the reply
to its request said, or somebody saw it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.torture.records import Entry, Kept, Observations, Said, Utterance


@dataclass(frozen=True)
class RoomLog:
    """One room's.

    Attributes:
        kept: what the database has of it, ascending.
        gone: what stood before that, as far as it is known, ascending.
        first: the seq of the first message that is kept; the next one, if none is.
        last: the seq of the last message.
    """

    kept: Sequence[Kept]
    gone: Sequence[Kept]
    first: int
    last: int

    @property
    def rows(self) -> list[Kept]:
        """All that is known."""
        return [*self.gone, *self.kept]

    @cached_property
    def by_seq(self) -> dict[int, Kept]:
        """All that is known, by its number."""
        return {row.entry.seq: row for row in self.rows}

    @property
    def unknown(self) -> int:
        """How many messages are gone of which nothing is known."""
        return self.first - 1 - len(self.gone)

    def is_gone(self, seq: int) -> bool:
        """Whether a message is not kept any more."""
        return seq < self.first


EMPTY = RoomLog((), (), 1, 0)
"""The log of a room in which nothing was said."""


def room_logs(run: Observations) -> dict[str, RoomLog]:
    """Return the log of every room of a run, by its name."""
    firsts = {
        room: kept[0].entry.seq if kept else run.last_seqs.get(room, 0) + 1
        for room, kept in run.kept.items()
    }
    gone = dict[str, dict[int, Kept]]()
    times = {(entry.room, entry.seq): entry.time for entry in run.entries}
    for room, seq, said in _places(run):
        if seq < firsts.get(room, 1):
            row = _row(said, seq, times.get((room, seq), 0.0))
            gone.setdefault(room, {}).setdefault(seq, row)
    return {
        room: RoomLog(
            kept,
            [row for _, row in sorted(gone.get(room, {}).items())],
            firsts[room],
            max(run.last_seqs.get(room, 0), kept[-1].entry.seq if kept else 0),
        )
        for room, kept in run.kept.items()
    }


def _places(run: Observations) -> Iterator[tuple[str, int, Said | Utterance]]:
    """Yield each number in a room that somebody was told, with what was said there."""
    asked = {(said.client, said.session, said.request): said for said in run.said}
    for dialogue in run.dialogues:
        for reply in dialogue.replies:
            said = asked.get((dialogue.client, dialogue.session, reply.re))
            if said is not None and reply.type == "ok" and reply.seq is not None:
                yield said.room, reply.seq, said
    for utterance in run.utterances:
        if utterance.seq is not None:
            yield utterance.room, utterance.seq, utterance
    by_text: dict[str, Said | Utterance] = {said.text: said for said in run.said}
    by_text |= {said.text: said for said in run.utterances}
    edits = dict[str, Entry]()
    for entry in run.entries:
        found = by_text.get(entry.text)
        if found is None or (found.room, found.kind) != (entry.room, entry.kind) or entry.edited:
            continue
        if entry.kind == "edit":  # the edits before have its text, too
            edits[entry.text] = max(entry, edits.get(entry.text, entry), key=_seq)
        else:
            yield entry.room, entry.seq, found
    for text, entry in edits.items():
        yield entry.room, entry.seq, by_text[text]


def _seq(entry: Entry) -> int:
    return entry.seq


def _row(said: Said | Utterance, seq: int, time: float) -> Kept:
    """What stood at a place of a log, as it was said."""
    if isinstance(said, Utterance):
        return Kept(Entry(said.room, seq, time, said.nick, said.kind, said.text), 0)
    more = said.kind, said.text, said.changes
    return Kept(Entry(said.room, seq, time, said.client, *more), said.request)


def jumped(expected: int, oldest: Sequence[tuple[int, int]], place: int) -> int:
    """Return which seq is next at a place in what a client saw.

    Args:
        expected: the next one, if nothing is gone.
        oldest: which message was told to be the oldest, and ahead of which of those that came.
        place: how many came before.
    """
    return max([expected, *(seq for at, seq in oldest if at == place)])
