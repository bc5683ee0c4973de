"""What the probe tells of a program that knows nothing of it."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.stage.server import LessonServer, Thread
from tests.support.leaks import nothing_left_behind
from tests.support.waiting import eventually

LISTENS = """
import queue, socket, sys, threading, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
"""


@contextmanager
def running(folder: Path, source: str) -> Iterator[LessonServer]:
    """Run a program under the probe."""
    path = folder / "server.py"
    path.write_text(LISTENS + textwrap.dedent(source), encoding="utf-8")
    with nothing_left_behind(), LessonServer(path) as server:
        server.wait_until_listening()
        yield server


def thread_of(server: LessonServer, name: str) -> Thread:
    """The thread of that name, as the newest report has it."""
    return next((each for each in server.report.threads if each.name == name), Thread(name, ""))


def test_what_threads_wait_for(tmp_path: Path) -> None:
    """The call that each of them stands in, and its line."""
    source = """
    def waits():
        waiting = queue.Queue()
        waiting.get()

    def sleeps():
        time.sleep(60)

    def computes():
        while True:
            sum(range(1000))

    for work in (waits, sleeps, computes):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    listener.accept()
    """
    with running(tmp_path, source) as server:
        eventually(lambda: thread_of(server, "waits").state == "queue")
        eventually(lambda: thread_of(server, "sleeps").state == "sleep")
        eventually(lambda: thread_of(server, "computes").state == "runs")
        eventually(lambda: thread_of(server, "main").state == "accept")
        assert thread_of(server, "sleeps").text == "time.sleep(60)"
        assert thread_of(server, "sleeps").line == 10
        assert server.report.count == 4


def test_who_holds_which_lock(tmp_path: Path) -> None:
    """By the names that the program has for them; also across calls, and in an object."""
    source = """
    class Room:
        def __init__(self):
            self.lock = threading.Lock()

    rooms = {"red": Room()}
    lock = threading.Lock()
    started = threading.Event()

    def inner():
        started.set()
        time.sleep(60)

    def holds():
        with lock, rooms["red"].lock:
            inner()

    def waits():
        room = rooms["red"]
        started.wait()
        with room.lock:
            pass

    for work in (holds, waits):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    listener.accept()
    """
    with running(tmp_path, source) as server:
        eventually(lambda: thread_of(server, "waits").waits == "rooms['red'].lock")
        assert sorted(thread_of(server, "holds").holds) == ["lock", "rooms['red'].lock"]
        assert thread_of(server, "waits").holds == []


def test_a_condition_is_not_held_while_it_is_waited_for(tmp_path: Path) -> None:
    """`wait` lets go of its lock."""
    source = """
    changed = threading.Condition()

    def waits():
        with changed:
            changed.wait()

    threading.Thread(target=waits, name="waits", daemon=True).start()
    listener.accept()
    """
    with running(tmp_path, source) as server:
        eventually(lambda: thread_of(server, "waits").state == "condition")
        assert thread_of(server, "waits").holds == []


def test_the_variables(tmp_path: Path) -> None:
    """Whole numbers, and the lengths of collections; constants and modules are none."""
    source = """
    LIMIT = 10
    number = 7
    clients = {1: "ana", 2: "ben"}
    log = ["a", "b", "c"]
    waiting = queue.Queue()
    waiting.put(1)
    name = "ana"
    listener.accept()
    """
    with running(tmp_path, source) as server:
        wanted = {"number": 7, "clients": 2, "log": 3, "waiting": 1}
        eventually(lambda: server.report.values == wanted)
        assert server.report.memory > 1_000_000
        assert server.report.listening == [server.port]


def test_what_it_starts_ends_with_it(tmp_path: Path) -> None:
    """Its children too, and a program that ignores signals."""
    source = """
    import signal, subprocess
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid, flush=True)
    listener.accept()
    """
    with running(tmp_path, source) as server:
        pid = int(eventually(lambda: server.said.strip()))
    eventually(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
