"""Starting: every way to do it wrong is one sentence and exit code 2."""

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from chat_client import cli
from chat_client.config import exit_codes
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import run
from tests.support.peer import Peer
from tests.support.servers import address_of, running_server


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def wrong(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Start the client wrongly and return the sentence that it says."""
    assert cli.main(list(arguments)) == exit_codes.NOT_LET_IN
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("chat-client: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no.such.host.invalid"], "cannot find the host 'no.such.host.invalid'"),
        (["a..b"], "cannot find the host 'a..b'"),
        (["x" * 300], "cannot find the host"),
        (["127.0.0.1:0"], "from 1 to 65535"),
        (["127.0.0.1:http"], "'http' is no port"),
        ([""], "names no host"),
        (["http://127.0.0.1/x"], "'http://127.0.0.1/x' is no address"),
        (["--nick", "@ana"], "cannot be a nick"),
        (["--nick", ""], "cannot be a nick"),
        (["--room", "two words"], "cannot be a room"),
        (["--unix", "/no/such/socket"], "cannot connect to unix:/no/such/socket: No such file"),
        (["host", "--unix", "/a"], "leave one out"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    """The sentence names the value and the rule."""
    assert says in wrong(capsys, *arguments)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no users by a number")
def test_a_user_may_have_no_home(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    """The user of a service may have no home and no name. Talking needs neither."""
    for variable in ("HOME", "LOGNAME", "USER", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)  # who is at home nowhere
    assert "nobody listens there" in wrong(capsys, f"127.0.0.1:{free_port}")


def test_a_port_apart_from_its_host(capsys: pytest.CaptureFixture[str], free_port: int) -> None:
    """As other programs take it, also with an option between the two."""
    for arguments in (["127.0.0.1", str(free_port)], ["127.0.0.1", "--json", str(free_port)]):
        assert f"cannot connect to 127.0.0.1:{free_port}" in wrong(capsys, *arguments)
    assert "names no host" in wrong(capsys, "127.0.0.1", "1", "2")


@pytest.mark.parametrize("text", ["-x", "--tls", "--", "- a list"])
def test_what_is_said_may_begin_with_a_dash(text: str) -> None:
    """It stands behind `--say`, so it is no option."""
    with running_server() as server, Peer.connect(address_of(server)) as bob:
        bob.hello("bob")
        bob.join("lobby")
        done = run(address_of(server), "--nick", "-ana", "--say", text)
        assert (done.returncode, done.stderr) == (0, "")
        message = bob.messages(1, "lobby")[0]
        assert (message["from"], message["text"]) == ("-ana", text)


def test_empty_passwords_are_none() -> None:
    """A variable that a script left empty asks for no account."""
    environment = {"CHAT_PASSWORD": "", "CHAT_ACCOUNT_PASSWORD": ""}
    with running_server() as server:
        done = run(address_of(server), "--nick", "ana", "--say", "hi", environment=environment)
        assert (done.returncode, done.stderr) == (0, "")


def test_nobody_listens(capsys: pytest.CaptureFixture[str], free_port: int) -> None:
    """A refused connection."""
    said = wrong(capsys, f"127.0.0.1:{free_port}")
    assert f"cannot connect to 127.0.0.1:{free_port}: nobody listens there. Is the server" in said


def test_nobody_listens_at_any_address(capsys: pytest.CaptureFixture[str], free_port: int) -> None:
    """Each of them is named."""
    said = wrong(capsys, f"127.0.0.1:{free_port},127.0.0.2:{free_port}")
    assert "none of the 2 servers lets us in: cannot connect to 127.0.0.1:" in said
    assert f"; cannot connect to 127.0.0.2:{free_port}: nobody listens there. Check the a" in said


def test_the_server_that_answers(free_port: int) -> None:
    """One of two is there, and that is enough."""
    with running_server() as server:
        servers = f"127.0.0.1:{free_port},{address_of(server)}"
        assert cli.main([servers, "--nick", "ana", "--say", "hello"]) == 0
        with Peer.connect(address_of(server)) as peer:
            peer.hello("ben")
            peer.join("lobby", after=0)
            assert [frame["text"] for frame in peer.messages(1)] == ["hello"]


def test_no_chat_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Something else listens."""

    def ssh(line: Line) -> None:
        line.send_raw(b"SSH-2.0-\x1b[31mred\r\n")

    with foreign_server(ssh) as address:
        assert r"begins with 'SSH-2.0-\x1b[31mred\r\n'. Check the port" in wrong(capsys, address)


def test_not_let_in(capsys: pytest.CaptureFixture[str]) -> None:
    """The server's reason, without what it might do to the terminal."""

    def ban(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code="banned", text="You are \x1b[31mbanned.\nreally")

    with foreign_server(ban) as address:
        assert wrong(capsys, address) == "chat-client: You are [31mbanned. really\n"


def test_as_a_program() -> None:
    """The same through a real process; argparse's own errors, too."""
    done = run("127.0.0.1:99999")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "chat-client: HOST: '99999' is no port: a port is a number from 1 to 65535\n"
    )
    assert run("--no-such-option").returncode == 2
    version = run("--version")
    assert (version.returncode, version.stdout.split("/")[0]) == (0, "chat-client")
    assert "HOST[:PORT]" in run("--help").stdout


def test_a_nick_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks for one by name is told; who does not gets another."""
    with running_server() as server, foreign_nick(address_of(server), "ana"):
        assert "somebody here is called 'ana'" in wrong(capsys, address_of(server), "--nick", "ana")


def foreign_nick(address: str, nick: str) -> Peer:
    """Take a nick away."""
    peer = Peer.connect(address)
    peer.hello(nick)
    return peer
