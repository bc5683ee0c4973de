"""The audit must notice each way in which a member can be wronged, and nothing else."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.load.generator.audit import Faults, Numbers, Reader, RoomLog, Stamp, read_stamp
from chat_client.load.model.histogram import Histogram
from protocol.errors import ProtocolError
from protocol.messages import AnyServerMessage, Message, Ok, Presence, ServerPing, encode

RUN = 7
PRESENCE = encode(Presence("lobby", ["x"], [], [], 2))
OWN = (PRESENCE, encode(Ok(5, seq=3)), encode(ServerPing(1)))


def message(seq: int, number: int | None = None, due: int | None = None) -> Message:
    """The message `seq`, which is the talker's text `number` and was due at `due` µs."""
    number = seq - 1 if number is None else number
    stamp = Stamp(RUN, 0, number, 1000 * seq if due is None else due)
    return Message("lobby", seq, 1.5, "load0", "text", stamp.written() + "xxxx")


def frames(*seqs: int) -> bytes:
    return b"".join(encode(message(seq)) for seq in seqs)


class Member:
    """A reader, and what it was told that is no message."""

    def __init__(self, log: RoomLog, last: int = 0) -> None:
        self.told: list[AnyServerMessage] = []
        self.reader = Reader(log, self.told.append)
        self.reader.join(last, timed=True)

    def receive(self, data: bytes, pieces: int | None = None) -> None:
        """Receive `data`, in pieces of so many bytes."""
        size = pieces or len(data) or 1
        for start in range(0, len(data), size):
            self.reader.receive(memoryview(data)[start : start + size])


def a_log() -> RoomLog:
    return RoomLog("lobby", RUN)


def test_a_stamp_is_read_as_it_was_written() -> None:
    """The due time travels in the text."""
    stamp = Stamp(2**32 - 1, 12, 3456, 987_654_321_000)
    assert read_stamp(stamp.written() + "xyz") == stamp
    assert read_stamp("good morning, everybody, how are you all doing?") is None
    assert read_stamp("") is None


@given(st.integers(0, 2**32))
def test_the_same_log_in_any_pieces_with_anything_between(seed: int) -> None:
    """Members agree, whoever is ahead, wherever their reads are cut, whatever is only theirs."""
    chance = random.Random(seed)
    log = a_log()
    members = [Member(log) for _ in range(3)]
    streams = []
    for _ in members:
        parts = []
        for seq in range(1, 13):
            parts += chance.choices(OWN, k=chance.randrange(3))
            parts.append(frames(seq))
        streams.append(b"".join(parts))
    while any(streams):
        index = chance.randrange(3)
        count = chance.randrange(1, 1000)
        members[index].receive(streams[index][:count])
        streams[index] = streams[index][count:]
        if chance.random() < 0.3:
            log.forget_before(min(m.reader.place or 0 for m in members))
    for member in members:
        assert member.reader.received == 12
        assert member.reader.next == 13
        assert not member.reader.faults(12)
    assert (log.own, log.intact, log.last, log.faults) == (12, True, 12, Faults())


@pytest.mark.parametrize("pieces", [1, 100, None])
@pytest.mark.parametrize("ahead", [True, False], ids=["ahead", "behind"])
@pytest.mark.parametrize(
    ("got", "faults"),
    [
        ((1, 3, 4), Faults(lost=1)),
        ((3, 4), Faults(lost=2)),
        ((1, 2, 3), Faults(lost=1)),
        ((1, 2, 2, 3, 4), Faults(doubled=1)),
        ((1, 2, 3, 4, 1), Faults(doubled=1)),
        ((1, 3, 2, 4), Faults(reordered=1)),
        ((2, 1, 4, 3), Faults(reordered=2)),
        ((1, 3, 3, 2), Faults(lost=1, doubled=1, reordered=1)),
    ],
)
def test_a_member_that_is_wronged(
    got: Sequence[int], faults: Faults, ahead: bool, pieces: int | None
) -> None:
    """Before or after another one has received all four messages."""
    log = a_log()
    wronged, other = Member(log), Member(log)
    if not ahead:
        other.receive(frames(1, 2, 3, 4))
    wronged.receive(frames(*got), pieces)
    if ahead:
        other.receive(frames(1, 2, 3, 4))
    assert wronged.reader.faults(4) == faults
    assert not other.reader.faults(4)
    assert wronged.reader.received == len(got)


def test_another_text_under_the_same_number() -> None:
    """It is what the server promised not to do."""
    log = a_log()
    first, second = Member(log), Member(log)
    first.receive(frames(1, 2))
    second.receive(frames(1) + encode(message(2, number=8)))
    assert second.reader.faults(2) == Faults(altered=1)


def test_the_same_in_other_bytes_is_as_good() -> None:
    """A server may write its JSON to each member as it likes."""
    log = a_log()
    first, second = Member(log), Member(log)
    first.receive(frames(1, 2))
    payload = encode(message(1))[4:].replace(b'":"', b'": "', 1)
    second.receive(len(payload).to_bytes(4, "big") + payload + frames(2))
    assert not second.reader.faults(2)
    assert second.reader.received == 2


def test_a_text_that_is_stored_twice() -> None:
    """Under two numbers: all members get it twice, each number once."""
    log = a_log()
    member = Member(log)
    member.receive(frames(1) + encode(message(2, number=0)))
    assert not member.reader.faults(2)
    assert log.faults == Faults(doubled=1)


def test_a_wide_gap_is_not_remembered_one_by_one() -> None:
    """A server that is out of its mind costs no memory."""
    numbers = Numbers(1)
    numbers.take(2**50)
    assert numbers.lost(2**50) == 2**50 - 1


@pytest.mark.parametrize(("on_purpose", "timed"), [(True, 2), (False, 4)])
def test_coming_back_behind_the_last_message(on_purpose: bool, timed: int) -> None:
    """What was cut off amid a message comes again from its start. What was missed is timed unless
    it was the member that chose to go.
    """
    log = a_log()
    other, member = Member(log), Member(log)
    other.receive(frames(1, 2, 3, 4))
    log.settle(10_000, 0, Histogram())
    member.receive(frames(1, 2)[:-5])
    assert member.reader.next == 2
    member.reader.cut_off()
    member.reader.join(3, timed=True, on_purpose=on_purpose)
    member.receive(frames(2, 3, 4))
    assert not member.reader.faults(4)
    latencies = Histogram()
    log.settle(10_000, 0, latencies)
    assert latencies.total == timed


def test_who_joins_later_is_owed_what_follows() -> None:
    """Where that is in the log, or beyond what the log has so far."""
    log = a_log()
    first = Member(log)
    first.receive(frames(1, 2))
    early, late = Member(log, last=1), Member(log, last=5)
    early.receive(frames(2, 3))
    late.receive(frames(6, 7))
    assert not early.reader.faults(3)
    assert not late.reader.faults(7)


def test_latency_counts_from_when_it_was_due_for_every_member() -> None:
    """Three members that hear two messages at the same time are six times."""
    log = a_log()
    for _ in range(3):
        Member(log).receive(frames(1, 2))
    latencies = Histogram()
    log.settle(now=2200, since=0, latencies=latencies)
    assert sorted(latencies.values()) == [(200, 3), (1200, 3)]
    log.settle(now=9999, since=0, latencies=latencies)
    assert latencies.total == 6


def test_what_was_due_before_the_measurement_is_not_timed() -> None:
    """The warm-up; and what somebody else says in the room has no due time at all."""
    log = a_log()
    member = Member(log)
    stranger = Message("lobby", 3, 1.5, "ana", "text", "hello, what are all of you doing in here?")
    member.receive(frames(1, 2) + encode(stranger))
    latencies = Histogram()
    log.settle(now=2200, since=1500, latencies=latencies)
    assert list(latencies.values()) == [(200, 1)]
    assert (log.own, member.reader.received) == (2, 3)


def test_a_wronged_member_is_timed_as_well() -> None:
    """It would be too easy to look fast otherwise."""
    log = a_log()
    member = Member(log)
    member.receive(frames(2, 1))
    latencies = Histogram()
    log.settle(now=3000, since=0, latencies=latencies)
    assert latencies.total == 2


def test_what_is_not_made_of_frames() -> None:
    """The length alone tells."""
    with pytest.raises(ProtocolError, match="bad_frame"):
        Member(a_log()).receive(b"HTTP/1.1 400 Bad Request")


def test_a_malformed_message_is_no_loss() -> None:
    """Whoever is ahead, whatever the others' bytes; its member of the object is named once."""
    wrong = encode(message(2))[4:].replace(b'"time":1.5', b'"time":"1.5"')
    framed = len(wrong).to_bytes(4, "big") + wrong
    log = a_log()
    members = [Member(log) for _ in range(3)]
    for member in members[:2]:
        member.receive(frames(1) + framed + frames(3))
    members[2].receive(frames(1, 2, 3))
    assert log.faults == Faults(malformed=1)
    assert log.complaint == "`message`: Expected `float`, got `str` - at `$.time`"
    assert not members[1].reader.faults(3)
    assert members[2].reader.faults(3) == Faults(altered=1)
    assert [member.reader.received for member in members] == [3, 3, 3]


def test_a_message_without_a_number_is_lost_too() -> None:
    """Nobody can know which one it was."""
    payload = b'{"type":"message","room":"lobby"}'
    log = a_log()
    member = Member(log)
    member.receive(frames(1) + len(payload).to_bytes(4, "big") + payload + frames(3))
    assert member.reader.faults(3) == Faults(lost=1, malformed=1)
    assert member.reader.complaint.startswith("`message`: Object missing required field")


def test_a_type_that_is_not_known_is_no_fault() -> None:
    """Version 1 may gain some."""
    payload = b'{"type":"weather","sun":true}'
    member = Member(a_log())
    member.receive(len(payload).to_bytes(4, "big") + payload + frames(1))
    assert not member.reader.faults(1)
