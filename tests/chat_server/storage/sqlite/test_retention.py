"""What is deleted from the start of a log, and what of a removed room."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.storage.database import log_size
from chat_server.storage.sqlite import log_file
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.storage.sqlite.retention import STEP
from tests.chat_server.storage.logs import append, entries, entry


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("times", "left"),
    [
        ([1.0, 9000.0, 2.0, 100.0], [100.0]),  # one from the future blocks nothing behind it
        ([9000.0, 9001.0, 1.0, 100.0], [100.0]),
        ([1.0, 9000.0, 100.0], [9000.0, 100.0]),  # but goes with the one behind it
        ([1.0, 2.0, 9000.0], [9000.0]),  # or stays, where there is none
        ([100.0, 1.0, 101.0], [100.0, 1.0, 101.0]),  # one from the past deletes nothing before it
        ([1.0, 9000.0, 100.0, 2.0, 101.0], [9000.0, 100.0, 2.0, 101.0]),
        ([9000.0] * 1200 + [1.0, 100.0], [100.0]),
    ],
)
def test_messages_with_a_wrong_date(tmp_path: Path, times: list[float], left: list[float]) -> None:
    """Messages from before 50 are old, and it is 200 now."""
    with closing(SqliteLog(tmp_path)) as store:
        for seq, time in enumerate(times, 1):
            append(store, *entries(1, first=seq, time=time))
        assert store.prune(None, 50.0, 200.0) == len(times) - len(left)
        assert [message.time for message in store.after("lobby", 0, 2000)] == left


def test_each_room_keeps_its_newest_messages(log: SqliteLog) -> None:
    """The search does not find the others, and the numbers go on."""
    append(log, *entries(STEP + 10), entry("garden", room="garden", request=STEP + 11))
    assert log.prune(5, None, 2000.0) == STEP + 5
    assert [message.seq for message in log.after("lobby", 0, 10)] == list(
        range(STEP + 6, STEP + 11)
    )
    assert log.oldest("lobby") == STEP + 6
    assert [message.text for message in log.after("garden", 0, 10)] == ["garden"]
    assert log.search("lobby", "word5", None, 1000) == [
        message for message in log.after("lobby", 0, 10) if message.text.startswith("word5")
    ]
    assert append(log, *entries(1, first=STEP + 20)) == [STEP + 11]


def test_pruning_takes_little_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write-ahead log is folded back in between: a full disk has no space for all of it."""
    monkeypatch.setattr(log_file, "LOG_LIMIT", 400_000)
    with closing(SqliteLog(tmp_path)) as store:
        for first in range(1, 8 * STEP, STEP):
            append(store, *(entry("x" * 1000, request=seq) for seq in range(first, first + STEP)))
            store.file.checkpoint()
        assert store.prune(5, None, 2000.0) == 8 * STEP - 5
        assert log_size(store.file.path) < 2 * log_file.LOG_LIMIT


def test_a_removed_room_is_deleted_in_portions(log: SqliteLog) -> None:
    """It is empty at once; a portion is a transaction, and no delivery waits for more."""
    append(log, *entries(STEP + 1))
    log.remove_room("lobby")
    assert log.after("lobby", 0, 10) == []
    assert _rows(log) == STEP + 1
    assert log._retention.delete_removed()
    assert _rows(log) == 1
    while log._retention.delete_removed():
        pass
    assert _rows(log) == 0


def _rows(log: SqliteLog) -> int:
    with log.file.reader() as reader:
        ((count,),) = reader.execute("SELECT count(*) FROM messages")
    return int(count)
