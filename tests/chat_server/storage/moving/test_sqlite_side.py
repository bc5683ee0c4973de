"""A history as it was said, before anything was edited or deleted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from chat_server.runtime.errors import StoreError
from chat_server.storage.interface import Entry, RequestKey
from chat_server.storage.moving.content import MovedRoom
from chat_server.storage.moving.sqlite_side import SqliteSource, has_history, write_history
from chat_server.storage.sqlite.log import SqliteLog
from protocol.messages import Message


def say(kind: str, text: str, request: RequestKey | None, changes: int = 0) -> Entry:
    """An entry of a room's log."""
    message = Message.unnumbered("ada", kind, text, changes=changes)
    return Entry(replace(message, room="lobby", time=1000.0), request)


SAID = [
    say("text", "one", RequestKey(1, 1)),
    say("text", "two", None),
    say("edit", "uno", RequestKey(1, 2), changes=1),
    say("edit", "eins", RequestKey(1, 3), changes=1),
    say("notice", "muted", RequestKey(2, 7, per_room=True)),
    say("delete", "", RequestKey(1, 4), changes=1),
    say("edit", "dos", RequestKey(2, 8), changes=2),
]


def entries(source: SqliteSource, room: MovedRoom) -> list[Entry]:
    """All entries of a room."""
    return [each for portion in source.entries(room) for each in portion]


def test_entries_are_as_they_were_said(tmp_path: Path) -> None:
    """Edits of what is deleted, too; with the requests that brought them."""
    log = SqliteLog(tmp_path)
    log.append(SAID)
    source = SqliteSource(log)
    found = entries(source, source.rooms()[0])
    assert [each.request for each in found] == [each.request for each in SAID]
    expected = [replace(each.message, seq=seq) for seq, each in enumerate(SAID, start=1)]
    assert [each.message for each in found] == expected
    log.close()


class TwiceStored(SqliteSource):
    """A history that has a request twice, as the one in Redis may have, in two rooms."""

    def rooms(self) -> list[MovedRoom]:
        """The room, and another one with the same entries."""
        (room,) = super().rooms()
        return [room, room._replace(name="other")]

    def entries(self, room: MovedRoom) -> Iterator[Sequence[Entry]]:
        """Those of the room, whatever it is called."""
        for found in super().entries(room._replace(name="lobby")):
            yield [Entry(replace(each.message, room=room.name), each.request) for each in found]


def test_a_request_that_is_there_twice_is_named(tmp_path: Path) -> None:
    """And nothing is left of what was written."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    log = SqliteLog(tmp_path / "one")
    log.append(SAID[:2])
    with pytest.raises(StoreError, match="message 2 of other cannot be taken"):
        write_history(tmp_path / "two", TwiceStored(log), lambda _: None)
    assert not has_history(tmp_path / "two")
    log.close()
