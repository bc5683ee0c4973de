"""The servers that are compared, and how each of them is started on loopback.

Protection against floods is off, and limits on connections and queues are lifted, as `--no-limits`
does for our server. Everything else is each server's default. Only our server and Redis Streams
store messages. Redis Streams deliver none.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from platform import python_version

from benchmarks.compare.wires import IRC, LINES, MQTT, NATS, OURS, REDIS, STREAMS, Wire
from benchmarks.server_process import (
    START_PATIENCE,
    STOP_PATIENCE,
    ServerFailedError,
    ServerProcess,
    running_server,
)
from chat_server.version import SERVER

LOOK = 0.02
"""Seconds between attempts to reach a server that is starting."""

CONNECTING = 200
"""How many connections may wait to be accepted, unless a server allows fewer."""


@dataclass(frozen=True)
class Module:
    """A server of this repository.

    Attributes:
        name: its name in the tables.
        wire: its protocol.
        module: the module for `python -m`.
        arguments: its arguments.
        connecting: how many clients may connect before the first one is answered.
    """

    name: str
    wire: Wire
    module: str
    arguments: Sequence[str] = ()
    connecting: int = CONNECTING

    def missing(self) -> str:
        """Return what must be installed first, or "" if nothing must."""
        return ""

    def version(self) -> str:
        """Return its version."""
        python = f"CPython {python_version()}"
        return f"{SERVER}, {python}" if self.wire is OURS else python

    def running(self) -> contextlib.AbstractContextManager[ServerProcess]:
        """Run the server while the block runs."""
        return running_server(self.module, self.arguments)


@dataclass(frozen=True)
class Program:
    """A server that may be installed on this machine.

    Attributes:
        name: its name in the tables.
        wire: its protocol.
        binary: the name of its program.
        package: the Debian package that has it.
        arguments: returns its arguments, given the port to listen on, and a folder for its
            configuration and its files.
        asks_version: the argument that makes it print its version.
        connecting: how many clients may connect before the first one is answered.
    """

    name: str
    wire: Wire
    binary: str
    package: str
    arguments: Callable[[int, Path], Sequence[str]]
    asks_version: str = "--version"
    connecting: int = CONNECTING

    def missing(self) -> str:
        """Return what must be installed first, or "" if nothing must."""
        if self._path():
            return ""
        return f"{self.name} is left out: no {self.binary}, which is in Debian's {self.package}"

    def version(self) -> str:
        """Return its version."""
        said = subprocess.run(
            [self._path(), self.asks_version], capture_output=True, text=True, check=False
        )
        found = re.search(r"\d+\.\d+[.\d]*", said.stdout + said.stderr)
        return found[0] if found else "?"

    @contextlib.contextmanager
    def running(self) -> Iterator[ServerProcess]:
        """Run the server while the block runs.

        Raises:
            ServerFailedError: the server ended, or did not listen in time.
        """
        with tempfile.TemporaryDirectory(prefix="backchannel-compare-") as name:
            folder, port = Path(name), _free_port()
            folder.chmod(0o755)  # some servers run as another user
            command = [self._path(), *self.arguments(port, folder)]
            log = folder / "output"
            with log.open("w") as output:
                # In a session of its own Ctrl-C does not reach it: the benchmark stops it.
                child = subprocess.Popen(
                    command, stdout=output, stderr=output, text=True, start_new_session=True
                )
            try:
                server = ServerProcess(("127.0.0.1", port), child, log)
                _wait_until_reachable(server, self.name)
                yield server
            finally:
                _stop_group(child)

    def _path(self) -> str:
        # Debian installs some servers in a folder that only root's PATH has.
        return shutil.which(self.binary, path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""


Rival = Module | Program


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _wait_until_reachable(server: ServerProcess, name: str) -> None:
    until = time.monotonic() + START_PATIENCE
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(server.address, timeout=1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.child.wait(LOOK)
            break
    raise ServerFailedError(f"{name} does not run:\n{server.log.read_text().strip()}")


def _stop_group(child: "subprocess.Popen[str]") -> None:
    """Stop a child and the processes that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(STOP_PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


# -- how they are set up


def _written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def _redis(port: int, folder: Path, append_only: str = "no") -> Sequence[str]:
    options = f"--bind 127.0.0.1 --port {port} --dir {folder} --maxclients 19000"
    options += f" --appendonly {append_only}"
    unlimited = ["--client-output-buffer-limit", "pubsub 0 0 0", "--save", ""]
    return [*options.split(), *unlimited]


def _redis_streams(port: int, folder: Path) -> Sequence[str]:
    return _redis(port, folder, append_only="yes")


def _nats(port: int, folder: Path) -> Sequence[str]:
    text = f"""
        listen: "127.0.0.1:{port}"
        max_connections: 100000
        max_pending: 1GB
        write_deadline: "60s"
        ping_interval: "1h"
    """
    return ["--config", _written(folder / "nats.conf", text)]


def _ngircd(port: int, folder: Path) -> Sequence[str]:
    text = f"""
[Global]
Name = irc.example.net
Listen = 127.0.0.1
Ports = {port}
AdminEMail = nobody@example.net
MotdPhrase = hello
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
"""
    return ["--nodaemon", "--config", _written(folder / "ngircd.conf", text)]


def _inspircd(port: int, folder: Path) -> Sequence[str]:
    queues = 'recvq="10M" softsendq="1G" hardsendq="1G"'
    counts = 'localmax="100000" globalmax="100000" limit="100000" maxconnwarn="no"'
    pace = 'threshold="1000000" commandrate="1000000000" fakelag="no" pingfreq="1h" timeout="60"'
    text = f"""
<server name="irc.example.net" description="compared" network="Compared">
<admin name="nobody" nick="nobody" email="nobody@example.net">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect name="main" allow="*" {queues} {counts} {pace} resolvehostnames="no" useident="no">
<performance softlimit="100000" somaxconn="1024">
<path datadir="{folder}" logdir="{folder}" runtimedir="{folder}">
<pid file="{folder}/pid">
"""
    configuration = _written(folder / "inspircd.conf", text)
    root = ["--runasroot"] if os.geteuid() == 0 else []
    return ["--nofork", "--nolog", *root, "--config", configuration]


def _mosquitto(port: int, folder: Path) -> Sequence[str]:
    text = f"""
listener {port} 127.0.0.1
allow_anonymous true
max_connections -1
max_queued_messages 0
max_inflight_messages 0
persistence false
"""
    return ["-c", _written(folder / "mosquitto.conf", text)]


OUR_SERVER = Module("Backchannel", OURS, "chat_server", ["--no-limits"])

RIVALS: dict[str, Rival] = {
    "ours": OUR_SERVER,
    "redis": Program("Redis pub/sub", REDIS, "redis-server", "redis-server", _redis),
    "streams": Program("Redis Streams", STREAMS, "redis-server", "redis-server", _redis_streams),
    "nats": Program("NATS", NATS, "nats-server", "nats-server", _nats),
    "ngircd": Program("ngIRCd", IRC, "ngircd", "ngircd", _ngircd, connecting=8),
    "inspircd": Program("InspIRCd", IRC, "inspircd", "inspircd", _inspircd),
    "mosquitto": Program("Mosquitto", MQTT, "mosquitto", "mosquitto", _mosquitto, "-h"),
    "asyncio": Module("asyncio streams", LINES, "benchmarks.compare.asyncio_server"),
    "threading": Module("ThreadingTCPServer", LINES, "benchmarks.compare.threading_server"),
    "bare": Module("bare threads, SQLite", OURS, "benchmarks.bare_server"),
}
"""The servers, by their names on the command line."""

CHAT = [name for name, rival in RIVALS.items() if not rival.wire.acknowledges and name != "bare"]
"""The names of those that deliver, but for the bare server: it shows the limit of small rooms."""
