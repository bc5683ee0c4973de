"""The file of the history: commits do not wait for the disk, and the log is folded back."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.runtime.errors import StartError
from chat_server.storage.sqlite.log_file import (
    COMMITS_PER_CHECKPOINT,
    FILE,
    PASSES_PER_RESTART,
    HistoryFile,
)


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


def test_the_log_starts_over_now_and_then(file: HistoryFile) -> None:
    """While commits go on, it does not grow for ever."""
    for number in range(PASSES_PER_RESTART):
        keep(file, f"room{number}")
        file.checkpoint()
    size = log_of(file).stat().st_size
    for number in range(3 * PASSES_PER_RESTART):
        keep(file, f"more{number}")
        file.checkpoint()
    assert log_of(file).stat().st_size <= size


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
