"""`chat-lab replay`: a trace, frame by frame."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from chat_client.files.trace_file import Traced, TraceFile
from tests.chat_client import programs
from tests.chat_server.house import House
from tests.support.servers import ROOT, running_server
from tests.support.terminals import end
from tests.support.waiting import DEADLINE

COMMAND = [sys.executable, "-m", "lab", "replay"]


def replay(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=DEADLINE,
    )


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What a client that says one thing sends and receives."""
    path = tmp_path / "trace"
    with running_server() as server, House(server) as house:
        done = programs.run(house.address, "--nick", "ana", "--say", "hello", "--trace", str(path))
        assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A trace of three things, one of them an hour after the others."""
    path = tmp_path / "three"
    file = TraceFile(path, "test/1", 0.0)
    file.add(Traced(at=0.0, what="connected", note="first"))
    file.add(Traced(at=0.1, what="connected", note="second"))
    file.add(Traced(at=3600.0, what="connected", note="third"))
    file.close()
    return path


@pytest.fixture
def keyboard(three: Path) -> Iterator["pexpect.spawn[str]"]:
    """A terminal in which that is played back."""
    child = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], str(three)],
        cwd=str(ROOT),
        timeout=DEADLINE,
        encoding="utf-8",
        dimensions=(24, 100),
    )
    child.delaybeforesend = None
    child.expect("connected to first")
    child.expect("1 of 3: Enter next, b back, p play, g first, q quit")
    yield child
    end(child)


def test_in_a_pipe_all_of_it_is_printed(trace: Path) -> None:
    """As plain lines: what the client showed without a file."""
    done = replay(str(trace))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("chat-client/")
    assert "-> sent say" in done.stdout
    assert '"text":"hello"' in done.stdout
    assert done.stdout.count("\n    0000  ") >= 6
    assert "\x1b" not in done.stdout


def test_a_reader_that_leaves_is_no_error(trace: Path) -> None:
    """As `head` does."""
    done = subprocess.run(
        ["sh", "-c", '"$@" | true', "-", *COMMAND, str(trace)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=DEADLINE,
    )
    assert done.stderr == ""


def test_on_a_terminal_a_key_is_a_step(keyboard: "pexpect.spawn[str]") -> None:
    """There and back, to the ends and no further."""
    keyboard.send("\r")
    keyboard.expect("connected to second")
    keyboard.expect("2 of 3")
    keyboard.send("x\x1b[C")  # the first means nothing
    keyboard.expect("connected to third")
    keyboard.expect("3 of 3")
    keyboard.send(" ")
    keyboard.expect("3 of 3")
    keyboard.send("b")
    keyboard.expect("2 of 3")
    keyboard.send("g")
    keyboard.expect("1 of 3")
    keyboard.send("\x1b[A")
    keyboard.expect("1 of 3")
    keyboard.send("q")
    keyboard.expect(pexpect.EOF)
    assert keyboard.wait() == 0


def test_it_plays_by_itself(keyboard: "pexpect.spawn[str]") -> None:
    """With the pauses that there were, but none of an hour; a key stops it."""
    keyboard.send("p")
    keyboard.expect("connected to second")
    keyboard.expect("connected to third")
    keyboard.expect("3 of 3")
    keyboard.send("q")
    keyboard.expect(pexpect.EOF)
    assert keyboard.wait() == 0


def test_the_terminal_is_as_it_was(keyboard: "pexpect.spawn[str]") -> None:
    """Also after Ctrl-C."""
    keyboard.send("\x03")
    keyboard.expect(pexpect.EOF)
    assert keyboard.wait() == 130


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory."),
        ("my notes\n", "is no trace: `chat-client --trace FILE` writes one."),
        ('{"trace":1,"client":"c","began":0}\nrubbish\n', "line 2: "),
    ],
)
def test_what_is_no_trace(tmp_path: Path, content: str | None, says: str) -> None:
    """One sentence, and exit code 2."""
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    done = replay(str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("chat-lab: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
