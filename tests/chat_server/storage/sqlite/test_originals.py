"""What messages said before they were changed: kept with them, and found without a search."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.storage.searching.search_index import Removal
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.storage.sqlite.originals import read_additions, read_removals
from tests.chat_server.storage.logs import append, entries, entry


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteLog]:
    """A log of three messages, of which the second was edited twice and the third deleted."""
    with closing(SqliteLog(tmp_path)) as opened:
        append(opened, *entries(3))
        append(opened, entry("2nd", request=4, kind="edit", changes=2))
        append(opened, entry("deleted it", request=5, kind="delete", changes=3))
        append(opened, entry("second", request=6, kind="edit", changes=2))
        yield opened


def kept(store: SqliteLog) -> list[tuple[int, str]]:
    """By the number of the message, in the order of the changes."""
    with store.file.reader() as reader:
        rows = reader.execute("SELECT message, text FROM originals ORDER BY change").fetchall()
    return [(key & 0xFFFF, text) for key, text in rows]


def test_they_are_kept_and_go_with_their_message(store: SqliteLog) -> None:
    """Each as it was before a change; deleted with the message, and with its room."""
    assert kept(store) == [(2, "word2"), (3, "word3"), (2, "2nd")]
    store.prune(4, None)
    assert kept(store) == [(3, "word3")]
    store.remove_room("lobby")
    store.maintain(lambda: False)
    assert kept(store) == []


def test_an_index_can_follow_them_in_the_order_of_the_log(store: SqliteLog) -> None:
    """Each message as it was said first, each change with what it replaces."""
    found = read_additions(store.file, 0, 1 << 62, 100)
    base = found[0].key - 1
    assert [(each.key - base, each.text) for each in found] == [
        (1, "word1"),
        (2, "word2"),
        (3, "word3"),
        (4, ""),
        (5, ""),
        (6, ""),
    ]
    changes = [(each.changed, each.before, each.after) for each in found[3:]]
    assert changes == [
        (base + 2, "word2", "2nd"),
        (base + 3, "word3", ""),
        (base + 2, "2nd", "second"),
    ]


def test_what_is_removed_has_its_text_of_any_moment(store: SqliteLog) -> None:
    """An index that lags behind takes out what it put in."""
    removals = read_removals(store.file, 0, 1 << 62, 100)
    base = removals[0].key - 1
    second = removals[1]
    assert [second.text_at(base + seq) for seq in range(2, 7)] == [
        "word2",
        "word2",
        "2nd",
        "2nd",
        "second",
    ]
    assert removals[0] == Removal(base + 1, "word1")


def test_they_are_found_by_an_index(store: SqliteLog) -> None:
    """However many there are, none is looked for row by row."""
    plans = []
    with store.file.reader() as reader:
        for query in (
            "SELECT change FROM originals WHERE message = 1 AND change <> 2",
            "SELECT text FROM originals WHERE message = 1 AND change > 2 ORDER BY change LIMIT 1",
            "DELETE FROM originals WHERE message > 1 AND message <= 2",
        ):
            plans += reader.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    assert plans
    assert not [plan for plan in plans if "SCAN" in plan[3]]


def test_a_history_of_before_is_taken_along(tmp_path: Path) -> None:
    """The step adds the table; nothing that was said is another's."""
    with closing(SqliteLog(tmp_path)) as store:
        append(store, *entries(2))
    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        database.execute("DROP TABLE originals")
        database.execute("PRAGMA user_version = 4")
    with closing(SqliteLog(tmp_path)) as store:
        append(store, entry("new", request=3, kind="edit", changes=1))
        assert [m.text for m in store.after("lobby", 0, 9)] == ["new", "word2", "new"]
        assert kept(store) == [(1, "word1")]
