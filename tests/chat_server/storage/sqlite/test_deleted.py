"""A request whose message is deleted: it is known that it was stored."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_server.storage.interface import RequestKey
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.storage.sqlite.retention import STEP
from tests.chat_server.storage.logs import append, entry


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """A history that knows two sessions, 1 and 2."""
    log = SqliteLog(tmp_path)
    assert log.sessions.keep([bytes([1]), bytes([2])], [], 1000.0) == [1, 2]
    yield log
    log.close()


def fate(log: SqliteLog, request: int, room: str = "lobby", session: int = 1) -> int | str | None:
    """Where the message of a request is; "gone" if it was deleted; None if it was never stored."""
    seq = log.find_request(room, session, request)
    if seq is not None:
        return seq
    return "gone" if log.was_deleted(room, session, request) else None


def test_what_was_pruned_was_stored(log: SqliteLog) -> None:
    """Up to the highest id of the session that was deleted in the room."""
    append(log, *[entry(request=number) for number in (1, 2, 5, 7)])
    append(log, entry(request=RequestKey(2, 1)))
    log.prune(2, None)
    assert [fate(log, number) for number in (1, 2, 5, 7, 8)] == ["gone", "gone", "gone", 4, None]
    assert fate(log, 1, session=2) == 5


def test_it_is_known_of_each_room_by_itself(log: SqliteLog) -> None:
    """A request to another room may have been lost while a later one was stored, and pruned."""
    append(log, entry(request=2), entry(request=3))
    log.prune(1, None)
    assert fate(log, 2) == "gone"
    assert fate(log, 1, "garden") is None


def test_what_was_said_in_a_removed_room_was_stored(log: SqliteLog) -> None:
    """From the moment in which the room is removed, and after its messages are deleted."""
    count = 2 * STEP + 1
    append(log, *[entry(request=number) for number in range(1, count + 1)])
    log.remove_room("lobby")
    for _ in range(2):
        assert [fate(log, number) for number in (1, count)] == ["gone", "gone"]
        assert fate(log, count + 1) is None
        log.maintain(lambda: False)
    append(log, entry(request=count + 1))
    assert fate(log, count + 1) == count + 1


def test_it_outlives_a_restart(tmp_path: Path) -> None:
    """And the session goes on above the ids that were deleted."""
    for run in range(2):
        log = SqliteLog(tmp_path)
        if run == 0:
            log.sessions.keep([b"one"], [], 1000.0)
            append(log, entry(request=4))
            append(log, entry(request=RequestKey(1, 6, per_room=True)))
            log.prune(0, None)
        assert fate(log, 4) == "gone"
        assert log.find_notices(1, 6) == {"lobby"}
        found = log.sessions.find(b"one")
        assert found is not None
        assert found.newest == 6
        log.close()


def test_it_is_forgotten_with_the_session(log: SqliteLog) -> None:
    """The number may be another session's one day, whose requests were not stored."""
    append(log, entry(request=1), entry(request=RequestKey(2, 1)))
    log.prune(0, None)
    log.sessions.drop([2])
    assert fate(log, 1, session=2) is None
    assert fate(log, 1) == "gone"
    append(log, entry(request=RequestKey(3, 1)))  # of a session that nobody knows
    log.prune(0, None)
    assert fate(log, 1, session=3) is None
