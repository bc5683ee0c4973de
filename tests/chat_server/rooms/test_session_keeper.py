"""Sessions are kept soon, many in one transaction, or at once for whoever waits for it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.rooms.session import Session
from chat_server.rooms.session_keeper import GROUP, SessionKeeper
from chat_server.runtime.errors import StoreError
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.storage.test_database import forbid
from tests.support.clock import ManualClock
from tests.support.waiting import eventually


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path)) as opened:
        yield opened


@pytest.fixture
def keeper(log: SqliteLog, clock: ManualClock) -> Iterator[SessionKeeper]:
    """A keeper whose thread runs."""
    keeper = SessionKeeper(log.sessions, clock)
    keeper.start()
    yield keeper
    keeper.stop()


def new(number: int) -> Session:
    """A session that no store knows."""
    return Session(b"token %d" % number, f"peer{number}")


def test_many_are_one_transaction(log: SqliteLog, clock: ManualClock) -> None:
    """All that came together, when one of them is waited for."""
    keeper = SessionKeeper(log.sessions, clock)
    sessions = [new(number) for number in range(GROUP // 2)]
    for session in sessions:
        keeper.begin(session)
    seen: list[str] = []
    log.file._writer.set_trace_callback(seen.append)
    keeper.start()
    try:
        keeper.keep(sessions[-1])
    finally:
        keeper.stop()
    assert seen.count("COMMIT") == 1
    assert len({session.number for session in sessions}) == len(sessions)
    assert all(log.sessions.find(each.token) == (each.number, 0) for each in sessions)


def test_a_session_that_nobody_waits_for_is_kept_soon(
    log: SqliteLog, keeper: SessionKeeper
) -> None:
    """And whoever waits for one that is kept does not wait."""
    session = new(1)
    keeper.begin(session)
    eventually(lambda: session.number is not None)
    assert log.sessions.find(session.token) == (session.number, 0)
    keeper.keep(session)


def test_what_is_left_is_kept_at_the_end(log: SqliteLog, clock: ManualClock) -> None:
    """A stop loses no session."""
    keeper = SessionKeeper(log.sessions, clock)
    session = new(1)
    keeper.begin(session)
    keeper.start()
    keeper.stop()
    assert log.sessions.find(session.token) == (session.number, 0)


def test_a_session_that_was_taken_up_again_is_not_old(
    log: SqliteLog, clock: ManualClock, keeper: SessionKeeper
) -> None:
    """Also one that the store lacks yet: it is kept then."""
    here, gone, other = new(1), new(2), new(3)
    for session in (here, gone):
        keeper.keep(session)
    clock.advance(100)
    keeper.resume(here)
    keeper.resume(other)
    keeper.keep(other)
    log.sessions.forget(1050.0)
    assert log.sessions.find(here.token) is not None
    assert log.sessions.find(gone.token) is None
    assert other.number is not None


def test_a_session_that_cannot_be_kept(log: SqliteLog, keeper: SessionKeeper) -> None:
    """Whoever waits for it is told, and may try again."""
    session = new(1)
    forbid(log.file._writer, "BEGIN")
    with pytest.raises(StoreError):
        keeper.keep(session)
    assert session.number is None
    forbid(log.file._writer)
    keeper.keep(session)
    assert log.sessions.find(session.token) is not None
