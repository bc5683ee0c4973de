"""The checks of steps 1 and 2, on right and wrong servers."""

import pytest

from tests.lab.exercises.student_servers import answer_of, check, expect_wrong

pytestmark = [pytest.mark.long, pytest.mark.alone]


@pytest.mark.parametrize("name", ["echo", "echo-many"])
def test_the_answer_passes(name: str) -> None:
    """Nothing is asked for that the model answer does not do."""
    outcome = check(name, answer_of(name))
    assert outcome.passed, outcome


def test_wrong_servers() -> None:
    """Each is told what it did, and what to read."""
    expect_wrong(
        {
            "echo/one_answer": ("What comes is sent back", "the server closed the connection"),
            "echo/as_text": ("Bytes, not text", "because your server ended with exit code 1"),
            "echo/one_client": ("The next client", "because your server ended with exit code 0"),
            "echo-many/dies_with_one": ("One leaves, the others stay", "ended with exit code 1"),
            "echo-many/ten_places": ("To each their own", 'Client 20 sent "I am client 20\\n" and'),
        },
        silent={
            "echo/never_closes": ("The end of a client", "nothing more for 3 s, but the end of"),
            "echo-many/one_after_the_other": (
                "Nobody waits for somebody else",
                'Client 2 sent "hello\\n" while client 1 was connected and silent and received '
                "nothing more for 3 s",
            ),
            "echo-many/last_client": (
                "Nobody waits for somebody else",
                'sent "now me\\n"',
            ),
        },
    )
