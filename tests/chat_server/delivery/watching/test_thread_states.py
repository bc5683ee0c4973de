"""What a thread does is read from where it stands in the source."""

import dis
import re
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import CodeType

import pytest

from chat_server.delivery import outbox
from chat_server.delivery.watching import thread_states
from chat_server.delivery.watching.thread_states import Doing, ThreadStates, can_look, describe
from chat_server.network.transport import PlainReader
from chat_server.rooms.room import Room
from chat_server.runtime.clock import SystemClock
from chat_server.runtime.timers import Timers
from chat_server.storage.database import Transactions, connect
from tests.support.servers import ROOT
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(not can_look(), reason="without a GIL nobody may look")


@contextmanager
def thread(body: Callable[[], object]) -> Iterator[int]:
    """Run `body` on a thread, whose identifier is yielded; the block lets it end."""
    running = threading.Thread(target=body)
    running.start()
    assert running.ident is not None
    try:
        yield running.ident
    finally:
        running.join()


def see(identifier: int, state: str) -> Doing:
    """Wait until a thread is in a state, and return what it does."""
    states = ThreadStates()

    def doing() -> Doing | None:
        found = states.all().get(identifier)
        return found if found and found.state == state else None

    found = eventually(doing)
    assert found is not None
    return found


def test_a_thread_that_reads_a_socket() -> None:
    """As the thread of a connection does nearly always."""
    ours, theirs = socket.socketpair()
    with ours, theirs, thread(PlainReader(ours).receive) as reading:
        doing = see(reading, "recv")
        theirs.send(b"x")
    assert doing.what == "self._socket.recv(self._size)"
    assert doing.where.startswith("chat_server/network/transport.py:")


def test_a_thread_that_waits_for_a_lock() -> None:
    """It is named as docs/architecture.md names it."""
    room = Room("lobby", "", 0, lambda _: None, lambda _: None)
    with room._lock:
        waiting = threading.Thread(target=room.members)
        waiting.start()
        assert waiting.ident is not None
        doing = see(waiting.ident, "lock")
    waiting.join()
    assert doing.what == "Room._lock"
    assert doing.where.startswith("chat_server/rooms/room.py:")


def test_a_thread_that_waits_to_be_woken() -> None:
    """Which is no lock that somebody has."""
    timers = Timers(SystemClock())
    timers.start()
    assert timers._thread.ident is not None
    assert see(timers._thread.ident, "wait").what == "Timers._changed"
    timers.stop()


@pytest.mark.usefixtures("house")
def test_a_thread_that_waits_for_many_sockets() -> None:
    """As the accept loop does."""
    accept = next(each for each in threading.enumerate() if each.name == "accept")
    assert accept.ident is not None
    assert see(accept.ident, "select").where.startswith("chat_server/network/listener.py:")


def test_a_thread_in_sqlite(tmp_path: Path) -> None:
    """It waits there for another process that writes."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        connection = connect(path, "normal")
        transactions = Transactions(connection, path)

        def write() -> None:
            with transactions:
                pass

        with thread(write) as writing:
            doing = see(writing, "sqlite")
            other.execute("COMMIT")
        connection.close()
    assert doing.what == 'self._connection.execute("BEGIN IMMEDIATE")'


def test_a_thread_that_sends() -> None:
    """The one place where a delivery worker gives the interpreter away on its round."""
    doing = [describe(*place) for place in places_in(outbox.Outbox._send.__code__)]
    assert [each.what for each in doing if each.state == "send"]
    assert {each.what for each in doing if each.state == "send"} == {"wire.send(data, DONT_WAIT)"}


def test_one_who_computes_is_named_by_the_function() -> None:
    """With the class that it belongs to."""
    code = Room.post.__code__
    assert describe(code, 0).what == "Room.post"
    assert describe(code, 0).state == "run"


@pytest.mark.long
def test_every_lock_of_the_table_is_named_as_there() -> None:
    """Wherever in the source it is taken."""
    page = ROOT.joinpath("docs", "architecture.md").read_text(encoding="utf-8")
    section = page.split("\n## Locks")[1].split("\n## ")[0]
    rows = set(re.findall(r"^\| `([\w.]+)`", section, re.MULTILINE))
    named = {
        doing.what
        for package in ("chat_server", "protocol")
        for path in ROOT.joinpath(package).rglob("*.py")
        for code in codes_in(compile(path.read_text(encoding="utf-8"), str(path), "exec"))
        for place in places_in(code)
        if (doing := describe(*place)).state == thread_states.LOCK
    }
    # The first two are taken by a condition that stands on them, the third by who uses what it
    # guards: so they are shown by the names that they have there.
    assert rows - named == {"Attendance._lock", "Passwords._lock", "HandsUp.lock"}
    assert {"Attendance._changed", "Passwords._changed", "Up.lock"} <= named


def test_the_one_who_asks_is_left_out() -> None:
    """It is always looking."""
    assert threading.get_ident() not in ThreadStates().all()


def places_in(code: CodeType) -> Iterator[tuple[CodeType, int]]:
    """Every call and every `with`: where a thread may give the interpreter away."""
    for each in dis.get_instructions(code):
        if each.opname in ("CALL", "BEFORE_WITH"):
            yield code, each.offset


def codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from codes_in(each)
