"""What the search index of this process has to learn of a log in Redis.

A stream keeps what was said at first, and which entries changed it. So what a message said at any
time can be read from it.
"""

from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.rows import originals_of
from chat_server.storage.redis.scripts import READ, SAID, room_key, room_keys
from chat_server.storage.sqlite.keys import base_of, key_of, seq_of
from chat_server.storage.sqlite.originals import Addition
from protocol.messages import CHANGES, Message


def read_additions(
    connections: Connections, room: str, number: int, after: int, limit: int
) -> list[Addition]:
    """Return what the next up to `limit` entries of a log add to the texts that can be found.

    Args:
        connections: to Redis.
        room: whose log.
        number: what the index has the room under.
        after: the key before the first entry.
        limit: how many.

    Raises:
        StoreError: Redis could not be asked.
    """
    seq, base = seq_of(after) if after else 0, base_of(number)
    (reply,) = connections.ask_all([Call(READ, room_keys(room), ("after", seq, limit))])
    _, oldest, found, _ = reply
    first = max(seq + 1, oldest)
    messages = [each for each in originals_of(room, found) if each.seq >= first][:limit]
    return [
        _change(connections, base, oldest, each)
        if each.kind in CHANGES
        else Addition(key_of(base, each.seq), each.text)
        for each in messages
    ]


def _change(connections: Connections, base: int, oldest: int, entry: Message) -> Addition:
    """Return what an entry adds that changes another, if it did change it."""
    nothing = Addition(key_of(base, entry.seq), "")
    if entry.changes < oldest:
        return nothing
    room = entry.room
    written = connections.ask("HGET", room_key(room, "edits"), entry.changes) or b""
    changes = written.decode().split()
    own = f"{entry.seq}" if entry.kind == "edit" else f"x{entry.seq}"
    if own not in changes:
        return nothing
    place = changes.index(own)
    before = read_original(connections, room, int(changes[place - 1]) if place else entry.changes)
    if before is None:
        return nothing
    after = entry.text if entry.kind == "edit" else ""
    changed = key_of(base, entry.changes)
    return nothing._replace(changed=changed, before=before.text, after=after)


def read_original(connections: Connections, room: str, seq: int) -> Message | None:
    """Return a message as it was said; None if it is not kept.

    Raises:
        StoreError: Redis could not be asked.
    """
    (reply,) = connections.ask_all([Call(SAID, room_keys(room), (seq,))])
    if not reply:
        return None
    entry, fields, _, _ = reply
    first = int(entry.partition(b"-")[0])
    return originals_of(room, [(first, fields_of(fields)[b"d"])])[seq - first]


def fields_of(flat: list[bytes]) -> dict[bytes, bytes]:
    """Return the fields of a stream entry, which Redis gives as a flat list."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
