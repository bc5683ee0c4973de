"""The write-ahead log: bounded while the server runs, and counted as taken of the disk."""

import logging
import shutil
import sqlite3
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.runtime.errors import StoreError
from chat_server.storage.database import LOG_SIZE_KEPT, RESERVED_LEAST, check_space, log_size
from chat_server.storage.sqlite import log_file
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.storage.sqlite.log_file import HistoryFile

LIMIT = 8 * 1024 * 1024


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HistoryFile]:
    """A file whose log is to have no more than LIMIT."""
    monkeypatch.setattr(log_file, "LOG_LIMIT", LIMIT)
    with closing(HistoryFile(tmp_path, "normal")) as opened:
        yield opened


def write(history: HistoryFile, size: int) -> int:
    """Write so many bytes, in small transactions, and fold when that is due. Return how often."""
    folded = 0
    for number in range(size // 100_000):
        with history.transactions as writer:
            name = f"{number} " + "x" * 100_000
            writer.execute("INSERT OR REPLACE INTO rooms (name) VALUES (?)", (name,))
        if history.checkpoint_due.is_set():
            history.checkpoint()
            folded += 1
    return folded


@pytest.mark.long
def test_the_log_stays_bounded_while_it_is_written(history: HistoryFile) -> None:
    """It is folded back by its size, and starts over when it is large."""
    folded = write(history, 10 * LIMIT)
    assert log_size(history.path) < 2 * LIMIT
    assert folded < 100


def test_a_large_log_is_cut_when_little_is_said(tmp_path: Path) -> None:
    """What one busy hour took is not kept from others for good, nor cut while it is busy."""
    with closing(SqliteLog(tmp_path)) as log:
        history = log.file
        write(history, 3 * LOG_SIZE_KEPT)
        history.checkpoint_due.set()
        log.maintain(lambda: False)
        assert log_size(history.path) > LOG_SIZE_KEPT
        log.maintain(lambda: False)
        assert log_size(history.path) <= LOG_SIZE_KEPT


def test_a_log_that_somebody_reads_is_cut_later(history: HistoryFile) -> None:
    """Cutting it does not wait for them, with the writer held."""
    with closing(sqlite3.connect(history.path, isolation_level=None)) as other:
        with history.transactions as writer:
            name = "x" * 2 * LOG_SIZE_KEPT
            writer.execute("INSERT INTO rooms (name) VALUES (?)", (name,))
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM rooms").fetchone()
        history.cut_log()
        assert log_size(history.path) > LOG_SIZE_KEPT
        write(history, 200_000)
        other.execute("COMMIT")
    history.cut_log()
    assert log_size(history.path) <= LOG_SIZE_KEPT


@pytest.mark.long
def test_who_keeps_it_from_starting_over_is_told_of(
    history: HistoryFile, caplog: pytest.LogCaptureFixture
) -> None:
    """Another program that reads for long: one warning, until it has ended."""
    with closing(sqlite3.connect(history.path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM rooms").fetchone()
        write(history, 6 * LIMIT)
        warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
        assert len(warnings) == 1
        assert "another program has been reading" in warnings[0].getMessage()
        other.execute("COMMIT")
    history.checkpoint()
    write(history, 200_000)
    assert log_size(history.path) <= 2 * LIMIT


def enough_with(free: int, history: HistoryFile, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether there is enough space where so many bytes are free beside the reserve."""
    disk = shutil.disk_usage(history.path.parent)
    left = disk._replace(total=100_000_000, free=RESERVED_LEAST + free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: left)
    try:
        check_space(history.path)
    except StoreError:
        return False
    return True


def test_what_is_to_be_folded_back_counts_as_taken(
    history: HistoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or folding it takes what is reserved for those in charge, and for the next start."""
    for number in range(15):
        with history.transactions as writer:
            name = f"{number} " + "x" * 100_000
            writer.execute("INSERT INTO rooms (name) VALUES (?)", (name,))
    before, logged = history.path.stat().st_size, log_size(history.path)
    taken = bisect_left(
        range(logged + 1), True, key=lambda free: enough_with(free, history, monkeypatch)
    )
    history.checkpoint()
    assert taken == history.path.stat().st_size - before
    assert 1_000_000 < taken < logged


def test_a_log_of_pages_that_are_there_already_takes_nothing(
    history: HistoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is nearly full takes messages until it is, however large the log is."""
    for number in range(200):
        topic = f"{number:09} " * 2000
        with history.transactions as writer:
            writer.execute("INSERT OR REPLACE INTO rooms VALUES (1, 'tea', ?, 1)", (topic,))
    assert log_size(history.path) > 3_000_000
    assert enough_with(100_000, history, monkeypatch)
    assert not enough_with(0, history, monkeypatch)


def test_a_log_counts_as_a_whole_where_nobody_can_ask(
    history: HistoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no descriptor left, for one."""
    write(history, 500_000)
    logged = log_size(history.path)

    def connect(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", connect)
    assert enough_with(logged, history, monkeypatch)
    assert not enough_with(logged - 1, history, monkeypatch)
