"""The log of a room: what is numbered wrongly for everybody, and how long messages took."""

from chat_client.load.model.faults import Faults
from chat_client.load.model.histogram import Histogram
from protocol.messages import Message, encode
from tests.chat_client.load.members import Member, a_log, frames, message


def test_a_text_that_is_stored_twice() -> None:
    """A text that is stored under two numbers is doubled, though each number comes once."""
    log = a_log()
    member = Member(log)
    member.receive(frames(1) + encode(message(2, number=0)))
    assert not member.reader.faults(2)
    assert log.faults == Faults(doubled=1)


def test_latency_counts_from_when_it_was_due_for_every_member() -> None:
    """Three members that receive two messages at the same time make six latencies."""
    log = a_log()
    for _ in range(3):
        Member(log).receive(frames(1, 2))
    latencies = Histogram()
    log.record_latencies(now=2200, since=0, latencies=latencies)
    assert sorted(latencies.values()) == [(200, 3), (1200, 3)]
    log.record_latencies(now=9999, since=0, latencies=latencies)
    assert latencies.total == 6


def test_what_was_due_before_the_measurement_is_not_timed() -> None:
    """The warm-up is not timed, and neither is what somebody else says."""
    log = a_log()
    member = Member(log)
    stranger = Message("lobby", 3, 1.5, "ana", "text", "hello, what are all of you doing in here?")
    member.receive(frames(1, 2) + encode(stranger))
    latencies = Histogram()
    log.record_latencies(now=2200, since=1500, latencies=latencies)
    assert list(latencies.values()) == [(200, 1)]
    assert (log.own, member.reader.received) == (2, 3)


def test_a_wronged_member_is_timed_as_well() -> None:
    """The messages of a detached member are timed too."""
    log = a_log()
    member = Member(log)
    member.receive(frames(2, 1))
    latencies = Histogram()
    log.record_latencies(now=3000, since=0, latencies=latencies)
    assert latencies.total == 2
