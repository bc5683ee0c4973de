"""Watching Redis: what others append is heard, and what is gone is noticed."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from chat_server.storage.interface import DirectOutcome, NeighbourListener, ProcessFacts
from chat_server.storage.redis import watcher
from chat_server.storage.redis.redis_log import RedisLog
from tests.chat_server.storage.logs import append, entry
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.waiting import eventually

pytestmark = needs_redis

Open = Callable[[], tuple[RedisLog, list[str | None]]]


def _listener(news: list[str | None]) -> NeighbourListener:
    return NeighbourListener(
        news.append,
        lambda _: None,
        lambda _: DirectOutcome.NOBODY,
        lambda: None,
        lambda *_: None,
        lambda: ProcessFacts("Physics", [], "1.0", 17, 1000.0, 0, 0, 0, 0.0, 0.0),
        lambda _: None,
        lambda _: "",
    )


@pytest.fixture
def open_watched(empty_redis: RedisServer, tmp_path: Path) -> Iterator[Open]:
    """Opens the engine as another process would; gives it, and the news that it had."""
    made: list[RedisLog] = []

    def opened() -> tuple[RedisLog, list[str | None]]:
        folder = tmp_path / f"{len(made)}"
        folder.mkdir()
        log = RedisLog(empty_redis.address, "", folder)
        made.append(log)
        news: list[str | None] = []
        log.watch(_listener(news))
        eventually(lambda: news == [None])
        return log, news

    yield opened
    for log in made:
        log.close()


def test_what_another_process_appends_is_heard(open_watched: Open) -> None:
    """By the others, not by itself; and all follow the same."""
    (one, own), (two, news) = open_watched(), open_watched()
    assert append(one, entry("hello", request=1), entry("there", room="garden", request=2)) == [
        1,
        1,
    ]
    eventually(lambda: sorted(news[1:], key=str) == ["garden", "lobby"])
    assert own == [None]
    assert append(two, entry("hi", request=3)) == [2]
    for log in (one, two):
        eventually(partial(log.follow, "lobby", 1))
    assert [m.text for m in two.after("lobby", 0, 9)] == ["hello", "hi"]


def test_two_processes_append_at_once(open_watched: Open) -> None:
    """One order, the same for both: each batch in one piece, each request once."""
    logs = [open_watched()[0], open_watched()[0]]
    heard: list[list[str]] = [[], []]

    def talk(number: int) -> None:
        for request in range(1, 41):
            both = entry(f"{number} {request}", request=1000 * (number + 1) + request)
            append(logs[number], both, entry("shared", request=request))
            for message in logs[number].follow("lobby", len(heard[number])):
                heard[number].append(message.text)

    threads = [threading.Thread(target=talk, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, log in enumerate(logs):
        eventually(partial(_has_all, log, heard[number]))
    assert heard[0] == heard[1]
    assert heard[0].count("shared") == 40


def _has_all(log: RedisLog, heard: list[str]) -> bool:
    """Follow a log, and say whether all 120 messages have come."""
    heard += [message.text for message in log.follow("lobby", len(heard))]
    return len(heard) == 120


def test_it_stops_without_waiting_for_news(
    empty_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing is told, and Redis is not to be asked yet whether it is there."""
    monkeypatch.setattr(watcher, "HEARTBEAT", 3600.0)
    log, news = RedisLog(empty_redis.address, "", tmp_path), list[str | None]()
    log.watch(_listener(news))
    eventually(lambda: news == [None])
    stopping = threading.Thread(target=log.close, daemon=True)
    stopping.start()
    eventually(lambda: not stopping.is_alive())


def test_servers_on_another_database_are_not_heard(
    open_watched: Open, empty_redis: RedisServer, tmp_path: Path
) -> None:
    """All databases of a Redis have the same channels; what was told there first is no news."""
    other = RedisLog(empty_redis.address._replace(database=1), "", tmp_path)
    try:
        (one, _), (_, news) = open_watched(), open_watched()
        append(other, entry(room="theirs", request=1))
        append(one, entry(room="ours", request=1))
        eventually(lambda: "ours" in news)
        assert "theirs" not in news
    finally:
        other.close()
