"""How a message is written as a row: its key, and the columns of its request.

A message's place is its key: the number of its room in the upper bits, its `seq` in the lower 40.
A page of a log is one range of the table's own B-tree, and the search index can be asked for one
room by the same range.

The columns `session` and `request` are unique together. A notice is unique in each room, so its
session is a negative number that holds the room's number, too; without a session it is the room's
number alone, and its request is its `seq`. No request of a client can look like one of them.
"""

from msgspec import convert, json

from chat_server.storage.interface import RequestKey
from protocol.messages import Message

SEQ_BITS = 40
ROOM_BITS = 63 - SEQ_BITS

_SEQ_MASK = (1 << SEQ_BITS) - 1

HAS_MESSAGES = (
    "EXISTS (SELECT 1 FROM messages"
    f" WHERE key > (rooms.number << {SEQ_BITS}) AND key < (rooms.number + 1 << {SEQ_BITS}))"
)
"""A condition of a query of `rooms`: a message of the room is kept."""

MessageRow = tuple[int, float, str, str, str, int, int, str | None]
"""A row of the table `messages`."""


def base_of(room: int) -> int:
    """Return the key that the keys of a room are counted from, by the room's number."""
    return room << SEQ_BITS


def end_of(base: int) -> int:
    """Return the first key behind those of a room."""
    return base + (1 << SEQ_BITS)


def key_of(base: int, seq: int) -> int:
    """Return the key of a message; of the room's last possible one for a seq that cannot be."""
    return base | min(seq, _SEQ_MASK)


def seq_of(key: int) -> int:
    """Return the `seq` of a message."""
    return key & _SEQ_MASK


def room_of(key: int) -> int:
    """Return the number of a message's room."""
    return key >> SEQ_BITS


def request_columns(request: RequestKey | None, room: int, seq: int) -> tuple[int, int]:
    """Return what the columns `session` and `request` hold for a message.

    Args:
        request: the request that brought it.
        room: the number of its room.
        seq: its number.
    """
    if request is None:
        return -room, seq
    if request.per_room:
        return -(request.session << ROOM_BITS | room), request.id
    return request.session, request.id


def row_of(message: Message, room: int, request: RequestKey | None) -> MessageRow:
    """Return the row of a message that has its number.

    Args:
        message: the message.
        room: the number of its room.
        request: the request that brought it.
    """
    seq = message.seq
    session, number = request_columns(request, room, seq)
    return (
        room << SEQ_BITS | seq,
        message.time,
        message.from_,
        message.kind,
        message.text,
        session,
        number,
        written_marks(message),
    )


def written_marks(message: Message) -> str | None:
    """Return what the column `marks` holds for a message; see `Message.marks`."""
    marks = message.marks()
    return json.encode(marks).decode() if marks else None


def stored_message(
    room: str, key: int, time: float, sender: str, kind: str, text: str, marks: str | None
) -> Message:
    """Return the message of a room that a row holds; see `Message.marks`."""
    if marks is None:
        return Message(room, seq_of(key), time, sender, kind, text)
    place = {"room": room, "seq": seq_of(key), "time": time}
    said = {"from": sender, "kind": kind, "text": text}
    return convert({**place, **said, **json.decode(marks)}, Message)
