"""The check of the exercise on measuring, on right and wrong load testers."""

import pytest

from tests.lab.exercises.student_servers import (
    SERVERS,
    answer_of,
    answers_can_be_imported,
    check,
    expect_wrong,
)

pytestmark = [pytest.mark.long, pytest.mark.alone]


def test_the_answer_passes() -> None:
    """Nothing is asked for that the model answer does not do."""
    outcome = check("load-tester", answer_of("load-tester"))
    assert outcome.passed, outcome


def test_wrong_load_testers() -> None:
    """Each is told what it reported, and what is known better."""
    due, stall = "Send when it is due", "A stall counts for all who were due"
    wrong = {
        "all_at_once": (due, "a line that is sent when it is due, 390 ms after the request"),
        "in_seconds": ("Measure and report", "of 40 lines had their answers"),
        "in_microseconds": ("Measure and report", "a number of milliseconds that is not larger"),
        "own_words": ("Measure and report", 'Your report was "median '),
        "mean": (stall, "although 55 of 100 lines were answered at once"),
    }
    silent = {
        "answers_too_soon": ("Measure and report", "Nobody connected to port "),
        "closed_loop": (due, "had received line 0 and received nothing more for"),
    }
    expect_wrong(
        {f"load-tester/{name}": each for name, each in wrong.items()},
        {f"load-tester/{name}": each for name, each in silent.items()},
    )


@pytest.mark.parametrize("name", ["counts_from_sending", "slow_ones_left_out"])
def test_one_that_hides_what_took_long(name: str) -> None:
    """It is found by a stall at the latest. On a busy machine lines are slow before, too."""
    with answers_can_be_imported():
        outcome = check("load-tester", SERVERS / "load-tester" / f"{name}.py")
    assert not outcome.passed
    assert "or more after they were due" in outcome.sentence
    assert len(outcome.paragraphs) < 4
