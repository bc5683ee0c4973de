"""`make cluster`: two servers and a Redis, which all stop at Ctrl-C."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chat_server.house import House, texts
from tests.support.ports import free_port
from tests.support.redis_server import needs_redis
from tests.support.servers import ENVIRONMENT, ROOT

pytestmark = [needs_redis, pytest.mark.long]

ENDS_WITHIN = 60


def two_ports() -> int:
    """The first of two ports that are free and follow each other."""
    port = free_port()
    while (following := free_port()) != port + 1:
        port = following
    return port


@contextmanager
def cluster(folder: Path, port: int, redis_port: int) -> Iterator["subprocess.Popen[str]"]:
    """The program, which has ended at the end."""
    options = ["--port", f"{port}", "--redis-port", f"{redis_port}", "--data", f"{folder}"]
    child = subprocess.Popen(
        [sys.executable, "deploy/cluster.py", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=ENVIRONMENT,
    )
    try:
        yield child
    finally:
        child.terminate()
        child.communicate(timeout=ENDS_WITHIN)


def addresses(child: "subprocess.Popen[str]") -> list[str]:
    """Where it says that the servers are."""
    assert child.stdout is not None
    for line in child.stdout:
        if found := re.search(r"chat-client (\S+,\S+)", line):
            return [f"tcp://{each}" for each in found[1].split(",")]
    raise AssertionError("it has ended")


def test_what_is_said_on_one_is_heard_on_the_other_and_kept(tmp_path: Path) -> None:
    """Ctrl-C stops all three, and the next start goes on with what was said."""
    port, redis_port = two_ports(), free_port()
    with cluster(tmp_path, port, redis_port) as child:
        one, two = addresses(child)
        assert (one, two) == (f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port + 1}")
        with House(one) as first, House(two) as second:
            ada, eva = first.enter("ada", "lobby"), second.enter("eva", "lobby")
            ada.say("lobby", "hello")
            assert texts(eva.messages(1)) == ["hello"]
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=ENDS_WITHIN)
        assert child.returncode == 0, said
        assert "Traceback" not in said
    for each in (port, port + 1, redis_port):
        with socket.socket() as sock:
            assert sock.connect_ex(("127.0.0.1", each)) != 0
    with cluster(tmp_path, port, redis_port) as child, House(addresses(child)[1]) as house:
        assert house.enter("max").ok("join", room="lobby")["seq"] == 1


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Redis' or a server's: a sentence, exit code 2, and nothing is left running."""
    port, redis_port = two_ports(), free_port()
    for taken, told in ((redis_port, "--redis-port PORT"), (port + 1, "two has ended")):
        with (
            socket.create_server(("127.0.0.1", taken)),
            cluster(tmp_path, port, redis_port) as child,
        ):
            said, _ = child.communicate(timeout=ENDS_WITHIN)
            assert (child.returncode, told in said) == (2, True), said


def test_a_wrong_port(tmp_path: Path) -> None:
    """No number, or none that has a next one."""
    for wrong in ("65535", "0", "x"):
        done = subprocess.run(
            [sys.executable, "deploy/cluster.py", "--port", wrong, "--data", f"{tmp_path}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN,
            check=False,
        )
        assert done.returncode == 2
        assert f"a number from 1 to 65534, not '{wrong}'" in done.stderr
