"""What the search index learns of a log in Redis."""

import pytest

from chat_server.storage.redis import search
from chat_server.storage.redis.redis_log import RedisLog
from chat_server.storage.redis.search import read_additions, read_original
from chat_server.storage.searching.search_index import Addition
from tests.chat_server.storage.logs import Opened, append, entry
from tests.support.redis_server import needs_redis

pytestmark = needs_redis

BASE = 1 << 40


def test_changes_tell_what_was_said_before(empty_redis_log: Opened) -> None:
    """In the order of the log, each as it was at that time."""
    with empty_redis_log() as log:
        assert isinstance(log, RedisLog)
        append(log, entry("one", request=1), entry("two", request=2))
        append(log, entry("uno", request=3, kind="edit", changes=1))
        append(log, entry("un", request=4, kind="edit", changes=1))
        append(log, entry("gone", request=5, kind="delete", changes=1))
        append(log, entry("late", request=6, kind="edit", changes=1))
        found = read_additions(log._connections, "lobby", 1, 0, 100)
        assert found == [
            Addition(BASE + 1, "one"),
            Addition(BASE + 2, "two"),
            Addition(BASE + 3, "", BASE + 1, "one", "uno"),
            Addition(BASE + 4, "", BASE + 1, "uno", "un"),
            Addition(BASE + 5, "", BASE + 1, "un", ""),
            Addition(BASE + 6, ""),
        ]
        assert read_additions(log._connections, "lobby", 1, BASE + 1, 1) == found[1:2]
        original = read_original(log._connections, "lobby", 1)
        assert original is not None
        assert original.text == "one"
        assert read_original(log._connections, "lobby", 7) is None


def test_what_changes_a_message_that_is_gone_adds_nothing(empty_redis_log: Opened) -> None:
    """The index does not have that message, or never finds it."""
    with empty_redis_log() as log:
        assert isinstance(log, RedisLog)
        append(log, entry("one", request=1), entry("two", request=2))
        append(log, entry("uno", request=3, kind="edit", changes=1))
        log.prune(2, None)
        assert read_additions(log._connections, "lobby", 1, 0, 100) == [
            Addition(BASE + 2, "two"),
            Addition(BASE + 3, ""),
        ]


def test_what_is_gone_leaves_the_index(
    empty_redis_log: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it holds more of that than of what is kept; what is kept is found all the same."""
    monkeypatch.setattr(search, "STALE_LIMIT", 2)
    with empty_redis_log() as log:
        assert isinstance(log, RedisLog)
        append(log, *(entry(f"old{number} word", request=number) for number in range(1, 7)))
        assert len(log.search("lobby", "word", None, 10)) == 6
        log.prune(4, None)
        log.maintain(lambda: False)
        assert words(log) == 6
        log.prune(2, None)
        log.maintain(lambda: False)
        assert words(log) == 0
        assert [each.seq for each in log.search("lobby", "word", None, 10)] == [5, 6]
        assert words(log) == 2
        log.remove_room("lobby")
        log.maintain(lambda: False)
        assert words(log) == 0


def words(log: RedisLog) -> int:
    """How many texts are in the index."""
    with log._index._index._readers.use() as reader:
        (count,) = reader.execute("SELECT count(*) FROM words_docsize").fetchone()
    return int(count)
