"""Shared commits: who writes at the same time waits for one commit, and each for its own part."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from chat_server.runtime.errors import StoreError
from chat_server.storage.database import Readers, open_database
from chat_server.storage.shared_commit import SharedCommits
from tests.chat_server.storage.test_database import FORMAT, add, forbid, kept
from tests.support.waiting import eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "words.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(path, FORMAT, "normal")) as opened:
        yield opened


@pytest.fixture
def commits(connection: sqlite3.Connection, path: Path) -> Iterator[SharedCommits]:
    with closing(SharedCommits(connection, Readers.open(path, "normal", 1), path)) as shared:
        yield shared


class Writers:
    """Threads that each write something, all in line before the first of them may go on."""

    def __init__(self, commits: SharedCommits, bodies: list[Callable[[sqlite3.Connection], None]]):
        self.errors: list[Exception] = []
        self._commits = commits
        threads = [threading.Thread(target=self._write, args=(body,)) for body in bodies]

        def come_first(writer: sqlite3.Connection) -> None:
            add(writer, "first")
            for thread in threads:
                thread.start()
            eventually(lambda: commits._waiting == len(threads))

        self._write(come_first)
        for thread in threads:
            thread.join()

    def _write(self, body: Callable[[sqlite3.Connection], None]) -> None:
        try:
            with self._commits.writing() as writer:
                body(writer)
        except (StoreError, KeyError) as error:
            self.errors.append(error)


def adds(word: str) -> Callable[[sqlite3.Connection], None]:
    return lambda writer: add(writer, word)


def test_all_who_come_together_share_one_commit(commits: SharedCommits, path: Path) -> None:
    """However many they are, nobody waits for the disk more than once."""
    Writers(commits, [adds(f"{number}") for number in range(50)])
    assert commits.commits == 1
    assert len(kept(path)) == 51


def test_a_group_has_an_end(
    commits: SharedCommits, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the first of it would wait for all who go on coming."""
    monkeypatch.setattr("chat_server.storage.shared_commit.GROUP", 10)
    Writers(commits, [adds(f"{number}") for number in range(29)])
    assert commits.commits == 3
    assert len(kept(path)) == 30


def test_who_fails_takes_back_nothing_of_others(commits: SharedCommits, path: Path) -> None:
    """Neither of those before nor of those behind; nor if it is the last, which commits."""

    def breaks_off(writer: sqlite3.Connection) -> None:
        add(writer, "half")
        raise KeyError

    bodies = [adds("one"), breaks_off, adds("one"), adds("two"), breaks_off]
    failed = Writers(commits, bodies).errors
    assert sorted(map(type, failed), key=str) == [KeyError, KeyError, StoreError]
    assert sorted(kept(path)) == ["first", "one", "two"]


def test_a_commit_that_fails_keeps_nothing_of_anybody(
    commits: SharedCommits, connection: sqlite3.Connection, path: Path
) -> None:
    """Each is told so, and the next one is as good."""

    def is_refused(writer: sqlite3.Connection) -> None:
        add(writer, "lost")
        forbid(writer, "COMMIT")

    errors = Writers(commits, [is_refused, is_refused]).errors
    assert [type(error) for error in errors] == 3 * [StoreError]
    forbid(connection)
    assert kept(path) == []
    with commits.writing() as writer:
        add(writer, "good")
    assert kept(path) == ["good"]


def test_what_takes_all_back_is_told_to_all(commits: SharedCommits, path: Path) -> None:
    """As SQLite does by itself when the disk is full."""

    def rolls_back(writer: sqlite3.Connection) -> None:
        writer.execute("ROLLBACK")

    errors = Writers(commits, [rolls_back]).errors
    assert [type(error) for error in errors] == 2 * [StoreError]
    with commits.writing() as writer:
        add(writer, "good")
    assert kept(path) == ["good"]


def test_a_read_waits_for_no_commit_and_sees_what_is_kept(commits: SharedCommits) -> None:
    """What is under way may yet be lost."""
    query = "SELECT count(*) FROM words"
    with commits.writing() as writer:
        add(writer, "one")
        with commits.reading() as reader:
            assert reader.execute(query).fetchone() == (0,)
    with commits.reading() as reader:
        assert reader.execute(query).fetchone() == (1,)


def test_a_block_in_a_block_is_a_part_of_it(commits: SharedCommits, path: Path) -> None:
    """Kept with it, and not without it; others wait for the end of both."""
    with commits.writing() as writer:
        add(writer, "outer")
        with commits.writing() as inner:
            assert commits.is_writing
            add(inner, "inner")
    assert (kept(path), commits.commits) == (["outer", "inner"], 1)
    assert not commits.is_writing
    with suppress(KeyError), commits.writing(), commits.writing() as inner:
        add(inner, "lost")
        raise KeyError
    assert kept(path) == ["outer", "inner"]


def test_closed_it_refuses(commits: SharedCommits) -> None:
    """With the error that all stores have."""
    commits.close()
    with pytest.raises(StoreError), commits.writing():
        pass
    with pytest.raises(StoreError), commits.reading():
        pass
