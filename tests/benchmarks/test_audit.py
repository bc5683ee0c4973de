"""The audit must notice each way in which a member can be wronged."""

from collections.abc import Iterable

import pytest

from benchmarks.audit import SharedLog, read_log
from protocol.messages import Direct, Message, encode


def frame(seq: int, number: int | None = None, nick: str = "p0") -> bytes:
    """The message `seq`, which is its publisher's text `number` (from 0)."""
    text = f"{seq - 1 if number is None else number:08}xxxx"
    return encode(Message("lobby", seq, 1.5, nick, "text", text))


def log_of(*seqs: int) -> bytes:
    return b"".join(frame(seq) for seq in seqs)


def accepts(log: SharedLog, offset: int, data: bytes) -> bool:
    return log.accept(offset, memoryview(data))


class TestSharedLog:
    def test_members_that_get_the_same_bytes_in_other_pieces_agree(self) -> None:
        log, owed = SharedLog(), log_of(1, 2, 3)
        for size in (1, 7, 100, len(owed)):
            for start in range(0, len(owed), size):
                assert accepts(log, start, owed[start : start + size])
        assert log.data == owed

    def test_a_piece_that_reaches_beyond_the_log_extends_it(self) -> None:
        log = SharedLog()
        assert accepts(log, 0, b"abc")
        assert accepts(log, 2, b"cde")
        assert log.data == b"abcde"

    @pytest.mark.parametrize(
        "wrong",
        [log_of(1, 3), log_of(1, 1, 2, 3), log_of(2, 1, 3)],
        ids=["dropped", "doubled", "reordered"],
    )
    def test_one_wronged_member_is_noticed(self, wrong: bytes) -> None:
        log = SharedLog()
        assert accepts(log, 0, log_of(1, 2, 3))
        assert not accepts(log, 0, wrong)

    def test_a_difference_before_the_part_that_extends_the_log_is_noticed(self) -> None:
        log = SharedLog()
        assert accepts(log, 0, b"abc")
        assert not accepts(log, 0, b"abXde")
        assert log.data == b"abc"


class TestReadLog:
    def read(self, data: bytes, seqs: Iterable[int]) -> list[str]:
        return read_log(data, {"p0": list(seqs)}).faults

    def test_a_whole_log_has_no_faults(self) -> None:
        assert self.read(log_of(1, 2, 3), [1, 2, 3]) == []

    def test_two_publishers_are_told_apart(self) -> None:
        data = frame(5, 0, "p0") + frame(6, 0, "p1") + frame(7, 1, "p0")
        assert read_log(data, {"p0": [5, 7], "p1": [6]}).faults == []
        assert read_log(data, {"p0": [5, 6], "p1": [7]}).faults != []

    @pytest.mark.parametrize(
        ("seqs", "fault"),
        [
            ([1, 3], "seq 3 follows 1"),
            ([1, 2, 2, 3], "seq 2 follows 2"),
            ([1, 3, 2], "seq 3 follows 1"),
            ([1, 2], "the log and the replies differ in what p0 said"),
            ([1, 2, 3, 4], "the log and the replies differ in what p0 said"),
        ],
        ids=["dropped", "doubled", "reordered", "last dropped", "never said"],
    )
    def test_what_all_members_got_wrong_is_noticed(self, seqs: list[int], fault: str) -> None:
        assert fault in self.read(log_of(*seqs), [1, 2, 3])

    def test_texts_that_changed_places_are_noticed(self) -> None:
        assert self.read(frame(1, 1) + frame(2, 0), [1, 2]) != []

    def test_a_message_of_a_stranger_is_noticed(self) -> None:
        assert self.read(frame(1) + frame(2, 0, "p9"), [1]) != []

    def test_what_is_no_message_is_noticed(self) -> None:
        assert self.read(encode(Direct(1.5, "p0", "m0", "hi")), []) != []

    def test_a_log_that_ends_within_a_frame_is_noticed(self) -> None:
        assert self.read(log_of(1, 2)[:-1], [1]) == ["the log ends within a frame"]

    def test_bytes_that_are_no_frames_are_noticed(self) -> None:
        assert self.read(b"GET / HTTP/1.1\r\n", []) != []

    def test_messages_are_counted_where_they_are_complete(self) -> None:
        data = log_of(1, 2, 3)
        reading = read_log(data, {"p0": [1, 2, 3]})
        assert reading.messages_within(0) == 0
        assert reading.messages_within(reading.ends[0] - 1) == 0
        assert reading.messages_within(reading.ends[0]) == 1
        assert reading.messages_within(len(data)) == 3
