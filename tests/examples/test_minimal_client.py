"""The example client as a user runs it: real processes, a real server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import ROOT, ServerProcess
from tests.support.waiting import DEADLINE

EXAMPLE = ROOT / "examples" / "minimal_client.py"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess.serve(tmp_path / "data") as running:
        yield running


def start(server: ServerProcess, nick: str, room: str = "lobby") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLE), "127.0.0.1", str(server.port), nick, room],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8"},
    )


def say(client: subprocess.Popen[str], line: str) -> None:
    assert client.stdin is not None
    client.stdin.write(line + "\n")
    client.stdin.flush()


def hear(client: subprocess.Popen[str]) -> str:
    assert client.stdout is not None
    return client.stdout.readline().rstrip("\n")


def end(client: subprocess.Popen[str]) -> tuple[str, str, int]:
    """End its stdin; return what else it printed, on stdout and stderr, and its exit code."""
    out, errors = client.communicate(timeout=DEADLINE)
    return out, errors, client.returncode


def test_it_is_as_short_as_it_is_said_to_be() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 60


def test_two_people_talk(server: ServerProcess) -> None:
    with start(server, "ana") as ana, start(server, "ben") as ben:
        # Each hears itself, so each is in the room before the other is expected to hear it.
        for client, name in ((ana, "ana"), (ben, "ben")):
            say(client, "here")
            while hear(client) != f"{name}: here":
                pass
        heard_by_ana = hear(ana)
        say(ana, "Salut, café!")
        say(ben, "Olá!")
        talk = [hear(ana), hear(ana)]
        assert [hear(ben), hear(ben)] == talk
        assert heard_by_ana == "ben: here"
        assert sorted(talk) == ["ana: Salut, café!", "ben: Olá!"]
        assert end(ana) == ("", "", 0)
        assert end(ben) == ("", "", 0)


def test_all_that_is_piped_in_is_said_before_it_ends(server: ServerProcess) -> None:
    lines = [f"line {number}" for number in range(200)]
    with start(server, "ana") as ana:
        out, errors = ana.communicate("".join(f"{line}\n" for line in lines), timeout=DEADLINE)
        assert errors == ""
        assert ana.returncode == 0
        assert out.splitlines() == [f"ana: {line}" for line in lines]


def test_a_refused_text_is_told_and_the_rest_is_said(server: ServerProcess) -> None:
    with start(server, "ana") as ana:
        say(ana, "a \x1b[2J b")
        say(ana, "c")
        assert hear(ana) == "ana: c"
        out, errors, code = end(ana)
        assert (out, code) == ("", 0)
        assert "control characters" in errors


def test_a_nick_in_use_ends_it(server: ServerProcess) -> None:
    with start(server, "ana") as ana:
        say(ana, "here")
        assert hear(ana) == "ana: here"
        with start(server, "Ana") as other:
            out, errors, code = end(other)
            assert (out, code) == ("", 1)
            assert errors != ""
        assert end(ana) == ("", "", 0)


def test_a_server_that_stops_ends_it_though_nothing_is_typed(server: ServerProcess) -> None:
    with start(server, "ana") as ana:
        say(ana, "here")
        assert hear(ana) == "ana: here"
        server.terminate()
        assert ana.wait(DEADLINE) == 1
        assert end(ana)[1] != ""


def test_a_server_that_is_killed_ends_it_too(server: ServerProcess) -> None:
    with start(server, "ana") as ana:
        say(ana, "here")
        assert hear(ana) == "ana: here"
        server.kill()
        assert ana.wait(DEADLINE) == 1
        assert end(ana)[1] == "The connection is lost.\n"
