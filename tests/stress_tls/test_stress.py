"""The stress test in short: half a second each, every day."""

import pytest

from tests.stress_tls import line, room
from tests.stress_tls.outcome import Outcome
from tests.support.leaks import nothing_left_behind


@pytest.mark.parametrize("run", [line.run, room.run], ids=["line", "room"])
def test_both_ways_at_full_speed(run: object) -> None:
    """Reading and writing from different threads breaks nothing."""
    assert callable(run)
    with nothing_left_behind():
        outcome: Outcome = run(0.5)
    assert not outcome.faults
    assert outcome.pieces > 20


def test_a_fault_is_shown() -> None:
    """The one thing that it is there for."""
    outcome = Outcome("a run")
    outcome.count(10)
    outcome.fault("a byte is wrong")
    assert "1 FAULTS" in str(outcome)
    assert "a byte is wrong" in str(outcome)
