"""A trace that was kept is read back as it was written, and nothing else is taken for one."""

import stat
from pathlib import Path

import pytest

from chat_client.files.trace_file import Heading, NotATraceError, Traced, TraceFile, read_trace

CONNECTED = Traced(at=0.0, what="connected", note="host:1")
SENT = Traced(at=0.5, what="sent", hex="0000000170")


def write(path: Path, *what: Traced) -> None:
    file = TraceFile(path, "test/1", 12.5)
    for each in what:
        file.add(each)
    file.close()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """With the heading first; the file is its owner's alone."""
    path = tmp_path / "trace"
    write(path, CONNECTED, SENT)
    assert list(read_trace(path)) == [
        Heading(trace=1, client="test/1", began=12.5),
        CONNECTED,
        SENT,
    ]
    assert SENT.data == b"\x00\x00\x00\x01p"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_earlier_trace_is_overwritten_and_nothing_else_is(tmp_path: Path) -> None:
    """A slip of the keyboard must not cost a file."""
    path = tmp_path / "trace"
    write(path, CONNECTED, SENT)
    write(path, SENT)
    assert list(read_trace(path))[1:] == [SENT]
    path.write_text("my notes\n")
    with pytest.raises(NotATraceError, match="is no trace"):
        write(path, SENT)
    assert path.read_text() == "my notes\n"


def test_the_end_of_a_killed_program_is_left_out(tmp_path: Path) -> None:
    """Its last line may be half written."""
    path = tmp_path / "trace"
    write(path, CONNECTED, SENT)
    path.write_bytes(path.read_bytes()[:-5])
    assert list(read_trace(path))[1:] == [CONNECTED]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{}", "line 2: .*`at`"),
        ("no JSON", "line 2"),
        ('{"at": 1, "what": "sung"}', "line 2: .*sung"),
        ('{"at": 1, "what": "sent", "hex": "0g"}', "line 2: .*hexadecimal"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    """By its number, and what is wrong with it."""
    path = tmp_path / "trace"
    write(path)
    path.write_bytes(path.read_bytes() + line.encode() + b"\n")
    with pytest.raises(NotATraceError, match=says):
        list(read_trace(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no trace"),
        (b"\xff\x00", "is no trace"),
        (b'{"trace": 2, "client": "later", "began": 1}\n', "format 2"),
    ],
)
def test_what_is_no_trace(tmp_path: Path, content: bytes, says: str) -> None:
    """An empty file, any bytes, and a trace of a later version."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(NotATraceError, match=says):
        list(read_trace(path))
