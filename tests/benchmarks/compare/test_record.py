"""What a server does wrong must be in the record."""

import pytest

from benchmarks.compare.record import STRETCH, Record
from benchmarks.compare.wires import LINES, text_of


def log_of(*texts: tuple[int, int]) -> bytes:
    """The log of those texts, each a talker and a number."""
    return b"".join(f"p{talker}: {text_of(talker, number)}\n".encode() for talker, number in texts)


def record_of(data: bytes) -> Record:
    record = Record(LINES.message)
    record.read(data)
    return record


def test_a_whole_log_is_read_in_its_order() -> None:
    record = record_of(log_of((0, 0), (1, 0), (0, 1)))
    assert list(zip(record.talkers, record.numbers, strict=True)) == [(0, 0), (1, 0), (0, 1)]
    assert (record.lost, record.disordered, record.broken) == (0, 0, b"")
    assert record.next == {0: 2, 1: 1}


@pytest.mark.parametrize(
    ("texts", "lost", "disordered"),
    [
        ([(0, 0), (0, 2)], 1, 0),
        ([(0, 3)], 3, 0),
        ([(0, 0), (0, 0)], 0, 1),
        ([(0, 1), (0, 0)], 1, 1),
    ],
    ids=["dropped", "first dropped", "doubled", "reordered"],
)
def test_what_all_got_wrong_is_counted(
    texts: list[tuple[int, int]], lost: int, disordered: int
) -> None:
    record = record_of(log_of(*texts))
    assert (record.lost, record.disordered) == (lost, disordered)


def test_what_is_no_message_is_kept_to_be_shown() -> None:
    record = record_of(log_of((0, 0)) + b"PING\n" * STRETCH)
    assert record.broken.startswith(b"PING\n")
    assert record.talkers == [0]


def test_a_log_that_grows_is_read_on_and_counted_where_messages_are_complete() -> None:
    record, data = Record(LINES.message), log_of((0, 0), (0, 1))
    half = len(data) // 2
    for end in range(0, len(data) + 1, 7):
        record.read(data[:end])
    record.read(data)
    assert record.numbers == [0, 1]
    assert [record.messages_within(n) for n in (0, half - 1, half, len(data))] == [0, 0, 1, 2]
