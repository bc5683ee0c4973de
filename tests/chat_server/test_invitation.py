"""What the server says of how to join, pasted into a shell; in networks made for each test.

A network namespace has the interfaces that the test gives it, so nothing depends on this machine's.
"""

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chat_server.gateways.web.qr_code import qr_lines
from chat_server.gateways.web.wheel import wheel_name
from tests.chat_client.programs import Terminal
from tests.chat_server.network.test_listener import needs_ipv6
from tests.support.networks import Lan, Machine, needs_networks
from tests.support.servers import ENVIRONMENT, ROOT, ServerProcess
from tests.support.waiting import eventually


def _missing() -> str:
    """What this machine lacks for network namespaces, or nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("unshare", "nsenter", "ip"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    done = subprocess.run(
        ["unshare", "--net", "ip", "link", "add", "eth0", "type", "bridge"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no bridge in a network namespace: {done.stderr.strip()}" if done.returncode else ""


needs_namespaces = pytest.mark.skipif(bool(_missing()), reason=_missing())


class Network:
    """A separate machine, as far as the network goes, with a server on it."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        eventually(lambda: "join" in server.stdout)
        self.lines = server.stdout.splitlines()

    def from_network(self) -> dict[str, list[str]]:
        """The commands for others, by the interface that they are told with."""
        found: dict[str, list[str]] = {}
        for line in self.lines:
            if told := re.fullmatch(r"to join from the network \((\S+)\):  (.*)", line):
                found.setdefault(told[1], []).append(told[2])
        return found

    def works(self, command: str) -> None:
        """Paste a command that the server shows, where its client is on the path."""
        done = subprocess.run(
            [
                "nsenter",
                f"--target={self.server.pid}",
                "--net",
                "sh",
                "-c",
                f"{command} --nick ada --say hello",
            ],
            cwd=ROOT,
            env=_with_client(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)


def _with_client() -> dict[str, str]:
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    return {**ENVIRONMENT, "PATH": path}


Connect = Callable[..., Network]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Connect]:
    """Start a server on a machine with these interfaces: pairs of a name and its addresses."""
    with ExitStack() as stack:

        def start(*interfaces: tuple[str, *tuple[str, ...]], host: str = "") -> Network:
            steps = ["ip link set lo up"]
            for name, *addresses in interfaces:
                steps += [f"ip link add {name} type bridge", f"ip link set {name} addrgenmode none"]
                steps += [f"ip addr add {each} dev {name} nodad" for each in addresses]
                steps += [f"ip link set {name} up"]
            script = " && ".join([*steps, 'exec "$@"'])
            server = ServerProcess(
                "--host",
                host,
                "--port",
                "0",
                "--data",
                tmp_path,
                through=("unshare", "--net", "sh", "-c", script, "sh"),
            )
            stack.enter_context(server)
            server.wait_until_listening()
            return Network(server)

        yield start


@needs_namespaces
def test_without_a_default_route(network: Connect) -> None:
    """An isolated switch, or the host of a hotspot: what has no way out has neighbours."""
    there = network(("eth0", "192.168.7.2/24"))
    (command,) = there.from_network()["eth0"]
    assert command == f"chat-client 192.168.7.2:{there.server.port}"
    there.works(command)


@needs_namespaces
def test_several_interfaces(network: Connect) -> None:
    """Each address, with the interface that it belongs to; IPv6 only where that is listened on."""
    there = network(
        ("eth0", "192.168.7.2/24", "10.1.0.9/8", "fd00::7/64"), ("wlan0", "172.20.10.1/28")
    )
    port = there.server.port
    assert there.from_network() == {
        "eth0": [f"chat-client 192.168.7.2:{port}", f"chat-client 10.1.0.9:{port}"],
        "wlan0": [f"chat-client 172.20.10.1:{port}"],
    }


@needs_ipv6
@needs_namespaces
def test_a_link_local_address_has_its_scope(network: Connect) -> None:
    """As it must be typed, in quotes since a shell may take brackets for a pattern."""
    there = network(("eth0", "fe80::7/64"), host="::")
    (command,) = there.from_network()["eth0"]
    assert command == f'chat-client "[fe80::7%eth0]:{there.server.port}"'
    assert any("behind %" in line for line in there.lines)
    there.works(command)


@needs_ipv6
@needs_namespaces
def test_both_families(network: Connect) -> None:
    """`::` takes IPv4 as well; what holds beyond the link comes first."""
    there = network(("eth0", "fe80::7/64", "fd00::7/64", "192.168.7.2/24"), host="::")
    commands = there.from_network()["eth0"]
    assert [re.sub(r":\d+\"?$", "", command) for command in commands] == [
        "chat-client 192.168.7.2",
        'chat-client "[fd00::7]',
        'chat-client "[fe80::7%eth0]',
    ]
    for command in commands:
        there.works(command)


@needs_ipv6
@needs_namespaces
def test_listening_on_one_link_local_address(network: Connect) -> None:
    """What is listened on can be typed, too."""
    there = network(("eth0", "fe80::7/64"), host="fe80::7%eth0")
    assert there.server.address == f"tcp://[fe80::7%eth0]:{there.server.port}"
    there.works(there.from_network()["eth0"][0])


@needs_ipv6
@needs_namespaces
def test_where_nobody_can_join(network: Connect) -> None:
    """A sentence, and what helps: IPv6 is there, but not listened on."""
    there = network(("eth0", "fe80::7/64"))
    assert there.from_network() == {}
    assert "--host ::" in there.server.stdout


@needs_namespaces
def test_a_machine_without_a_network(network: Connect) -> None:
    """It is told; and on this machine the room can be used."""
    there = network()
    assert "nobody can join from the network" in there.server.stdout
    assert "to join from this machine" in there.server.stdout


def _here(server: ServerProcess, sign: str = "to join from this machine:  ") -> str:
    eventually(lambda: sign in server.stdout)
    return server.stdout.partition(sign)[2].splitlines()[0]


def _pastes(command: str) -> None:
    done = subprocess.run(
        f"{command} --nick ada --say hello",
        shell=True,
        cwd=ROOT,
        env={**_with_client(), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (command, done.stderr)


def test_the_command_for_this_machine_works_as_it_is_printed(tmp_path: Path) -> None:
    """In the folder in which the server was started, without its .venv on the path."""
    with ServerProcess.serve(tmp_path) as server:
        _pastes(_here(server))


def test_the_command_for_a_unix_socket_works_as_it_is_printed(tmp_path: Path) -> None:
    """Also where its path has a space."""
    path = tmp_path / "a room" / "chat.sock"
    path.parent.mkdir()
    with ServerProcess.serve(tmp_path, "--unix", path) as server:
        _pastes(_here(server))


def test_the_command_with_tls_works_as_it_is_printed(tmp_path: Path) -> None:
    """The option is part of it."""
    with ServerProcess.serve(tmp_path, "--tls") as server:
        command = _here(server)
        assert " --tls " in command
        _pastes(f"{command} --fingerprint {_here(server, '--fingerprint ')}")


@needs_ipv6
def test_an_ipv6_address_is_quoted(tmp_path: Path) -> None:
    """`[::1]` is a pattern to a shell."""
    with ServerProcess.serve(tmp_path, host="::1") as server:
        assert _here(server).endswith(f'"[::1]:{server.port}"')
        _pastes(_here(server))


# -- with a browser --------------------------------------------------------------------------------

URL = "http://10.7.0.1:7878/"


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine on a network; the test is on it, too."""
    with Lan() as lan:
        found = lan.machine("10.7.0.1/24")
        with found.entered():
            yield found


@needs_networks
@pytest.mark.usefixtures("machine")
def test_the_page_and_the_wheel_are_named(tmp_path: Path) -> None:
    """By the address that others use. In a pipe there is no picture."""
    with ServerProcess("--data", tmp_path) as server:
        eventually(lambda: "claim" in server.stdout)
        lines = server.stdout.splitlines()
        assert f"to join with a browser, on a phone too:  {URL}" in lines
        assert (
            f"where there is no chat-client:  python3 -m pip install {URL}dist/{wheel_name()}"
            in (lines)
        )
        assert not set("█▀▄\x1b") & set(server.stdout)


@needs_networks
@pytest.mark.usefixtures("machine")
def test_with_tls_the_page_is_at_https(tmp_path: Path) -> None:
    """pip would not believe the certificate, so it is not sent there."""
    with ServerProcess("--data", tmp_path, "--tls") as server:
        eventually(lambda: "claim" in server.stdout)
        assert "  https://10.7.0.1:7878/" in server.stdout
        assert "pip install" not in server.stdout


@needs_networks
@pytest.mark.usefixtures("machine")
def test_without_browsers_there_is_no_page(tmp_path: Path) -> None:
    """There is no wheel, either, because HTTP serves it."""
    with ServerProcess("--data", tmp_path, "--no-web") as server:
        eventually(lambda: "claim" in server.stdout)
        assert "chat-client 10.7.0.1:7878" in server.stdout
        assert "http" not in server.stdout


def test_on_loopback_there_is_no_page_for_others(tmp_path: Path) -> None:
    """A phone could not open it."""
    with ServerProcess.serve(tmp_path) as server:
        eventually(lambda: "claim" in server.stdout)
        assert "browser" not in server.stdout


@needs_networks
@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(("columns", "shown"), [(80, True), (28, False)])
def test_a_terminal_shows_the_code_of_the_page(tmp_path: Path, columns: int, shown: bool) -> None:
    """Where it is wide enough: below the lines, and whole."""
    code = [re.sub("\x1b[^m]*m", "", line).rstrip() for line in qr_lines(URL)]
    program = "import sys; from chat_server.cli import main; sys.exit(main())"
    arguments = ["--data", str(tmp_path)]
    with Terminal(*arguments, command=program, columns=columns, rows=40) as terminal:
        # What is logged comes later: the announcement, seconds after the start.
        terminal.see_wrapped("announcedbymDNS")
        lines = [line for line in terminal.shown if set(line) <= set("█▀▄ ")]
        assert lines == (code if shown else [])
