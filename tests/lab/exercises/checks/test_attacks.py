"""The checks of steps 9 and 12, on right and wrong servers."""

import pytest

from tests.lab.exercises.student_servers import answer_of, check, expect_wrong

pytestmark = [pytest.mark.long, pytest.mark.alone]


@pytest.mark.parametrize("name", ["frozen-reader", "attacks"])
def test_the_answer_passes(name: str) -> None:
    """Nothing is asked for that the model answer does not do."""
    outcome = check(name, answer_of(name))
    assert outcome.passed, outcome


def test_wrong_servers() -> None:
    """Each is told what it did, and what to read."""
    expect_wrong(
        {
            "frozen-reader/closes_everybody": (
                "One stops reading",
                "Anna sent a long message while carl did not read and the server closed",
            ),
            "frozen-reader/skips_frames": ("One stops reading", '"(a message was skipped)"'),
            "frozen-reader/told_twice": ("One stops reading", 'received "- carl"'),
            "attacks/dies_of_garbage": ("Garbage", "because your server ended with exit code 3"),
            "attacks/readers_are_slow": ("A flood", "the server closed the connection"),
        },
        silent={
            "frozen-reader/lock_while_sending": ("One stops reading", "nothing more for 3 s"),
            "frozen-reader/one_queue": ("One stops reading", "nothing more for 3 s"),
            "attacks/any_length": ("A frame that is too long", "a frame of 65,537 bytes"),
            "attacks/passes_garbage_on": ("Garbage", "but the end of the connection was"),
            "attacks/asks_names_while_accepting": ("Clients that say nothing", "nothing more"),
        },
    )
