"""Pages of a log for readers that are behind: whatever the cursor, what follows it comes, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat_server.delivery.page_cache import CACHE_LIMIT, MESSAGES_PER_PAGE, Pages
from chat_server.gateways.native import NATIVE
from chat_server.rooms.log_tail import PAGE_LIMIT, Segment
from chat_server.rooms.room import Room
from chat_server.storage.sqlite.log import SqliteLog
from protocol.framing import FrameDecoder
from protocol.messages import Message, decode_server_message
from tests.chat_server.storage.logs import append, entry

LAST = 3 * MESSAGES_PER_PAGE + 17


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteLog]:
    """A store with a log of a few pages."""
    opened = SqliteLog(tmp_path)
    fill(opened, 1, LAST, "short")
    yield opened
    opened.close()


def fill(store: SqliteLog, first: int, last: int, text: str) -> None:
    """Add messages to the lobby's log."""
    said = [entry(text, request=seq, time=1.0) for seq in range(first, last + 1)]
    assert append(store, *said) == list(range(first, last + 1))


def lobby(last: int) -> Room:
    """The room as it is after a restart: nothing of its log in memory."""
    return Room("lobby", "", last, lambda _: None, lambda _: None)


def read_on(pages: Pages, room: Room, cursor: int) -> list[int]:
    """Read page after page to the end, and return the seqs."""
    seqs: list[int] = []
    while cursor < room.last:
        page = pages.read(room, cursor, NATIVE)
        assert page.first == cursor + 1
        assert cursor < page.last <= room.last
        assert len(page.buffer) <= PAGE_LIMIT or page.last == page.first
        cursor = page.last
        for payload in FrameDecoder().feed(page.buffer):
            message = decode_server_message(payload)
            assert isinstance(message, Message)
            seqs.append(message.seq)
    return seqs


@pytest.mark.parametrize(
    "cursor", [0, 1, MESSAGES_PER_PAGE - 1, MESSAGES_PER_PAGE, MESSAGES_PER_PAGE + 1, LAST - 1]
)
def test_what_follows_a_cursor_comes_once(store: SqliteLog, cursor: int) -> None:
    """From the beginning, the end, the middle of a page; twice, so that the cache answers too."""
    pages, room = Pages(store), lobby(LAST)
    assert read_on(pages, room, cursor) == list(range(cursor + 1, LAST + 1))
    assert read_on(pages, room, cursor) == list(range(cursor + 1, LAST + 1))


def test_the_last_page_grows(store: SqliteLog) -> None:
    """A page that was cached before its end was said is not taken for the whole."""
    pages = Pages(store)
    assert read_on(pages, lobby(LAST), LAST - 5) == list(range(LAST - 4, LAST + 1))
    fill(store, LAST + 1, LAST + 3, "more")
    assert read_on(pages, lobby(LAST + 3), LAST - 5) == list(range(LAST - 4, LAST + 4))


def test_large_messages_are_cut_to_the_bound(store: SqliteLog) -> None:
    """A page is bounded in bytes, and the cache as well."""
    last = LAST + 1000
    fill(store, LAST + 1, last, "🦊" * 4000)
    pages, room = Pages(store), lobby(last)
    assert read_on(pages, room, 0) == list(range(1, last + 1))
    assert pages.cached <= CACHE_LIMIT


@pytest.mark.parametrize("keep", [LAST - 1, 3 * MESSAGES_PER_PAGE, 10, 1])
def test_what_is_gone_is_passed_over(store: SqliteLog, keep: int) -> None:
    """A cursor in the part that was deleted goes on with the oldest message there is."""
    store.prune(keep, None)
    assert read_on(Pages(store), lobby(LAST), 3) == list(range(max(4, LAST - keep + 1), LAST + 1))


def test_nothing_is_left(store: SqliteLog) -> None:
    """A log of which nothing is kept is at its end."""
    store.prune(None, 2.0)
    assert read_on(Pages(store), lobby(LAST), 3) == []


def test_a_page_that_is_out_of_date_is_read_again(store: SqliteLog) -> None:
    """What was deleted since it was cached is not in it."""
    pages, room = Pages(store), lobby(LAST)
    before = pages.read(room, 0, NATIVE)
    assert b"(deleted)" not in before.buffer
    (seq,) = append(store, entry("gone", request=LAST + 1, kind="delete", changes=3))
    assert seq == LAST + 1
    entries = store.follow("lobby", LAST)
    room.publish(Segment(seq, tuple(entries)), None, entries)
    page = pages.read(room, 0, NATIVE)
    assert page.messages[2].deleted
    assert page.buffer.count(b"(deleted)") == 1
