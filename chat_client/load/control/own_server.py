"""A server for one load test: a process without limits, on a temporary data folder."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_client.load.model.load_errors import LoadError, UsageError
from chat_client.transport.address import Address, parse_address

STOPPING = 20.0
"""Seconds for the server to end before it is killed."""

_COMMAND = (sys.executable, "-m", "chat_server", "--host=127.0.0.1", "--port=0", "--no-limits")
"""Runs the server of this installation on a free port, without limits for each client."""

_listening = re.compile(r"listening on (\S+)\s*")


@contextmanager
def own_server() -> Iterator[Address]:
    """Run a server while the block runs.

    Yields:
        The server's address.

    Raises:
        UsageError: the server program is not installed.
        LoadError: the server does not start.
    """
    with tempfile.TemporaryDirectory(prefix="chat-load-") as folder:
        log = Path(folder, "server.log")
        with log.open("wb") as stderr:
            # In a session of its own Ctrl-C does not reach the server: the load tester stops it.
            server = subprocess.Popen(
                [*_COMMAND, "--data", str(Path(folder, "data"))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=_environment(folder),
                start_new_session=True,
            )
        try:
            yield _wait_for(server, log)
        finally:
            _stop(server)


def _environment(folder: str) -> dict[str, str]:
    """The environment without the user's settings, which are for another server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    return {**kept, "XDG_CONFIG_HOME": folder}


def _wait_for(server: "subprocess.Popen[str]", log: Path) -> Address:
    """Read the server's output until it says where it listens."""

    assert server.stdout is not None
    for line in server.stdout:
        found = _listening.fullmatch(line)
        if found:
            return parse_address(found[1])
    reason = log.read_text(errors="replace").strip().splitlines()
    told = reason[-1] if reason else f"it ended with code {server.wait()}"
    if "No module named chat_server" in told:
        raise UsageError(
            "no server is installed beside chat-load: give the address of one, as HOST[:PORT]"
        )
    raise LoadError(f"the server for this test did not start: {told}")


def _stop(server: "subprocess.Popen[str]") -> None:
    server.terminate()
    try:
        server.wait(STOPPING)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    assert server.stdout is not None
    server.stdout.close()
