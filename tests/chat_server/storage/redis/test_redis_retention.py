"""What is deleted from the logs in Redis is deleted there, too."""

import pytest

from chat_server.storage.interface import RequestKey
from tests.chat_server.storage.logs import Opened, append, entries, entry
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis

KEY = "backchannel:{lobby}:"


def test_nothing_is_left_of_what_is_pruned(
    empty_redis: RedisServer, empty_redis_log: Opened
) -> None:
    """Neither the text, nor the changes, nor the memory of each request; only how far it went."""
    with empty_redis_log() as log:
        for first in range(1, 601, 100):
            append(log, *entries(100, first=first))
        append(log, entry("new", request=601, kind="edit", changes=1))
        assert log.prune(50, None) == 551
        assert empty_redis.do("HLEN", f"{KEY}requests") == 50
        assert empty_redis.do("EXISTS", f"{KEY}changed", f"{KEY}edits") == 0
        assert empty_redis.do("XLEN", f"{KEY}log") == 2
        assert log.was_deleted("lobby", 1, 1)
        assert log.find_request("lobby", 1, 1) is None
        assert log.find_request("lobby", 1, 601) == 601


def test_a_removed_room_is_deleted_after_the_next_start(
    empty_redis: RedisServer, empty_redis_log: Opened
) -> None:
    """If the server ended before it could be; notices are remembered as what they are."""
    with empty_redis_log() as log:
        append(log, *entries(300), entry(kind="notice", request=RequestKey(1, 400, per_room=True)))
        log.remove_room("lobby")
        assert empty_redis.do("XLEN", f"{KEY}log") == 4
    with empty_redis_log() as log:
        assert log.maintenance_due.is_set()
        assert log.was_deleted("lobby", 1, 300)
        log.maintain(lambda: False)
        assert empty_redis.do("XLEN", f"{KEY}log") == 0
        assert empty_redis.do("EXISTS", f"{KEY}requests") == 0
        assert log.was_deleted("lobby", 1, 300)
        assert not log.was_deleted("lobby", 1, 301)
        assert log.find_notices(1, 400) == {"lobby"}


@pytest.mark.parametrize("years", [False, True])
def test_what_is_young_is_not_read_again(
    empty_redis: RedisServer, empty_redis_log: Opened, years: bool
) -> None:
    """A round of deleting costs nothing while the oldest message is to be kept."""
    with empty_redis_log() as log:
        append(log, *entries(3))
        assert log.prune(None, 500.0, 2000.0) == 0
        before = empty_redis.do("INFO", "commandstats")
        assert log.prune(None, 2000.0 if years else 600.0, 2000.0) == (3 if years else 0)
        after = empty_redis.do("INFO", "commandstats")
        calls = [stats.get("cmdstat_evalsha", {}).get("calls", 0) for stats in (before, after)]
        assert (calls[1] > calls[0]) is years


def test_what_is_deleted_is_not_stored_again(empty_redis_log: Opened) -> None:
    """A batch whose outcome was not known may be sent again when part of it is deleted."""
    with empty_redis_log() as log:
        entries = [entry("one", request=1), entry("two", request=2), entry("three", request=3)]
        assert append(log, *entries) == [1, 2, 3]
        log.prune(1, None)
        assert append(log, *entries, entry("four", request=4)) == [0, 0, 3, 4]
        assert [each.text for each in log.after("lobby", 0, 10)] == ["three", "four"]
