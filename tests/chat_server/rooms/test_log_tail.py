"""Segments and the tail: whatever the cursor, what follows it comes, once and in order."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from chat_server.gateways.native import NATIVE
from chat_server.gateways.web.websocket import WEBSOCKET
from chat_server.rooms.log_tail import (
    PAGE_LIMIT,
    TAIL_LIMIT,
    LogTail,
    Segment,
    joined,
    message_cost,
)
from protocol.framing import FrameDecoder
from protocol.messages import Message, decode_server_message
from tests.support.codec import segment


def seqs(buffer: bytes) -> list[int]:
    """The numbers of the messages in a buffer of frames."""
    found = []
    for payload in FrameDecoder().feed(buffer):
        message = decode_server_message(payload)
        assert isinstance(message, Message)
        found.append(message.seq)
    return found


@given(first=st.integers(1, 50), count=st.integers(1, 20), skipped=st.integers(0, 19))
def test_what_follows_a_cursor_in_a_segment(first: int, count: int, skipped: int) -> None:
    """From any place in it."""
    last = first + count - 1
    cursor = first - 1 + min(skipped, count - 1)
    chunk = segment(first, last).after(cursor, NATIVE)
    assert (chunk.first, chunk.last) == (cursor + 1, last)
    assert seqs(chunk.buffer) == list(range(cursor + 1, last + 1))


@given(limit=st.integers(0, 3000))
def test_a_limit_cuts_between_messages_and_leaves_one(limit: int) -> None:
    """A reader always gets on."""
    whole = segment(1, 10, "x" * 100)
    cursor, found = 0, []
    while cursor < 10:
        chunk = whole.after(cursor, NATIVE, limit)
        assert chunk.first == cursor + 1
        assert len(chunk.buffer) <= limit or chunk.first == chunk.last
        found += seqs(chunk.buffer)
        cursor = chunk.last
    assert found == list(range(1, 11))


def test_the_buffer_is_shared() -> None:
    """All who stand before a segment get the very same bytes."""
    whole = segment(5, 9)
    assert whole.after(4, NATIVE).buffer is whole.after(4, NATIVE).buffer


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=8), data=st.data())
def test_segments_are_joined_from_any_cursor(sizes: list[int], data: st.DataObject) -> None:
    """One chunk of all that follows, as far as one page takes."""
    tail, last = LogTail(), 0
    for size in sizes:
        tail.append(segment(last + 1, last + size))
        last += size
    cursor = data.draw(st.integers(0, last - 1))
    segments = tail.after(cursor)
    assert segments
    chunk = joined(segments, cursor, NATIVE)
    assert chunk is not None
    assert seqs(chunk.buffer) == list(range(cursor + 1, last + 1))
    assert tail.after(last) == []


def test_the_tail_lets_go_of_the_oldest() -> None:
    """It is bounded, and says what it does not have."""
    tail, text = LogTail(), "x" * 4000
    count = TAIL_LIMIT // message_cost(text) + 10
    for seq in range(1, count + 1):
        tail.append(segment(seq, seq, text))
    assert tail.after(0) is None
    kept = tail.after(count - 1)
    assert kept
    assert kept[0].first == count


def test_a_page_from_the_tail_is_bounded() -> None:
    """A reader that lags far gets one page at a time."""
    tail, text = LogTail(), "x" * 4000
    for seq in range(1, 61):
        tail.append(segment(seq, seq, text))
    page = tail.after(0)
    assert page is not None
    assert sum(each.cost for each in page) < PAGE_LIMIT + message_cost(text)


def test_text_beyond_ascii_counts_for_what_it_may_take() -> None:
    """Four bytes a character at most."""
    assert message_cost("é" * 10) - message_cost("") == 40
    assert message_cost("e" * 10) - message_cost("") == 10


def said(tail: LogTail, cursor: int) -> list[str]:
    """What a reader with this cursor is sent from a tail."""
    chunk = joined(tail.after(cursor) or [], cursor, NATIVE)
    assert chunk is not None
    found = []
    for payload in FrameDecoder().feed(chunk.buffer):
        message = decode_server_message(payload)
        assert isinstance(message, Message)
        found.append(message.text)
    assert found == [message.text for message in chunk.messages]
    return found


def change(tail: LogTail, seq: int, changes: int, text: str | None = None) -> None:
    """Publish an entry that edits a message, or deletes it."""
    kind = "delete" if text is None else "edit"
    entry = Message("lobby", seq, 1.0, "ada", kind, text or "deleted it", changes=changes)
    tail.append(Segment(seq, (entry,)), [entry])


def test_newcomers_get_the_latest_state_from_memory() -> None:
    """Of what was edited or deleted, wherever it stands; with the edits of that before it."""
    tail = LogTail()
    tail.append(segment(1, 3, "a"))
    tail.append(segment(4, 6, "b"))
    said(tail, 0)  # somebody has read it before
    change(tail, 7, 2, "new")
    assert said(tail, 0) == ["a", "new", "a", "b", "b", "b", "new"]
    change(tail, 8, 2, "newer")
    change(tail, 9, 6, "end")
    assert said(tail, 0) == ["a", "newer", "a", "b", "b", "end", "newer", "newer", "end"]
    change(tail, 10, 2)
    gone = "(deleted)"
    assert said(tail, 0) == ["a", gone, "a", "b", "b", "end", gone, gone, "end", "deleted it"]
    assert said(tail, 8) == ["end", "deleted it"]


def test_what_is_no_longer_in_memory_is_the_stores_to_change() -> None:
    """The tail changes what it has: an edit of something older, too."""
    tail = LogTail()
    tail.append(segment(5, 9, "x"))
    change(tail, 10, 3, "secret")
    change(tail, 11, 3)
    assert said(tail, 4) == ["x"] * 5 + ["(deleted)", "deleted it"]


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    cursor=st.integers(0, 3),
    own=st.sets(st.integers(0, 20)),
    limit=st.none() | st.integers(0, 600),
)
def test_messages_are_cut_out_of_what_all_share(
    sizes: list[int], cursor: int, own: set[int], limit: int | None
) -> None:
    """Nothing is written again for who is told their own words otherwise."""
    segments, first = [], 1
    for size in sizes:
        segments.append(segment(first, first + size - 1))
        first += size
    cursor = min(cursor, sizes[0] - 1)
    chunk = joined(segments, cursor, NATIVE)
    if limit is not None:
        chunk = segments[0].after(cursor, NATIVE, limit)
    assert chunk is not None
    pieces = [*chunk.around(sorted(own))]
    whole = [piece.seq for piece in pieces if isinstance(piece, Message)]
    assert whole == sorted(own & set(range(cursor + 1, chunk.last + 1)))
    again = [NATIVE.encode(each) if isinstance(each, Message) else each for each in pieces]
    assert b"".join(again) == chunk.buffer
    assert all(pieces)


def test_the_garbage_collector_looks_at_nothing_that_is_kept() -> None:
    """Or a hundred rooms of a few would stop the server for a third of a second each time."""
    tail = LogTail()
    gc.collect()
    before = len(gc.get_objects())
    for seq in range(1, 1001):
        tail.append(segment(seq, seq))
        assert joined(tail.after(seq - 1) or [], seq - 1, NATIVE)
        assert joined(tail.after(seq - 1) or [], seq - 1, WEBSOCKET)
    gc.collect()
    assert len(gc.get_objects()) - before < 100


def test_each_codec_writes_a_segment_once() -> None:
    """Whoever asks in between."""
    whole = segment(1, 3)
    first = [whole.after(0, codec).buffer for codec in (NATIVE, WEBSOCKET)]
    again = [whole.after(0, codec).buffer for codec in (NATIVE, WEBSOCKET)]
    assert [one is other for one, other in zip(first, again, strict=True)] == [True, True]
    assert first[0] != first[1]
