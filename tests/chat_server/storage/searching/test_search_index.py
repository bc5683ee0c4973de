"""A search has a budget: it ends in time, holds up no other, and closing waits for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.runtime.errors import SearchTooLongError, StoreError
from chat_server.storage.interface import RequestKey
from chat_server.storage.searching import search_index
from chat_server.storage.searching.search_index import INDEX_STEP, SEARCHES, Budget
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.house import House, seqs
from tests.chat_server.storage.logs import append, entry
from tests.support.servers import running_server
from tests.support.waiting import DEADLINE, eventually

COUNT = 2 * INDEX_STEP + 1


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """A log with a lobby of many words, and a garden of one."""
    with closing(SqliteLog(tmp_path)) as opened:
        append(opened, *[entry(f"word{n} common", request=n) for n in range(1, COUNT + 1)])
        append(opened, entry("word", room="garden", request=RequestKey(2, 1)))
        yield opened


class Slow:
    """Lets every query go on until it is told to end, and counts those that run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running = 0
        self.go_on = threading.Event()
        self._lock = threading.Lock()
        usual = Budget.is_spent

        def wait(budget: Budget) -> bool:
            with self._lock:
                self.running += 1
            eventually(lambda: self.go_on.is_set() or usual(budget))
            return usual(budget)

        monkeypatch.setattr(Budget, "is_spent", wait)


def searching(log: SqliteLog, query: str, found: list[object]) -> threading.Thread:
    """Search the lobby on another thread, and note what comes of it."""

    def search() -> None:
        try:
            found.append([m.seq for m in log.search("lobby", query, None, 3)])
        except StoreError as error:
            found.append(type(error))

    thread = threading.Thread(target=search)
    thread.start()
    return thread


def test_a_query_that_takes_too_long_is_ended(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next query on the same connection works."""
    log.search("lobby", "word", None, 1)
    with monkeypatch.context() as patched:
        patched.setattr(search_index, "SECONDS", 0.0)
        for _ in range(2 * SEARCHES):
            with pytest.raises(SearchTooLongError):
                log.search("lobby", "word", None, 1)
    for _ in range(2 * SEARCHES):
        assert [m.seq for m in log.search("lobby", "word", None, 1)] == [COUNT]


def test_sqlite_asks_often_whether_to_go_on(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it walks through the words of the index, and has found nothing yet."""
    log.search("lobby", "word", None, 1)
    asked: list[int] = []
    usual = Budget.is_spent

    def count(budget: Budget) -> bool:
        asked.append(1)
        return usual(budget)

    monkeypatch.setattr(Budget, "is_spent", count)
    assert log.search("lobby", "word nothing", None, 1) == []
    assert len(asked) > 1


def test_indexing_ends_in_time_and_goes_on_later(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One step for each search that has time for one; what is indexed stays."""
    asked: list[int] = []

    def one_step(_: Budget) -> bool:
        asked.append(1)
        return len(asked) % 2 == 0

    with monkeypatch.context() as patched:
        patched.setattr(Budget, "is_spent", one_step)
        for _ in range(2):
            with pytest.raises(SearchTooLongError):
                log.search("lobby", "word", None, 1)
    progress = log._index._transactions
    with progress.exclusive() as connection:
        ((indexed,),) = connection.execute("SELECT count(*) FROM words")
    assert indexed == 2 * INDEX_STEP
    assert [m.seq for m in log.search("lobby", "common", None, 1)] == [COUNT]


def test_a_slow_search_holds_up_no_other(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it runs somebody else searches, and what is said is indexed."""
    log.search("lobby", "word", None, 1)
    found: list[object] = []
    with monkeypatch.context() as patched:
        slow = Slow(patched)
        thread = searching(log, "common", found)
        eventually(lambda: slow.running)
    append(log, entry("news", request=COUNT + 1))
    assert [m.seq for m in log.search("lobby", "news", None, 1)] == [COUNT + 1]
    assert not found
    slow.go_on.set()
    thread.join(DEADLINE)
    assert found == [[COUNT - 2, COUNT - 1, COUNT]]


def test_closing_ends_the_searches_and_waits_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is closed under a query crashes the process. Later searches are refused."""
    log = SqliteLog(tmp_path)
    append(log, *[entry(f"word{n}", request=n) for n in range(1, 101)])
    log.search("lobby", "word", None, 1)
    found: list[object] = []
    slow = Slow(monkeypatch)
    threads = [searching(log, "word", found) for _ in range(3 * SEARCHES)]
    eventually(lambda: slow.running)
    log.close()
    for thread in threads:
        thread.join(DEADLINE)
    assert len(found) == len(threads)
    assert all(isinstance(each, type) and issubclass(each, StoreError) for each in found)
    refused: list[Callable[[], object]] = [
        lambda: log.search("lobby", "word", None, 1),
        lambda: log.after("lobby", 0, 1),
        lambda: log.find_request("lobby", 1, 1),
    ]
    for ask in refused:
        with pytest.raises(StoreError):
            ask()


def test_a_search_that_takes_too_long_is_refused_by_name(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked may ask again, and everybody else is served."""
    ada = house.enter("ada", "lobby")
    ada.say("lobby", "hello")
    with monkeypatch.context() as patched:
        patched.setattr(search_index, "SECONDS", 0.0)
        error = ada.refused("unavailable", "search", room="lobby", query="hello")
        assert "too long" in error["text"]
        assert error["retry_after"] > 0
        assert ada.say("lobby", "again") == 2
    assert seqs(ada.page("search", room="lobby", query="hello")["messages"]) == [1]


def test_a_server_that_stops_ends_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says goodbye to the client that waits for it, and is gone."""
    with running_server() as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "hello")
        slow = Slow(monkeypatch)
        ada.post("search", room="lobby", query="hello")
        eventually(lambda: slow.running)
        stopping = threading.Thread(target=server._parts.store.stop_searches)
        stopping.start()
        stopping.join()
        assert ada.take(lambda frame: frame["type"] == "error")["code"] == "unavailable"


def test_a_search_looks_once_for_what_is_new(log: SqliteLog) -> None:
    """Each look is a transaction, which waits for those of others who search."""
    log.search("lobby", "word", None, 1)
    append(log, entry("news", request=COUNT + 1))
    seen: list[str] = []
    with log._index._transactions.exclusive() as connection:
        connection.set_trace_callback(seen.append)
    assert [m.seq for m in log.search("lobby", "news", None, 1)] == [COUNT + 1]
    assert seen.count("BEGIN IMMEDIATE") == 1
