"""Who was there from when to when."""

import csv
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from chat_server.admin.archive import Stays, StoredStay
from chat_server.admin.backup import back_up
from chat_server.admin.reports.attendance_report import merged
from chat_server.rooms import attendance
from chat_server.runtime.config.setting_types import Keep
from tests.chat_server.admin.folders import START, Operator
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.servers import address_of, running_server
from tests.support.waiting import eventually

SOON = 0.01  # seconds: how often the record is written, where a test waits for it


def rows(data: Path, room: str = "lobby") -> list[StoredStay]:
    """What is recorded of a room."""
    with Stays.open(data) as record:
        return list(record.find(room, None, None))


def record_of(operator: Operator, *more: str) -> list[dict[str, Any]]:
    return operator.done("attendance", "--room", "lobby", "--format", "json", *more).records


def spans(records: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Nick, and the times of the day from when and until when."""
    return [(record["nick"], record["from"][11:19], record["until"][11:19]) for record in records]


def test_who_came_and_left(operator: Operator) -> None:
    """By leaving, by closing, by the end of the server; in each room apart."""
    clock = ManualClock(START)
    with running_server(operator.data, clock) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        clock.advance(600)
        eva, zoe = house.enter("eva", "lobby", "garden"), house.enter("zoe", "lobby")
        clock.advance(600)
        ada.ok("leave", room="lobby")
        clock.advance(600)
        eva.ok("bye")
        eva.expect_end("bye")
        clock.advance(600)
        zoe.ping()
    assert spans(record_of(operator)) == [
        ("ada", "10:00:00", "10:20:00"),
        ("eva", "10:10:00", "10:30:00"),
        ("zoe", "10:10:00", "10:40:00"),
    ]
    garden = operator.done("attendance", "--room", "garden", "--format", "json").records
    assert spans(garden) == [("eva", "10:10:00", "10:30:00")]


def test_who_is_there_now(operator: Operator) -> None:
    """While the server runs, with the time that it is."""
    with (
        running_server(operator.data, interval=SOON) as server,
        House(address_of(server)) as house,
    ):
        house.enter("ada", "lobby")
        eventually(lambda: (operator.data / attendance.FILE).exists() and _known(operator.data))
        (stay,) = record_of(operator)
        assert (stay["nick"], stay["there_now"]) == ("ada", True)
        assert "there now" in operator.done("attendance", "--room", "lobby").out
    (stay,) = record_of(operator)
    assert not stay["there_now"]


def _known(data: Path) -> bool:
    with Stays.open(data) as record:
        return record.known() > 0


def test_a_reconnect_is_no_absence(operator: Operator) -> None:
    """If the session is back within a minute. A longer time is an absence."""
    clock = ManualClock(START)
    with running_server(operator.data, clock) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        clock.advance(600)
        again = house.enter("ada", "lobby", session=ada.session)
        ada.expect_end("replaced")
        clock.advance(600)
        again.ok("leave", room="lobby")
        clock.advance(30)
        again.join("lobby")
        clock.advance(570)
        again.ok("leave", room="lobby")
        clock.advance(300)
        again.join("lobby")
        clock.advance(60)
        again.ok("bye")
        again.expect_end("bye")
    assert spans(record_of(operator)) == [
        ("ada", "10:00:00", "10:30:00"),
        ("ada", "10:35:00", "10:36:00"),
    ]
    assert len(record_of(operator, "--gap", "10m")) == 1
    assert len(record_of(operator, "--gap", "0s")) == 3


def test_another_nick_is_the_same_person(operator: Operator) -> None:
    """One stay, with every name that was used in it."""
    clock = ManualClock(START)
    with (
        running_server(operator.data, clock, interval=SOON) as server,
        House(address_of(server)) as house,
    ):
        ada = house.enter("ada", "lobby")
        eventually(lambda: _has(operator.data, "ada"))
        clock.advance(60)
        ada.ok("nick", nick="countess")
        eventually(lambda: _has(operator.data, "countess"))
        clock.advance(60)
        ada.ok("nick", nick="lovelace")
        ada.ok("leave", room="lobby")  # before anybody looked
    (stay,) = record_of(operator)
    assert stay["nicks"] == ["ada", "countess", "lovelace"]
    assert spans([stay]) == [("ada", "10:00:00", "10:02:00")]
    assert "ada (also countess, lovelace)" in operator.done("attendance", "--room", "lobby").out


def _has(data: Path, nick: str) -> bool:
    connection = sqlite3.connect(data / attendance.FILE)
    try:
        return bool(connection.execute("SELECT 1 FROM stays WHERE nick = ?", (nick,)).fetchone())
    finally:
        connection.close()


def test_an_account_is_named(operator: Operator) -> None:
    """From when somebody is logged in, and they stay one person; two devices are one, too."""
    clock = ManualClock(START)
    with running_server(operator.data, clock) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        clock.advance(60)
        ada.ok("register", password="correct horse")
        phone = house.enter("phone", "lobby")
        clock.advance(60)
        ada.ok("leave", room="lobby")
        phone.ok("login", account="ada", password="correct horse")
        clock.advance(60)
        phone.ok("leave", room="lobby")
    (stay,) = record_of(operator)
    assert stay["account"] == "ada"
    assert spans([stay]) == [("ada", "10:00:00", "10:03:00")]


def test_after_a_crash(operator: Operator, tmp_path: Path) -> None:
    """A stay that never ended lasted until the last time that was written."""
    clock = ManualClock(START)
    with (
        running_server(operator.data, clock, interval=SOON) as server,
        House(address_of(server)) as house,
    ):
        house.enter("ada", "lobby")
        clock.advance(600)
        eventually(lambda: _known_at(operator.data) == START + 600)
        back_up(operator.data, tmp_path / "crashed", force=False)  # as SIGKILL leaves it
    shutil.rmtree(operator.data)
    (tmp_path / "crashed").rename(operator.data)
    expected = [("ada", "10:00:00", "10:10:00")]
    assert spans(record_of(operator)) == expected  # also before the next start
    clock.advance(86400)
    with running_server(operator.data, clock):
        assert [row.gone for row in rows(operator.data)] == [START + 600]
        assert spans(record_of(operator)) == expected


def _known_at(data: Path) -> float:
    with Stays.open(data) as record:
        return record.known()


def test_a_class_that_comes_in_at_once(operator: Operator) -> None:
    """Everybody is in the record, once."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        for number in range(100):
            house.enter(f"pupil{number}", "lobby")
    assert {stay["nick"] for stay in record_of(operator)} == {f"pupil{n}" for n in range(100)}
    assert len(record_of(operator)) == 100


def test_a_window(operator: Operator) -> None:
    """Who was there at any time in it."""
    clock = ManualClock(START)
    with running_server(operator.data, clock) as server, House(address_of(server)) as house:
        for nick in ("ada", "eva"):
            peer = house.enter(nick, "lobby")
            clock.advance(600)
            peer.ok("bye")
            peer.expect_end("bye")
            clock.advance(600)
    window = ("--since", "2026-11-20 10:05", "--until", "2026-11-20 10:15")
    assert [stay["nick"] for stay in record_of(operator, *window)] == ["ada"]
    assert record_of(operator, "--since", "2026-11-21") == []
    assert len(record_of(operator, "--until", "2026-11-20")) == 2


def test_a_nick_is_no_formula(operator: Operator) -> None:
    """A spreadsheet that opens the CSV runs nothing that a pupil wrote."""
    nicks = ["=HYPERLINK(1)", "+1", "-1", 'a","b']
    with running_server(operator.data) as server, House(address_of(server)) as house:
        for nick in nicks:
            house.enter(nick, "lobby")
    out = operator.done("attendance", "--room", "lobby", "--format", "csv").lines
    head, *found = list(csv.reader(out))
    assert head[:5] == ["room", "nick", "account", "from", "until"]
    assert sorted(row[1] for row in found) == ["'+1", "'-1", "'=HYPERLINK(1)", 'a","b']
    assert not [cell for row in found for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_what_is_old_goes(operator: Operator) -> None:
    """With the messages of that time, or after the time that `keep_attendance` says."""
    clock = ManualClock(START)
    with running_server(operator.data, clock) as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        ada.ok("leave", room="lobby")
        clock.advance(40 * 86400)  # while it runs, or an hour of running is needed for each day
    with running_server(operator.data, clock, keep=Keep(seconds=50 * 86400.0)):
        assert len(rows(operator.data)) == 1
    with running_server(
        operator.data, clock, keep=Keep(seconds=30 * 86400.0), keep_attendance=50 * 86400.0
    ):
        assert len(rows(operator.data)) == 1
    with running_server(operator.data, clock, keep=Keep(seconds=30 * 86400.0)):
        pass
    assert "lobby" in operator.refused("attendance", "--room", "lobby")


def test_it_can_be_left_out(operator: Operator) -> None:
    """With `--no-attendance` the server keeps nothing."""
    with running_server(operator.data, attendance=False) as server:
        with House(address_of(server)) as house:
            house.enter("ada", "lobby")
        assert not (operator.data / attendance.FILE).exists()
    assert attendance.FILE in operator.refused("attendance", "--room", "lobby")


def test_a_record_that_cannot_be_written(operator: Operator) -> None:
    """Nobody notices in the rooms; and when it can be again, nothing is missing."""
    with (
        running_server(operator.data, interval=SOON) as server,
        House(address_of(server)) as house,
    ):
        house.enter("ada", "lobby")
        eventually(lambda: _has(operator.data, "ada"))
        blocker = sqlite3.connect(operator.data / attendance.FILE, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        eva = house.enter("eva", "lobby")
        eva.say("lobby", "hi")
        blocker.execute("ROLLBACK")
        blocker.close()
        eventually(lambda: _has(operator.data, "eva"))


# -- what belongs together


def stored(number: int, nick: str, came: float, gone: float | None, **more: Any) -> StoredStay:
    row = {"account": None, "session": None, **more}
    return StoredStay(number, nick, row["account"], row["session"], came, gone)


def summary(found: list[StoredStay], **more: Any) -> list[tuple[str, float, float]]:
    options = {"now": 1000.0, "gap": 60.0, "running": True, **more}
    return [(stay.nicks[0], stay.came, stay.gone) for stay in merged(found, **options)]


def test_two_devices_of_an_account_are_one_person() -> None:
    """From the first that came to the last that left."""
    assert summary(
        [
            stored(1, "ada", 0, 500, account="ada", session=1),
            stored(2, "ada-phone", 100, 700, account="ada", session=2),
            stored(3, "eva", 200, 300, account="eva", session=3),
        ]
    ) == [("ada", 0, 700), ("eva", 200, 300)]


def test_who_takes_a_nick_over_is_somebody_else() -> None:
    """Where accounts tell them apart; a nick alone does so after the gap only."""
    assert (
        len(
            summary(
                [
                    stored(1, "ada", 0, 100, account="ada", session=1),
                    stored(2, "ada", 110, 200, account="eva", session=2),
                ]
            )
        )
        == 2
    )
    assert len(summary([stored(1, "ada", 0, 100), stored(2, "ada", 161, 200)])) == 2
    assert len(summary([stored(1, "ada", 0, 100), stored(2, "Ada", 159, 200)])) == 1


def test_who_logs_in_on_the_way_is_the_same_person() -> None:
    """The session says so."""
    assert summary(
        [
            stored(1, "guest1", 0, 100, session=1),
            stored(2, "ada", 100, 200, session=1, account="ada"),
        ]
    ) == [("guest1", 0, 200)]


def test_one_nick_does_not_make_two_accounts_one() -> None:
    """Not even by way of somebody who is logged in to neither."""
    assert (
        len(
            summary(
                [
                    stored(1, "guest", 0, 100, session=1),
                    stored(2, "ada", 100, 500, session=1, account="ada"),
                    stored(3, "eva", 50, 500, session=2, account="eva"),
                    stored(4, "guest", 450, 500, session=2),
                ]
            )
        )
        == 2
    )


def test_who_is_there_without_a_server() -> None:
    """Nobody: the record goes as far as it goes."""
    (stay,) = merged([stored(1, "ada", 0, None)], 50.0, 60.0, running=False)
    assert (stay.gone, stay.lasts) == (50.0, False)


def test_json_has_no_control_characters(operator: Operator) -> None:
    """Even where somebody wrote them into the file."""
    with running_server(operator.data) as server, House(address_of(server)) as house:
        house.enter("ada", "lobby")
    connection = sqlite3.connect(operator.data / attendance.FILE)
    with connection:
        connection.execute("UPDATE stays SET nick = ?", ("\x1b[2J\x9b",))
    connection.close()
    for form in ("json", "csv", "txt"):
        out = operator.done("attendance", "--room", "lobby", "--format", form).out
        assert not set(out) & set("\x1b\x9b")
    assert json.loads(operator.done("attendance", "--room", "lobby", "--format", "json").out)
