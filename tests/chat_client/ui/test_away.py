"""Coming back: after Ctrl-Z, a lost connection, a night. One line says how much was said."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from chat_client.display.model import View
from chat_client.display.terminal_lines import Lines
from chat_client.events import Connected, Entered
from protocol.messages import Message
from tests.chat_client.programs import Terminal
from tests.chat_client.ui.test_app import chat_lines
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually


def said(room: str, seqs: range) -> list[Message]:
    """What somebody says."""
    return [Message(room, seq, 1.0, "bob", "text", f"number {seq}") for seq in seqs]


def lines_of(view: View, *events: object) -> list[str]:
    """What is shown of events, without days and times of day."""
    shown = [line for event in events for line in view.take(event)]  # type: ignore[arg-type]
    return [line[6:] for line in shown if re.match(r"\d\d:\d\d ", line)]


@pytest.fixture
def view() -> View:
    """Ana, who looks at #ops and is in the lobby."""
    made = View(Lines(), "server", "on")
    lines_of(
        made,
        Connected("ana", "s/1", "", again=False),
        Entered("lobby", "", 2, 10, 10, 0, again=False),
        Entered("ops", "", 2, 0, 0, 0, again=False),
    )
    return made


def again(room: str, after: int, last: int, lost: int = 0) -> Entered:
    """A room was entered again."""
    return Entered(room, "", 2, after, last, lost, again=True)


def test_few_messages_are_shown_behind_a_line(view: View) -> None:
    """All of them, in any room."""
    assert lines_of(view, again("ops", 0, 2), *said("ops", range(1, 3))) == [
        "-- you were away: +2 messages:",
        "bob  number 1",
        "bob  number 2",
        "-- you are here: #ops, 2 here",
    ]
    assert lines_of(view, again("lobby", 10, 11), *said("lobby", range(11, 12))) == [
        "-- you were away: +1 message in #lobby:",
        "#lobby bob  number 11",
        "-- that is all of #lobby",
    ]


def test_of_many_only_the_end_is_shown(view: View) -> None:
    """PgUp has all of them, from where one had read; in another room they are unread."""
    shown = lines_of(view, again("ops", 0, 2000), *said("ops", range(1, 2002)))
    assert shown == [
        "-- you were away: +2,000 messages, PgUp to read them; the last 20:",
        *(f"bob  number {seq}" for seq in range(1981, 2001)),
        "-- you are here: #ops, 2 here",
        "bob  number 2001",
    ]
    assert view.read_here == 0
    assert view.read_back() >= 2001
    assert lines_of(view, again("lobby", 10, 500), *said("lobby", range(11, 501))) == [
        "-- you were away: +490 messages in #lobby, /switch lobby and PgUp to read them"
    ]
    assert view.rooms["lobby"].unread == 490
    list(view.switch("lobby"))
    assert view.read_here == 10


def test_what_was_read_last_is_kept_through_more_than_one_absence(view: View) -> None:
    """Until the user talks; what is missed while the connection is bad is still to be read."""
    lines_of(view, again("ops", 0, 2000), *said("ops", range(1, 1000)))
    shown = lines_of(view, again("ops", 999, 2000), *said("ops", range(1000, 2001)))
    assert shown[0].startswith("-- you were away: +1,001 messages")
    assert view.read_here == 0
    view.speak()
    assert view.read_here is None
    assert view.read_back() == 200


def test_what_comes_after_a_stop_is_held_until_it_is_known_how_much(view: View) -> None:
    """It is shown once, and in order; whether the answer comes early, late, or not at all."""
    assert view.hold() == ["lobby", "ops"]
    assert view.hold() == []
    assert lines_of(view, *said("ops", range(1, 60))) == []
    shown = [line[6:] for line in view.count_missed("ops", 50) if "number" in line or "--" in line]
    assert [line for line in shown if "number" in line] == [
        f"bob  number {seq}" for seq in range(31, 60)
    ]
    assert "+50 messages, PgUp" in "".join(shown)
    lines_of(view, *said("lobby", range(11, 14)))
    assert [line[6:] for line in view.count_missed("lobby", 0)] == [
        f"#lobby bob  number {seq}" for seq in range(11, 14)
    ]
    assert view.hold() == ["lobby", "ops"]
    assert list(view.count_missed("ops", 59)) == []
    assert lines_of(view, *said("ops", range(60, 61))) == ["bob  number 60"]


def test_a_connection_that_died_while_stopped(view: View) -> None:
    """What was held back counts, and is shown in its order."""
    view.hold()
    lines_of(view, *said("ops", range(1, 4)))
    shown = lines_of(view, again("ops", 3, 5), *said("ops", range(4, 6)))
    assert shown[0] == "-- you were away: +5 messages:"
    assert [line for line in shown if "number" in line] == [
        f"bob  number {seq}" for seq in range(1, 6)
    ]
    assert list(view.count_missed("ops", 5)) == []


def test_after_a_stop(ana: Terminal, bob: Peer) -> None:
    """As after Ctrl-Z and fg, on a connection that lives on."""
    ana.enter("before")
    ana.see("ana> before")
    assert ana.child.pid is not None
    os.kill(ana.child.pid, signal.SIGSTOP)
    for number in range(500):
        bob.say("lobby", f"number {number}")
    os.kill(ana.child.pid, signal.SIGCONT)
    ana.see("-- you were away: +500 messages, PgUp to read them; the last 20:")
    ana.see("number 499")
    bob.say("lobby", "and live")
    ana.see("bob  and live")
    assert chat_lines(ana) == [
        "ana> before",
        *(f"bob  number {number}" for number in range(480, 500)),
        "bob  and live",
    ]


def test_a_server_that_was_away_and_much_was_said(
    mortal: ServerProcess, home: dict[str, str], tmp_path: Path
) -> None:
    """PgUp begins where the user had read, and has everything since."""
    told = tmp_path / "told"
    program = tmp_path / "less"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        f"open({str(told)!r}, 'w').write(os.environ['LESS'] + '\\n' + sys.stdin.read())\n"
    )
    program.chmod(0o700)
    environment = {**home, "PAGER": str(program)}
    with Terminal(mortal.address, "--nick", "ana", environment=environment) as ana:
        ana.enter("before")
        ana.see("ana> before")
        mortal.kill()
        ana.see("-- not connected")
        ana.enter("/reconnect off")
        ana.see("no more tries")
        with mortal.restarted() as restarted, Peer.connect(restarted.address) as bob:
            bob.hello("bob")
            bob.join("lobby")
            for number in range(300):
                bob.say("lobby", f"number {number}")
            ana.enter("/reconnect")
            ana.see("-- you were away: +300 messages, PgUp to read them; the last 20:")
            ana.see("number 299")
            ana.type("\x1b[5~")
            eventually(told.exists)
            eventually(lambda: "number 299" in told.read_text())
            less, *lines = re.sub(r"\x1b\[[0-9;]*m", "", told.read_text()).splitlines()
            place = lines.index("-- new from here --")
            assert "ana> before" in lines[place - 1]
            assert "number 0" in lines[place + 1]
            assert less.endswith(f"${f'+{place + 1}g'}")
            ana.enter("thanks")
            ana.see("ana> thanks")
            ana.type("\x1b[5~")
            eventually(lambda: f"{told.read_text()}\n".splitlines()[0].endswith("+G"))


def test_a_short_stop_says_nothing(ana: Terminal, bob: Peer) -> None:
    """Nothing was missed, and what comes then is shown."""
    ana.enter("before")
    ana.see("ana> before")
    assert ana.child.pid is not None
    os.kill(ana.child.pid, signal.SIGSTOP)
    os.kill(ana.child.pid, signal.SIGCONT)
    bob.say("lobby", "hello")
    ana.see("bob  hello")
    ana.enter("hi")
    ana.see("ana> hi")
