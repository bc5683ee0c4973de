"""Standard streams that are closed, full, or read by nobody."""

import fcntl
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.chat_client.programs import COMMAND, ENVIRONMENT, start
from tests.support.peer import Peer
from tests.support.servers import ROOT, ServerProcess
from tests.support.waiting import DEADLINE, eventually

pytestmark = pytest.mark.long

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
NO_SPACE = "chat-client: cannot write to stdout: No space left on device\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess.serve(tmp_path) as running:
        yield running


PIPE = 60_000
"""Bytes in a pipe that takes no record of 4000 characters more."""


def unread(pipe: IO[bytes]) -> int:
    """Bytes that were written to a pipe and not read."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def shell(redirection: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    """Run the client to its end, with its streams redirected as by a shell."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ENVIRONMENT,
        timeout=DEADLINE * 3,
        check=False,
    )


@needs_full
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_stdout_on_a_full_disk(server: ServerProcess, options: list[str]) -> None:
    """Exit code 1 and the reason, each time, also if all was said before it was noticed."""
    for _ in range(3):
        done = shell(">/dev/full", server.address, "--nick", "bob", *options, stdin="hi\n")
        assert (done.returncode, done.stderr) == (1, NO_SPACE)


@needs_full
@pytest.mark.parametrize("option", ["--help", "--version", "--print-config"])
def test_what_is_printed_without_a_chat_on_a_full_disk(option: str) -> None:
    """The same for what is no chat."""
    done = shell(">/dev/full", option)
    assert (done.returncode, done.stderr) == (1, NO_SPACE)


def test_stdout_closed(server: ServerProcess) -> None:
    """Nothing can be printed, and that is told."""
    done = shell(">&-", server.address, "--nick", "bob", stdin="hi\n")
    assert done.returncode == 1
    assert done.stderr == "chat-client: cannot write to stdout: Bad file descriptor\n"


def test_all_closed(server: ServerProcess) -> None:
    """A socket does not take the place of a stream, and what is said is said."""
    done = shell("<&- >&- 2>&-", server.address, "--nick", "bob", "--say", "hi")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with Peer.connect(server.address) as peer:
        peer.hello("ana")
        peer.join("lobby", after=0)
        assert [frame["text"] for frame in peer.messages(1)] == ["hi"]


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=needs_full)])
def test_nothing_of_the_client_is_among_the_records(
    server: ServerProcess, redirection: str
) -> None:
    """A refusal that cannot be told is not told; the exit code has it."""
    lines = "one\n" + "x" * 4001 + "\ntwo\n"
    done = shell(redirection, server.address, "--nick", "bob", stdin=lines)
    assert done.returncode == 1
    assert [line.split(" ", 1)[1] for line in done.stdout.splitlines()] == [
        "#lobby <bob> one",
        "#lobby <bob> two",
    ]


@pytest.mark.parametrize("stderr", ["closed", "full", "unread", "read no more"])
def test_hears_again_after_a_restart(server: ServerProcess, stderr: str) -> None:
    """The reader goes on though stderr takes no note of a lost connection."""
    if stderr == "full" and not FULL.exists():
        pytest.skip("this system has no /dev/full")
    reading, writing = os.pipe()
    if stderr == "unread":
        os.set_blocking(writing, False)
        while True:
            try:
                os.write(writing, b"x" * 4096)
            except BlockingIOError:
                break
        os.set_blocking(writing, True)
    elif stderr == "read no more":
        os.close(reading)
    redirection = {"closed": "2>&-", "full": "2>/dev/full"}.get(stderr, "")
    child = subprocess.Popen(
        ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, server.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=writing,
        cwd=ROOT,
        env=ENVIRONMENT,
        bufsize=0,
    )
    os.close(writing)
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"before\n")
        assert child.stdout.readline().endswith(b"> before\n")
        server.kill()
        with server.restarted() as again, Peer.connect(again.address) as peer:
            peer.hello("ben")
            peer.join("lobby")
            peer.say("lobby", "after")
            assert child.stdout.readline().endswith(b"<ben> after\n")
            child.send_signal(signal.SIGINT)
            assert child.wait(DEADLINE) == 130
    if stderr == "unread":
        os.close(reading)


def test_ctrl_c_while_nobody_reads_stdout(server: ServerProcess) -> None:
    """A reader that waits for a pipe that is full holds nobody up, and is no crash."""
    with (
        start(server.address, "--nick", "bob") as child,
        Peer.connect(server.address) as peer,
    ):
        peer.hello("ana")
        peer.join("lobby")
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(b"here\n")
        assert child.stdout.readline().endswith(b"<bob> here\n")
        for _ in range(60):
            peer.say("lobby", "x" * 4000)
        printed = child.stdout
        eventually(lambda: unread(printed) > PIPE)
        child.send_signal(signal.SIGINT)
        assert child.wait(DEADLINE) == 130
        assert child.stderr.read() == b""
