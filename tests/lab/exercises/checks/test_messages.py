"""The checks of steps 3 to 5, on right and wrong servers."""

import pytest

from tests.lab.exercises.student_servers import answer_of, check, expect_wrong

pytestmark = [pytest.mark.long, pytest.mark.alone]


@pytest.mark.parametrize("name", ["lines", "frames", "big-messages"])
def test_the_answer_passes(name: str) -> None:
    """Nothing is asked for that the model answer does not do."""
    outcome = check(name, answer_of(name))
    assert outcome.passed, outcome


def test_wrong_servers() -> None:
    """Each is told what it did, and what to read."""
    expect_wrong(
        {
            "lines/recv_is_a_line": ("Half a line", 'and received "3 g\\n4 r\\n'),
            "lines/shared_rest": ("Half a line", 'received "1 gtick\\n", but "1 tick\\n" was'),
            "lines/shared_number": ("Half a line", 'received "3 tick\\n", but "1 tick\\n" was'),
            "lines/as_text": ("Half a line", "closed the connection"),
            "lines/ignores_empty_lines": ("One line, one answer", "closed the connection"),
            "frames/counts_letters": ("The length counts bytes", 'received the frame "2 grü\\xc3"'),
            "frames/one_recv": ("A frame arrives in parts", "closed the connection"),
            "frames/plain_text": (
                "Four bytes, then the content",
                "of which the first four bytes would be the length 824,207,461",
            ),
            "big-messages/send": (
                "More than the buffers take",
                "but a frame with all of it and the number 2 was expected",
            ),
            "big-messages/at_most_a_megabyte": ("More than the buffers take", "and received"),
            "big-messages/closes_a_big_one": ("More than the buffers take", "server closed the"),
        },
        silent={
            "frames/least_byte_first": (
                "Four bytes, then the content",
                "Your server reads and writes the length with its least significant byte first",
            )
        },
    )
