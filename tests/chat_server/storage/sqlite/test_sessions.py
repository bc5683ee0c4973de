"""What the history keeps of sessions."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.storage.interface import RequestKey
from chat_server.storage.sqlite.log import SqliteLog
from chat_server.storage.sqlite.sessions import Sessions
from tests.chat_server.storage.logs import append, entry

ADA, EVA = b"ada", b"eva"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path)) as opened:
        yield opened


@pytest.fixture
def sessions(log: SqliteLog) -> Sessions:
    return log.sessions


def test_a_session_is_found_by_the_hash_of_its_secret(sessions: Sessions) -> None:
    """With the highest request that it stored: none yet."""
    assert sessions.keep([ADA, EVA], [], 1000.0) == [1, 2]
    assert sessions.find(EVA) == (2, 0)
    assert sessions.find(b"zoe") is None


def test_the_highest_request_counts_notices_and_what_was_deleted(
    log: SqliteLog, sessions: Sessions
) -> None:
    """A client that lost count goes on above it."""
    sessions.keep([ADA], [], 1000.0)
    append(log, entry(request=3))
    assert sessions.find(ADA) == (1, 3)
    append(log, entry(kind="notice", request=RequestKey(1, 9, per_room=True)))
    assert sessions.find(ADA) == (1, 9)
    append(log, entry(request=RequestKey(1, 12)))
    log.prune(0, None, 2000.0)
    assert sessions.find(ADA) == (1, 12)


def test_only_who_came_back_is_remembered(sessions: Sessions) -> None:
    """A session that was taken up since is not forgotten, nor does a clock set back make it old."""
    sessions.keep([ADA, EVA], [], 1000.0)
    sessions.keep([], [1], 2000.0)
    sessions.keep([], [1], 500.0)
    sessions.forget(1500.0)
    assert sessions.find(ADA) is not None
    assert sessions.find(EVA) is None


def test_no_number_is_given_to_another_whose_messages_are_there(
    log: SqliteLog, sessions: Sessions
) -> None:
    """Its requests would be taken for the other's."""
    sessions.keep([ADA], [], 1000.0)
    append(log, entry(request=1), entry(kind="notice", request=RequestKey(5, 1, per_room=True)))
    sessions.forget(2000.0)
    assert sessions.keep([EVA], [], 3000.0) == [6]


def test_sessions_that_stored_nothing_are_found_and_dropped(
    log: SqliteLog, sessions: Sessions
) -> None:
    """But for the newest, whose number would be given away again."""
    sessions.keep([ADA, EVA, b"zoe", b"max"], [], 1000.0)
    append(log, entry(request=1))
    unused = sessions.unused(0, 1500.0)
    assert unused == [(2, EVA), (3, b"zoe")]
    assert sessions.unused(2, 1500.0) == [(3, b"zoe")]
    assert sessions.unused(0, 1000.0) == []
    sessions.drop([number for number, _ in unused])
    assert sessions.find(EVA) is None
    assert sessions.find(ADA) == (1, 1)
