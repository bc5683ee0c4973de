"""What not every system has."""

import io
import os
import re
import sys
import threading
from pathlib import Path

if sys.platform != "win32":
    import termios
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from chat_client.files import osdep
from tests.support.waiting import DEADLINE

ROOT = Path(__file__).resolve().parents[3]


def test_what_not_every_system_has_is_in_one_module() -> None:
    """So that the rest runs on Windows as well; the load tester says itself what it needs."""
    unix_only = re.compile(
        r"AF_UNIX|SIGHUP|SIGWINCH|\b(fcntl|termios|pwd|grp|resource|tty|pty)\b(?=\.|$| import)|"
        r"os\.(getuid|geteuid|fork|kill|fchmod|chown)",
        re.M,
    )
    found = {
        path.name
        for path in (ROOT / "chat_client").rglob("*.py")
        if "load" not in path.parts and unix_only.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"osdep.py"}


posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")


@posix_only
def test_a_pipe_that_nobody_reads_takes_nothing() -> None:
    """Until somebody does; a file always does, and so does a stream in memory."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with open(reading, "rb") as reader, open(writing, "w") as writer:
        assert osdep.takes_text(writer, 0)
        with suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * 65536)
        assert not osdep.takes_text(writer, 0)
        reader.read(65536)
        assert osdep.takes_text(writer, 0)
    with open(os.devnull, "w") as nowhere:
        assert osdep.takes_text(nowhere, 0)
    assert osdep.takes_text(io.StringIO(), 0)


@posix_only
def test_a_terminal_that_was_closed_is_gone() -> None:
    """Nobody need write to it to notice."""
    ours, theirs = os.openpty()
    try:
        assert not osdep.is_gone(theirs)
        os.close(ours)
        assert osdep.is_gone(theirs)
    finally:
        os.close(theirs)


def test_a_text_is_written_at_once(tmp_path: Path) -> None:
    """Whatever the stream's encoding lacks is replaced; nothing waits in a buffer."""
    with open(tmp_path / "out", "w", encoding="ascii") as stream:
        osdep.write_all(stream, "caf\u00e9\n")
        assert (tmp_path / "out").read_bytes() == b"caf?\n"
    memory = io.StringIO()
    osdep.write_all(memory, "tea")
    assert memory.getvalue() == "tea"


@posix_only
def test_the_size_of_a_terminal_is_asked_each_time() -> None:
    """What is no terminal has a usual size."""
    ours, theirs = os.openpty()
    with open(ours, "rb", buffering=0), open(theirs, "w") as stream:
        for rows, columns in ((10, 33), (50, 120)):
            termios.tcsetwinsize(theirs, (rows, columns))
            assert (osdep.rows(stream), osdep.columns(stream)) == (rows, columns)
        termios.tcsetwinsize(theirs, (0, 0))
        assert (osdep.rows(stream), osdep.columns(stream)) == (24, 80)
    assert (osdep.rows(stream), osdep.columns(stream)) == (24, 80)
    assert osdep.columns(io.StringIO()) == 80


def test_what_is_the_null_device(tmp_path: Path) -> None:
    """The name does not matter. An empty file is another thing."""
    with open(os.devnull) as nowhere, open(tmp_path / "empty", "w+") as empty:
        assert osdep.is_null(nowhere)
        assert not osdep.is_null(empty)
    assert not osdep.is_null(io.StringIO())


def test_one_thread_at_a_time_has_a_lock(tmp_path: Path) -> None:
    """The others wait, as other processes do."""
    path, inside = tmp_path / "folder" / "lock", threading.Lock()

    def work() -> None:
        for _ in range(20):
            with osdep.locked(path):
                assert inside.acquire(blocking=False)
                inside.release()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result(DEADLINE)


def test_a_file_that_is_held_is_nobody_elses(tmp_path: Path) -> None:
    """Until it is closed. If the file cannot be made, nobody holds it."""
    path = tmp_path / "folder" / "held"
    held = osdep.hold_private(path)
    assert held is not None
    with held:
        assert osdep.hold_private(path) is None
    again = osdep.hold_private(path)
    assert again is not None
    again.close()
    assert osdep.hold_private(path / "below") is None
