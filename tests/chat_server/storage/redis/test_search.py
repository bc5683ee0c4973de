"""What the search index learns of a log in Redis."""

from chat_server.storage.redis.redis_log import RedisLog
from chat_server.storage.redis.search import read_additions, read_original
from chat_server.storage.sqlite.originals import Addition
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
