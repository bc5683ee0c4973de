"""Writes that are made as one."""

import threading
from collections.abc import Sequence

import pytest

from chat_server.identity.store import joined_writes
from chat_server.identity.store.joined_writes import JoinedWrites
from chat_server.runtime.errors import StoreError
from tests.support.waiting import eventually


class Store:
    """Takes writes when it is let, and refuses those with `bad` in them."""

    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.begun = threading.Event()
        self.goes_on = threading.Event()

    def write(self, parts: Sequence[str]) -> None:
        self.begun.set()
        self.goes_on.wait()
        if "bad" in parts:
            raise StoreError("no")
        self.written.append(list(parts))


def write_all(writes: JoinedWrites[str], store: Store, *parts: str) -> list[str]:
    """Write `first` and, while that is under way, the others. Return which of those failed."""
    failed = []

    def write(part: str) -> None:
        try:
            writes.write(part)
        except StoreError:
            failed.append(part)

    threads = [threading.Thread(target=write, args=(part,)) for part in ("first", *parts)]
    threads[0].start()
    store.begun.wait()
    for thread in threads[1:]:
        thread.start()
    eventually(lambda: len(writes._waiting) == len(parts))
    store.goes_on.set()
    for thread in threads:
        thread.join()
    return failed


def test_who_comes_while_one_is_under_way_shares_the_next() -> None:
    store = Store()
    writes = JoinedWrites(store.write)
    parts = [f"{number}" for number in range(20)]
    assert write_all(writes, store, *parts) == []
    assert [sorted(group) for group in store.written] == [["first"], sorted(parts)]
    writes.write("again")
    assert store.written[-1] == ["again"]


def test_not_more_than_so_many_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the others are the next ones."""
    monkeypatch.setattr(joined_writes, "LIMIT", 8)
    store = Store()
    parts = [f"{number}" for number in range(20)]
    assert write_all(JoinedWrites(store.write), store, *parts) == []
    assert [len(group) for group in store.written] == [1, 8, 8, 4]
    assert sorted(part for group in store.written[1:] for part in group) == sorted(parts)


def test_all_learn_that_nothing_was_written() -> None:
    """Those before and behind are written."""
    store = Store()
    writes = JoinedWrites(store.write)
    assert sorted(write_all(writes, store, "good", "bad")) == ["bad", "good"]
    writes.write("good")
    assert store.written == [["first"], ["good"]]
