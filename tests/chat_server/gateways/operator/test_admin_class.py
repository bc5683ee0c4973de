"""Class lists, as an operator types the commands: reserve, hand out, compare, forget."""

import re
from pathlib import Path

import pytest

from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House
from tests.support.clock import ManualClock
from tests.support.servers import running_server
from tests.support.waiting import eventually

LIST = "Ana Kovač,ana,correct horse\nBen B.,ben\nCy,cy\n"


@pytest.fixture
def operator(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Operator:
    """An operator, whose data folder is that of the server."""
    data = tmp_path / "data"
    data.mkdir()
    return Operator(capsys, data)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A class list."""
    path = tmp_path / "10b.csv"
    path.write_text(LIST, encoding="utf-8")
    return path


def add(operator: Operator, file: Path, *more: str) -> Path:
    """Add a class, and return the sheet."""
    sheet = file.with_suffix(".html")
    operator.done("class", "add", file, "-o", sheet, "--page", "http://10.0.0.7/", *more)
    return sheet


def not_added(operator: Operator, file: Path, *more: str) -> str:
    """Try to add a class, and return why that is refused."""
    sheet = file.with_suffix(".html")
    outcome = operator.types("class", "add", file, "-o", sheet, "--page", "http://10.0.0.7/", *more)
    assert (outcome.code, outcome.out) == (1, "")
    return outcome.err


def pin_of(sheet: Path, nick: str) -> str:
    """What the sheet says."""
    found = re.search(
        rf'nick: <b>{nick}</b></p><p>PIN: <span class="pin">([^<]*)', sheet.read_text("utf-8")
    )
    assert found is not None
    return found[1]


def test_a_class_from_the_list_to_the_sheet_to_the_lesson(operator: Operator, file: Path) -> None:
    """The nicks are reserved, the PINs let in, and the attendance knows who was there."""
    clock = ManualClock(1_795_168_800.0)
    with running_server(operator.data, clock) as server, House(server) as house:
        sheet = add(operator, file)
        assert sheet.stat().st_mode & 0o777 == 0o600
        assert house.connect().hello("ben")["code"] == "nick_in_use"
        assert house.connect().hello("ben", account_password="wrong pin")["code"] == "nick_in_use"
        ben = house.enter("ben", "lobby", account_password=pin_of(sheet, "ben"))
        clock.advance(600)
        ana = house.enter("ana", "lobby", account_password="correct horse")
        house.enter("guest", "lobby")
        clock.advance(1200)
        for peer in (ana, ben):
            peer.ok("bye")
            peer.expect_end("bye")
        listed = operator.done("class", "list", "10b").lines
        assert [line.split()[-2:] for line in listed[1:]] == [
            ["ana", "yes"],
            ["ben", "yes"],
            ["cy", "yes"],
        ]
    options = ("--begin", "2026-11-20 10:00", "--end", "2026-11-20 10:30", "--format", "json")
    records = operator.done(
        "attendance", "--room", "lobby", "--by", "person", "--class", "10b", *options
    ).records
    assert [(each["name"], each["state"]) for each in records] == [
        ("Ana Kovač", "late"),
        ("Ben B.", "present"),
        ("Cy", "absent"),
        ("", "not on the list"),
    ]


def test_the_pins_are_nowhere_on_the_disk(operator: Operator, file: Path) -> None:
    """But on the sheet."""
    with running_server(operator.data):
        pin = pin_of(add(operator, file), "ben")
        kept = b"".join(path.read_bytes() for path in operator.data.glob("people.db*"))
    assert b"ben" in kept
    assert pin.encode() not in kept
    assert b"correct horse" not in kept


def test_nothing_is_half_done(operator: Operator, file: Path) -> None:
    """An account, somebody who is here, a look-alike: each is told with its line."""
    with running_server(operator.data) as server, House(server) as house:
        house.enter("ana").ok("register", password="battery staple")
        house.enter("Ben")
        told = not_added(operator, file)
        assert "nothing was done" in told
        assert "line 1: 'ana' belongs to an account already" in told
        assert "line 2: somebody here is called 'ben'" in told
        assert "line 3" not in told
        assert not file.with_suffix(".html").exists()
        assert "no class list" in operator.refused("class", "list")
        house.enter("cy")


def test_the_same_list_twice(operator: Operator, file: Path) -> None:
    """The sheet of the first time stays as it is."""
    with running_server(operator.data):
        sheet = add(operator, file)
        before = sheet.read_text("utf-8")
        assert "there already" in not_added(operator, file)
        assert "line 1" in not_added(operator, file, "--force")
    assert sheet.read_text("utf-8") == before


def test_a_class_is_kept_and_forgotten(operator: Operator, file: Path) -> None:
    """One person, or all; the nicks are free then, and the PINs of no use."""
    with running_server(operator.data):
        sheet = add(operator, file, "--class", "10 b")
    with running_server(operator.data) as server, House(server) as house:
        house.enter("ben", account_password=pin_of(sheet, "ben"))
        assert "zoe" in operator.refused("class", "remove", "10 b", "zoe")
        assert operator.done("class", "remove", "10 b", "cy").lines == [
            "cy is no longer on the list of 10 b; the nick is free."
        ]
        house.enter("cy")
        operator.done("class", "remove", "10 b")
        house.enter("ana")
        assert "no class" in operator.refused("class", "remove", "10 b")
    acts = operator.done("audit", "--format", "json").records
    assert [(act["who"], act["act"], act["whom"]) for act in acts] == [
        ("the operator", "class-add", "10 b"),
        ("the operator", "remove-account", "@cy"),
        ("the operator", "class-remove", "10 b: cy"),
        ("the operator", "remove-account", "@ana"),
        ("the operator", "remove-account", "@ben"),
        ("the operator", "class-remove", "10 b"),
    ]


def test_a_pin_is_guessed_as_slowly_as_any_password(operator: Operator, file: Path) -> None:
    """It is one."""
    with running_server(operator.data, ManualClock()) as server, House(server) as house:
        add(operator, file)
        guest = house.enter("guest")
        codes = [
            guest.request("login", account="ben", password=f"{number:08}")["code"]
            for number in range(10)
        ]
    assert codes[0] == "forbidden"
    assert codes[-1] == "rate_limited"


def test_an_owner_of_the_settings_is_on_no_list(operator: Operator, file: Path) -> None:
    """Or whoever has the sheet would be an owner."""
    with running_server(operator.data, owners=("cy",)):
        told = not_added(operator, file)
    assert "line 3" in told
    assert "owner" in told


def test_html_and_lessons_are_for_persons(operator: Operator) -> None:
    """A stay has no beginning that it could be late for."""
    with running_server(operator.data) as server, House(server) as house:
        house.enter("ana", "lobby")
        eventually(lambda: operator.types("attendance", "--room", "lobby").code == 0)
        for options in (("--format", "html"), ("--begin", "today")):
            told = operator.refused("attendance", "--room", "lobby", *options)
            assert "--by person" in told
        told = operator.refused("attendance", "--room", "lobby", "--by", "person")
        assert "class add" in told
