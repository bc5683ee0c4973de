"""The outcomes of an append to SQLite, and what becomes of a file that cannot be written."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.storage.interface import NotKnown, NotStored
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.storage.logs import append, entry
from tests.chat_server.storage.test_database import forbid


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """An engine with one message in the lobby."""
    with closing(SqliteLog(tmp_path)) as opened:
        append(opened, entry("first", request=1))
        assert [m.text for m in opened.follow("lobby", 0)] == ["first"]
        yield opened


@pytest.mark.parametrize("step", ["BEGIN", "COMMIT"])
def test_what_is_not_stored_takes_no_number(log: SqliteLog, step: str) -> None:
    """In either room of a batch; and it can be sent again."""
    batch = [entry("second", request=2), entry("new", room="garden", request=3)]
    forbid(log.file._writer, step)
    outcome = log.append(batch)
    assert isinstance(outcome, NotStored)
    assert str(log.file.path) in outcome.reason
    assert log.find_request("lobby", 1, 2) is None
    assert log.follow("lobby", 1) == log.follow("garden", 0) == []
    forbid(log.file._writer)
    assert append(log, *batch) == [2, 1]
    assert [m.text for m in log.follow("lobby", 1)] == ["second"]


def test_a_commit_that_runs_out_of_memory_is_not_known(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log knows whether it is stored: here it is."""

    def no_memory() -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(log.file.transactions, "_committed", no_memory)
        outcome = log.append([entry("second", request=2)])
    assert isinstance(outcome, NotKnown)
    assert "out of memory" in outcome.reason
    assert log.find_request("lobby", 1, 2) == 2


def test_a_batch_costs_one_transaction(log: SqliteLog) -> None:
    """However many rooms it concerns; one with a bad entry costs a second one."""
    seen: list[str] = []
    log.file._writer.set_trace_callback(seen.append)
    append(log, *[entry(room=f"room{n}", request=n) for n in range(10, 30)])
    assert (seen.count("BEGIN IMMEDIATE"), seen.count("COMMIT")) == (1, 1)
    seen.clear()
    append(log, entry(request=30), entry("\ud83d", request=31), entry(request=32))
    assert (seen.count("BEGIN IMMEDIATE"), seen.count("COMMIT")) == (2, 1)


def test_many_topics_of_a_room_are_set_once(log: SqliteLog) -> None:
    """The last one of each room: nobody ever sees the others as the topic."""
    seen: list[str] = []
    log.file._writer.set_trace_callback(seen.append)
    rooms = ["red", "green"]
    append(
        log,
        *[
            entry(f"{room} {n}", room=room, kind="topic", request=100 + 50 * place + n)
            for place, room in enumerate(rooms)
            for n in range(50)
        ],
    )
    assert sum(each.startswith("UPDATE rooms SET topic") for each in seen) == len(rooms)
    found = {each.name: each.topic for each in log.rooms()}
    assert [found[room] for room in rooms] == ["red 49", "green 49"]
