"""The stamp of a text."""

from chat_client.load.generator.stamp import Stamp, read_stamp


def test_a_stamp_is_read_as_it_was_written() -> None:
    """A stamp is read as it was written. A text without one has none."""
    stamp = Stamp(2**32 - 1, 12, 3456, 987_654_321_000)
    assert read_stamp(stamp.written() + "xyz") == stamp
    assert read_stamp("good morning, everybody, how are you all doing?") is None
    assert read_stamp("") is None
