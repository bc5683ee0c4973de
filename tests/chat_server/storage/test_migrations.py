"""Data folders of earlier formats: a server goes on with all that is in them.

`formats/N` holds the databases of a folder as SQL. A real server of format N made them, and
`SESSIONS` says who its clients were. All hold the same.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from chat_server.admin import archive
from chat_server.identity.store import people_store
from chat_server.rooms import attendance
from chat_server.runtime.errors import AdminError, StartError
from chat_server.storage.migrations import Format, migrate
from chat_server.storage.sqlite import log_file
from chat_server.storage.sqlite.log import SqliteLog
from tests.chat_server.admin.folders import Operator
from tests.chat_server.house import House, seqs, texts, whole_log
from tests.support.peer import Peer
from tests.support.servers import ServerProcess

pytestmark = pytest.mark.long

FORMATS = Path(__file__).parent / "formats"
DATABASES = {
    log_file.FILE: log_file.FORMAT,
    people_store.FILE: people_store.FORMAT,
    attendance.FILE: attendance.FORMAT,
}
PASSWORD = "correct horse battery"


class Left(NamedTuple):
    """A session of a folder: its secret, and an id above all that it used."""

    secret: str
    next_id: int


# Of the sessions in each folder. Ada owns the server and has an account; mia is a moderator.
SESSIONS = {
    "ada": Left("xOv_2g5rg48UHlFQJFmt2oxYrT4tPd6WZ1tXg9KrISU", 6),
    "mia": Left("RTLj2VfGqBjE-d6wAFNlIIBs8n8sApGDeiAbGxfixnM", 7),
    "eva": Left("MNAgejiw0CK4xsiSLtnR_8BKRe0XcAizix1Xh8zoTv8", 8),
    "bob": Left("sketnujiLEq3FUIC40gDVVq_juSgH5qaE-E4hmSamWA", 3),
}
LOBBY = ["good morning", "waves", "naïve 🦊 emoji", "I am not a person", "Lunch at noon"]

# A database of format 1 may lack these: the first servers made it without.
LATER = {
    log_file.FILE: ("incarnations", "forks", "opening", "confirmed"),
    people_store.FILE: ("done", "hands"),
    attendance.FILE: (),
}


def build(folder: Path, version: int) -> None:
    """Make the data folder that a server of a format left."""
    for dump in (FORMATS / str(version)).glob("*.sql"):
        with closing(sqlite3.connect(folder / f"{dump.stem}.db")) as database:
            database.executescript(dump.read_text(encoding="utf-8"))


def version_of(path: Path) -> int:
    """Return the format that a database notes."""
    with closing(sqlite3.connect(path)) as database:
        ((version,),) = database.execute("PRAGMA user_version")
        return int(version)


def shape_of(path: Path) -> list[tuple[str, str]]:
    """Return the tables and indexes of a database, and the words that made them."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return sorted((name, " ".join(sql.split())) for name, sql in rows)


@pytest.fixture(params=[1, 2, 3])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of an earlier format."""
    build(tmp_path, request.param)
    return tmp_path


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    """A server that goes on with that folder."""
    with ServerProcess.serve(folder) as server, House(server.address) as house:
        yield house
        server.terminate()
        assert server.wait() == 0
        assert "Traceback" not in server.stderr


def come_back(house: House, nick: str, *rooms: str) -> Peer:
    """Come in with the session that somebody left."""
    left = SESSIONS[nick]
    peer = house.enter(nick, session=left.secret)
    peer.skip_ids(1000)
    for room in rooms:
        peer.join(room)
    return peer


def test_messages_and_topics_are_there(house: House) -> None:
    """In their order, with who said them and how; and the log goes on behind them."""
    eva = come_back(house, "eva")
    assert eva.join("garden")["topic"] == "Roses"
    assert eva.join("lobby")["seq"] == len(LOBBY)
    log = whole_log(eva, "lobby")
    assert texts(log) == LOBBY
    assert seqs(log) == list(range(1, len(LOBBY) + 1))
    assert [message["from"] for message in log] == ["ada", "eva", "bob", "zoe", "mia"]
    assert [message["kind"] for message in log] == ["text", "action", "text", "text", "notice"]
    assert [message.get("bot", False) for message in log] == [False, False, False, True, False]
    assert eva.say("lobby", "good evening") == len(LOBBY) + 1
    found = eva.page("search", room="lobby", query="good")["messages"]
    assert texts(found) == ["good morning", "good evening"]


def test_a_request_of_before_is_stored_once(house: House) -> None:
    """Ada's fifth request was her first message: sent again it gets the same number."""
    ada = house.enter("ada", session=SESSIONS["ada"].secret)
    ada.join("lobby")
    ada.send({"type": "say", "id": 5, "room": "lobby", "text": "good morning"})
    assert ada.reply(5)["seq"] == 1
    assert texts(whole_log(ada, "lobby")) == LOBBY


def test_accounts_and_roles_are_there(house: House) -> None:
    """Ada's session is logged in, her password is right elsewhere; mia is a moderator."""
    welcome = house.connect().hello("ada", session=SESSIONS["ada"].secret)
    assert (welcome["account"], welcome["role"]) == ("ada", "owner")
    elsewhere = house.connect().hello("ada", account_password=PASSWORD)
    assert (elsewhere["account"], elsewhere["role"]) == ("ada", "owner")
    assert house.connect().hello("mia", session=SESSIONS["mia"].secret)["role"] == "moderator"
    assert house.connect().hello("ada")["code"] == "nick_in_use"


def test_bans_and_mutes_hold(house: House) -> None:
    """Zoe is banned and bob is muted."""
    zoe = house.connect()
    zoe.send({"type": "hello", "version": 1, "nick": "zoe"})
    zoe.expect_fatal("banned")
    bob = come_back(house, "bob", "lobby")
    bob.refused("muted", "say", room="lobby", text="hello")


def test_rules_and_hands_hold(house: House) -> None:
    """The garden is frozen and slow, and eva's hand is up there."""
    mia = come_back(house, "mia", "garden")
    assert house.enter("new").join("garden")["frozen"] is True
    assert mia.page("hands", room="garden")["hands"] == ["eva"]


@pytest.mark.parametrize("without", [{}, LATER], ids=["whole", "without the later tables"])
def test_every_database_gets_the_present_format(
    folder: Path, without: dict[str, tuple[str, ...]]
) -> None:
    """Its tables are those of a new one; and what was said is there."""
    for name, tables in without.items():
        if version_of(folder / name) > 1:
            continue  # every database of a later format has them
        with closing(sqlite3.connect(folder / name)) as database:
            for table in tables:
                database.execute(f"DROP TABLE {table}")
    new = folder / "new"
    new.mkdir()
    for data in (folder, new):
        with ServerProcess.serve(data) as server, House(server.address) as house:
            said = whole_log(house.enter("new", "lobby"), "lobby")
            assert texts(said) == (LOBBY if data == folder else [])
            server.terminate()
            assert server.wait() == 0
    for name, form in DATABASES.items():
        assert version_of(folder / name) == version_of(new / name) == form.version
        assert shape_of(folder / name) == shape_of(new / name)


def test_an_operator_reads_a_folder_that_no_server_has_opened_since(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Export, attendance, audit and backup; none of them changes the files."""
    operator = Operator(capsys, folder)
    before = {name: (folder / name).read_bytes() for name in DATABASES}
    records = operator.done("export", "--room", "lobby", "--format", "json").records
    assert [record["text"] for record in records] == LOBBY
    assert "eva" in operator.done("attendance", "--room", "garden").out
    acts = [json.loads(line) for line in operator.done("audit", "--format", "json").lines]
    assert "ban" in [act["act"] for act in acts]
    copy = tmp_path_factory.mktemp("copies") / "copy"
    operator.done("backup", copy)
    assert {name: (folder / name).read_bytes() for name in DATABASES} == before
    with ServerProcess.serve(copy) as server, House(server.address) as house:
        assert texts(whole_log(house.enter("new", "lobby"), "lobby")) == LOBBY


# -- steps ----------------------------------------------------------------------------------------

TWO = Format(7, ("CREATE TABLE words (word TEXT)", "ALTER TABLE words ADD COLUMN count INTEGER"))


def made(path: Path, form: Format) -> None:
    """Make a database, or go on with one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        migrate(database, form)


def test_each_step_is_taken_once(tmp_path: Path) -> None:
    """What was in the table stays."""
    path = tmp_path / "words.db"
    made(path, TWO._replace(steps=TWO.steps[:1]))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO words VALUES ('one')")
    for _ in range(2):
        made(path, TWO)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM words").fetchall() == [("one", None)]
    assert version_of(path) == 2


def test_an_empty_file_takes_all_steps_or_none(tmp_path: Path) -> None:
    """It is made in one transaction."""
    path = tmp_path / "words.db"
    with pytest.raises(sqlite3.OperationalError, match="nothing"):
        made(path, TWO._replace(steps=(*TWO.steps, "INSERT INTO nothing VALUES (1)")))
    assert version_of(path) == 0
    assert shape_of(path) == []
    made(path, TWO)
    assert version_of(path) == 2


def test_a_step_that_fails_leaves_the_format_before(tmp_path: Path) -> None:
    """Nothing of it is kept, and the next try begins there."""
    path = tmp_path / "words.db"
    made(path, TWO._replace(steps=TWO.steps[:1]))
    broken = TWO._replace(steps=(TWO.steps[0], f"{TWO.steps[1]}; INSERT INTO nothing VALUES (1)"))
    with pytest.raises(sqlite3.OperationalError, match="nothing"):
        made(path, broken)
    assert version_of(path) == 1
    assert "count" not in shape_of(path)[0][1]
    made(path, TWO)
    assert version_of(path) == 2


def raise_version(path: Path) -> None:
    """Let a database be of a later format."""
    with closing(sqlite3.connect(path)) as database:
        ((version,),) = database.execute("PRAGMA user_version")
        database.execute(f"PRAGMA user_version = {version + 1}")


@pytest.mark.parametrize("name", DATABASES)
def test_a_later_format_is_refused(tmp_path: Path, name: str) -> None:
    """With both numbers, by the server and by the operator's commands; the file stays as it is."""
    build(tmp_path, 1)
    with ServerProcess.serve(tmp_path) as server:
        server.terminate()
        server.wait()
    raise_version(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    later, known = DATABASES[name].version + 1, DATABASES[name].version
    sentence = f"it has format {later}, and this program reads formats up to {known}"
    with ServerProcess("--port", "0", "--data", tmp_path) as server:
        assert server.wait() != 0
        assert sentence in server.stderr
    with (
        pytest.raises(AdminError, match=sentence),
        archive.opened(tmp_path / name, DATABASES[name]),
    ):
        pass
    assert (tmp_path / name).read_bytes() == before


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    """Before anything is written to it."""
    build(tmp_path, 1)
    shutil.copy(tmp_path / people_store.FILE, tmp_path / log_file.FILE)
    before = (tmp_path / log_file.FILE).read_bytes()
    with pytest.raises(StartError, match="another program"):
        SqliteLog(tmp_path)
    assert (tmp_path / log_file.FILE).read_bytes() == before
