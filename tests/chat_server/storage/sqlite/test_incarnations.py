"""Numbers that are given out again: the log has another name, and nobody misses what was said."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.admin.backup import back_up
from chat_server.storage.sqlite import incarnations
from chat_server.storage.sqlite.incarnations import FILE
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.house import House, texts
from tests.chat_server.storage.logs import append, entry
from tests.support.peer import Frame
from tests.support.servers import ServerProcess, running_server

DATABASE = "history.db"


def say(data: Path, *said: str) -> str:
    """Say something in a lobby, and return the name of the log."""
    with running_server(data) as server, House(server) as house:
        ada = house.enter("ada")
        name: str = ada.join("lobby")["log"]
        for text in said:
            ada.say("lobby", text)
    return name


def come_back(data: Path, after: int, log: str | None, count: int) -> tuple[Frame, list[str]]:
    """Join the lobby behind a message. Return the `ok`, and the next `count` texts."""
    with running_server(data) as server, House(server) as house:
        eva = house.enter("eva")
        ok = eva.join("lobby", after=after, **({} if log is None else {"log": log}))
        heard = texts(eva.messages(count))
        eva.ping()
        assert not [frame for frame in eva.queue if frame["type"] == "message"]
        return ok, heard


def name_of(data: Path) -> str:
    """What a store calls its log at another start."""
    with closing(SqliteLog(data)) as store:
        return store.name


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


# -- the name stays --------------------------------------------------------------------------------


def test_the_name_stays_over_clean_stops(data: Path) -> None:
    assert say(data, "one") == say(data, "two") == say(data)


def test_the_name_stays_over_a_kill(data: Path) -> None:
    names = []
    for _ in range(3):
        with ServerProcess.serve(data) as server, House(server.address) as house:
            ada = house.enter("ada")
            names.append(ada.join("lobby")["log"])
            ada.say("lobby", "hi")
            server.kill()
    assert len(set(names)) == 1


def test_all_rooms_have_the_same_name(data: Path) -> None:
    with running_server(data) as server, House(server) as house:
        ada = house.enter("ada")
        assert ada.join("lobby")["log"] == ada.join("garden")["log"]


def test_a_kill_while_the_name_is_noted_changes_nothing(data: Path) -> None:
    """The database has the next number, the file beside it has it or not."""
    name = name_of(data)
    for written in (True, False):
        with closing(sqlite3.connect(data / DATABASE, isolation_level=None)) as database:
            database.execute(
                "UPDATE opening SET sidecar = NULL, generation = generation + ?", (not written,)
            )
        assert name_of(data) == name


def test_a_removed_room_keeps_the_name(data: Path) -> None:
    """Its numbers go on, so that no cursor is ahead."""
    name = say(data, "one", "two")
    with closing(SqliteLog(data)) as store:
        store.remove_room("lobby")
    ok, _ = come_back(data, 2, name, 0)
    assert (ok["log"], ok["seq"]) == (name, 2)
    assert "diverged" not in ok


# -- the name changes ------------------------------------------------------------------------------


def restored_from_admin_backup(data: Path, go_on: Callable[[], None]) -> None:
    copy = data.with_name("copy")
    back_up(data, copy, force=False)
    go_on()
    shutil.rmtree(data)
    copy.rename(data)


def restored_database_alone(data: Path, go_on: Callable[[], None]) -> None:
    """The file beside it and the file that it is stay."""
    shutil.copy2(data / DATABASE, data.with_name("copy"))
    go_on()
    shutil.copy2(data.with_name("copy"), data / DATABASE)


def restored_folder_in_place(data: Path, go_on: Callable[[], None]) -> None:
    """All files are put back with the dates that they had, into the files that there are."""
    shutil.copytree(data, data.with_name("copy"))
    go_on()
    shutil.copytree(data.with_name("copy"), data, dirs_exist_ok=True)


def restored_as_another_folder(data: Path, go_on: Callable[[], None]) -> None:
    shutil.copytree(data, data.with_name("copy"))
    go_on()
    shutil.rmtree(data)
    data.with_name("copy").rename(data)


def restored_without_the_file_beside_it(data: Path, go_on: Callable[[], None]) -> None:
    restored_as_another_folder(data, go_on)
    (data / FILE).unlink()


WAYS = [
    restored_from_admin_backup,
    restored_database_alone,
    restored_folder_in_place,
    restored_as_another_folder,
    restored_without_the_file_beside_it,
]


@pytest.mark.parametrize("restore", WAYS)
def test_who_had_heard_further_gets_all_that_was_said(
    data: Path, restore: Callable[[Path, Callable[[], None]], None]
) -> None:
    """An older backup is restored, and numbers are given out again, fewer or more of them."""
    name = say(data, "one", "two")
    restore(data, lambda: [say(data, "three", "four", "five")].clear())
    assert say(data, "another three", "another four") != name
    ok, heard = come_back(data, 5, name, 2)
    assert (ok["diverged"], ok["seq"]) == (2, 4)
    assert heard == ["another three", "another four"]
    assert "oldest" not in ok


def test_who_had_heard_less_misses_nothing_and_gets_nothing_twice(data: Path) -> None:
    name = say(data, "one", "two")
    restored_database_alone(data, lambda: [say(data, "three")].clear())
    say(data, "another three")
    ok, heard = come_back(data, 1, name, 2)
    assert (ok["diverged"], heard) == (1, ["two", "another three"])


def test_a_chain_of_restores(data: Path) -> None:
    """Two logs have in common what all logs between them have."""
    first = say(data, "one", "two", "three")
    restored_database_alone(data, lambda: [say(data, "four")].clear())
    second = say(data, "second four", "second five")
    restored_database_alone(data, lambda: [say(data, "second six")].clear())
    third = say(data, "third six")
    assert len({first, second, third}) == 3
    ok, heard = come_back(data, 4, first, 3)
    assert (ok["diverged"], heard) == (3, ["second four", "second five", "third six"])
    ok, heard = come_back(data, 6, second, 1)
    assert (ok["diverged"], heard) == (5, ["third six"])
    ok, heard = come_back(data, 5, third, 1)
    assert ("diverged" in ok, heard) == (False, ["third six"])


def test_an_unknown_log_begins_at_the_first_message(data: Path) -> None:
    say(data, "one", "two")
    ok, heard = come_back(data, 9, "never heard of", 2)
    assert (ok["diverged"], heard) == (0, ["one", "two"])


def test_without_a_name_all_is_as_it_was(data: Path) -> None:
    say(data, "one", "two")
    ok, heard = come_back(data, 1, None, 1)
    assert ("diverged" in ok, heard) == (False, ["two"])


def test_a_room_that_the_earlier_log_lacked(data: Path) -> None:
    """It has nothing in common with what there is now."""
    name = say(data)
    restored_database_alone(data, lambda: [say(data, "lost")].clear())
    say(data, "new")
    ok, heard = come_back(data, 1, name, 1)
    assert (ok["diverged"], heard) == (0, ["new"])


# -- power cuts ------------------------------------------------------------------------------------


def cut_power(data: Path, monkeypatch: pytest.MonkeyPatch, sync: str, boot: str | None) -> None:
    """Keep a message and end without closing; the machine's next start is named `boot`."""
    with ServerProcess.serve(data, "--sync", sync) as server, House(server.address) as house:
        house.enter("ada", "lobby").say("lobby", "hi")
        server.kill()
    monkeypatch.setattr(incarnations, "boot_id", lambda: boot)


@pytest.mark.parametrize(
    ("sync", "boot", "changes"),
    [("normal", "another", True), ("full", "another", False), ("normal", None, True)],
)
def test_an_unclean_end_before_another_start_of_the_machine(
    data: Path, monkeypatch: pytest.MonkeyPatch, sync: str, boot: str | None, changes: bool
) -> None:
    """The tail may be missing then, unless each commit waited for the disk."""
    name = name_of(data)
    cut_power(data, monkeypatch, sync, boot)
    with closing(SqliteLog(data)) as store:
        assert (store.name != name) is changes
        assert store.common("lobby", name, 9) == (1 if changes else None)


def test_a_clean_end_before_another_start_of_the_machine(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = name_of(data)
    monkeypatch.setattr(incarnations, "boot_id", lambda: "another")
    assert name_of(data) == name


# -- what else goes by numbers, and earlier folders -----------------------------------------------


def test_search_finds_what_has_the_numbers_now(data: Path) -> None:
    """The index is of the earlier log."""
    say(data, "one")

    def go_on() -> None:
        with running_server(data) as server, House(server) as house:
            ada = house.enter("ada", "lobby")
            ada.say("lobby", "apples")
            ada.say("lobby", "plums")
            assert len(ada.page("search", room="lobby", query="plums")["messages"]) == 1

    restored_database_alone(data, go_on)
    with running_server(data) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        ada.say("lobby", "pears")
        ada.say("lobby", "cherries")
        for query, found in [("pears", ["pears"]), ("plums", []), ("apples", [])]:
            page = ada.page("search", room="lobby", query=query)
            assert texts(page["messages"]) == found


def test_a_folder_of_before_opens(data: Path) -> None:
    """It gets a name, and a backup of it as it is can be made."""
    with closing(SqliteLog(data)) as store:
        append(store, entry("old", request=1))
    with closing(sqlite3.connect(data / DATABASE)) as database:
        database.execute("ALTER TABLE messages DROP COLUMN marks")
        for table in ("incarnations", "forks", "opening", "deleted", "removed", "originals"):
            database.execute(f"DROP TABLE {table}")
        database.execute("PRAGMA user_version = 1")
    (data / FILE).unlink()
    back_up(data, data.with_name("copy"), force=False)
    assert sorted(os.listdir(data.with_name("copy"))) == [DATABASE]
    name = say(data, "new")
    assert name
    ok, heard = come_back(data, 0, name, 2)
    assert (ok["log"], heard) == (name, ["old", "new"])


def test_only_so_many_incarnations_are_remembered(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incarnations, "KEPT", 2)
    first = say(data, "one")
    names = [first]
    for _ in range(3):
        (data / FILE).unlink()
        names.append(name_of(data))
    with closing(SqliteLog(data)) as store:
        common = [store.common("lobby", name, 5) for name in names]
    assert common == [0, 0, 1, None]
