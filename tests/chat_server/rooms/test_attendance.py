"""The record of who was where: nothing that happened is missing, whatever happens to the server."""

import logging
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chat_server.rooms import attendance
from chat_server.storage.database import RESERVED_MOST
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.servers import ServerProcess, running_server
from tests.support.waiting import eventually

NEVER = 3600.0  # seconds: whatever is written meanwhile is not written by the clock


class Row(NamedTuple):
    """A stay, as it is stored."""

    nick: str
    account: str | None
    gone: float | None


def rows(data: Path, room: str = "lobby") -> list[Row]:
    """What is recorded of a room at this moment."""
    connection = sqlite3.connect(data / attendance.FILE)
    try:
        found = connection.execute(
            "SELECT nick, account, gone FROM stays WHERE room = ? ORDER BY number", (room,)
        )
        return [Row(*row) for row in found]
    finally:
        connection.close()


def names(data: Path) -> list[tuple[str, str | None]]:
    """Nicks and accounts."""
    return [row[:2] for row in rows(data)]


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Keep the record from being written while the block runs."""
    blocker = sqlite3.connect(data / attendance.FILE, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()


def test_a_nick_that_was_held_for_a_moment_is_recorded(tmp_path: Path) -> None:
    """Also the one that somebody goes back to."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada", "lobby", "garden")
        for nick in ("prefect", "ada", "teacher"):
            ada.ok("nick", nick=nick)
        ada.ok("leave", room="lobby")
        ada.ok("nick", nick="nobody")
    assert names(tmp_path) == [(nick, None) for nick in ("ada", "prefect", "ada", "teacher")]
    garden = [row.nick for row in rows(tmp_path, "garden")]
    assert garden == ["ada", "prefect", "ada", "teacher", "nobody"]
    assert None not in [row.gone for row in rows(tmp_path)]


def test_a_stay_of_a_moment_is_recorded(tmp_path: Path) -> None:
    """Each of them, when somebody comes and goes all the time."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada")
        for _ in range(20):
            ada.join("lobby")
            ada.ok("leave", room="lobby")
    assert names(tmp_path) == [("ada", None)] * 20


def test_an_account_is_recorded_from_when_it_is_logged_in_to(tmp_path: Path) -> None:
    """However soon the session has another, or none."""
    with running_server(tmp_path) as server, House(server) as house:
        house.enter("eva").ok("register", password="correct horse")
        ada = house.enter("ada", "lobby")
        ada.ok("register", password="correct horse")
        ada.ok("logout", nick="guest")
        ada.ok("login", account="eva", password="correct horse")
        server._parts.accounts.remove("eva", "a test", server._parts.registry.leave_account)
    assert names(tmp_path) == [
        ("ada", None),
        ("ada", "ada"),
        ("guest", None),
        ("eva", "eva"),
        ("eva", None),
    ]


def test_who_is_renamed_to_the_same_stays(tmp_path: Path) -> None:
    """A request that changes nothing is no new stay."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        ada.ok("nick", nick="ada")
        ada.join("lobby", after=0)  # a cursor of another place
    assert names(tmp_path) == [("ada", None)]


def test_it_is_written_at_once_whatever_the_interval(tmp_path: Path) -> None:
    """The interval is only about those who stay."""
    with (
        running_server(tmp_path, interval=NEVER) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        eventually(lambda: rows(tmp_path) == [("ada", None, None)])
        ada.ok("leave", room="lobby")
        eventually(lambda: rows(tmp_path)[0].gone)


def test_a_crash_costs_no_stay_that_was_written(tmp_path: Path) -> None:
    """After SIGKILL, finished stays are there, and stays under way count up to the kill."""
    with ServerProcess.serve(tmp_path) as server, House(server.address) as house:
        ada = house.enter("ada", "lobby")
        ada.ok("nick", nick="prefect")
        ada.ok("nick", nick="ada")
        ada.ok("bye")
        eva = house.enter("eva", "lobby")
        eventually(lambda: len(rows(tmp_path)) == 4)
        server.kill()
        before = rows(tmp_path)
        with server.restarted() as again:
            after = rows(tmp_path)
            house.connect(again.address).hello("eva", session=eva.session)
    assert [row.nick for row in after] == ["ada", "prefect", "ada", "eva"]
    assert [row.gone is None for row in before] == [False, False, False, True]
    (known,) = [row.gone for row in after if row.nick == "eva"]
    assert known is not None
    assert known >= max(row.gone for row in before if row.gone is not None)


def test_many_who_come_at_once_wait_for_nothing(tmp_path: Path) -> None:
    """Though the record cannot be written all the while; then all of it is there."""
    crowd = 100
    with running_server(tmp_path) as server, House(server) as house:
        house.enter("first", "lobby")
        eventually(lambda: rows(tmp_path))
        with held(tmp_path):
            for number in range(crowd):
                house.enter(f"pupil{number}", "lobby").ok("nick", nick=f"guest{number}")
            assert len(rows(tmp_path)) == 1
    assert len(rows(tmp_path)) == 2 * crowd + 1
    assert {row.nick for row in rows(tmp_path)} >= {f"pupil{n}" for n in range(crowd)}


def test_a_disk_that_is_full_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and what happened meanwhile is recorded afterwards, with its own times."""
    clock = ManualClock()
    full = shutil.disk_usage(tmp_path)._replace(total=10**12, free=RESERVED_MOST - 1)
    with (
        running_server(tmp_path, clock, interval=0.01) as server,
        House(server) as house,
    ):
        ada = house.enter("ada", "lobby")
        eventually(lambda: rows(tmp_path))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
        eventually(lambda: "not recorded for now" in caplog.text)
        left = clock.time()
        ada.ok("leave", room="lobby")
        ada.join("lobby")
        clock.advance(100)
        assert len(rows(tmp_path)) == 1
        monkeypatch.undo()
        eventually(lambda: len(rows(tmp_path)) == 2)
        eventually(lambda: "recorded again" in caplog.text)
        assert [row.gone for row in rows(tmp_path)] == [left, None]
    assert [record.levelno for record in caplog.records if "recorded" in record.message] == [
        logging.ERROR,
        logging.WARNING,
    ]


def test_what_waits_for_the_disk_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Stays that ended are left out then; nobody who is there, and no end of what is written."""
    monkeypatch.setattr(attendance, "BACKLOG_LIMIT", 10)
    full = shutil.disk_usage(tmp_path)._replace(total=10**12, free=RESERVED_MOST - 1)
    with (
        running_server(tmp_path, interval=0.01) as server,
        House(server) as house,
    ):
        eva = house.enter("eva", "lobby")
        eventually(lambda: rows(tmp_path))
        monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
        eventually(lambda: "not recorded for now" in caplog.text)
        ada = house.enter("ada")
        for _ in range(30):
            ada.join("lobby")
            ada.ok("leave", room="lobby")
        ada.join("lobby")
        eva.ok("leave", room="lobby")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: full._replace(free=10**12))
        eventually(lambda: "recorded again" in caplog.text)
        found = rows(tmp_path)
    assert found[0].nick == "eva"
    assert found[0].gone is not None
    assert found[-1] == ("ada", None, None)
    assert len(found) + missing_from(caplog) == 32
    assert len(found) <= 13  # those that were being written when they ended may come on top


def missing_from(caplog: pytest.LogCaptureFixture) -> int:
    """How many stays the log says are missing, once it does."""
    eventually(lambda: "stays are missing" in caplog.text)
    (missing,) = re.findall(r"(\d+) stays are missing", caplog.text)
    return int(missing)


def test_what_ends_while_a_write_fails_is_bounded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It cannot be told then whether its beginning will be in the record."""
    monkeypatch.setattr(attendance, "BACKLOG_LIMIT", 10)
    with (
        running_server(tmp_path, interval=0.01) as server,
        House(server) as house,
    ):
        peers = [house.enter(f"pupil{number}") for number in range(30)]
        house.enter("ada", "lobby")
        eventually(lambda: rows(tmp_path))
        record: Any = server._running.attendance
        with record._transactions.exclusive() as connection:
            connection.execute("PRAGMA busy_timeout = 200")  # milliseconds
        with held(tmp_path):
            for peer in peers:
                peer.join("lobby")
            eventually(lambda: record._under_way == 30)
            for peer in peers:
                peer.ok("leave", room="lobby")
            eventually(lambda: "not recorded for now" in caplog.text)
            eventually(lambda: len(record._unwritten) <= 10 and not record._under_way)
        missing = missing_from(caplog)
        assert len(rows(tmp_path)) + missing == 31
        assert missing >= 20


def test_nobody_waits_for_the_thread(tmp_path: Path) -> None:
    """Whoever notes something gets the lock though a transaction is under way."""
    with running_server(tmp_path) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        eventually(lambda: rows(tmp_path))
        record: Any = server._running.attendance
        with record._transactions.exclusive():  # the thread waits for it, as for a disk
            eva = house.enter("eva", "lobby")
            eventually(lambda: record._under_way)
            ada.ok("leave", room="lobby")
            eva.ok("nick", nick="eve")
            assert len(rows(tmp_path)) == 1
        eventually(lambda: len(rows(tmp_path)) == 3)
