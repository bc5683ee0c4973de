"""What a server does wrong on purpose must be found, whoever it is done to."""

import pytest

from chat_client.load.control.cross_audit import differing
from chat_client.load.generator.messages import RoomAudit
from chat_client.load.model.faults import Faults
from chat_client.load.model.verdict import parse_condition
from tests.chat_client.load.faulty import Spoil, faulty_server
from tests.chat_client.load.runs import make_run
from tests.support.leaks import nothing_left_behind


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
    """Its nick is in the verdict, which is that the run failed."""
    with nothing_left_behind(), faulty_server(victim="load3", spoil=spoil) as address:
        result = make_run(address, processes=2)
    assert result.faults == faults
    assert not result.verdict.passed
    assert "load3: 1 " in result.verdict.checks[0].text
    assert result.expected == result.received + faults.lost - faults.doubled


def test_one_member_gets_another_text() -> None:
    """Which of the two is right cannot be known: it, or all others, are said to be wronged."""

    def alter(log: list[bytes]) -> list[bytes]:
        return [log[0], log[1].replace(b"xxx", b"xyx", 1), log[2]]

    with faulty_server(victim="load3", spoil=alter) as address:
        result = make_run(address)
    assert result.faults in (Faults(altered=1), Faults(altered=4))
    assert not result.verdict.passed


def test_nobody_gets_what_was_confirmed() -> None:
    """All members lack the same: comparing them with each other would not show it."""
    with faulty_server(forget=4) as address:
        result = make_run(address)
    assert result.faults == Faults(lost=5)
    assert not result.verdict.passed


def test_a_server_that_does_nothing_wrong_passes() -> None:
    """The same small server."""
    with faulty_server() as address:
        result = make_run(address, processes=2, rooms=2)
    assert result.verdict.passed
    assert result.received == result.expected > 0
    assert not result.faults


def test_a_stall_shows_in_the_latencies() -> None:
    """Coordinated omission: the server holds back 100 of 200 messages for as long as those take to
    come due, a second at 100 a second. Half of all that was due then waited half of that or more;
    a generator that waited for its answers would have seen a few slow messages among many.
    """
    with faulty_server(hold=(51, 150)) as address:
        result = make_run(address, rate=100.0, duration=2.0)
    assert result.measured.sent == 200
    for histogram in (result.measured.ok, result.measured.delivery):
        assert (histogram.percentile(99) or 0) > 950_000
        assert (histogram.percentile(90) or 0) > 750_000
        assert (histogram.percentile(75) or 0) > 450_000
        assert histogram.total in (200, 1000)
    assert result.verdict.passed


def test_what_never_comes_counts_with_its_full_time() -> None:
    """A message held back for good: no reply, and nobody gets it. It does not vanish from the
    percentiles.
    """
    with faulty_server(hold=(11, 10**9)) as address:
        result = make_run(address, parse_condition("errors>0"), rate=100.0, patience=0.5)
    assert result.errors["unanswered"].count == result.measured.sent - 10
    assert result.measured.ok.total == result.measured.sent
    assert result.measured.delivery.total == result.measured.sent * 5
    assert result.measured.delivery.largest > 500_000
    assert not result.verdict.passed


def test_refusals_are_errors_by_code() -> None:
    """And the verdict says how to get a server that does not refuse."""
    with faulty_server(refuse="rate_limited") as address:
        result = make_run(address)
    assert result.errors["rate_limited"].count == result.measured.sent > 0
    assert any("--no-limits" in note for note in result.verdict.notes)
    assert "nothing was delivered" in result.verdict.checks[0].text
    assert not result.verdict.passed


def test_the_closed_loop_is_said_to_be_one() -> None:
    """Its latencies are not to be trusted."""
    with faulty_server() as address:
        result = make_run(address, rate=None, duration=0.2)
    assert result.verdict.passed
    assert result.measured.confirmed > 0
    assert any("closed loop" in note for note in result.verdict.notes)


@pytest.mark.parametrize(
    ("ends", "faults"),
    [
        ([RoomAudit(2, 5, 77), RoomAudit(3, 5, 77)], Faults()),
        ([RoomAudit(5, 5, 77), RoomAudit(0, 5, 78)], Faults(reordered=10)),
        ([RoomAudit(5, 4, 77), RoomAudit(1, 4, 77)], Faults(lost=20)),
        ([RoomAudit(5, None, 1), RoomAudit(0, 5, 77)], Faults()),
        ([RoomAudit(5, None, 1)], Faults()),
    ],
)
def test_what_only_shows_between_processes(ends: list[RoomAudit], faults: Faults) -> None:
    """Each of two may be content with a log that is not the other's, or not what was confirmed."""
    assert differing(ends, members=10) == faults


def test_a_member_of_the_wrong_type_is_named() -> None:
    """A server that sends `time` as text loses nothing: it is malformed, and it is said how."""
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
    """It counts, beside the text that has no reply then."""
    with faulty_server(rewrite=lambda frame: frame.replace(b'"seq":2}', b'"seq":"2"}')) as address:
        result = make_run(address, patience=0.3)
    assert result.faults.malformed == 1
    assert "(`ok`: Expected `int`, got `str` - at `$.seq`)" in result.verdict.checks[0].text


def test_what_was_altered_is_named() -> None:
    """Which member of the object, what this one got, and what the others did."""

    def alter(log: list[bytes]) -> list[bytes]:
        return [log[0], log[1].replace(b'"time":1.5', b'"time":2.5'), log[2]]

    with faulty_server(victim="load3", spoil=alter) as address:
        result = make_run(address)
    assert result.faults.altered in (1, 4)
    assert "(in message 2, `time` is " in result.verdict.checks[0].text
    assert ", the others got " in result.verdict.checks[0].text
