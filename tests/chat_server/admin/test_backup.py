"""Copies of what is kept."""

import stat
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chat_server.admin.backup import back_up
from chat_server.identity import owner_secret
from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act
from chat_server.runtime.errors import AdminError
from tests.chat_server.admin.folders import START, keep
from tests.chat_server.house import House, texts, whole_log
from tests.support.servers import ServerProcess, address_of, running_server


def log_of(data: Path, room: str = "lobby") -> list[str]:
    """What a server that is started on a folder knows of a room."""
    with running_server(data) as server, House(address_of(server)) as house:
        return texts(whole_log(house.enter("eva", room), room))


def test_a_server_starts_on_the_copy(tmp_path: Path) -> None:
    """It has all that was confirmed before the copy began, though talking never stops."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    # Enough that copying takes many steps.
    keep(data, "lobby", [(START, "ana", "text", "x" * 2000)] * 5000)
    stopping = threading.Event()
    with running_server(data) as server, House(address_of(server)) as house:
        ada, bob = house.enter("ada", "lobby"), house.enter("bob", "lobby")

        def chatter() -> None:
            while not stopping.is_set():
                bob.say("lobby", "chatter")

        talking = threading.Thread(target=chatter)
        talking.start()
        for number in range(50):
            ada.say("lobby", f"text {number}")
        sizes = back_up(data, copy, force=False)
        stopping.set()
        talking.join()
    assert set(sizes) >= {"history.db", "attendance.db"}
    assert {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in copy.iterdir()
    } == dict.fromkeys(sizes, 0o600)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    found = log_of(copy)
    assert found[:5000] == ["x" * 2000] * 5000
    assert [text for text in found[5000:] if text != "chatter"] == [f"text {n}" for n in range(50)]


def test_a_session_goes_on_in_the_copy(tmp_path: Path) -> None:
    """Also what makes sending again harmless is in it."""
    with running_server(tmp_path / "data") as server, House(address_of(server)) as house:
        ada = house.enter("ada", "lobby")
        first = ada.post("say", room="lobby", text="once")
        ada.reply(first)
        back_up(tmp_path / "data", tmp_path / "copy", force=False)
        secret = ada.session
    with running_server(tmp_path / "copy") as server, House(address_of(server)) as house:
        again = house.enter("ada", "lobby", session=secret)
        assert again.session == secret
        again.send({"type": "say", "id": first, "room": "lobby", "text": "once"})
        assert again.reply(first)["seq"] == 1
        assert texts(whole_log(again, "lobby")) == ["once"]


def test_without_a_server(tmp_path: Path) -> None:
    """And what a killed server left behind is in it too."""
    with ServerProcess.serve(tmp_path / "data") as server:
        with House(server.address) as house:
            house.enter("ada", "lobby").say("lobby", "kept")
        server.kill()
    back_up(tmp_path / "data", tmp_path / "copy", force=False)
    assert log_of(tmp_path / "copy") == ["kept"]
    assert log_of(tmp_path / "data") == ["kept"]


def test_people_and_the_key_are_in_it(tmp_path: Path) -> None:
    """Who was banned stays banned, and clients know the server again."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    with running_server(data, tls=True):
        with closing(PeopleStore(data)) as people:
            people.note(Act(START, "ada", "kick", "eva"))
        sizes = back_up(data, copy, force=False)
    assert {"people.db", "tls-key.pem", "tls-certificate.pem"} <= set(sizes)
    for name in ("tls-key.pem", "tls-certificate.pem"):
        assert (copy / name).read_bytes() == (data / name).read_bytes()
        assert stat.S_IMODE((copy / name).stat().st_mode) == 0o600
    with closing(PeopleStore(copy)) as people:
        assert (1, Act(START, "ada", "kick", "eva")) in people.acts()


def test_no_backup_has_the_owners_secret(tmp_path: Path) -> None:
    """Whoever has it is in charge, and a copy goes through more hands."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    with running_server(data) as server:
        secret = server.owner_secret
        assert secret
        server.note_secret_shown()
        back_up(data, copy, False)
    assert not (copy / owner_secret.FILE).exists()
    assert not [path for path in copy.iterdir() if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("name", ["copy.tar", "copy.tar.gz", "copy.tgz"])
def test_an_archive(tmp_path: Path, name: str) -> None:
    """One file, with the folder inside."""
    keep(tmp_path / "data", "lobby", [(START, "ana", "text", "kept")])
    target = tmp_path / name
    back_up(tmp_path / "data", target, force=False)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as archive:
        assert all(member.mode == 0o600 and not member.uname for member in archive.getmembers())
        # Not `extractall(filter=...)`, which Python has since 3.11.4: older ones ignore this.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path / "unpacked")
    assert log_of(tmp_path / "unpacked" / "copy") == ["kept"]


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_nothing_is_overwritten_without_force(tmp_path: Path, name: str) -> None:
    """And with it, by a copy that is whole."""
    keep(tmp_path / "data", "lobby", [(START, "ana", "text", "first")])
    target = tmp_path / name
    back_up(tmp_path / "data", target, force=False)
    before = sorted(path.name for path in tmp_path.iterdir())
    keep(tmp_path / "data", "lobby", [(START, "ana", "text", "second")])
    with pytest.raises(AdminError, match="--force"):
        back_up(tmp_path / "data", target, force=False)
    back_up(tmp_path / "data", target, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    if target.is_dir():
        assert log_of(target) == ["first", "second"]


def test_force_replaces_copies_only(tmp_path: Path) -> None:
    """Neither the data folder, nor somebody's pictures."""
    data = tmp_path / "data"
    keep(data, "lobby", [(START, "ana", "text", "kept")])
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "cat.png").write_bytes(b"cat")
    for target in (data, data / "copy", tmp_path, tmp_path / "data" / ".." / "data"):
        with pytest.raises(AdminError, match="inside"):
            back_up(data, target, force=True)
    with pytest.raises(AdminError, match="not replaced"):
        back_up(data, pictures, force=True)
    assert (pictures / "cat.png").read_bytes() == b"cat"
    assert log_of(data) == ["kept"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """No half of a copy that somebody could take for one."""
    data = tmp_path / "data"
    keep(data, "lobby", [(START, "ana", "text", "x" * 4000)] * 100)
    database = data / "history.db"
    content = database.read_bytes()
    database.write_bytes(content[: len(content) // 2])
    with pytest.raises(AdminError, match=r"history\.db"):
        back_up(data, tmp_path / "copy", force=False)
    with pytest.raises(AdminError, match="no folder"):
        back_up(data, tmp_path / "nowhere" / "copy", force=False)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
