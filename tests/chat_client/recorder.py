"""Keeps what a chat tells, for a test to look at."""

import threading
from typing import TypeVar

from chat_client import Event, Message

Kind = TypeVar("Kind")


class Recorder:
    """An `on_event` that remembers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _events
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._events.append(event)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return the events of one kind so far."""
        with self._lock:
            return [event for event in self._events if isinstance(event, kind)]

    @property
    def events(self) -> list[Event]:
        """All events so far."""
        with self._lock:
            return list(self._events)

    def seqs(self, room: str) -> list[int]:
        """The seqs of the messages of a room, in the order in which they came."""
        return [message.seq for message in self.of(Message) if message.room == room]
