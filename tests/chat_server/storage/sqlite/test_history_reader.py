"""A history is read page by page, while a server may write it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.storage.sqlite.history_reader import MESSAGES_PER_PAGE, HistoryReader
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.storage.logs import append, entries, entry


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path)) as opened:
        yield opened


@pytest.fixture
def history(log: SqliteLog) -> Iterator[HistoryReader]:
    with log.file.reader() as connection:
        yield HistoryReader(connection)


def test_all_messages_come_in_order(log: SqliteLog, history: HistoryReader) -> None:
    """Over several pages; of that room alone."""
    count = 2 * MESSAGES_PER_PAGE + 1
    append(log, *entries(count), entry("elsewhere", room="garden", request=count + 1))
    found = history.messages("lobby")
    assert found is not None
    assert [message.seq for message in found] == list(range(1, count + 1))


def test_what_is_said_meanwhile_is_not_in_it(log: SqliteLog, history: HistoryReader) -> None:
    """A room in which people talk has an end; what is pruned meanwhile is left out."""
    append(log, *entries(MESSAGES_PER_PAGE + 10))
    found = history.messages("lobby")
    assert found is not None
    first = next(found)
    append(log, *entries(5, first=MESSAGES_PER_PAGE + 11))
    log.prune(10, None, 2000.0)
    seqs = [first.seq, *(message.seq for message in found)]
    assert seqs == [*range(1, MESSAGES_PER_PAGE + 1), *range(MESSAGES_PER_PAGE + 6, seqs[-1] + 1)]
    assert seqs[-1] == MESSAGES_PER_PAGE + 10


def test_a_room_of_which_nothing_is_kept_is_none(log: SqliteLog, history: HistoryReader) -> None:
    """So is a room that never existed. The rooms with the most messages come first."""
    append(log, *entries(3))
    append(log, *[entry(room="garden", request=number) for number in (11, 12, 13, 14)])
    append(log, entry(room="shed", request=21))
    log.remove_room("shed")
    assert history.busiest_rooms(5) == ["garden", "lobby"]
    assert history.busiest_rooms(1) == ["garden"]
    assert history.messages("shed") is None
    assert history.messages("nowhere") is None
