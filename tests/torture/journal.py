"""The journal: where all threads write down what they see, while the run goes on."""

import threading
from array import array

from tests.torture.records import (
    Dialogue,
    Entry,
    Said,
    Sighting,
    Source,
    Stray,
    Stretch,
    Utterance,
)


class Journal:
    """Collects the observations of the clients. Any thread may call any method.

    A Dialogue, Stretch or Sighting that it hands out belongs to the client that asked for it, which
    goes on writing in it without a lock. It is read when the client's thread has ended.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below
        self._entries: list[Entry] = []
        self._numbers: dict[Entry, int] = {}
        self._ends: dict[str, int] = {}  # the last message that was seen, by room
        self._said: list[Said] = []
        self._texts: dict[str, str] = {}  # so that a text is kept once, however often it is seen
        self._dialogues: list[Dialogue] = []
        self._stretches: list[Stretch] = []
        self._strays: list[Stray] = []
        self._utterances: list[Utterance] = []
        self._sightings: list[Sighting] = []

    def number(self, entry: Entry) -> int:
        """Return the number that stands for `entry` in the stretches."""
        with self._lock:
            known = self._numbers.get(entry)
            if known is not None:
                return known
            entry = entry._replace(text=self._texts.get(entry.text, entry.text))
            self._numbers[entry] = len(self._entries)
            self._ends[entry.room] = max(entry.seq, self._ends.get(entry.room, 0))
            self._entries.append(entry)
            return len(self._entries) - 1

    def shared(self, entry: Entry) -> Entry:
        """Return the entry that equals `entry` and is kept already, or `entry` itself."""
        with self._lock:
            known = self._numbers.get(entry)
            return entry if known is None else self._entries[known]

    def add_said(self, said: Said) -> None:
        """Write down what is about to be sent for the first time."""
        with self._lock:
            self._said.append(said)
            self._texts[said.text] = said.text

    def open_dialogue(self, client: str, connection: int) -> Dialogue:
        """Begin the record of a connection."""
        dialogue = Dialogue(client, connection)
        with self._lock:
            self._dialogues.append(dialogue)
        return dialogue

    def open_stretch(
        self,
        dialogue: Dialogue,
        room: str,
        source: Source,
        after: int,
        *,
        moved: bool = False,
        room_ended: int | None = None,
    ) -> Stretch:
        """Begin the record of messages that follow one another on a connection."""
        stretch = Stretch(
            dialogue.client, dialogue.connection, room, source, after, moved, room_ended, array("Q")
        )
        with self._lock:
            self._stretches.append(stretch)
        return stretch

    def add_stray(self, stray: Stray) -> None:
        """Write down a message that should not have come."""
        with self._lock:
            self._strays.append(stray)

    def add_utterance(self, utterance: Utterance) -> None:
        """Write down what an IRC client is about to send."""
        with self._lock:
            self._utterances.append(utterance)

    def open_sighting(
        self, client: str, connection: int, room: str, source: Source, after: int | None
    ) -> Sighting:
        """Begin the record of lines that follow one another on an IRC connection."""
        sighting = Sighting(client, connection, room, source, after)
        with self._lock:
            self._sightings.append(sighting)
        return sighting

    def ends(self) -> dict[str, int]:
        """Return the last message of each room that anybody has seen so far."""
        with self._lock:
            return dict(self._ends)

    @property
    def said_count(self) -> int:
        """How many things were said so far."""
        with self._lock:
            return len(self._said) + len(self._utterances)

    # -- when all that write have ended

    @property
    def entries(self) -> list[Entry]:
        """What the numbers stand for."""
        return self._entries

    @property
    def said(self) -> list[Said]:
        """All that was said, in the order in which it was first sent."""
        return self._said

    @property
    def dialogues(self) -> list[Dialogue]:
        """Every connection."""
        return self._dialogues

    @property
    def stretches(self) -> list[Stretch]:
        """Everything that was seen, in the order in which each client came to see it."""
        return self._stretches

    @property
    def strays(self) -> list[Stray]:
        """Messages that should not have come."""
        return self._strays

    @property
    def utterances(self) -> list[Utterance]:
        """Everything that IRC clients said."""
        return self._utterances

    @property
    def sightings(self) -> list[Sighting]:
        """Everything that IRC clients saw."""
        return self._sightings
