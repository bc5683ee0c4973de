"""Who one is at a terminal: asked once, another name where one is taken, the same after a crash."""

import json
import signal
import stat
from pathlib import Path

import pytest

from chat_client import connect
from chat_client.files import user_files
from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.waiting import eventually

pytestmark = pytest.mark.long


def kill(terminal: Terminal) -> None:
    """End a client at once."""
    terminal.child.kill(signal.SIGKILL)
    eventually(lambda: not terminal.child.isalive())


def test_the_name_is_asked_once_and_remembered(host: House, home: dict[str, str]) -> None:
    """What cannot be one is asked again; Enter takes what is offered."""
    with Terminal(host.address, environment=home) as ana:
        ana.see("your name here (Enter: ")
        ana.child.send("two words\r")
        ana.see("a nick has no spaces")
        ana.child.send("Ana\r")
        ana.see("connected to")
        ana.see_status("Ana@")
        ana.type("\x04")
        assert ana.leave() == 0
    with Terminal(host.address, environment=home) as ana:
        ana.see_status("Ana@")
        assert not any("your name" in line for line in ana.shown)
    with Terminal(host.address, "--nick", "bert", environment=home) as bert:
        bert.see_status("bert@")
    with Terminal(host.address, environment=home) as ana:
        ana.see_status("Ana@")


def test_a_name_that_is_asked_for_can_be_taken_by_enter(host: House, home: dict[str, str]) -> None:
    """The login name, or that and a number."""
    with Terminal(host.address, environment={**home, "LOGNAME": "student"}) as ana:
        ana.see("your name here (Enter: student):")
        with host.enter("student", "lobby"):
            ana.child.send("\r")
            ana.see("another name (Enter: student2):")
            ana.child.send("\r")
            ana.see_status("student2@")


def test_nothing_is_asked_where_nobody_is(home: dict[str, str]) -> None:
    """A server that cannot be reached is told first."""
    with Terminal("127.0.0.1:1", environment=home) as ana:
        assert ana.leave() == 2
        assert any("nobody listens there" in line for line in ana.shown)


@pytest.mark.parametrize("answer", ["\r", "anna\r"])
def test_a_nick_that_is_taken(host: House, home: dict[str, str], answer: str) -> None:
    """A free one is offered, which Enter takes; or another is typed."""
    host.enter("ana", "lobby")
    host.enter("ana2", "lobby")
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see("somebody here is called 'ana'")
        ana.see("another name (Enter: ana3):")
        ana.child.send(answer)
        ana.see_status("anna@" if len(answer) > 1 else "ana3@")
        assert not (Path(home["XDG_STATE_HOME"]) / "backchannel" / "nick").exists()


@pytest.mark.parametrize("key", ["\x04", "\x03"])
def test_who_wants_no_other_name_leaves(host: House, home: dict[str, str], key: str) -> None:
    """Ctrl-D and Ctrl-C, without a traceback."""
    host.enter("ana", "lobby")
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see("another name (Enter: ana2):")
        ana.child.send(key)
        assert ana.leave() == 130
        assert not any("Traceback" in line for line in ana.shown)


def test_who_was_killed_has_the_nick_again(host: House, home: dict[str, str]) -> None:
    """From the connection before, which the server takes for alive; and what is said is stored."""
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see_input("[lobby]")
        for number in range(3):
            ana.enter(f"before {number}")
        ana.see("ana> before 2")
        ana.child.kill(signal.SIGSTOP)  # its connection stays open
        files = list((Path(home["XDG_STATE_HOME"]) / "backchannel" / "sessions").iterdir())
        (kept,) = files
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert json.loads(kept.read_text())["nick"] == "ana"
        with Terminal(host.address, "--nick", "ana", environment=home) as second:
            second.see("another name (Enter: ana2):")  # one of a client that runs is not taken
        kill(ana)
    with (
        host.enter("bob", "lobby") as bob,
        Terminal(host.address, "--nick", "ana", environment=home) as ana,
    ):
        ana.see_status("ana@")
        ana.see_input("[lobby]")
        ana.enter("again")
        assert bob.messages(1, "lobby")[0]["text"] == "again"
        ana.enter("and again")
        assert bob.messages(1, "lobby")[0]["text"] == "and again"
        ana.type("\x04")
        assert ana.leave() == 0
        assert kept.read_text() == ""


def test_two_terminals_that_were_killed(host: House, home: dict[str, str]) -> None:
    """Each has its own session, under the nick that it had by then."""
    with (
        Terminal(host.address, "--nick", "ana", environment=home) as one,
        Terminal(host.address, "--nick", "ben", environment=home) as two,
    ):
        one.see_input("[lobby]")
        two.see_input("[lobby]")
        two.enter("/nick benno")
        two.see("you are benno now")
        kill(one)
        kill(two)
    with (
        Terminal(host.address, environment=home) as one,
        Terminal(host.address, environment=home) as two,
    ):
        one.see_status("@127")
        two.see_status("@127")
        two.enter("/who")
        two.see("-- 2 in #lobby: ana, benno")


@pytest.mark.parametrize(("told", "at_least"), [({"last_id": 41}, 42), ({}, 1_000_000)])
def test_ids_go_on_above_those_of_the_killed_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, int], at_least: int
) -> None:
    """Else what is said would be taken for what was said before, and be lost."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def script(line: Line) -> None:
        hello = line.welcome(session="kept", **told)
        assert hello["session"] == "kept"
        assert line.admit()["id"] >= at_least
        line.wait_for_end()

    with foreign_server(script) as address:
        with user_files.open_session(address, "ana") as kept:
            kept.keep("kept", "ana")
        with (
            user_files.open_session(address, "ana") as kept,
            connect(address, nick="ana", keeper=kept) as chat,
        ):
            chat.join("lobby")
