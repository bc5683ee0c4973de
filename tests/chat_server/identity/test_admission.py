"""Who may come in: with which password, how often it may be guessed, from which networks."""

import logging
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chat_server.identity import throttle
from chat_server.identity.admission import Admission
from chat_server.runtime.clock import SystemClock
from chat_server.runtime.config.setting_types import PASSWORD_LIMIT, network
from chat_server.runtime.config.settings import LiveSettings, Settings
from chat_server.server import Server
from protocol.errors import ProtocolError
from tests.chat_server.house import House
from tests.chat_server.network.test_listener import needs_ipv6
from tests.support.clock import ManualClock
from tests.support.peer import Peer
from tests.support.servers import ServerProcess, address_of, running_server


def from_host(server: Server, host: str) -> Peer:
    """Connect to a server from another of this machine's addresses."""
    _, port = address_of(server).rsplit(":", 1)
    return Peer(socket.create_connection(("127.0.0.1", int(port)), source_address=(host, 0)))


def change(server: Server, **settings: Any) -> None:
    """Give a server other settings, as SIGHUP does."""
    server.reload(replace(server.settings, **settings))


# -- the password ----------------------------------------------------------------------------------


def test_without_a_password_everybody_comes_in(house: House) -> None:
    """Also who sends one."""
    house.enter("ada", password="whatever")


def test_only_who_knows_the_password_comes_in() -> None:
    """The others are told why, and that ends the connection."""
    with running_server(password="café") as server, House(server) as house:
        house.enter("ada", password="café")
        house.enter("mac", password="cafe\u0301")
        for number, wrong in enumerate(["", "Café", "cafe", "café "]):
            peer = house.connect()
            error = peer.hello(f"eva{number}", password=wrong)
            assert error["code"] == "bad_password", error
            peer.expect_end("bad_password")
        peer = house.connect()
        assert "asks for a password" in peer.hello("eva")["text"]
        peer.expect_end("bad_password")


def test_a_session_does_without_no_password() -> None:
    """It says who somebody is, not whether they may be here."""
    with running_server(password="right") as server, House(server) as house:
        ada = house.enter("ada", password="right")
        assert house.connect().hello("ada", session=ada.session)["code"] == "bad_password"
        ada.ping()
        again = house.enter("ada", password="right", session=ada.session)
        assert again.session == ada.session
        ada.expect_end("replaced")


def test_who_does_not_know_the_password_learns_nothing() -> None:
    """Not who is here, nor whether a nick would do."""
    with running_server(password="right") as server, House(server) as house:
        house.enter("ada", password="right")
        for nick in ("ada", "no spaces please"):
            assert house.connect().hello(nick, password="wrong")["code"] == "bad_password"


def test_a_new_password_counts_for_who_comes_then() -> None:
    """Whoever is in stays in, until they come back."""
    with running_server(password="old") as server, House(server) as house:
        ada = house.enter("ada", password="old")
        change(server, password="new")
        ada.ping()
        assert house.connect().hello("eva", password="old")["code"] == "bad_password"
        resuming = house.connect().hello("ada", password="old", session=ada.session)
        assert resuming["code"] == "bad_password"
        house.enter("eva", password="new")
        change(server, password="")
        house.enter("ben")


def test_wrong_ones_are_slowed_and_the_right_one_too() -> None:
    """A few are free; then nothing is looked at until the time is over, which grows."""
    clock = ManualClock()
    settings = {"password": "right", "clock": clock}
    with running_server(**settings) as server, House(server) as house:  # type: ignore[arg-type]
        for _ in range(throttle.FREE + 1):
            assert house.connect().hello("eva", password="wrong")["code"] == "bad_password"
        peer = house.connect()
        error = peer.hello("eva", password="right")
        assert (error["code"], error["retry_after"]) == ("rate_limited", pytest.approx(1))
        with from_host(server, "127.0.0.2") as other:
            assert other.hello("ben", password="right")["type"] == "welcome"
        clock.advance(1.01)
        assert house.connect().hello("eva", password="wrong")["code"] == "bad_password"
        error = peer.hello("eva", password="right")
        assert (error["code"], error["retry_after"]) == ("rate_limited", pytest.approx(2))
        clock.advance(2.01)
        assert peer.hello("eva", password="right")["type"] == "welcome"


def test_no_password_is_no_guess() -> None:
    """A class that has not been told is not made to wait."""
    with running_server(password="right") as server, House(server) as house:
        for _ in range(throttle.FREE * 2):
            assert house.connect().hello("eva")["code"] == "bad_password"
        house.enter("eva", password="right")


def test_no_password_takes_long_to_look_at() -> None:
    """To compose a frame full of accents took a second, in which nothing else ran."""
    admission = Admission(LiveSettings(Settings(password="right")), ManualClock())
    began = time.process_time()
    with pytest.raises(ProtocolError, match="not the password"):
        admission.check_hello("10.0.0.7", "a" + "\u0301\u0316" * 15_000)
    assert time.process_time() - began < 0.25
    longest = "e\u0301" * PASSWORD_LIMIT
    admission = Admission(LiveSettings(Settings(password=longest)), ManualClock())
    admission.check_hello("10.0.0.7", "é" * PASSWORD_LIMIT)
    admission.check_hello("10.0.0.7", longest)


def test_wrong_ones_are_logged_and_no_password_is(caplog: pytest.LogCaptureFixture) -> None:
    """The address is logged. The password is not: a wrong one may be nearly right."""
    caplog.set_level(logging.DEBUG)
    with running_server(password="secret-1") as server, House(server) as house:
        house.connect().hello("eva", password="secret-2").get("code")
        change(server, password="secret-3")
        assert "a wrong password came from 127.0.0.1" in caplog.messages
        assert "from now on password" in caplog.messages
        assert "secret" not in caplog.text
        assert "secret" not in repr(server.settings)


# -- networks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allow", "deny", "host", "lets_in"),
    [
        ([], [], "10.0.0.7", True),
        ([], ["10.0.0.0/8"], "10.0.0.7", False),
        ([], ["10.0.0.7"], "10.0.0.8", True),
        (["10.0.0.0/8"], [], "10.0.0.7", True),
        (["10.0.0.0/8"], [], "192.0.2.1", False),
        (["10.0.0.0/8", "192.0.2.0/24"], [], "192.0.2.1", True),
        (["10.0.0.0/8"], ["10.1.0.0/16"], "10.1.0.1", False),
        (["10.1.0.0/16"], ["10.0.0.0/8"], "10.1.0.1", False),
        (["10.0.0.0/8"], [], "::ffff:10.0.0.7", True),
        ([], ["10.0.0.0/8"], "::ffff:10.0.0.7", False),
        ([], ["::ffff:10.0.0.0/104"], "10.0.0.7", False),
        (["fd00::/8"], [], "fd12::1", True),
        (["fd00::/8"], [], "10.0.0.7", False),
        (["10.0.0.0/8"], [], "fd12::1", False),
        (["fe80::/10"], [], "fe80::1%eth0", True),
        ([], ["0.0.0.0/0"], "fd12::1", True),
        (["10.0.0.0/8"], ["::/0"], "unix", True),
    ],
)
def test_networks(allow: list[str], deny: list[str], host: str, lets_in: bool) -> None:
    """Denied wins; a list of who is allowed leaves out all others; Unix sockets are apart."""
    settings = Settings(
        allow=tuple(network(each) for each in allow), deny=tuple(network(each) for each in deny)
    )
    admission = Admission(LiveSettings(settings), SystemClock())
    assert (admission.refuse_address(host) is None) is lets_in


def test_who_is_denied_is_told_before_a_word_and_costs_no_thread(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`banned`, at once, and logged once; all others, and the Unix socket, go on."""
    caplog.set_level(logging.INFO)
    unix = tmp_path / "chat.sock"
    with running_server(deny=(network("127.0.0.2"),), unix=unix) as server, House(server) as house:
        with from_host(server, "127.0.0.2") as peer:
            error = peer.expect_fatal("banned")
            assert "127.0.0.2" in error["text"]
        for _ in range(20):
            with from_host(server, "127.0.0.2") as peer:
                assert peer.hello("eva")["code"] == "banned"
        (told,) = [line for line in caplog.messages if "may not come in" in line]
        assert told.startswith("127.0.0.2 may not come in: this server lets in nobody")
        assert server._crowd.connections() == []
        house.enter("ada")
        change(server, allow=(network("127.0.0.3"),))
        house.enter("ben", address=f"unix://{unix}")
        with from_host(server, "127.0.0.3") as peer:
            assert peer.hello("eva")["type"] == "welcome"


def test_who_is_denied_while_here_has_to_go(tmp_path: Path) -> None:
    """And nobody else."""
    unix = tmp_path / "chat.sock"
    with running_server(unix=unix) as server, House(server) as house:
        ada = house.enter("ada")
        ben = house.enter("ben", address=f"unix://{unix}")
        with from_host(server, "127.0.0.2") as eva:
            eva.hello("eva")
            change(server, deny=(network("127.0.0.2"),))
            eva.expect_fatal("banned")
        ada.ping()
        ben.ping()


@needs_ipv6
def test_ipv4_that_comes_by_ipv6_is_ipv4() -> None:
    """In the lists, and in what is counted and logged of it."""
    with running_server(hosts=("::",), deny=(network("127.0.0.2"),)) as server:
        with from_host(server, "127.0.0.2") as peer:
            peer.expect_fatal("banned")
        with from_host(server, "127.0.0.1") as peer:
            peer.hello("ada")
            (connection,) = server._crowd.connections()
            assert connection.host == "127.0.0.1"


# -- the program -----------------------------------------------------------------------------------


def test_no_password_is_on_the_process_list_or_in_the_log(tmp_path: Path) -> None:
    """From a file or the environment; read again on SIGHUP with the rest."""
    file = tmp_path / "password"
    file.write_text("from-the-file\nnot this\n")
    file.chmod(0o644)
    data = ("--data", tmp_path / "data", "--host", "127.0.0.1", "--port", "0")
    with ServerProcess(*data, "--password-file", file) as server:
        server.wait_until_listening()
        assert f"can be read by others: chmod o= {file}" in server.stderr
        command = Path(f"/proc/{server.pid}/cmdline")
        assert not command.exists() or b"from-the-file" not in command.read_bytes()
        with Peer.connect(server.address) as ada:
            assert ada.hello("ada", password="not this")["code"] == "bad_password"
        with Peer.connect(server.address) as ada:
            assert ada.hello("ada", password="from-the-file")["type"] == "welcome"
        assert "from-the-file" not in server.stdout + server.stderr
