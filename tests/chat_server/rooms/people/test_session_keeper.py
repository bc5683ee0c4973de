"""Sessions are kept many in one transaction, and before anything is confirmed in one."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.rooms.people import session_keeper
from chat_server.rooms.people.session import Session
from chat_server.rooms.people.session_keeper import SessionKeeper
from chat_server.runtime.clock import SystemClock
from chat_server.runtime.errors import StoreError
from chat_server.storage import database
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.house import House
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually


class Keeping:
    """A keeper, and how many transactions it made."""

    def __init__(self, folder: Path) -> None:
        self.log = SqliteLog(folder)
        self.statements: list[str] = []
        self.log.file._writer.set_trace_callback(self.statements.append)
        self.keeper = SessionKeeper(self.log.sessions, SystemClock())
        self.keeper.start()

    @property
    def commits(self) -> int:
        """How many transactions were made."""
        return self.statements.count("COMMIT")

    def close(self) -> None:
        """Write what is left, and end."""
        self.keeper.stop()
        self.log.close()


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[Keeping]:
    with closing(Keeping(tmp_path)) as keeping:
        yield keeping


def strangers(count: int) -> list[Session]:
    """New sessions."""
    return [Session(secrets.token_bytes(32), f"nick{number}") for number in range(count)]


def test_a_thousand_hellos_are_a_few_transactions(keeping: Keeping) -> None:
    """And each session has a number of its own."""
    sessions = strangers(1000)
    for session in sessions:
        keeping.keeper.begin(session)
    eventually(lambda: all(session.number is not None for session in sessions))
    assert len({session.number for session in sessions}) == 1000
    assert keeping.commits <= 20


def test_who_waits_for_a_session_waits_for_the_group(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not until the time is over for which others may come."""
    monkeypatch.setattr(session_keeper, "GATHER", 1e6)
    sessions = strangers(20)
    with keeping.log.file.transactions:  # as if the disk were slow
        waiting = [
            threading.Thread(target=keeping.keeper.keep, args=(session,)) for session in sessions
        ]
        for thread in waiting:
            thread.start()
        eventually(lambda: len(keeping.keeper._group) >= 10)
    for thread in waiting:
        thread.join(10)
    assert all(session.number is not None for session in sessions)
    assert keeping.commits <= 11


def test_in_a_storm_all_who_wait_share_a_transaction(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the last group had several, the next waits for others; not where it had one."""
    monkeypatch.setattr(session_keeper, "GATHER_IN_STORM", 1e6)
    monkeypatch.setattr(session_keeper, "GROUP", 20)
    alone, *sessions = strangers(41)
    keeping.keeper.keep(alone)
    for session in sessions[:20]:  # without waiting: they fill a group
        keeping.keeper.begin(session)
    eventually(lambda: all(session.number is not None for session in sessions[:20]))
    before = keeping.commits
    waiting = [
        threading.Thread(target=keeping.keeper.keep, args=(session,)) for session in sessions[20:]
    ]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(10)
    assert all(session.number is not None for session in sessions)
    assert keeping.commits == before + 1


def test_what_cannot_be_kept_is_told_and_can_be_kept_later(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits is told; the session lives on, and is kept when there is space."""
    (session,) = strangers(1)
    with monkeypatch.context() as full:
        full.setattr(database, "RESERVED_LEAST", 10**18)
        with pytest.raises(StoreError, match="disk is full"):
            keeping.keeper.keep(session)
    assert session.number is None
    keeping.keeper.keep(session)
    found = keeping.log.sessions.find(session.token)
    assert found is not None
    assert found.number == session.number


def test_what_is_left_is_kept_at_the_end(tmp_path: Path) -> None:
    """A stop does not wait for others to come."""
    keeping = Keeping(tmp_path)
    (session,) = strangers(1)
    keeping.keeper.begin(session)
    keeping.keeper.stop()
    assert keeping.log.sessions.find(session.token) is not None
    keeping.log.close()


@pytest.mark.parametrize("request_", ["join", "nick"])
def test_a_session_in_which_something_was_confirmed_survives_sigkill(
    tmp_path: Path, request_: str
) -> None:
    """At any moment after the `ok`."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada")
        members = {"room": "lobby"} if request_ == "join" else {"nick": "lovelace"}
        ada.ok(request_, **members)
        server.kill()
        with server.restarted() as again, House(again.address) as back:
            assert back.connect().hello("ada", session=ada.session)["session"] == ada.session
