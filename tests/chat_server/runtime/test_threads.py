"""The server's threads: an error that ends one of them ends the server; one of many does not."""

import logging
import resource
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from chat_server.admin import messages
from chat_server.admin.ask import ask
from chat_server.delivery.fair_queue import STRETCH
from chat_server.delivery.page_cache import Pages
from chat_server.gateways import connection, native
from chat_server.gateways.connection import Connection
from chat_server.gateways.operator.admin import AdminService
from chat_server.requests import dispatch
from chat_server.rooms.log_tail import LogTail
from chat_server.runtime import threads, timers
from chat_server.runtime.clock import SystemClock
from chat_server.runtime.errors import AdminError
from chat_server.runtime.threads import SideThread, StartableThread
from chat_server.runtime.timers import Timers
from protocol.messages import Message, encode_each
from tests.chat_server.house import House, seqs
from tests.chat_server.storage.test_hard_times import limit, needs_prlimit
from tests.support.peer import ConnectionEnded, Peer
from tests.support.servers import ENVIRONMENT, ROOT, ServerProcess, running_server
from tests.support.waiting import DEADLINE, eventually

# -- what must not end ----------------------------------------------------------------------------

# The program, with a method that raises in place of one that a thread runs.
_BROKEN = """
import sys
from chat_server import cli
from {module} import {name}

def fail(self):
    raise {error}

{name}._run = fail
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("error", ["MemoryError", "ZeroDivisionError", "SystemExit(0)"])
@pytest.mark.parametrize(
    ("module", "name", "thread"),
    [
        ("chat_server.network.listener", "Listener", "accept"),
        ("chat_server.delivery.fanout", "Delivery", "delivery-1"),
        ("chat_server.delivery.catch_up", "CatchUp", "catch-up"),
        ("chat_server.runtime.timers", "Timers", "timers"),
        ("chat_server.rooms.attendance", "Attendance", "attendance"),
        ("chat_server.network.socket_service", "SocketService", "admin"),
        ("chat_server.storage.maintenance", "Housekeeper", "housekeeper"),
        ("chat_server.runtime.log_writer", "LogWriter", "log"),
    ],
)
def test_a_thread_that_ends_by_an_error_ends_the_server(
    tmp_path: Path, module: str, name: str, thread: str, error: str
) -> None:
    """With a word, and a code for which a service manager starts it again."""
    code = _BROKEN.format(module=module, name=name, error=error)
    where = ["--host", "127.0.0.1", "--port", "0", "--data", str(tmp_path)]
    ended = subprocess.run(
        [sys.executable, "-c", code, *where],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert ended.returncode == threads.EXIT_CODE
    last = ended.stderr.splitlines()[-1]
    assert f"thread {thread!r} failed" in last
    assert "exit code 70" in last


@needs_prlimit
@pytest.mark.parametrize("spare", [0, 1024 * 1024, 4 * 1024 * 1024])
def test_short_of_memory_it_is_well_or_down(tmp_path: Path, spare: int) -> None:
    """Never a process that lives on and does nothing."""
    with ServerProcess.serve(tmp_path) as server:
        pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[0])
        limit(server, resource.RLIMIT_AS, pages * resource.getpagesize() + spare)
        knocking = [Peer.connect(server.address) for _ in range(30)]
        eventually(lambda: "come in" in server.stderr or server.returncode is not None)
        for peer in knocking:
            peer.close()
        if server.returncode is None:
            limit(server, resource.RLIMIT_AS)
        eventually(lambda: server.returncode is not None or _is_well(server))
        if server.returncode is not None:
            assert server.wait() != 0
            assert "chat-server: " in server.stderr or "Fatal Python error" in server.stderr


def _is_well(server: ServerProcess) -> bool:
    try:
        with House(server.address) as house:
            return house.enter("ada", "lobby").say("lobby", "still here") > 0
    except (ConnectionEnded, ConnectionError):
        return False


def test_a_thread_that_has_no_memory_to_begin_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`start` says so: the accept loop waited for ever."""
    monkeypatch.setattr(threads, "START_TIMEOUT", 0.01)
    thread = StartableThread("still-born")
    monkeypatch.setattr(thread, "_bootstrap", lambda: None)
    with pytest.raises(RuntimeError, match="out of memory"):
        thread.start()


# -- what concerns one of many --------------------------------------------------------------------


@pytest.fixture
def _expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mistakes are logged here, and are no mistakes."""
    monkeypatch.setattr(threads.log, "disabled", True)


def failing_once(error: Exception, then: Any) -> Any:
    """A function that raises the first time it is called, and is `then` from then on."""
    called = threading.Event()

    def call(*arguments: Any) -> Any:
        if not called.is_set():
            called.set()
            raise error
        return then(*arguments)

    return call


@pytest.mark.usefixtures("_expected")
@pytest.mark.parametrize("error", [ZeroDivisionError(), MemoryError()])
def test_whoever_cannot_be_let_in(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The next one is."""
    assert house.server is not None
    listener = house.server._running.listener
    monkeypatch.setattr(listener, "_accepted", failing_once(error, listener._accepted))
    with pytest.raises((ConnectionEnded, ConnectionError, AssertionError)):
        house.enter("ada")
    house.enter("eva", "lobby").say("lobby", "still here")


@pytest.mark.usefixtures("_expected")
@pytest.mark.parametrize("error", [ZeroDivisionError(), MemoryError()])
def test_whoever_cannot_be_caught_up(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """They are cut off, come back and miss nothing; others are fed."""
    ada = house.enter("ada", "lobby")
    for number in range(3):
        ada.say("lobby", f"number {number}")
    monkeypatch.setattr(Pages, "read", failing_once(error, Pages.read))
    eva = house.enter("eva")
    eva.post("join", room="lobby", after=0)
    eva.read_to_end()
    again = house.enter("eva", session=eva.session)
    again.join("lobby", after=0)
    assert seqs(again.messages(3)) == [1, 2, 3]


@pytest.mark.usefixtures("_expected")
@pytest.mark.parametrize("error", [ZeroDivisionError(), MemoryError()])
def test_what_cannot_be_written_at_once_is_written_later(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It is stored, so its author is told so; the members get it from the catch-up thread."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    monkeypatch.setattr(LogTail, "after", failing_once(error, LogTail.after))
    assert ada.say("lobby", "hello") == 1
    assert [seqs(peer.messages(1)) for peer in (ada, eva)] == [[1], [1]]


@pytest.mark.usefixtures("_expected")
@pytest.mark.parametrize("error", [ZeroDivisionError(), MemoryError()])
def test_a_message_that_cannot_be_written_concerns_its_room_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Its members are cut off. They come back and get it as soon as it can be written."""
    ada, eva = house.enter("ada", "bad"), house.enter("eva", "good")

    def encode_good(batch: Sequence[Message]) -> list[bytes]:
        if batch[0].room == "bad":
            raise error
        return encode_each(batch)

    with monkeypatch.context() as patched:
        patched.setattr(native, "encode_each", encode_good)
        ada.post("say", room="bad", text="hello")
        ada.read_to_end()
        assert eva.say("good", "hello") == 1
    again = house.enter("ada", session=ada.session)
    again.join("bad", after=0)
    assert seqs(again.messages(1)) == [1]


def test_a_request_that_fails_ends_its_connection_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With `internal`; everybody else goes on, and somebody new comes in."""
    ada, eva = house.enter("ada", "lobby"), house.enter("eva", "lobby")
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with monkeypatch.context() as patched:
        patched.setattr(connection, "answer", failing_once(MemoryError(), dispatch.answer))
        ada.post("say", room="lobby", text="x")
        ada.expect_fatal("internal")
    assert eva.say("lobby", "still here") == 1
    house.enter("bob", "lobby")
    assert not [record for record in caplog.records if record.levelno > logging.ERROR]


def test_a_connection_whose_thread_ended_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had no memory for its first line: what it held is let go all the same."""

    def end(_: Connection) -> None:
        raise MemoryError

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with running_server(hello_timeout=0.1) as server, House(server) as house:
        with monkeypatch.context() as patched:
            patched.setattr(Connection, "_run", end)
            lost = house.connect()
            assert lost.read_to_end() == []
        eventually(lambda: not server._crowd.connections())
        house.enter("ada", "lobby").say("lobby", "still here")


def test_a_side_thread_that_fails_is_logged_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server goes on without it."""

    def fail() -> None:
        raise MemoryError

    thread = SideThread(fail, "mdns")
    thread.start()
    thread.join(DEADLINE)
    (record,) = caplog.records
    assert record.getMessage() == "the thread 'mdns' failed: the server is out of memory"


@pytest.mark.usefixtures("_expected")
def test_a_timer_that_fails() -> None:
    """The next one is called; and one that ran out of memory is called again."""
    at = Timers(SystemClock())
    at.start()
    try:
        called, again = threading.Event(), threading.Event()
        at.call_later(0, failing_once(ZeroDivisionError(), called.set))
        at.call_later(0, called.set)
        assert called.wait(DEADLINE)
        at.call_later(0, failing_once(MemoryError(), again.set))
        assert again.wait(timers.RETRY_AFTER + DEADLINE)
    finally:
        at.stop()


@pytest.mark.usefixtures("_expected")
def test_a_visit_to_the_operator_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is answered."""
    with running_server(tmp_path):
        monkeypatch.setattr(
            AdminService, "_answer", failing_once(ValueError(), AdminService._answer)
        )
        with pytest.raises(AdminError):
            list(ask(tmp_path, messages.Status()))
        assert list(ask(tmp_path, messages.Status()))


# -- the end --------------------------------------------------------------------------------------

_ENDING = """
import atexit, sys, threading
from chat_server.runtime.threads import ConnectionThread, end_process_if_busy
atexit.register(print, "the usual end")
if sys.argv[1] == "busy":
    ConnectionThread(threading.Event().wait, "connection of somebody").start()
print("stored and logged")
sys.exit(end_process_if_busy(3))
"""


@pytest.mark.parametrize(
    ("state", "printed"),
    [("busy", "stored and logged\n"), ("idle", "stored and logged\nthe usual end\n")],
)
def test_the_process_waits_for_no_thread_of_a_connection(state: str, printed: str) -> None:
    """With thousands of them the interpreter's usual end takes seconds."""
    done = subprocess.run(
        [sys.executable, "-c", _ENDING, state],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, printed, "")


# -- who has the interpreter ----------------------------------------------------------------------


def test_how_long_a_thread_keeps_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than a stretch of the fair queue: or others wait as long as its threads hand over.

    With many threads long enough that those who wait do not keep the processor busy.
    """
    intervals: list[float] = []
    monkeypatch.setattr(sys, "setswitchinterval", intervals.append)
    for count in (1, 30, 150, 400, 1000, 9000):
        threads.allow_for_threads(count)
    assert intervals == sorted(intervals)
    assert intervals[0] == intervals[2] < STRETCH
    assert intervals[2] < intervals[3] < intervals[4] == intervals[5] == 0.1
