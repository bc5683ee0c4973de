"""Which processors the threads of a server run on."""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from chat_server.runtime.machine.processors import on_any
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually

_ONE = not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2
pytestmark = pytest.mark.skipif(_ONE, reason="needs Linux, and two processors")


def _allowed(pid: int) -> dict[str, set[str]]:
    """The processors that the threads of a process may run on, by the threads' names."""
    found: dict[str, set[str]] = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        lines = (thread / "status").read_text().splitlines()
        fields = dict(line.split(":\t") for line in lines if ":\t" in line)
        found.setdefault(fields["Name"], set()).add(fields["Cpus_allowed_list"])
    return found


def _processors(pid: int) -> str:
    """Those that all threads of a process may run on, when none of them does what takes long."""
    found: set[str] = set()

    def is_one() -> bool:
        found.clear()
        found.update(*_allowed(pid).values())
        return len(found) == 1

    eventually(is_one)
    return found.pop()


def _is_free(number: int) -> bool:
    """Whether no server keeps to a processor just now."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(f"\0backchannel-processor-{number}")
        except OSError:
            return False
        return True


def test_all_threads_keep_to_the_same(tmp_path: Path) -> None:
    """Those of clients too."""
    with ServerProcess.serve(tmp_path) as server, Peer.connect(server.address) as peer:
        peer.hello("ana")
        assert _processors(server.pid)


@pytest.mark.alone  # servers of other tests would have processors
def test_two_servers_keep_to_two(tmp_path: Path) -> None:
    """Where there are more servers than processors, the others keep to none."""
    count, anywhere = len(os.sched_getaffinity(0)), _processors(os.getpid())
    free = {number for number in os.sched_getaffinity(0) if _is_free(number)}
    with ExitStack() as opened:
        servers = [
            opened.enter_context(ServerProcess.serve(tmp_path / str(number)))
            for number in range(count + 1)
        ]
        kept = [_processors(server.pid) for server in servers]
    single = [int(each) for each in kept if each != anywhere]
    assert (set(single), len(single)) == (free, len(free))
    assert kept[-1] == anywhere


def test_several_workers_keep_to_none(tmp_path: Path) -> None:
    """They are to send at the same time."""
    with ServerProcess.serve(tmp_path, "--delivery-workers", "2") as server:
        assert _processors(server.pid) == _processors(os.getpid())


_PROGRAM = """
import os, threading
from chat_server.runtime.machine.processors import keep_to_one, on_any

allowed = os.sched_getaffinity(0)
one = {keep_to_one()}
seen = [os.sched_getaffinity(0)]
def look():
    seen.append(os.sched_getaffinity(0))
    with on_any():
        seen.append(os.sched_getaffinity(0))
    try:
        with on_any():
            raise ValueError
    except ValueError:
        seen.append(os.sched_getaffinity(0))
thread = threading.Thread(target=look)
thread.start()
thread.join()
assert seen == [one, one, allowed, one], (allowed, one, seen)
"""


def _run(program: str, *before: str) -> None:
    subprocess.run([*before, sys.executable, "-c", program], check=True, timeout=20)


@pytest.mark.alone
def test_what_takes_long_runs_anywhere() -> None:
    """And then on the one again, also when it failed."""
    _run(_PROGRAM)


def test_who_was_given_one_has_no_choice() -> None:
    """As with `taskset`: nothing is claimed."""
    processor = min(os.sched_getaffinity(0))
    _run(
        f"import os; os.sched_setaffinity(0, {{{processor}}})\n"
        "from chat_server.runtime.machine import processors\n"
        "assert processors.keep_to_one() is None\n"
        f"assert os.sched_getaffinity(0) == {{{processor}}}"
    )


@pytest.mark.alone
def test_a_processor_is_free_when_its_server_has_died() -> None:
    """Nobody has to tidy up: a name of a socket goes with it."""
    claims = "import os\nfrom chat_server.runtime.machine.processors import keep_to_one\n"
    killed = "assert keep_to_one() is not None\nos.kill(os.getpid(), 9)"
    for _ in range(len(os.sched_getaffinity(0)) + 1):
        with pytest.raises(subprocess.CalledProcessError) as ended:
            _run(claims + killed)
        assert ended.value.returncode == -9


def test_where_nobody_asked_for_it_nothing_is_kept() -> None:
    """A server that runs within another program leaves its threads alone."""
    allowed = os.sched_getaffinity(0)
    with on_any():
        assert os.sched_getaffinity(0) == allowed
    assert os.sched_getaffinity(0) == allowed


def test_where_it_is_forbidden_no_processor_is_taken_from_others() -> None:
    """As by a filter of system calls."""
    _run(
        "import os\n"
        "from chat_server.runtime.machine import processors\n"
        "def forbidden(*_): raise PermissionError(1, 'Operation not permitted')\n"
        "os.sched_setaffinity = forbidden\n"
        "assert processors.keep_to_one() is None\n"
        "assert processors._Kept.claim is None\n"
        "with processors.on_any(): pass"
    )


def test_names_that_others_have_taken_are_left_to_them() -> None:
    """If all are taken, the threads run anywhere."""
    allowed = os.sched_getaffinity(0)
    taken = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in allowed]
    try:
        for number, each in zip(allowed, taken, strict=True):
            with suppress(OSError):  # a server of another test has it
                each.bind(f"\0backchannel-processor-{number}")
        _run(
            "from chat_server.runtime.machine.processors import keep_to_one\n"
            "assert keep_to_one() is None"
        )
    finally:
        for each in taken:
            each.close()
