"""What is known of the rooms in memory is what the file holds."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.storage.sqlite.known_rooms import KnownRooms
from chat_server.storage.sqlite.log import SqliteLog
from protocol.messages import Message
from tests.chat_server.storage.logs import append, entries, entry


def said(first: int, last: int) -> list[Message]:
    """The messages of a room from one number to another."""
    return [Message("lobby", seq, 1000.0, "ada", "text", "hi") for seq in range(first, last + 1)]


@pytest.fixture
def known(tmp_path: Path) -> Iterator[KnownRooms]:
    """A lobby with three messages."""
    with closing(SqliteLog(tmp_path)) as log:
        append(log, *entries(3))
    with closing(sqlite3.connect(tmp_path / "history.db")) as reader:
        yield KnownRooms(reader)


def test_a_file_is_read_at_the_start(tmp_path: Path) -> None:
    """Rooms, their ends, what is kept of them, and numbers whose messages are to be deleted."""
    with closing(SqliteLog(tmp_path)) as log:
        append(log, *entries(3), entry(room="garden", request=4), entry(room="shed", request=5))
        log.prune(1, None, 2000.0)
        log.remove_room("shed")
    with closing(sqlite3.connect(tmp_path / "history.db")) as reader:
        known = KnownRooms(reader)
    assert known.end("lobby") == (1, 3)
    assert known.oldest("lobby") == 3
    assert known.oldest("garden") is None
    assert known.number("shed") == 4
    assert known.oldest("shed") == 2
    assert known.next_removed() == 3
    assert known.end("nowhere") is None
    assert known.number("nowhere") is None
    assert not known.deleted(3)
    assert known.next_removed() is None


def test_the_last_batch_is_taken_once(known: KnownRooms) -> None:
    """By a reader just before it. A reader further back has to read the file."""
    assert known.take_fresh("lobby", 3) == ()
    batch = said(4, 5)
    known.appended("lobby", 1, batch)
    assert known.take_fresh("lobby", 3) == batch
    assert known.take_fresh("lobby", 3) is None
    assert known.take_fresh("lobby", 5) == ()
    known.appended("lobby", 1, said(6, 6))
    assert known.take_fresh("lobby", 4) is None
    assert known.take_fresh("nowhere", 0) == ()


def test_batches_that_are_noted_in_the_other_order(known: KnownRooms) -> None:
    """The end of the log is the later one's."""
    known.appended("lobby", 1, said(6, 7))
    known.appended("lobby", 1, said(4, 5))
    assert known.end("lobby") == (1, 7)
    assert known.take_fresh("lobby", 5) == said(6, 7)


def test_a_removed_room_goes_on_under_another_number(known: KnownRooms) -> None:
    """What was pruned of the old number at that moment does not concern the new one."""
    known.renumbered("lobby", 2)
    known.pruned("lobby", 1, 2)
    assert known.end("lobby") == (2, 3)
    assert known.oldest("lobby") == 4
    assert known.next_removed() == 1
    assert known.numbers() == [("lobby", 2)]
