"""The file of the history: commits do not wait for the disk, and the log is folded back."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.runtime.errors import StartError
from chat_server.storage.sqlite import log_file
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.storage.sqlite.log_file import COMMITS_PER_CHECKPOINT, FILE, HistoryFile
from tests.chat_server.storage.logs import append, entries, entry
from tests.support.waiting import eventually


@pytest.fixture
def file(tmp_path: Path) -> Iterator[HistoryFile]:
    with closing(HistoryFile(tmp_path, "normal")) as opened:
        yield opened


def keep(file: HistoryFile, room: str) -> None:
    """Commit something."""
    with file.transactions as writer:
        writer.execute("INSERT INTO rooms (name) VALUES (?)", (room,))


def log_of(file: HistoryFile) -> Path:
    """The write-ahead log."""
    return file.path.with_name(f"{FILE}-wal")


def test_a_checkpoint_is_due_after_so_many_commits(file: HistoryFile) -> None:
    """And once it is done they are counted anew."""
    for number in range(COMMITS_PER_CHECKPOINT - 1):
        keep(file, f"room{number}")
    assert not file.checkpoint_due.is_set()
    keep(file, "one more")
    assert file.checkpoint_due.is_set()
    file.checkpoint()
    keep(file, "the next")
    assert not file.checkpoint_due.is_set()


def test_no_commit_folds_the_log(file: HistoryFile) -> None:
    """It grows until the housekeeper comes; SQLite by itself would fold it at 1,000 pages."""
    pages = 0
    while pages < 1100:
        keep(file, "x" * 40_000 + str(pages))
        pages += 10
    assert log_of(file).stat().st_size > 1100 * 4096
    assert file.path.stat().st_size < 100 * 4096
    file.checkpoint()
    assert file.path.stat().st_size > 1100 * 4096


def test_a_commit_of_one_message_logs_a_few_small_pages(tmp_path: Path) -> None:
    """So the log grows by less, and syncing it takes less."""
    with closing(SqliteLog(tmp_path)) as log:
        append(log, *entries(1000))
        log.file.checkpoint()
        append(log, entry("one more", request=1001))
        with log.file.reader() as reader:
            assert reader.execute("PRAGMA page_size").fetchone() == (1024,)
            _, frames, _ = reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert frames <= 6


def test_the_log_starts_over_while_commits_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays at what it is kept at, however much is written; and no commit cuts it."""
    limit = 1024 * 1024
    monkeypatch.setattr(log_file, "LOG_LIMIT", limit)
    with closing(HistoryFile(tmp_path, "normal")) as file:
        sizes: list[int] = []
        talker = threading.Thread(target=_write, args=(file, 8 * limit, sizes))
        talker.start()
        while talker.is_alive():
            if file.checkpoint_due.wait(0.01):
                file.checkpoint()
                sizes.append(log_of(file).stat().st_size)
        talker.join()
        assert sizes == sorted(sizes)
        assert sizes[-1] < 2 * limit


def _write(file: HistoryFile, size: int, folds: Sequence[int]) -> None:
    """Commit so many bytes, a few at a time; `folds` grows with each checkpoint that is done."""
    for number in range(size // 10_000):
        keep(file, f"{number} " + "x" * 10_000)
        if log_of(file).stat().st_size > 1_500_000 and file.checkpoint_due.is_set():
            done = len(folds)  # on a slow machine it comes late
            eventually(lambda done=done: len(folds) > done)  # type: ignore[misc]


def test_commits_that_write_much_are_folded_sooner(file: HistoryFile) -> None:
    """As many as were a quarter of the log the last time."""
    for number in range(20):
        keep(file, f"{number} " + "x" * 1_000_000)
        if file.checkpoint_due.is_set():
            break
    file.checkpoint()
    written = 0
    while not file.checkpoint_due.is_set():
        keep(file, f"again {written} " + "x" * 1_000_000)
        written += 1
    assert written <= 18
    assert written < COMMITS_PER_CHECKPOINT


def test_readers_see_what_is_committed(file: HistoryFile) -> None:
    """And nothing before it is."""
    with file.transactions as writer:
        writer.execute("INSERT INTO rooms (name) VALUES ('lobby')")
        with file.reader() as reader:
            assert reader.execute("SELECT count(*) FROM rooms").fetchone() == (0,)
    with file.reader() as reader:
        assert reader.execute("SELECT name FROM rooms").fetchall() == [("lobby",)]


def test_a_clean_end_leaves_the_database_alone(tmp_path: Path) -> None:
    """There is no log beside it any more."""
    with closing(HistoryFile(tmp_path, "normal")) as file:
        keep(file, "lobby")
        assert log_of(file).exists()
    assert not log_of(file).exists()


def test_a_file_that_is_none_of_ours(tmp_path: Path) -> None:
    """One sentence that names it."""
    (tmp_path / FILE).write_bytes(b"nonsense" * 1000)
    with pytest.raises(StartError, match=FILE):
        HistoryFile(tmp_path, "normal")
