"""Settings that change while the server runs: nobody leaves, and what is wrong changes nothing."""

import logging
import os
import pty
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from chat_server.runtime.config.setting_types import Keep
from chat_server.runtime.config.settings import SETTINGS, Settings
from chat_server.server import Server
from tests.chat_server.house import House, whole_log
from tests.support.peer import Peer
from tests.support.servers import ENVIRONMENT, ROOT, ServerProcess, address_of, running_server
from tests.support.waiting import DEADLINE, eventually


def change(server: Server, **settings: object) -> None:
    """Give a server other settings, as SIGHUP does."""
    server.reload(replace(server.settings, **settings))  # type: ignore[arg-type]


def test_what_is_told_to_who_comes_in(house: House) -> None:
    """The greeting and the limits: the new ones for who comes now, and nobody leaves."""
    assert house.server is not None
    ada = house.enter("ada", "lobby")
    change(house.server, motd="Chapter 8", rooms_per_client=1, hello_timeout=3.0)
    welcome = house.connect().hello("eva")
    assert welcome["motd"] == "Chapter 8"
    assert welcome["limits"]["rooms_per_client"] == 1
    assert welcome["limits"]["hello_timeout"] == 3.0
    ada.say("lobby", "still here")


def test_limits_on_clients_and_rooms(house: House) -> None:
    """They count from now on: whoever is over a new one stays."""
    assert house.server is not None
    house.enter("ada", "one", "two")
    eva = house.enter("eva")
    change(house.server, connections=1, rooms=1)
    house.connect().expect_fatal("server_full")
    eva.refused("too_many_rooms", "join", room="three")
    eva.join("one")
    change(house.server, connections=100, rooms=100)
    house.enter("ben", "three")


def test_limits_on_requests_are_for_new_connections() -> None:
    """Each connection's budget is its own for as long as it lasts."""
    with running_server() as server, House(server) as house:
        ada = house.enter("ada")
        change(server, requests_per_second=0.001, requests_burst=3)
        for _ in range(10):
            ada.ping()
        eva = house.enter("eva")
        for _ in range(2):
            eva.ping()
        eva.refused("rate_limited", "ping")


def test_what_is_kept() -> None:
    """From all to five messages of each room."""
    with running_server(interval=0.02) as server, House(server) as house:
        ada = house.enter("ada", "lobby")
        for number in range(20):
            ada.say("lobby", f"number {number}")
        change(server, keep=Keep(messages=5))
        eventually(lambda: len(whole_log(ada, "lobby")) == 5)


def test_what_has_changed_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """With what needs a restart, which does not count."""
    assert house.server is not None
    caplog.set_level(logging.INFO)
    before = house.server.settings
    change(house.server, motd="a\nb", delivery_workers=3)
    assert 'from now on motd = "a\\nb"' in caplog.messages
    assert "this needs a restart: delivery_workers = 3" in caplog.messages
    assert house.server.settings == replace(before, motd="a\nb")
    caplog.clear()
    change(house.server)
    assert caplog.messages == ["the settings are as they were"]


def test_what_is_live() -> None:
    """All but where the server is, what it stands on, and how many threads it has."""
    fixed = {name for name, setting in SETTINGS.items() if not setting.live}
    assert {"host", "port", "unix", "data", "sync", "delivery_workers"} <= fixed
    assert not fixed & {"motd", "keep", "no_limits", "log_level", "log_json", "hello_timeout"}
    new, live, later = Settings().taking_live(Settings(port=1, motd="x"))
    assert new == Settings(motd="x")
    assert [each.name for each in live + later] == ["motd", "port"]


def test_settings_that_change_all_the_time_are_always_whole() -> None:
    """A client that connects meanwhile gets the old or the new settings, never a mixture."""
    both = ({"motd": "a", "rooms_per_client": 11}, {"motd": "b", "rooms_per_client": 22})
    with running_server(**both[0]) as server, House(server) as house:  # type: ignore[arg-type]
        stop = threading.Event()

        def flip() -> None:
            while not stop.is_set():
                for each in both:
                    change(server, **each)

        thread = threading.Thread(target=flip)
        thread.start()
        try:
            for number in range(50):
                peer = house.connect()
                welcome = peer.hello(f"ada{number}")
                found = {"motd": welcome["motd"], **welcome["limits"]}
                assert {name: found[name] for name in both[0]} in both
        finally:
            stop.set()
            thread.join()


# -- the program -----------------------------------------------------------------------------------


def serve(folder: Path, *arguments: str) -> ServerProcess:
    """Start the program with a file of settings in `folder`."""
    where = ("--host", "127.0.0.1", "--port", "0", "--data", folder / "data")
    server = ServerProcess(*where, "--config", folder / "settings.toml", *arguments)
    server.wait_until_listening()
    return server


def test_sighup_rereads_the_file(tmp_path: Path) -> None:
    """Who is in stays in; wrong settings change nothing, and right ones count again."""
    file = tmp_path / "settings.toml"
    file.write_text("motd = 'one'")
    with serve(tmp_path) as server, Peer.connect(server.address) as ada:
        assert ada.hello("ada")["motd"] == "one"
        file.write_text("motd = 'two'\nlog_level = 'debug'\nrooms_per_client = 7")
        server.hang_up()
        eventually(lambda: "from now on rooms_per_client = 7" in server.stderr)
        file.write_text("motd = 'three'\nrooms_per_client = 0\nprot = 5")
        server.hang_up()
        eventually(lambda: "the settings stay as they are: " in server.stderr)
        eventually(lambda: "Did you mean 'port'" in server.stderr)
        with Peer.connect(server.address) as eva:
            welcome = eva.hello("eva")
            assert welcome["motd"] == "two"
            assert welcome["limits"]["rooms_per_client"] == 7
        file.unlink()
        server.hang_up()
        eventually(lambda: f"there is no {file}" in server.stderr)
        ada.ping()
        ada.close()
        server.terminate()
        assert server.wait() == 0
        assert "Traceback" not in server.stderr


@pytest.mark.parametrize("named", [True, False], ids=["--config", "default"])
@pytest.mark.parametrize("loss", ["gone", "folder gone", "a folder", "not UTF-8"])
def test_without_its_file_a_reload_changes_nothing(tmp_path: Path, named: bool, loss: str) -> None:
    """Neither the password nor the denied addresses are dropped, also where the file was found."""
    file = tmp_path / "etc" / "backchannel" / "chat-server.toml"
    file.parent.mkdir(parents=True)
    password = tmp_path / "password"
    password.write_text("let me in")
    password.chmod(0o600)
    settings = f"deny = ['192.0.2.0/24']\npassword_file = '{password}'\nmotd = 'one'"
    file.write_text(settings)
    where = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / "data")
    config = ("--config", file) if named else ()
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "etc")}
    with ServerProcess(*where, *config, environment=environment) as server:
        server.wait_until_listening()
        lose(file, loss)
        server.hang_up()
        eventually(lambda: "the settings stay as they are: " in server.stderr)
        assert f"{file}" in server.stderr.splitlines()[-1]
        with Peer.connect(server.address) as eva:
            eva.send({"type": "hello", "version": 1, "nick": "eva"})
            eva.expect_fatal("bad_password")
        assert "from now on" not in server.stderr
        find_again(file)
        file.write_text(settings.replace("one", "two"))
        server.hang_up()
        eventually(lambda: 'from now on motd = "two"' in server.stderr)
        assert "from now on deny" not in server.stderr


def lose(file: Path, loss: str) -> None:
    """Let a file of settings be none."""
    file.unlink()
    if loss == "folder gone":
        file.parent.rmdir()
    elif loss == "a folder":
        file.mkdir()
    elif loss == "not UTF-8":
        file.write_bytes(b"motd = '\xff'")


def find_again(file: Path) -> None:
    """Let there be a place for it again."""
    if file.is_dir():
        file.rmdir()
    file.parent.mkdir(exist_ok=True)


def test_a_file_that_came_later_must_stay_as_well(tmp_path: Path) -> None:
    """What counts is what was read last: at the start there was no file."""
    file = tmp_path / "backchannel" / "chat-server.toml"
    where = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path / "data")
    with ServerProcess(*where, environment={"XDG_CONFIG_HOME": str(tmp_path)}) as server:
        server.wait_until_listening()
        file.parent.mkdir()
        file.write_text("deny = ['192.0.2.0/24']")
        server.hang_up()
        eventually(lambda: "from now on deny" in server.stderr)
        file.unlink()
        server.hang_up()
        eventually(lambda: f"there is no {file} any more" in server.stderr)


def test_without_the_file_of_its_password_a_reload_changes_nothing(tmp_path: Path) -> None:
    """Who does not know the password stays outside."""
    password = tmp_path / "password"
    password.write_text("let me in")
    (tmp_path / "settings.toml").write_text(f"password_file = '{password}'")
    with serve(tmp_path) as server:
        password.unlink()
        server.hang_up()
        eventually(lambda: f"the settings stay as they are: {tmp_path}" in server.stderr)
        with Peer.connect(server.address) as eva:
            eva.send({"type": "hello", "version": 1, "nick": "eva"})
            eva.expect_fatal("bad_password")


def test_without_its_own_certificate_a_reload_changes_nothing(tmp_path: Path) -> None:
    """No other is made in its place: everybody would be warned of it."""
    (tmp_path / "settings.toml").write_text("motd = 'one'")
    with serve(tmp_path, "--tls") as server:
        certificate = tmp_path / "data" / "tls-certificate.pem"
        certificate.unlink()
        (tmp_path / "settings.toml").write_text("motd = 'two'")
        server.hang_up()
        eventually(
            lambda: f"the settings stay as they are: the certificate {certificate}" in server.stderr
        )
        assert "from now on" not in server.stderr
        assert not certificate.exists()


def test_flags_go_on_to_win(tmp_path: Path) -> None:
    """What the command line says stays, whatever the file says now."""
    file = tmp_path / "settings.toml"
    file.write_text("")
    with serve(tmp_path, "--motd", "flag") as server:
        file.write_text("motd = 'file'\nrooms = 9")
        server.hang_up()
        eventually(lambda: "from now on rooms = 9" in server.stderr)
        assert "motd" not in server.stderr


def test_a_closed_window_ends_it_as_ever(tmp_path: Path) -> None:
    """SIGHUP comes then as well: no server is left behind that nobody sees."""
    window, terminal = pty.openpty()
    command = [sys.executable, "-m", "chat_server", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(
        ["setsid", "--ctty", *command, "--data", str(tmp_path)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as server:
        os.close(terminal)
        read_until(window, "listening on")
        server.send_signal(signal.SIGHUP)
        read_until(window, "the settings are as they were")
        os.close(window)
        assert server.wait(DEADLINE) == 0


def read_until(window: int, text: str) -> None:
    """Read what a terminal shows until it shows `text`."""
    shown = ""
    while text not in shown:
        shown += os.read(window, 1024).decode()


def test_the_settings_of_a_server_in_process_are_its_own() -> None:
    """One server's change is not another's."""
    with running_server() as one, running_server() as other:
        change(one, motd="one")
        with Peer.connect(address_of(other)) as ada:
            assert ada.hello("ada")["motd"] == ""
