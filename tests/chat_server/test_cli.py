"""The program as a person starts it: what it prints, and what it says when it cannot."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chat_server.network.test_listener import greet, has_ipv6
from tests.chat_server.storage.test_data_folder import needs_unprivileged, refused
from tests.support.peer import Peer
from tests.support.servers import ENVIRONMENT, ROOT, ServerProcess
from tests.support.waiting import eventually

_LOW_PORTS = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


def test_it_says_where_it_listens(tmp_path: Path) -> None:
    """One line per listener on stdout when it is ready: a client can connect at once."""
    with ServerProcess.serve(tmp_path) as server:
        (address,) = server.addresses
        assert address == f"tcp://127.0.0.1:{server.port}"
        greet(address)


def test_it_says_where_it_listens_once_for_each(tmp_path: Path) -> None:
    """Two hosts and a Unix socket are three lines."""
    path = tmp_path / "chat.sock"
    with ServerProcess.serve(tmp_path, "--host", "127.0.0.2", "--unix", path) as server:
        addresses = server.wait_until_listening(3)
        assert addresses == [
            f"tcp://127.0.0.1:{server.port}",
            f"tcp://127.0.0.2:{server.port}",
            f"unix://{path}",
        ]
        for number, address in enumerate(addresses):
            greet(address, f"ada{number}")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_it_writes_ipv6_in_brackets(tmp_path: Path) -> None:
    """So that host and port can be told apart."""
    with ServerProcess.serve(tmp_path, host="::1") as server:
        assert server.address == f"tcp://[::1]:{server.port}"
        greet(server.address)


def test_a_unix_path_is_printed_in_full(tmp_path: Path) -> None:
    """Given relative, printed absolute: whoever reads it may be elsewhere."""
    relative = os.path.relpath(tmp_path / "chat.sock", Path(__file__).parents[2])
    with ServerProcess.serve(tmp_path, "--unix", relative) as server:
        addresses = server.wait_until_listening(2)
        assert addresses[1].startswith("unix:///")
        greet(addresses[1])


def test_it_tells_a_person_how_to_join(tmp_path: Path) -> None:
    """The command to type, with this server's port in it."""
    with ServerProcess.serve(tmp_path) as server:
        eventually(lambda: "chat-client" in server.stdout)
        (line,) = [line for line in server.stdout.splitlines() if "chat-client" in line]
        assert str(server.port) in line


def test_stdout_is_for_the_addresses_and_stderr_for_the_log(tmp_path: Path) -> None:
    """A script reads the one; a person reads the other."""
    with ServerProcess.serve(tmp_path, "--log-level", "debug") as server:
        with Peer.connect(server.address) as ada:
            ada.hello("ada-who-is-logged")
            ada.ok("bye")
            ada.expect_end("bye")
        server.terminate()
        assert server.wait() == 0
        assert "ada-who-is-logged" in server.stderr
        assert "ada-who-is-logged" not in server.stdout


def test_a_log_level_leaves_out_what_is_below(tmp_path: Path) -> None:
    """With `error`, an ordinary visit leaves no line."""
    with ServerProcess.serve(tmp_path, "--log-level", "error") as server:
        greet(server.address)
        server.terminate()
        assert server.wait() == 0
        assert server.stderr == ""


def test_a_log_is_one_line_each_whatever_a_client_is_called(tmp_path: Path) -> None:
    """What is redirected to a file holds no colours and no control characters."""
    with ServerProcess.serve(tmp_path, "--log-level", "debug") as server:
        with Peer.connect(server.address) as peer:
            peer.hello("a\x1b[2J\n2026-01-01 CRITICAL forged", client="\x1b]0;owned\x07\n")
            peer.hello("ada", client="\x1b]0;owned\x07\nforged")
            peer.request("join", room="\x1b[2J\nforged")
            peer.request("tell", to="\x1b[2J\nforged", text="x")
        server.terminate()
        assert server.wait() == 0
        assert "\x1b" not in server.stderr
        assert "\x07" not in server.stderr
        assert not [line for line in server.stderr.splitlines() if line.startswith("forged")]


def test_the_message_of_the_day(tmp_path: Path) -> None:
    """`--motd` is what all who come in are told."""
    with (
        ServerProcess.serve(tmp_path, "--motd", "Be kind.") as server,
        Peer.connect(server.address) as ada,
    ):
        assert ada.hello("ada")["motd"] == "Be kind."


# -- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "no.such.host.invalid",
        "999.1.1.1",
        "192.0.2.1",
        "not a host",
        "127.0.0.1:80",
        "x" * 300,
        "a..b",
    ],
)
def test_a_bad_host_is_refused(tmp_path: Path, host: str) -> None:
    """A name that does not resolve, an address of another machine, nonsense."""
    assert host in refused("--host", host, "--port", "0", "--data", tmp_path)


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    """Whoever has it keeps it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused("--port", str(port), "--data", tmp_path)
        assert str(port) in sentence
        assert "in use" in sentence


def test_a_port_of_another_server_is_refused(tmp_path: Path) -> None:
    """Two servers with data folders of their own cannot share a port."""
    with ServerProcess.serve(tmp_path / "one") as server:
        assert "in use" in refused("--port", str(server.port), "--data", tmp_path / "other")
        greet(server.address)


def _low_ports_are_free() -> bool:
    return _LOW_PORTS.exists() and int(_LOW_PORTS.read_text()) <= 80


@needs_unprivileged
@pytest.mark.skipif(_low_ports_are_free(), reason="this kernel lets everybody use low ports")
def test_a_port_that_needs_privileges_is_refused(tmp_path: Path) -> None:
    """Port 80 is not for everybody."""
    sentence = refused("--port", "80", "--data", tmp_path, unprivileged=True)
    assert "80" in sentence
    assert "privileges" in sentence


@pytest.mark.parametrize("port", ["65536", "-1", "http", "", "1.5", "99999999999999999999", "१"])
def test_a_number_that_is_no_port_is_refused(tmp_path: Path, port: str) -> None:
    """0 to 65535; exit code 2, and the reason on stderr."""
    with ServerProcess(f"--port={port}", "--data", tmp_path) as server:
        assert server.wait() == 2
        assert "--port" in server.stderr
        assert "Traceback" not in server.stderr


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    """Exit code 2, as every program does."""
    with ServerProcess("--colour", "red", "--data", tmp_path) as server:
        assert server.wait() == 2
        assert "--colour" in server.stderr


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_go_to_stdout(option: str) -> None:
    """And end with 0."""
    with ServerProcess(option) as server:
        assert server.wait() == 0
        assert server.stdout.strip()
        assert server.stderr == ""


def test_help_names_every_option() -> None:
    """Whoever asks is told."""
    with ServerProcess("--help") as server:
        assert server.wait() == 0
        for option in ("--host", "--port", "--unix", "--data", "--log-level"):
            assert option in server.stdout


def test_a_refused_start_damages_nothing(tmp_path: Path) -> None:
    """A port in use is found out before the data folder is changed, or without harm to it."""
    with ServerProcess.serve(tmp_path / "data") as server:
        with Peer.connect(server.address) as ada:
            ada.hello("ada")
            ada.join("lobby")
            ada.say("lobby", "kept")
        server.terminate()
        assert server.wait() == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused("--port", str(taken.getsockname()[1]), "--data", tmp_path / "data")
    with ServerProcess.serve(tmp_path / "data") as again, Peer.connect(again.address) as ada:
        ada.hello("ada")
        assert ada.join("lobby")["seq"] == 1


def test_stdout_that_nobody_reads_is_no_harm(tmp_path: Path) -> None:
    """`chat-server | head -1` closes the pipe; the room goes on."""

    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "chat_server",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--data",
            str(tmp_path),
        ],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        assert child.stdout is not None
        address = child.stdout.readline().split()[-1]
        child.stdout.close()
        greet(address)
        child.terminate()
        assert child.wait(5) == 0
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("stdout", [">/dev/full", ">&-", "<&- >&-"])
def test_stdout_that_cannot_be_written_is_no_harm(tmp_path: Path, stdout: str) -> None:
    """The log has what it would have said; a later start shows a secret that counts."""
    shell = ("sh", "-c", f'exec "$@" {stdout}', "sh")
    where = ("--host", "127.0.0.1", "--port", "0", "--data", tmp_path)
    with ServerProcess(*where, through=shell) as server:
        eventually(lambda: "/claim" in server.stderr)
        assert "stdout cannot be written: " in server.stderr
        address = re.findall("listening on (.+)", server.stderr)[0]
        greet(address)
        server.terminate()
        assert server.wait() == 0
        assert "Traceback" not in server.stderr
        first = server.stderr.partition("/claim ")[2].split()[0]
    with ServerProcess.serve(tmp_path) as server:
        secret = server.secret
        assert secret != first
        with Peer.connect(server.address) as ada:
            ada.hello("ada")
            ada.refused("forbidden", "claim", secret=first)
            assert ada.ok("claim", secret=secret)["role"] == "owner"


@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
@pytest.mark.parametrize("options", [["--print-config"], ["--check"], ["admin", "audit"]])
def test_what_was_asked_for_and_cannot_be_written(
    tmp_path: Path, options: list[str], stdout: str
) -> None:
    """Exit code 1 and the reason."""
    with ServerProcess.serve(tmp_path) as server, Peer.connect(server.address) as ada:
        ada.hello("ada")
        secret = server.secret
        ada.ok("claim", secret=secret)  # a line for the audit
    shell = ("sh", "-c", f'exec "$@" {stdout}', "sh")
    with ServerProcess(*options, "--data", tmp_path, through=shell) as program:
        assert program.wait() == 1
        assert "stdout cannot be written: " in program.stderr
        assert "Traceback" not in program.stderr


def test_no_collection_looks_at_what_the_program_itself_is_made_of(tmp_path: Path) -> None:
    """It holds everybody up, and there are tens of thousands of such objects."""
    child = subprocess.run(
        [sys.executable, "-c", _FROZEN, "--host", "127.0.0.1", "--port", "0", "--data", tmp_path],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    frozen, others = map(int, child.stdout.split())
    assert frozen > 10 * others


_FROZEN = """
import gc, os, signal, sys
from chat_server import cli

def greet(server):
    print(gc.get_freeze_count(), len(gc.get_objects()))
    os.kill(os.getpid(), signal.SIGTERM)

cli._greet = greet
sys.exit(cli.main())
"""
