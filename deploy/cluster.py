"""Run two servers and a Redis on this machine until Ctrl-C: `make cluster`.

Redis is Debian's `redis-server`, or `valkey-server`, on loopback with an append-only file. All
three keep their data in one folder, so the next start goes on with it.
"""

import argparse
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]

START_TIME = 20.0
"""Seconds that one of the three may take to start."""

STOP_TIME = 10.0
"""Seconds that one of them may take to stop."""

WRONG_USE = 2

_PAUSE = 0.05
_SERVERS = ("one", "two")


class ClusterError(Exception):
    """The cluster cannot run; the text says why."""


class Child:
    """One of the programs. Whatever it writes is shown with its name in front.

    Attributes:
        name: what it is called here.
    """

    def __init__(self, name: str, command: Sequence[str], *, quiet: bool = False) -> None:
        """Start it in a process group of its own: Ctrl-C is for this program alone.

        Args:
            name: what it is called here.
            command: what is run.
            quiet: whether what it writes to its standard output is not shown.
        """
        self.name = name
        self._quiet = quiet
        self._last: deque[str] = deque(maxlen=5)
        self._listening = threading.Event()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._show, name=f"shows {name}")
        self._reader.start()

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    @property
    def ending(self) -> str:
        """What a user is told of its end."""
        said = "".join(f"\n{self.name}: {line}" for line in self._last) if self._quiet else ""
        return f"{self.name} has ended with exit code {self._process.poll()}.{said}"

    @property
    def is_listening(self) -> bool:
        """Whether it said that it listens."""
        return self._listening.is_set()

    def stop(self) -> None:
        """Stop it as it should be, by force after STOP_TIME."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIME)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _show(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._last.append(line.rstrip())
                if not self._quiet:
                    print(f"{self.name}: {line.rstrip()}", flush=True)
                if line.startswith("listening on"):
                    self._listening.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cluster until SIGINT or SIGTERM. Return the exit code."""
    options = _parser().parse_args(arguments)
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with _running(options, stopping) as servers:
            _watch(servers, stopping)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make cluster", description="Two chat servers on one Redis, on this machine.",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument(
        "--port", type=_port, default=7878, metavar="PORT",
        help="the first server's; the second one has the next (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--redis-port", type=_port, default=7900, metavar="PORT",
        help="where Redis listens, on 127.0.0.1 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, default=ROOT / ".cluster", metavar="FOLDER",
        help="what all three keep their data in (default: %(default)s)",
    )  # fmt: skip
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65535:
        raise argparse.ArgumentTypeError(f"this is a number from 1 to 65534, not {text!r}")
    return int(text)


@contextmanager
def _running(options: argparse.Namespace, stopping: threading.Event) -> Iterator[list[Child]]:
    """Start all three; stop the servers first and Redis last."""
    servers = []
    with ExitStack() as opened:
        redis = Child("redis", _redis_command(options), quiet=True)
        opened.callback(redis.stop)
        _wait(redis, lambda: _answers(options.redis_port), stopping)
        for place, name in enumerate(_SERVERS):
            server = Child(name, _server_command(options, name, options.port + place))
            opened.callback(server.stop)
            servers.append(server)
            _wait(server, lambda each=server: each.is_listening, stopping)  # type: ignore[misc]
        if not stopping.is_set():
            addresses = [f"127.0.0.1:{options.port + place}" for place in range(len(_SERVERS))]
            print(
                f"\nTwo servers share one log. Type:  chat-client {','.join(addresses)}\n"
                f"Look into Redis with:  redis-cli -p {options.redis_port}\n"
                f"All of it is kept in {options.data}. Ctrl-C stops all three.\n",
                flush=True,
            )
        yield [redis, *servers]


def _redis_command(options: argparse.Namespace) -> list[str]:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise ClusterError(
            "There is no redis-server here. On Debian and Ubuntu: apt install redis-server"
        )
    if _takes_connections(options.redis_port):
        raise ClusterError(
            f"Something listens on port {options.redis_port} already. Choose another one for "
            "Redis: make cluster ARGS='--redis-port PORT'"
        )
    folder = options.data / "redis"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClusterError(f"{folder} cannot be made: {error.strerror}.") from error
    where = ("--port", str(options.redis_port), "--bind", "127.0.0.1", "--dir", str(folder))
    kept = ("--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction")
    return [program, *where, *kept]


def _server_command(options: argparse.Namespace, name: str, port: int) -> list[str]:
    where = ("--host", "127.0.0.1", "--port", str(port), "--data", str(options.data / name))
    log = ("--log", f"redis://127.0.0.1:{options.redis_port}/0")
    return [sys.executable, "-m", "chat_server", *where, *log, "--name", f"cluster {name}"]


def _wait(child: Child, ready: Callable[[], bool], stopping: threading.Event) -> None:
    """Wait until a child is ready, or this program is to stop.

    Raises:
        ClusterError: it has ended, or takes too long.
    """
    deadline = time.monotonic() + START_TIME
    while not ready() and not stopping.wait(_PAUSE):
        if child.has_ended:
            child.stop()
            raise ClusterError(child.ending)
        if time.monotonic() > deadline:
            raise ClusterError(f"{child.name} has not started within {START_TIME:.0f} s.")


def _watch(children: list[Child], stopping: threading.Event) -> None:
    """Say which of them end, until none is left or this program is to stop."""
    while children and not stopping.wait(_PAUSE):
        for child in [each for each in children if each.has_ended]:
            children.remove(child)
            print(f"{child.ending} The others go on.", flush=True)


def _answers(port: int) -> bool:
    """Whether a Redis on that port has read what it keeps."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _takes_connections(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
