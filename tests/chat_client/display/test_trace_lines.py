"""A frame as a person reads it."""

import msgspec

from chat_client.display.trace_lines import trace_lines
from chat_client.files.trace_file import Traced


def lines(payload: bytes, what: str = "sent") -> list[str]:
    frame = len(payload).to_bytes(4) + payload
    return list(
        trace_lines(
            msgspec.convert(
                {"at": 1.25, "what": what, "hex": frame.hex(), "says": msgspec.Raw(payload)}, Traced
            )
        )
    )


def test_a_frame_is_shown_as_bytes_and_as_what_it_means() -> None:
    """The length stands apart."""
    title, first, second, says = lines(b'{"type":"ping","id":7}')
    assert title == "  1.250000  -> sent ping, 26 bytes"
    digits = "0000 00 00 00 16 7b 22 74 79 70 65 22 3a 22 70 69 6e"
    assert first.split("|")[0].split() == digits.split(" ")
    assert first.endswith('|....{"type":"pin|')
    assert second.index("|") == first.index("|")
    assert says == '    length 22, then {"type":"ping","id":7}'


def test_of_a_long_frame_the_beginning_is_shown() -> None:
    """And how much more there is."""
    shown = lines(b'{"type":"say","text":"%s"}' % (b"x" * 1000), "received")
    assert shown[0] == "  1.250000  <- received say, 1,028 bytes"
    assert shown[-2] == "    ... 772 bytes more"
    assert len(shown) == 1 + 16 + 2


def test_nothing_that_came_drives_the_terminal() -> None:
    """Neither in the bytes, nor in what they mean, nor in the reason."""
    payload = '{"type":"\u202e\u009b1m"}'.encode()
    broken = Traced(at=0, what="broken", hex=b"\x1b[2J".hex(), note="\x1b]0;x\x07")
    for line in [*lines(payload), *trace_lines(broken)]:
        assert line.isprintable(), line


def test_what_happens_besides_frames() -> None:
    """The connection comes and goes; frames may be lost."""
    for what, note, says in [
        ("connected", "127.0.0.1:7878", "== connected to 127.0.0.1:7878"),
        ("closed", "", "== closed"),
        ("lost", "12", "== 12 frames came too fast to be shown"),
    ]:
        traced = msgspec.convert({"at": 0.0, "what": what, "note": note}, Traced)
        assert list(trace_lines(traced)) == [f"  0.000000  {says}"]
