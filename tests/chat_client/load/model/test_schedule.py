"""The open loop: what is due does not depend on what was answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_client.load.model.schedule import Schedule

SECOND = 1_000_000


@given(st.integers(1, 20), st.integers(1, 4), st.floats(1, 500))
def test_the_processes_together_say_every_message_once(
    talkers: int, processes: int, rate: float
) -> None:
    """Message k is due k / rate after the start, and the talkers take turns."""
    said = []
    for index in range(processes):
        own = range(index, talkers, processes)
        said += Schedule(rate, talkers, own, 0, SECOND).take_due(2 * SECOND)
    said.sort(key=lambda text: text[1])
    interval = 1e6 / rate
    expected = [int(k * interval) for k in range(int(rate) + 2) if int(k * interval) < SECOND]
    assert [due for _, due in said] == expected
    assert sorted({talker for talker, _ in said}) == list(range(min(talkers, len(expected))))


def test_nothing_is_left_out_because_it_is_late() -> None:
    """After a stall of a second, all of its messages are due, each at its own time."""
    schedule = Schedule(10, 1, [0], 0, 10 * SECOND)
    assert schedule.take_due(0) == [(0, 0)]
    assert [due for _, due in schedule.take_due(SECOND)] == [
        number * SECOND // 10 for number in range(1, 11)
    ]
    assert schedule.next_due == 11 * SECOND // 10


def test_it_can_end_early_and_not_late() -> None:
    """Ctrl-C ends a schedule early. Nothing makes it longer."""
    schedule = Schedule(10, 1, [0], 0, SECOND)
    schedule.end(5 * SECOND)
    assert len(schedule.take_due(9 * SECOND)) == 10
    schedule = Schedule(10, 1, [0], 0, SECOND)
    schedule.end(SECOND // 2)
    assert len(schedule.take_due(9 * SECOND)) == 5
    assert schedule.next_due is None


@pytest.mark.parametrize("own", [[], range(0)])
def test_a_process_without_talkers_says_nothing(own: list[int]) -> None:
    """There may be fewer talkers than processes, so a process may have none."""
    schedule = Schedule(10, 3, own, 0, SECOND)
    assert schedule.next_due is None
    assert schedule.take_due(SECOND) == []
