"""`chat-server --live`, on a terminal and without one."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import pexpect
import pyte
import pytest

from tests.chat_server.house import House
from tests.support.ports import free_port
from tests.support.servers import ENVIRONMENT, ROOT, ServerProcess
from tests.support.waiting import DEADLINE, eventually

COMMAND = [sys.executable, "-m", "chat_server", "--live"]


class Screen:
    """The program on a terminal, and what that shows. A context manager's body."""

    def __init__(self, *arguments: str) -> None:
        self._screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self._screen)
        self.child = pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], *arguments],
            dimensions=(40, 120),
            cwd=str(ROOT),
            env={**ENVIRONMENT, "TERM": "xterm-256color"},
            timeout=DEADLINE,
        )
        self.child.delaybeforesend = None

    @property
    def lines(self) -> list[str]:
        """What is shown now."""
        with suppress(pexpect.TIMEOUT, pexpect.EOF):
            self._stream.feed(cast(bytes, self.child.read_nonblocking(65536, timeout=0.05)))
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def see(self, pattern: str) -> str:
        """Wait for a line like that, and return it."""
        try:
            return eventually(
                lambda: next((line for line in self.lines if re.search(pattern, line)), ""), 20
            )
        except AssertionError:
            raise AssertionError("\n".join(["it shows:", *self.lines])) from None

    def leave(self, key: str) -> int:
        """Press a key that ends it; return the exit code."""
        self.child.send(key)
        eventually(lambda: self.lines is not None and not self.child.isalive())
        code: int = self.child.exitstatus if self.child.exitstatus is not None else -1
        return code


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that runs already."""
    with ServerProcess.serve(tmp_path / "data") as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Screen, str]]:
    """One that `--live` starts, and where it listens."""
    port = str(free_port())
    screen = Screen("--data", str(tmp_path), "--port", port, "--no-limits", "--no-announce")
    try:
        screen.see("delivery-1")
        yield screen, f"tcp://127.0.0.1:{port}"
    finally:
        screen.child.close(force=True)


def gone(address: str) -> bool:
    """Whether nobody listens there any more."""
    try:
        House(address).connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_it_runs_a_server_and_shows_it(own: tuple[Screen, str]) -> None:
    """With what the server itself says above. When it is left, the server ends as it should."""
    screen, address = own
    screen.see(r"to be in charge, type:  /claim \S+")
    with House(address) as house:
        ana = house.enter("ana", "lobby")
        house.enter("ben", "lobby")
        screen.see("ana came in")
        screen.see("ana in lobby .* 0$")
        ana.say("lobby", "hello")
        screen.see("commits .* ms")
        screen.see(r"delivery-1 +wait +Delivery._changed")
        assert screen.leave("q") == 0
    assert gone(address)


def test_a_connection_is_suspended_by_a_key(own: tuple[Screen, str]) -> None:
    """And lags until it is released."""
    screen, address = own
    with House(address) as house:
        ana = house.enter("ana", "lobby")
        screen.see("ana in lobby")
        screen.child.send("s")
        screen.see("choose a member with the arrows first")
        screen.child.send("\x1b[B")
        screen.child.send("s")
        screen.see("ana: suspend.")
        house.enter("ben", "lobby")
        ben = house.enter("cleo", "lobby")
        for number in range(30):
            ben.say("lobby", f"{number}")
        screen.see(r"ana in lobby +█+ +(2[0-9]|30) suspended")
        screen.child.send("r")
        screen.see("ana: release.")
        ana.messages(30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_server_behind(own: tuple[Screen, str], number: int) -> None:
    """Ctrl-C, a service manager, a terminal that is closed: it drains, once."""
    screen, address = own
    with House(address) as house:
        ana = house.enter("ana", "lobby")
        screen.child.kill(number)
        # What is drawn is read meanwhile: a program whose terminal takes no more waits for it.
        eventually(lambda: screen.lines is not None and not screen.child.isalive())
        assert ana.expect("goodbye")["code"] == "shutting_down"
    assert screen.child.exitstatus == 0
    assert gone(address)


def test_a_server_that_runs_already_is_looked_at_and_left_alone(running: ServerProcess) -> None:
    """Its data folder says which it is."""
    screen = Screen("--data", str(running.arguments[list(running.arguments).index("--data") + 1]))
    try:
        with House(running.address) as house:
            house.enter("ana", "lobby")
            screen.see("ana in lobby")
            assert not any("listening" in line for line in screen.lines)
            assert screen.leave("q") == 0
            assert running.returncode is None
    finally:
        screen.child.close(force=True)


def test_it_tells_when_that_server_ends(running: ServerProcess) -> None:
    """In one sentence; the exit code says that it was not the user's wish."""
    screen = Screen("--data", str(running.arguments[list(running.arguments).index("--data") + 1]))
    try:
        screen.see("delivery-1")
        running.terminate()
        running.wait()
        screen.see("chat-server: (no server runs|the server broke off)")
        eventually(lambda: screen.lines is not None and not screen.child.isalive())
        assert screen.child.exitstatus == 1
    finally:
        screen.child.close(force=True)


def test_without_a_terminal_it_prints_lines(running: ServerProcess) -> None:
    """One a second, until it is ended."""
    folder = str(running.arguments[list(running.arguments).index("--data") + 1])
    child = subprocess.Popen(
        [*COMMAND, "--data", folder], stdout=subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT, text=True
    )
    assert child.stdout is not None
    try:
        lines = [child.stdout.readline() for _ in range(2)]
        assert all(
            re.match(r"\d+ messages/s, .* threads, 0 members behind", each) for each in lines
        )
        os.kill(child.pid, signal.SIGINT)
        assert child.wait(DEADLINE) == 0
    finally:
        child.kill()
        child.communicate()


def test_wrong_settings_are_the_servers_to_name(tmp_path: Path) -> None:
    """As without --live; a server that cannot start gives its exit code."""
    for arguments, says in [
        (["--port", "none"], "'none'"),
        (["--data", str(tmp_path), "--host", "192.0.2.77"], "192.0.2.77"),
    ]:
        done = subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            cwd=ROOT,
            env=ENVIRONMENT,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 2
        assert says in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
