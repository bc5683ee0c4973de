"""Starting without an address: what answers is joined, or listed, or told how to mend it."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chat_client import cli
from chat_client.config import exit_codes
from tests.chat_client.programs import Terminal, run
from tests.support.networks import Lan, Machine, needs_networks
from tests.support.servers import running_server
from tests.support.tls import make_files

pytestmark = needs_networks

Serve = Callable[..., Machine]


@pytest.fixture
def lan() -> Iterator[Lan]:
    """A network of the test's own."""
    with Lan() as network:
        yield network


@pytest.fixture
def here(lan: Lan) -> Iterator[Machine]:
    """The machine that the client runs on; the test is on it, too."""
    machine = lan.machine("10.7.0.2/24")
    with machine.entered():
        yield machine


@pytest.fixture
def serve(lan: Lan, tmp_path: Path) -> Iterator[Serve]:
    """Start a server on another machine, or on the one that is given."""
    with ExitStack() as stack:

        def start(name: str, address: str = "", on: Machine | None = None, **more: Any) -> Machine:
            machine = on or lan.machine(address)
            settings = {"hosts": ("",), "port": 7878, "announce": None, "name": name, **more}
            with machine.entered():
                stack.enter_context(running_server(tmp_path / name, **settings))
            return machine

        yield start


@pytest.mark.usefixtures("here")
def test_the_only_one_is_joined(serve: Serve) -> None:
    """In a pipe; stderr says which."""
    serve("Room 7b", "10.7.0.1/24")
    done = run("--nick", "ana", "--say", "hello")
    assert (done.returncode, done.stdout) == (0, "")
    assert "chat-client: joining Room 7b at 10.7.0.1:7878, which answers here\n" in done.stderr


def test_one_on_this_machine_is_joined(serve: Serve, lan: Lan) -> None:
    """By loopback, without any network, as the first minute with the program goes."""
    alone = lan.machine()
    serve("mine", on=alone, hosts=("127.0.0.1",))
    with alone.entered():
        done = run("--nick", "ana", "--say", "hello")
    assert done.returncode == 0
    assert "joining mine at 127.0.0.1:7878" in done.stderr


def test_one_that_is_not_to_be_found_is_found_on_this_machine(serve: Serve, here: Machine) -> None:
    """`--no-announce` hides it from others, and the client tries this machine in any case."""
    serve("hidden", on=here, announce=False)
    done = run("--nick", "ana", "--say", "hello")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("here")
def test_with_tls_its_certificate_counts(serve: Serve, tmp_path: Path) -> None:
    """Not what was answered: another fingerprint is not joined."""
    certificate, key = make_files(tmp_path)
    serve("safe", "10.7.0.1/24", tls_cert=certificate, tls_key=key)
    done = run("--nick", "ana", "--say", "hello")
    assert done.returncode == 0
    assert "joining safe at tls://10.7.0.1:7878" in done.stderr
    done = run("--nick", "ana", "--say", "hello", "--fingerprint", "ab" * 32)
    assert done.returncode == 2
    assert "is not the server of that fingerprint" in done.stderr


@pytest.mark.usefixtures("here")
def test_several_in_a_pipe(serve: Serve) -> None:
    """Nobody can choose: they are named, with their addresses."""
    serve("one", "10.7.0.1/24")
    serve("two", "10.7.0.3/24")
    done = run("--nick", "ana", stdin=b"hello\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "chat-client: 2 servers answer: one at 10.7.0.1:7878, two at 10.7.0.3:7878. Give the "
        "address of one\n"
    )


@pytest.mark.usefixtures("here")
def test_several_on_a_terminal(serve: Serve) -> None:
    """One chooses; a wrong answer is asked again."""
    serve("one", "10.7.0.1/24", motd="This is one.")
    serve("two", "10.7.0.3/24", motd="This is two.")
    with Terminal("--nick", "ana") as terminal:
        terminal.see("looking for a server ...")
        terminal.see("1  one  10.7.0.1:7878  not encrypted")
        terminal.see("2  two  10.7.0.3:7878  not encrypted")
        terminal.see("which one?")
        terminal.child.send("3\r")
        terminal.see("a number from 1 to 2")
        terminal.child.send("2\r")
        terminal.see("This is two.")
        terminal.see_input("[lobby]")


@pytest.mark.usefixtures("here")
def test_several_and_none_is_chosen(serve: Serve) -> None:
    """Ctrl-D leaves."""
    serve("one", "10.7.0.1/24")
    serve("two", "10.7.0.3/24")
    with Terminal("--nick", "ana") as terminal:
        terminal.see("which one?")
        terminal.child.sendeof()
        assert terminal.leave() == exit_codes.INTERRUPTED


@pytest.mark.parametrize("arguments", [["--say", "x"], ["--find"], ["--find", "--json"]])
@pytest.mark.usefixtures("here")
def test_none(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """One sentence on what to try."""
    assert cli.main(arguments) == exit_codes.NOT_LET_IN
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("chat-client: no server answers, on this machine or its networks. Give")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("here")
def test_they_are_listed(serve: Serve, tmp_path: Path) -> None:
    """Name, address, whether it is encrypted; as JSON, too."""
    certificate, key = make_files(tmp_path)
    serve("one", "10.7.0.1/24")
    serve("zwölf", "10.7.0.3/24", tls_cert=certificate, tls_key=key, password="x")
    records: list[dict[str, Any]] = []
    # mDNS, which tells of the password, is heard of two seconds after the start.
    while len(records) < 2 or None in [each["password"] for each in records]:
        records = [json.loads(line) for line in run("--find", "--json").stdout.splitlines()]
    one = {"name": "one", "address": "10.7.0.1:7878", "host": "10.7.0.1"}
    two = {"name": "zwölf", "address": "tls://10.7.0.3:7878", "host": "10.7.0.3"}
    assert records == [
        {**one, "port": 7878, "tls": False, "password": False},
        {**two, "port": 7878, "tls": True, "password": True},
    ]
    assert run("--find").stdout.splitlines() == [
        "one    10.7.0.1:7878        not encrypted  no password",
        "zwölf  tls://10.7.0.3:7878  TLS            needs a password",
    ]


@pytest.mark.usefixtures("here")
def test_a_configured_server_is_not_looked_for(serve: Serve) -> None:
    """The client does not look for a server that is set or given, whatever answers."""
    serve("one", "10.7.0.1/24")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        done = run("--say", "x", environment={"CHAT_SERVER": address})
        assert f"cannot connect to {address}" in done.stderr
        assert "joining" not in done.stderr


@pytest.mark.usefixtures("here")
def test_find_takes_no_address() -> None:
    """It would not be looked at."""
    done = run("--find", "10.7.0.1")
    assert done.returncode == 2
    assert "--find looks for servers on all networks of this machine: leave HOST out" in done.stderr
