"""How a poll is written on one line."""

import pytest

from protocol.turns import read_choice, read_poll


@pytest.mark.parametrize(
    ("line", "named", "question", "options"),
    [
        ("Is it? yes | no", False, "Is it?", ["yes", "no"]),
        ("--named Is it? yes | no", True, "Is it?", ["yes", "no"]),
        ("Best editor | vim | emacs", False, "Best editor", ["vim", "emacs"]),
        (
            "Really? Are you sure? yes|no|what?",
            False,
            "Really? Are you sure?",
            ["yes", "no", "what?"],
        ),
        ("Is it? | yes | no |", False, "Is it?", ["yes", "no"]),
    ],
)
def test_a_question_and_its_options(
    line: str, named: bool, question: str, options: list[str]
) -> None:
    assert read_poll(line) == (named, (question, options))


@pytest.mark.parametrize("line", ["", "Is it?", "Is it? yes", "| a", "Is it? | |", "--named"])
def test_what_is_no_poll(line: str) -> None:
    assert read_poll(line)[1] is None


def test_a_vote_is_the_number_of_an_option() -> None:
    """From 1 to 10: a poll has no more."""
    assert [read_choice(str(number)) for number in range(1, 11)] == list(range(1, 11))


@pytest.mark.parametrize(
    "text", ["", "0", "11", "001", "-1", "+1", " 1", "two", "\u0662", "1" * 5000]
)
def test_what_is_no_vote(text: str) -> None:
    """Nor are the digits of another script."""
    assert read_choice(text) is None
