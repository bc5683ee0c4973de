"""The audit notices each way in which a member can be wronged, and nothing else."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.load.model.faults import Faults
from chat_client.load.model.histogram import Histogram
from protocol.errors import ProtocolError
from protocol.messages import encode
from tests.chat_client.load.faulty import Spoil, faulty_server
from tests.chat_client.load.members import OWN, Member, a_log, frames, message
from tests.chat_client.load.runs import make_run
from tests.support.leaks import nothing_left_behind


@given(st.integers(0, 2**32))
def test_the_same_log_in_any_pieces_with_anything_between(seed: int) -> None:
    """No fault is found, whichever member is ahead and however reads are cut."""
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
            log.drop_before(min(m.reader.place or 0 for m in members))
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
    """The fault is found whether another member is ahead or behind."""
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
    """Another text under the same number is `altered`."""
    log = a_log()
    first, second = Member(log), Member(log)
    first.receive(frames(1, 2))
    second.receive(frames(1) + encode(message(2, number=8)))
    assert second.reader.faults(2) == Faults(altered=1)


def test_the_same_in_other_bytes_is_as_good() -> None:
    """A server may write the same JSON object to each member in other bytes."""
    log = a_log()
    first, second = Member(log), Member(log)
    first.receive(frames(1, 2))
    payload = encode(message(1))[4:].replace(b'":"', b'": "', 1)
    second.receive(len(payload).to_bytes(4, "big") + payload + frames(2))
    assert not second.reader.faults(2)
    assert second.reader.received == 2


@pytest.mark.parametrize(("on_purpose", "timed"), [(True, 2), (False, 4)])
def test_coming_back_behind_the_last_message(on_purpose: bool, timed: int) -> None:
    """What was cut off amid a message comes again from its start. What was missed is timed unless
    it was the member that chose to go.
    """
    log = a_log()
    other, member = Member(log), Member(log)
    other.receive(frames(1, 2, 3, 4))
    log.record_latencies(10_000, 0, Histogram())
    member.receive(frames(1, 2)[:-5])
    assert member.reader.next == 2
    member.reader.cut_off()
    member.reader.join(3, timed=True, on_purpose=on_purpose)
    member.receive(frames(2, 3, 4))
    assert not member.reader.faults(4)
    latencies = Histogram()
    log.record_latencies(10_000, 0, latencies)
    assert latencies.total == timed


def test_who_joins_later_is_owed_what_follows() -> None:
    """A member may join within the log, or beyond its end so far."""
    log = a_log()
    first = Member(log)
    first.receive(frames(1, 2))
    early, late = Member(log, last=1), Member(log, last=5)
    early.receive(frames(2, 3))
    late.receive(frames(6, 7))
    assert not early.reader.faults(3)
    assert not late.reader.faults(7)


def test_what_is_not_made_of_frames() -> None:
    """The length of the first frame shows that it is not one."""
    with pytest.raises(ProtocolError, match="bad_frame"):
        Member(a_log()).receive(b"HTTP/1.1 400 Bad Request")


def test_a_malformed_message_is_no_loss() -> None:
    """A malformed message counts once, and its bad member of the object is named."""
    wrong = encode(message(2))[4:].replace(b'"time":1.5', b'"time":"1.5"')
    framed = len(wrong).to_bytes(4, "big") + wrong
    log = a_log()
    members = [Member(log) for _ in range(3)]
    for member in members[:2]:
        member.receive(frames(1) + framed + frames(3))
    members[2].receive(frames(1, 2, 3))
    assert log.faults == Faults(malformed=1)
    assert log.first_fault == "`message`: Expected `float`, got `str` - at `$.time`"
    assert not members[1].reader.faults(3)
    assert members[2].reader.faults(3) == Faults(altered=1)
    assert [member.reader.received for member in members] == [3, 3, 3]


def test_a_message_without_a_number_is_lost_too() -> None:
    """A message without a seq is malformed, and counts as lost too."""
    payload = b'{"type":"message","room":"lobby"}'
    log = a_log()
    member = Member(log)
    member.receive(frames(1) + len(payload).to_bytes(4, "big") + payload + frames(3))
    assert member.reader.faults(3) == Faults(lost=1, malformed=1)
    assert member.reader.first_fault.startswith("`message`: Object missing required field")


def test_a_type_that_is_not_known_is_no_fault() -> None:
    """Version 1 of the protocol may gain types."""
    payload = b'{"type":"weather","sun":true}'
    member = Member(a_log())
    member.receive(len(payload).to_bytes(4, "big") + payload + frames(1))
    assert not member.reader.faults(1)


@pytest.mark.parametrize(
    ("spoil", "faults"),
    [
        (lambda log: [log[0], log[2]], Faults(lost=1)),
        (lambda log: [log[0], log[1], log[1], log[2]], Faults(doubled=1)),
        (lambda log: [log[1], log[0], log[2]], Faults(reordered=1)),
    ],
    ids=["drops", "doubles", "reorders"],
)
def test_one_member_is_wronged(spoil: Spoil, faults: Faults) -> None:
    """The run fails, and the verdict names the member."""
    with nothing_left_behind(), faulty_server(victim="load3", spoil=spoil) as address:
        result = make_run(address, processes=2)
    assert result.faults == faults
    assert not result.verdict.passed
    assert "load3: 1 " in result.verdict.checks[0].text
    assert result.expected == result.received + faults.lost - faults.doubled


def test_one_member_gets_another_text() -> None:
    """The audit cannot know which text is right: one member or all others are wronged."""

    def alter(log: list[bytes]) -> list[bytes]:
        return [log[0], log[1].replace(b"xxx", b"xyx", 1), log[2]]

    with faulty_server(victim="load3", spoil=alter) as address:
        result = make_run(address)
    assert result.faults in (Faults(altered=1), Faults(altered=4))
    assert not result.verdict.passed


def test_a_member_of_the_wrong_type_is_named() -> None:
    """A `time` that is a text is malformed and not lost, and the verdict says why."""
    with faulty_server(
        rewrite=lambda frame: frame.replace(b'"time":1.5', b'"time":"1"')
    ) as address:
        result = make_run(address, processes=2)
    assert result.faults == Faults(malformed=result.received)
    assert result.received == result.whole.sent * 5 > 0
    assert "malformed; all members of load-0" in result.verdict.checks[0].text
    assert "(`message`: Expected `float`, got `str` - at `$.time`)" in result.verdict.checks[0].text
    assert not result.verdict.passed


def test_a_reply_of_the_wrong_type_is_named() -> None:
    """A malformed reply counts, and its text has no reply."""
    with faulty_server(rewrite=lambda frame: frame.replace(b'"seq":2}', b'"seq":"2"}')) as address:
        result = make_run(address, patience=2.0)
    assert result.faults.malformed == 1
    assert "(`ok`: Expected `int`, got `str` - at `$.seq`)" in result.verdict.checks[0].text


def test_what_was_altered_is_named() -> None:
    """The verdict names the member of the object, and both values."""

    def alter(log: list[bytes]) -> list[bytes]:
        return [log[0], log[1].replace(b'"time":1.5', b'"time":2.5'), log[2]]

    with faulty_server(victim="load3", spoil=alter) as address:
        result = make_run(address)
    assert result.faults.altered in (1, 4)
    assert "(in message 2, `time` is " in result.verdict.checks[0].text
    assert ", the others got " in result.verdict.checks[0].text
