"""Keys are read one by one, without an echo, and only from a terminal."""

import subprocess
import sys
from pathlib import Path

import pexpect

from tests.support.servers import ROOT
from tests.support.terminals import end
from tests.support.waiting import DEADLINE, eventually

PROGRAM = """
from chat_server.admin.live.live_keys import LiveKeys
with LiveKeys() as keys:
    print("ready", flush=True)
    while (key := keys.wait(10)) != "q":
        print("key", ascii(key), flush=True)
print(ascii(input("a line: ")), flush=True)
"""


def test_keys_that_come_together_are_told_apart() -> None:
    """Arrows are one key each. Afterwards the terminal is as it was: it reads lines."""
    child = pexpect.spawn(
        sys.executable, ["-c", PROGRAM], cwd=str(ROOT), timeout=DEADLINE, encoding="utf-8"
    )
    try:
        child.expect_exact("ready\r\n")
        child.send("a\x1b[A\x1b[5~b")
        for key in ("'a'", "'\\x1b[A'", "'\\x1b[5~'", "'b'"):
            child.expect_exact(f"key {key}\r\n")
            assert child.before == "", "a key was echoed"
        child.send("q")
        child.expect_exact("a line: ")
        child.send("tea\r")
        child.expect_exact("'tea'")
        child.expect(pexpect.EOF)
    finally:
        end(child)
    assert child.exitstatus == 0


def test_in_a_pipe_there_are_no_keys() -> None:
    """Nothing is read from it."""
    program = PROGRAM.replace("keys.wait(10)) != ", "keys.wait(0) or 'q') != ")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input="q\n", capture_output=True, text=True
    )
    assert done.stdout == "ready\na line: 'q'\n"


def test_a_terminal_that_is_gone_leaves(tmp_path: Path) -> None:
    """As `q` does, and without a traceback."""
    told = tmp_path / "told"
    program = f"""
import pathlib, signal
from chat_server.admin.live.live_keys import LiveKeys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with LiveKeys() as keys:
    print("ready", flush=True)
    key = keys.wait(60)
pathlib.Path({str(told)!r}).write_text(key)
"""
    child = pexpect.spawn(
        sys.executable, ["-c", program], cwd=str(ROOT), timeout=DEADLINE, encoding="utf-8"
    )
    child.expect_exact("ready")
    child.close(force=False)
    eventually(lambda: told.exists() and told.read_text() == "q")
