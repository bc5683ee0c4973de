"""The audit must notice each way in which a member can be wronged."""

from collections.abc import Sequence

import pytest

from benchmarks.audit import LogReader, SharedLog
from protocol.messages import Direct, Message, encode


def frame(seq: int, number: int | None = None, nick: str = "p0") -> bytes:
    """The message `seq`, which is its publisher's text `number` (from 0)."""
    text = f"{seq - 1 if number is None else number:08}xxxx"
    return encode(Message("lobby", seq, 1.5, nick, "text", text))


def log_of(*seqs: int) -> bytes:
    return b"".join(frame(seq) for seq in seqs)


def faults_of(data: bytes, promised: dict[str, Sequence[int]]) -> list[str]:
    reader = LogReader()
    reader.read(data)
    return reader.faults(promised)


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


class TestLogReader:
    def test_a_whole_log_has_no_faults(self) -> None:
        assert faults_of(log_of(1, 2, 3), {"p0": [1, 2, 3]}) == []

    def test_two_publishers_are_told_apart(self) -> None:
        data = frame(5, 0, "p0") + frame(6, 0, "p1") + frame(7, 1, "p0")
        assert faults_of(data, {"p0": [5, 7], "p1": [6]}) == []
        assert faults_of(data, {"p0": [5, 6], "p1": [7]}) != []

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
        assert fault in faults_of(log_of(*seqs), {"p0": [1, 2, 3]})

    def test_texts_that_changed_places_are_noticed(self) -> None:
        assert faults_of(frame(1, 1) + frame(2, 0), {"p0": [1, 2]}) != []

    def test_a_message_of_a_stranger_is_noticed(self) -> None:
        assert faults_of(frame(1) + frame(2, 0, "p9"), {"p0": [1]}) != []

    def test_what_is_no_message_is_noticed(self) -> None:
        assert faults_of(encode(Direct(1.5, "p0", "m0", "hi")), {"p0": []}) != []

    def test_a_log_that_ends_within_a_frame_is_noticed(self) -> None:
        assert faults_of(log_of(1, 2)[:-1], {"p0": [1]}) == ["the log ends within a frame"]

    def test_bytes_that_are_no_frames_are_noticed(self) -> None:
        assert faults_of(b"GET / HTTP/1.1\r\n", {"p0": []}) != []

    def test_messages_are_counted_where_they_are_complete(self) -> None:
        reader = LogReader()
        reader.read(log_of(1, 2, 3))
        first_end = len(frame(1))
        assert reader.messages_within(0) == 0
        assert reader.messages_within(first_end - 1) == 0
        assert reader.messages_within(first_end) == 1
        assert reader.messages_within(len(log_of(1, 2, 3))) == 3

    def test_a_log_that_grows_is_read_on_from_where_it_was(self) -> None:
        reader, data = LogReader(), log_of(1, 2, 3)
        for end in range(0, len(data) + 1, 7):
            reader.read(data[:end])
        reader.read(data)
        assert reader.last == 3
        assert reader.faults({"p0": [1, 2, 3]}) == []
