"""More than a thousand clients come. Is the last one served as the first one was?"""

import contextlib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lab.stage.client import PATIENCE
from lab.stage.errors import LabError
from lab.stage.lesson import Server
from lab.stage.ports import free_port
from lab.stage.server import HOST
from lab.stage.stage import Stage, Table, Verdict
from protocol.common.descriptors import allow_descriptors

SERVERS = [
    Server("broken.py", "one loop, and select", False),
    Server("mended.py", "one loop, and selectors", True),
    Server("threads.py", "a thread for each client", True),
    Server("one_loop_of_asyncio.py", "asyncio", True),
]
GUILTY = ["    readable, writable, _ = select.select([listener, *inboxes], waiting, [])"]

CROWD = 1100
"""Connections: more than the 1,024 that `select` can take."""

SPARE = 100
"""Descriptors besides those of the connections."""

COUNTS = (10, 100, 1000, 5000)
"""Connections of the measurements."""

MB = 1_000_000


def attack(stage: Stage) -> Verdict:
    """Connect a crowd, and let somebody talk before and after.

    Raises:
        LabError: this process may not have so many connections.
    """
    most = allow_descriptors()
    if most is not None and most < CROWD + SPARE:
        raise LabError(
            f"This lesson needs {CROWD + SPARE:,} descriptors, and `ulimit -Hn` allows {most:,}. "
            "Raise that limit."
        )
    stage.step("ana comes and says something.")
    ana = stage.join("ana")
    stage.say(ana, "hello")
    first = ana.hears_text("ana", "hello")
    stage.step(f"{CROWD:,} more clients come.")
    with crowd(stage.server.port, CROWD) as there:
        stage.step("ana says something again.")
        stage.say(ana, "is anybody there?")
        last = stage.answers(ana, "is anybody there?")
        numbers = {
            "ana is served alone": "yes" if first else "no",
            "clients that came": f"{len(there):,} of {CROWD:,}",
            "ana is served among them": "yes" if last else "no",
        }
    if last and len(there) == CROWD:
        return Verdict(True, f"{CROWD:,} clients came, and ana was served.", numbers)
    errors = [line for line in stage.server.said.splitlines() if "Error: " in line]
    return Verdict(
        False,
        f"With {len(there):,} clients the server stopped: {errors[-1] if errors else 'no word'}.",
        numbers,
    )


@contextlib.contextmanager
def crowd(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Connect so many clients that say their names and no more; as many as the server takes."""
    connections: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        for number in range(count):
            try:
                connection = socket.create_connection((HOST, port), PATIENCE)
                stack.enter_context(connection)
                connection.sendall(b"c%d\n" % number)
                if not connection.recv(100):
                    break
            except OSError:
                break
            connections.append(connection)
        yield connections


def beside() -> list[Table]:
    """What connections cost with threads, with selectors and with asyncio."""
    folder = Path(__file__).parent
    rows = [
        [server.label, f"{count:,}", *_costs(folder / server.file, count)]
        for server in SERVERS[1:]
        for count in COUNTS
    ]
    return [
        Table(
            "What connections cost: until all are there, how often the server's threads waited "
            "until then, and a line to all",
            ["server", "connections", "start", "waits", "memory", "threads", "line to all"],
            rows,
        )
    ]


def _costs(path: Path, count: int) -> list[str]:
    with _running(path) as (pid, port):
        start = time.monotonic()
        with crowd(port, count) as there:
            if len(there) < count:
                return [f"only {len(there):,} came", "", "", "", ""]
            took = time.monotonic() - start
            switches = _switches(pid)
            line = statistics.median(_round(there) for _ in range(3))
            threads, memory = _status(pid)
    return [
        f"{took:.2f} s",
        f"{switches:,}",
        f"{memory / MB:.0f} MB",
        f"{threads:,}",
        f"{1000 * line:.1f} ms",
    ]


@contextlib.contextmanager
def _running(path: Path) -> Iterator[tuple[int, int]]:
    """Run a server that nobody watches. Give its process id and its port."""
    port = free_port()
    child = subprocess.Popen([sys.executable, path, str(port)], stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and child.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    break
        yield child.pid, port
    finally:
        child.kill()
        child.wait()


def _round(there: list[socket.socket]) -> float:
    """Let one of them say a line. Return the seconds until all of them have it."""
    start = time.monotonic()
    there[0].sendall(b"hello\n")
    for connection in there:
        connection.recv(100)
    return time.monotonic() - start


def _status(pid: int) -> tuple[int, int]:
    """The threads of a process, and its resident bytes. Zeros where that is not known."""
    found = {"Threads": 0, "VmRSS": 0}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name in found:
                found[name] = int(value.split()[0])
    return found["Threads"], found["VmRSS"] * 1024


def _switches(pid: int) -> int:
    """How often the threads of a process waited for something: proc(5), voluntary switches."""
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/status"):
        with contextlib.suppress(OSError):
            text = path.read_text(encoding="ascii")
            total += int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return total
