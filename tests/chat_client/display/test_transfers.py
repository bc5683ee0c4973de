"""How far files are, in a few words."""

import pytest

from chat_client.display.transfers import Transfer, shown


@pytest.mark.parametrize(
    ("done", "text"),
    [
        (0, "sending a.pdf, 0 % of 3.0 MB"),
        (2_999_999, "sending a.pdf, 99 % of 3.0 MB"),
        (3_000_000, "sending a.pdf, 100 % of 3.0 MB"),
    ],
)
def test_how_far_a_file_is(done: int, text: str) -> None:
    """It is whole when the last byte is there, and not before."""
    transfer = Transfer("sending", "a.pdf", 3_000_000)
    transfer.advance(done)
    assert shown([transfer]) == text


def test_some_at_once_are_counted() -> None:
    """All bytes together."""
    transfers = [Transfer("sending", "a", 100, 100), Transfer("fetching", "b", 300)]
    assert shown(transfers) == "2 files on their way, 25 % of 400 B"
    assert shown([]) == ""
    assert shown([Transfer("fetching", "b", 0)]) == "fetching b, 0 % of 0 B"


def test_a_long_name_is_cut() -> None:
    """The rest of the line is for how far it is."""
    name = "日本" * 40
    assert shown([Transfer("fetching", name, 10)]) == f"fetching {name[:11]}…, 0 % of 10 B"
