"""How messages are written into a stream, and read again with their latest state."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct, convert, json

from chat_server.storage.interface import Entry, RequestKey
from chat_server.storage.redis.connections import Call
from chat_server.storage.redis.scripts import APPEND, room_keys
from protocol.messages import CHANGES, Message

DELETED = b"-"
"""The state of a message that was deleted. All others are texts as JSON, which begin with a quote.
"""


class _Row(Struct, array_like=True, omit_defaults=True):
    """A message without its room and its seq. `marks` is as `Message.marks` returns it."""

    time: float
    from_: str
    kind: str
    text: str
    marks: dict[str, Any] = {}


_decoder = json.Decoder(list[_Row])
_text_decoder = json.Decoder(str)

Found = Sequence[tuple[int, bytes]]
"""Stream entries: the seq of the first message, and the rows."""

States = Sequence[tuple[int, bytes]]
"""What messages say after their last change, by seq."""


def row_of(message: Message) -> bytes:
    """Return the row of a message.

    Raises:
        ValueError: it can never be stored, such as a text that is not Unicode.
    """
    return json.encode(
        _Row(message.time, message.from_, message.kind, message.text, message.marks())
    )


def request_key(session: int, request: int, *, per_room: bool = False) -> str:
    """Return what a room remembers a request by."""
    return f"{'n' if per_room else ''}{session}:{request}"


def key_of(entry: Entry, mark: str) -> str:
    """Return what a room remembers an entry by; `mark` is for one that no request brought."""
    if entry.request is None:
        return f"x{entry.mark or mark}"
    request: RequestKey = entry.request
    return request_key(request.session, request.id, per_room=request.per_room)


def originals_of(room: str, found: Found) -> list[Message]:
    """Return the messages of stream entries as they were said."""
    return [
        _message(room, first + place, row)
        for first, rows in found
        for place, row in enumerate(_decoder.decode(rows))
    ]


def messages_of(room: str, found: Found, states: States) -> list[Message]:
    """Return the messages of stream entries in their latest state, in the order given."""
    messages = originals_of(room, found)
    if not states:
        return messages
    latest = dict(states)
    return [
        in_state(message, latest[message.seq]) if message.seq in latest else message
        for message in messages
    ]


def in_state(message: Message, state: bytes) -> Message:
    """Return a message as it is after its last change."""
    if state == DELETED:
        return message.changed_by(_change(message, "delete", ""))
    return message.changed_by(_change(message, "edit", _text_decoder.decode(state)))


def state_of(text: str) -> bytes:
    """Return the state of a message that says another text now."""
    return json.encode(text)


def filling(messages: Iterable[Message], space: int | None) -> tuple[list[Message], int | None]:
    """Return the first messages, up to the one with which their texts take more than `space`.

    Returns: them, and the space that is left; below 0 if it is full. None is no limit.
    """
    if space is None:
        return list(messages), None
    found = []
    for message in messages:
        found.append(message)
        space -= len(message.text)  # characters: at least as many bytes
        if space < 0:
            break
    return found, space


class Batches:
    """What is to be appended, by room.

    Attributes:
        rooms: the rooms, in the order in which they came.
        newest: the highest request of each session.
        stored_any: whether a room's batch was stored.
    """

    def __init__(self, entries: Sequence[Entry], told: Callable[[str], str]) -> None:
        self._told = told
        self._places: dict[str, list[int]] = {}
        self._arguments: dict[str, list[str | bytes | int | float]] = {}
        self._seqs: list[int | None] = [None] * len(entries)
        self.newest: dict[int, int] = {}
        self.stored_any = False
        for place, entry in enumerate(entries):
            self._add(place, entry)
        self.rooms = list(self._places)

    def append_call(self, room: str) -> Call:
        """Return what appends the batch of a room."""
        return Call(APPEND, room_keys(room), self._arguments[room])

    def note_stored(self, room: str, seqs: object) -> None:
        """Note what the script returned for a room."""
        assert isinstance(seqs, list)
        self.stored_any = True
        for place, seq in zip(self._places[room], seqs, strict=True):
            self._seqs[place] = seq

    def seqs(self) -> list[int | None]:
        """Return the number of each entry, in the order in which they came."""
        return self._seqs

    def _add(self, place: int, entry: Entry) -> None:
        message = entry.message
        try:
            row = row_of(message)
            acts: tuple[str, str | int, str | bytes] = _act_of(message)
        except ValueError:  # it can never be stored
            return
        if message.room not in self._places:
            self._places[message.room] = []
            self._arguments[message.room] = [self._told(message.room), message.time]
        self._places[message.room].append(place)
        arguments = self._arguments[message.room]
        arguments[1] = message.time
        arguments += (key_of(entry, secrets.token_hex(8)), row, *acts)
        if entry.request is not None:
            session, request = entry.request.session, entry.request.id
            self.newest[session] = max(self.newest.get(session, 0), request)


def _act_of(message: Message) -> tuple[str, str | int, str | bytes]:
    """Return what a message does besides being said, as the script takes it."""
    if message.kind == "topic":
        return "topic", message.text, ""
    if message.kind in CHANGES:
        return message.kind, message.changes, state_of(message.text)
    return "", "", ""


def _message(room: str, seq: int, row: _Row) -> Message:
    if not row.marks:
        return Message(room, seq, row.time, row.from_, row.kind, row.text)
    said = {"from": row.from_, "kind": row.kind, "text": row.text}
    return convert({"room": room, "seq": seq, "time": row.time, **said, **row.marks}, Message)


def _change(message: Message, kind: str, text: str) -> Message:
    return Message(message.room, message.seq, message.time, "", kind, text, changes=message.seq)
