"""What a server can do wrong, and what the numbers show of it."""

from chat_client.load.model.faults import Numbers


def test_a_wide_gap_is_not_remembered_one_by_one() -> None:
    """A server that sends an absurd number costs no memory."""
    numbers = Numbers(1)
    numbers.take(2**50)
    assert numbers.lost(2**50) == 2**50 - 1
