"""A student's server as a process: whatever it does ends in a sentence, and leaves nothing."""

import os
import sys
import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.exercises.exercise_list import exercise, run_check
from lab.exercises.process import FILE_LIMIT, CannotStartError, StudentProcess
from lab.exercises.target import STARTING, Limits, Outcome
from tests.lab.exercises.student_servers import GENEROUS, command
from tests.support.ports import free_port
from tests.support.waiting import eventually

IMPATIENT = Limits(start=2, answer=20, whole=60)
"""For servers that never listen."""

SILENT = Limits(start=30, answer=2, whole=60)
"""For servers that listen, and never answer."""

LISTENS = """
import os, socket, subprocess, sys, threading, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
"""

BAD = {
    "never listens": ("threading.Event().wait()", IMPATIENT, "Nobody listens on port"),
    "hangs": (f"{LISTENS}\nthreading.Event().wait()", SILENT, "received nothing more for 2 s"),
    "prints and ends": ("print('hello')", GENEROUS, "ended with exit code 0 before it listened"),
    "crashes at once": ("1 / 0", GENEROUS, "ended with exit code 1 before it listened"),
    "crashes with a client": (
        f"{LISTENS}\nlistener.accept()[0].recv(100)\n1 / 0",
        GENEROUS,
        "because your server ended with exit code 1",
    ),
    "is killed": (
        f"{LISTENS}\nlistener.accept()[0].recv(100)\nos.kill(os.getpid(), 9)",
        GENEROUS,
        "because your server was ended by SIGKILL",
    ),
    "prints rubbish without end": (
        "while True: os.write(1, os.urandom(65536))",
        IMPATIENT,
        "Nobody listens on port",
    ),
    "answers rubbish without end": (
        f"{LISTENS}\nclient = listener.accept()[0]\nwhile True: client.sendall(os.urandom(65536))",
        GENEROUS,
        'The first client sent "hello\\n" and received "',
    ),
    "opens 10,000 sockets": (
        f"{LISTENS}\nheld = [socket.socket() for _ in range(10_000)]",
        GENEROUS,
        "ended with exit code 1",
    ),
    "ignores signals": (
        "import signal\n"
        "for number in range(1, 32):\n"
        "    if number not in (signal.SIGKILL, signal.SIGSTOP):\n"
        "        signal.signal(number, signal.SIG_IGN)\n"
        f"{LISTENS}\nthreading.Event().wait()",
        SILENT,
        "received nothing more for 2 s",
    ),
    "starts others": (
        f"{LISTENS}\n"
        "for _ in range(5): subprocess.Popen([sys.executable, '-S', '-c', 'input()'], "
        "stdin=subprocess.PIPE)\n"
        "threading.Event().wait()",
        SILENT,
        "received nothing more for 2 s",
    ),
    "becomes a daemon": (
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        f"{LISTENS}\nthreading.Event().wait()",
        SILENT,  # its child may be there before it has ended
        "ended with exit code 0",
    ),
    "listens elsewhere": (
        "sys.argv[1] = '0'\n" + LISTENS + "\nthreading.Event().wait()",
        IMPATIENT,
        "Nobody listens on port",
    ),
}


def running_in(folder: Path) -> list[str]:
    """The processes whose working folder this is: found in another way than the lab finds them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if Path(os.readlink(entry / "cwd")) == folder:
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue  # it has ended, or is somebody else's
    return found


def run_bad(folder: Path, program: str, limits: Limits) -> Outcome:
    folder.mkdir()
    text = textwrap.dedent(program)
    (folder / "server.py").write_text(f"import os, socket, sys, threading\n{text}\n")
    return run_check(exercise("echo"), folder, command("server.py"), limits, free_port())


def test_bad_servers(tmp_path: Path) -> None:
    """Each ends in a sentence, and nothing of it is left running."""
    with ThreadPoolExecutor(len(BAD)) as pool:
        running = {
            name: pool.submit(run_bad, tmp_path / name, program, limits)
            for name, (program, limits, _) in BAD.items()
        }
    for name, (_, _, part) in BAD.items():
        outcome = running[name].result()
        assert not outcome.passed, name
        assert part in outcome.sentence, (name, outcome)
        assert outcome.sentence.endswith("in README.md."), name
        if "listen" in part:
            assert outcome.heading == STARTING, name
        assert "\n" not in outcome.sentence, name
        assert len(outcome.printed) <= 4096 * 4, name  # a byte that is no text is shown as \x..
        assert running_in(tmp_path / name) == [], name


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["no-such-program", "{port}"], '"no-such-program" cannot be started'),
        (["./text", "{port}"], '"./text" cannot be started (Permission denied)'),
        (["./empty", "{port}"], '"./empty" cannot be started (Exec format error)'),
        ([".", "{port}"], '"." cannot be started (Permission denied)'),
        (["nul\0l", "{port}"], "cannot be started (embedded null byte)"),
    ],
)
def test_what_is_no_program(tmp_path: Path, words: Sequence[str], part: str) -> None:
    """The system's reason is in the sentence."""
    (tmp_path / "text").write_text("I am a poem.")
    (tmp_path / "empty").write_text("I am a poem.")
    (tmp_path / "empty").chmod(0o755)
    outcome = run_check(exercise("echo"), tmp_path, words, GENEROUS)
    assert not outcome.passed
    assert part in outcome.sentence
    assert outcome.heading == STARTING
    with pytest.raises(CannotStartError):
        StudentProcess(words, tmp_path)


def test_what_is_printed_is_kept_at_its_end(tmp_path: Path) -> None:
    """Both streams, and bytes that are no text."""
    program = "import sys, os; print('x' * 9999, flush=True); os.write(2, b'last\\xff')"
    with StudentProcess([sys.executable, "-S", "-c", program], tmp_path) as process:
        assert process.wait_for_end(20) == "ended with exit code 0"
        eventually(lambda: process.printed.endswith("last\\xff"))
        assert len(process.printed) < 5000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_files_are_limited(tmp_path: Path) -> None:
    """The limit is there soon after the start."""
    program = (
        "import resource as r\n"
        f"while r.getrlimit(r.RLIMIT_NOFILE) != ({FILE_LIMIT}, {FILE_LIMIT}): pass\n"
        "print('limited')"
    )
    with StudentProcess([sys.executable, "-S", "-c", program], tmp_path) as process:
        assert process.wait_for_end(20) == "ended with exit code 0"


def test_a_marked_process_in_another_session_is_found(tmp_path: Path) -> None:
    """By its environment alone: its parent is gone, its session and its group are its own."""
    program = (
        "import os, threading\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "print('away', flush=True)\n"
        "threading.Event().wait()\n"
    )
    with StudentProcess([sys.executable, "-S", "-c", program], tmp_path) as process:
        eventually(lambda: process.printed == "away\n")
        assert process.wait_for_end(20) == "ended with exit code 0"
        assert len(process.left_running()) == 1
    assert process.left_running() == []
    assert running_in(tmp_path) == []
