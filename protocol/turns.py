"""How a poll, and a vote in it, are written on one line, wherever they are typed."""

NAMED = "--named"


def read_poll(text: str) -> tuple[bool, tuple[str, list[str]] | None]:
    """Return what a line such as `--named Is it? yes | no | it depends` asks.

    The question ends with the last question mark before the first `|`; without one, there.

    Args:
        text: the line.

    Returns: whether the result is to name who voted; and the question with its options, None if
        there is no question, or there are not two options.
    """
    first_word, _, rest = text.partition(" ")
    named = first_word == NAMED
    first, *others = (rest if named else text).split("|")
    before, mark, behind = first.rpartition("?")
    question = f"{before}{mark}".strip() if mark else first.strip()
    options = [each.strip() for each in ([behind, *others] if mark else others)]
    options = [each for each in options if each]
    return named, (question, options) if question and len(options) > 1 else None


def read_choice(text: str) -> int | None:
    """Return which option a vote such as `2` is for; None if it is the number of none."""
    is_number = text.isascii() and text.isdigit() and len(text) < 3
    return int(text) if is_number and 1 <= int(text) <= 10 else None
