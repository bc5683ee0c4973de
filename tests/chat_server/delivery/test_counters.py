"""What the server counts, for its metrics."""

from chat_server.delivery.counters import (
    BATCH_SIZES,
    DELIVERY_TIMES,
    Counters,
    Distribution,
    RecordingCounters,
)
from chat_server.rooms.room import Room
from protocol.errors import Code
from tests.support.codec import segment


def test_events_are_counted_by_their_kind() -> None:
    """Each with its code, where it has one."""
    counters = RecordingCounters()
    for resumed in (False, True, True):
        counters.connected()
        counters.came_in(resumed=resumed)
    counters.refused(Code.BANNED)
    counters.refused(Code.BANNED)
    counters.closed(Code.BYE)
    counters.committed(20, 0.003)
    seen = counters.snapshot()
    assert (seen.connected, seen.begun, seen.resumed) == (3, 1, 2)
    assert (seen.refusals, seen.closes) == ({Code.BANNED: 2}, {Code.BYE: 1})
    assert seen.messages == 20
    assert seen.batches[0][BATCH_SIZES.index(20)] == 1


def test_a_distribution_counts_up_to_each_bound() -> None:
    """A value that is a bound belongs to it; what is above the last one is counted apart."""
    sizes = Distribution((1, 5, 10))
    for size in (1, 2, 5, 11, 1000):
        sizes.add(size)
    assert (sizes.counts, sizes.total) == ([1, 2, 0, 2], 1019)


def test_a_batch_is_delivered_when_the_round_that_fed_it_is_done() -> None:
    """From when its first message was posted; the time is counted once."""
    room = Room("lobby", "", 0, lambda _: None, lambda _: None)
    counters = RecordingCounters()
    room.publish(segment(1, 3), None)
    counters.published(room, 0.0)
    counters.fed(room)
    assert counters.snapshot().deliveries[1] == 0
    room.round.take(1, room.last, room.members)  # nobody is in it, so all are fed
    counters.fed(room)
    counters.fed(room)
    counts, total = counters.snapshot().deliveries
    assert (sum(counts), total > 0) == (1, True)
    assert len(counts) == len(DELIVERY_TIMES) + 1


def test_a_server_without_metrics_keeps_nothing() -> None:
    """It has the same methods, none of which touches the room."""
    counters = Counters()
    counters.published(Room("lobby", "", 0, lambda _: None, lambda _: None), 0.0)
    assert vars(counters) == {"latest": None}
