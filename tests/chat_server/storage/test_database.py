"""Transactions: all of one is kept, or nothing; and whatever fails, the next one is as good."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.runtime.errors import StoreError
from chat_server.storage.database import Transactions, open_database
from chat_server.storage.migrations import Format

FORMAT = Format(application_id=7, steps=("CREATE TABLE words (word TEXT UNIQUE)",))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "words.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_database(path, FORMAT, "normal")) as opened:
        yield opened


@pytest.fixture
def transactions(connection: sqlite3.Connection, path: Path) -> Transactions:
    return Transactions(connection, path)


def add(writer: sqlite3.Connection, word: str) -> None:
    writer.execute("INSERT INTO words VALUES (?)", (word,))


def write(transactions: Transactions, *words: str, error: Exception | None = None) -> None:
    """One transaction with these words, in which `error` is raised at the end."""
    with transactions as writer:
        for word in words:
            add(writer, word)
        if error is not None:
            raise error


def kept(path: Path) -> list[str]:
    """What anybody else sees, and that nobody is writing any more."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        return [word for (word,) in other.execute("SELECT word FROM words ORDER BY rowid")]


def forbid(connection: sqlite3.Connection, *steps: str) -> None:
    """Let SQLite refuse steps of transactions: BEGIN, COMMIT, ROLLBACK; none lets all be again."""

    def judge(action: int, step: str | None, *_: object) -> int:
        refused = action == sqlite3.SQLITE_TRANSACTION and step in steps
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    connection.set_authorizer(judge)


def test_what_is_written_is_kept(transactions: Transactions, path: Path) -> None:
    """When the block has ended, and not before."""
    with transactions as writer:
        add(writer, "one")
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT count(*) FROM words").fetchone() == (0,)
    assert kept(path) == ["one"]


def test_a_failure_of_the_body_takes_all_back(transactions: Transactions, path: Path) -> None:
    """Its own exceptions pass through, and the next transaction works."""
    with pytest.raises(KeyError):
        write(transactions, "one", error=KeyError())
    assert kept(path) == []
    write(transactions, "two")
    assert kept(path) == ["two"]


def test_a_failure_of_sqlite_in_the_body_is_ours(transactions: Transactions, path: Path) -> None:
    """It names the file, and nothing is kept."""
    with pytest.raises(StoreError, match=rf"^{path}: UNIQUE") as raised:
        write(transactions, "one", "one")
    assert isinstance(raised.value.__cause__, sqlite3.IntegrityError)
    assert kept(path) == []


@pytest.mark.parametrize("step", ["BEGIN", "COMMIT"])
def test_a_failure_at_either_end(
    transactions: Transactions, connection: sqlite3.Connection, path: Path, step: str
) -> None:
    """Nothing is kept, nothing stays locked, and the next transaction works."""
    forbid(connection, step)
    with pytest.raises(StoreError, match=rf"^{path}: not authorized"):
        write(transactions, "one")
    forbid(connection)
    assert kept(path) == []
    write(transactions, "two")
    assert kept(path) == ["two"]


@pytest.mark.parametrize(
    ("steps", "words", "told"),
    [
        (["ROLLBACK"], ["one", "one"], "UNIQUE"),
        (["COMMIT", "ROLLBACK"], ["one"], "not authorized"),
    ],
)
def test_a_rollback_that_fails_is_made_up_for(
    transactions: Transactions,
    connection: sqlite3.Connection,
    path: Path,
    steps: list[str],
    words: list[str],
    told: str,
) -> None:
    """The next transaction never has what was to be rolled back. The first error is raised.

    As long as it fails, nothing else is begun.
    """
    forbid(connection, *steps)
    with pytest.raises(StoreError, match=told):
        write(transactions, *words)
    with pytest.raises(StoreError, match="within a transaction"):
        write(transactions, "two")
    forbid(connection)
    write(transactions, "three")
    assert kept(path) == ["three"]


def test_a_database_that_another_holds(
    connection: sqlite3.Connection, transactions: Transactions, path: Path
) -> None:
    """Is not written to; it can be read, and written again when it is free."""
    connection.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=rf"^{path}: database is locked"):
            write(transactions, "one")
        with transactions.exclusive() as reader:
            assert reader.execute("SELECT count(*) FROM words").fetchone() == (0,)
    write(transactions, "one")
    assert kept(path) == ["one"]


def test_each_commit_is_told_and_nothing_else(connection: sqlite3.Connection, path: Path) -> None:
    """With the connection locked, when all is kept."""
    told: list[list[str]] = []
    transactions = Transactions(connection, path, lambda: told.append(kept(path)))
    write(transactions, "one")
    with pytest.raises(StoreError):
        write(transactions, "one")
    forbid(connection, "COMMIT")
    with pytest.raises(StoreError):
        write(transactions, "two")
    forbid(connection)
    write(transactions, "three")
    assert told == [["one"], ["one", "three"]]


def test_who_reads_has_a_turn_as_well(transactions: Transactions, path: Path) -> None:
    """What fails is told the same way, and the connection is free again."""
    with (
        pytest.raises(StoreError, match=rf"^{path}: no such table"),
        transactions.exclusive() as reader,
    ):
        reader.execute("SELECT * FROM sentences")
    write(transactions, "one")
    assert kept(path) == ["one"]


def test_threads_take_turns(transactions: Transactions, path: Path) -> None:
    """One connection, many threads: no transaction sees the half of another."""
    odd: list[int] = []

    def work(number: int) -> None:
        for count in range(20):
            write(transactions, f"{number}-{count}", f"{number}-{count} again")
            with transactions.exclusive() as reader:
                ((found,),) = reader.execute("SELECT count(*) FROM words")
                if found % 2:
                    odd.append(found)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not odd
    assert len(kept(path)) == 6 * 20 * 2
