"""How a message is written as a row."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chat_server.storage.interface import RequestKey
from chat_server.storage.sqlite.keys import (
    ROOM_BITS,
    SEQ_BITS,
    base_of,
    end_of,
    key_of,
    request_columns,
    room_of,
    row_of,
    seq_of,
    stored_message,
)
from chat_server.storage.sqlite.log import SqliteLog
from protocol.messages import Message
from tests.chat_server.storage.logs import append, entry


def test_requests_of_every_kind_stay_apart_in_the_table(tmp_path: Path) -> None:
    """The columns are unique together: no notice looks like what a session says."""
    with closing(SqliteLog(tmp_path)) as log:
        append(log, entry("first", request=1))
        append(log, entry("notice", kind="notice"), entry("notice", room="garden", kind="notice"))
    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        rows = database.execute("SELECT session, request FROM messages ORDER BY key").fetchall()
    assert rows == [(1, 1), (-1, 2), (-2, 1)]


rooms = st.integers(1, 2**ROOM_BITS - 2)
seqs = st.integers(1, 2**SEQ_BITS - 1)
sessions = st.integers(1, 2**31)
ids = st.integers(1, 2**53)


@given(room=rooms, seq=seqs)
def test_a_key_holds_the_room_and_the_number(room: int, seq: int) -> None:
    """It stands between its room's neighbours, and fits SQLite's 64 bits."""
    base = base_of(room)
    key = key_of(base, seq)
    assert (room_of(key), seq_of(key)) == (room, seq)
    assert base < key < end_of(base) == base_of(room + 1) < 2**63


@given(room=rooms, beyond=st.integers(2**SEQ_BITS, 2**63))
def test_a_number_that_cannot_be_is_the_end_of_its_room(room: int, beyond: int) -> None:
    """A client may ask for any: it must not reach into the next room."""
    assert room_of(key_of(base_of(room), beyond)) == room


@given(st.lists(st.tuples(sessions, ids, rooms, st.booleans()), unique=True, max_size=20))
def test_no_request_is_taken_for_another(requests: list[tuple[int, int, int, bool]]) -> None:
    """Not a notice for what a session said, nor one room's notice for another's."""
    columns = {
        request_columns(RequestKey(session, number, per_room=per_room), room, 1)
        for session, number, room, per_room in requests
    }
    different = {
        (session, number, room if per_room else None)
        for session, number, room, per_room in requests
    }
    assert len(columns) == len(different)


@given(bot=st.booleans(), room=rooms, seq=seqs, kind=st.sampled_from(["text", "action", "notice"]))
def test_a_row_is_the_message(bot: bool, room: int, seq: int, kind: str) -> None:
    """As it was, also whether a bot said it."""
    message = Message("lobby", seq, 1000.5, "ada", kind, "hello", bot)
    row = row_of(message, room, RequestKey(7, 3))
    assert stored_message("lobby", *row[:5], row[7]) == message
    assert row[5:7] == (7, 3)
