"""A load test leaves nothing of itself on a server that others use."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from chat_client.load.control import command_line
from chat_client.load.control.own_server import own_server
from tests.chat_client.load.faulty import faulty_server
from tests.chat_client.load.runs import COMMAND, make_run, start
from tests.support.leaks import nothing_left_behind
from tests.support.peer import Peer
from tests.support.servers import ROOT, address_of, running_server
from tests.support.waiting import DEADLINE, eventually

SHORT = (
    "--clients",
    "4",
    "--rooms",
    "2",
    "--talkers",
    "100",
    "--duration",
    "0.4",
    "--warm-up",
    "0",
)


def rooms_on(address: str) -> list[str]:
    """Which rooms a server has."""
    with Peer.connect(address) as peer:
        peer.hello("ana")
        rooms = [each["room"] for each in peer.page("rooms")["rooms"]]
        peer.ok("bye")  # so that the nick is free for the next look
        return rooms


def test_the_rooms_of_a_test_go_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    """But for one in which somebody talked, which the report names, with what to do."""
    with running_server() as server:
        address = address_of(server)
        assert command_line.main([address, *SHORT]) == 0
        assert rooms_on(address) == []
        assert "stays on the server" not in capsys.readouterr().out
        with Peer.connect(address) as ben:
            ben.hello("ben")
            ben.join("load-1")
            ben.say("load-1", "I am here")
            assert command_line.main([address, *SHORT, "--churn", "20"]) == 0
            assert rooms_on(address) == ["load-1"]
    out = capsys.readouterr().out
    assert "! What was said stays on the server, in 1 room (load-1). There" in out
    assert "`chat-server admin remove-room load-1`" in " ".join(out.split())


def test_rooms_are_kept_where_that_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    """To read them, or to count them again."""
    with running_server() as server:
        assert command_line.main([address_of(server), *SHORT, "--keep-rooms"]) == 0
        assert rooms_on(address_of(server)) == ["load-0", "load-1"]
    assert "in 2 rooms (load-0 to load-1)" in capsys.readouterr().out


def test_ctrl_c_removes_them_too() -> None:
    """Amid the load."""
    with running_server() as server:
        program = start(address_of(server), "--clients", "4", "--duration", "600")
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=DEADLINE)
        assert rooms_on(address_of(server)) == []


def test_a_server_that_does_not_know_temporary_rooms() -> None:
    """It is asked for nothing that it would refuse; its rooms stay, and that is said."""
    with faulty_server() as address:
        result = make_run(address)
    assert result.verdict.passed
    assert not result.errors
    assert result.rooms_kept == ["load-0"]


def test_a_server_of_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its process and its folder go with the run; what another server needs does not reach it."""
    report = tmp_path / "run.json"
    with nothing_left_behind():
        code = command_line.main(["--own-server", *SHORT, "--json", str(report)])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert "stays on the server" not in out
    found = json.loads(report.read_text())
    assert found["limited"] is False
    assert found["rooms_kept"] == []
    assert found["server"].startswith("127.0.0.1:")
    assert found["server_side"]["memory"] > 0


def test_an_address_goes_before_a_server_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """`make load ARGS=HOST` is that."""
    assert (
        command_line.main(["--own-server", "--unix", "/no/such/socket"]) == command_line.WRONG_USE
    )
    assert "cannot connect to unix:/no/such/socket" in capsys.readouterr().err


def test_ctrl_c_ends_a_server_of_its_own(tmp_path: Path) -> None:
    """And removes its folder, in the ramp too."""
    program = subprocess.Popen(
        [*COMMAND, "--own-server", "--clients", "4", "--ramp", "600"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    eventually(lambda: list(tmp_path.glob("*/data/history.db")))
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=DEADLINE)
    assert program.returncode == command_line.INTERRUPTED
    assert list(tmp_path.iterdir()) == []


def test_the_settings_of_another_server_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password, for instance."""
    monkeypatch.setenv("CHAT_PASSWORD", "open sesame")
    with own_server() as address, Peer.connect(f"tcp://{address}") as peer:
        assert peer.hello("ana")["type"] == "welcome"


def test_make_load_brings_its_own_server() -> None:
    """What the Makefile starts."""
    done = subprocess.run(
        ["make", "-n", "load", "ARGS=--clients 7"],
        cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=True,
    )  # fmt: skip
    assert "chat-load --own-server --clients 7" in done.stdout
