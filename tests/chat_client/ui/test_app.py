"""The program on a real terminal (a pty), against a real server, read from a screen."""

import os
import re
import signal
import sys
import termios
import threading
from pathlib import Path

import pytest

from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import DEADLINE, eventually


def chat_lines(terminal: Terminal) -> list[str]:
    """The messages that are shown, without their times."""
    return [line[6:] for line in terminal.shown if re.match(r"\d\d:\d\d \w+(>|  )", line)]


def test_the_line_survives_what_arrives(ana: Terminal, bob: Peer) -> None:
    """Text arrives while a line is half typed: line and cursor stay, and nothing is lost."""
    ana.type("half a l\x1b[D\x1b[D")
    ana.see_input("[lobby] half a l")
    for number in range(200):
        bob.post("say", room="lobby", text=f"number {number}")
    ana.see("number 199")
    ana.see_input("[lobby] half a l")
    assert ana.cursor == len("[lobby] half a")
    ana.type("xy\r")
    assert bob.messages(201, "lobby")[-1]["text"] == "half axy l"
    ana.see("ana> half axy l")
    ana.see_input("[lobby]")
    assert chat_lines(ana) == [
        *(f"bob  number {number}" for number in range(200)),
        "ana> half axy l",
    ]


def test_nothing_is_lost_between_two_lines(ana: Terminal, bob: Peer) -> None:
    """The moment between Enter and the next prompt swallows nothing and garbles nothing."""
    for number in range(300):
        bob.post("say", room="lobby", text=f"number {number}")
        if number % 10 == 0:
            ana.enter(f"line {number}")
    ana.see("number 299")
    ana.see("ana> line 290")
    ana.see_input("[lobby]")
    shown = chat_lines(ana)
    assert [line for line in shown if "bob  " in line] == [
        f"bob  number {number}" for number in range(300)
    ]
    assert [line for line in shown if "ana> " in line] == [
        f"ana> line {number}" for number in range(0, 300, 10)
    ]
    assert len(ana.shown) == len(set(ana.shown)), "a line is shown twice"


def test_the_keyboard_is_kept_while_lines_are_written(ana: Terminal, bob: Peer) -> None:
    """No moment in which the terminal echoes keys, eats some, or makes a signal of Ctrl-C."""
    modes = set()
    for number in range(30):
        bob.post("say", room="lobby", text=f"number {number}")
        modes |= {ana.local_modes for _ in range(2000)}
    while not any("number 29" in line for line in ana.shown):
        modes |= {ana.local_modes for _ in range(2000)}
    assert not any(mode & (termios.ECHO | termios.ICANON | termios.ISIG) for mode in modes)


def test_every_command(ana: Terminal, bob: Peer) -> None:
    """What each shows, and what it does to others."""
    ana.enter("/me waves")
    assert ana.see("waves") == "* ana waves"
    ana.enter("//me is a command")
    assert ana.see("/me is") == "ana> /me is a command"
    ana.enter("/topic")
    ana.see("-- there is no topic")
    ana.enter("/topic tests and  more")
    assert ana.see("set the topic") == "-- ana set the topic: tests and  more"
    ana.enter("/topic")
    ana.see("-- the topic of #lobby: tests and  more")
    ana.enter("/msg bob psst, you")
    assert ana.see("psst") == "[to bob] psst, you"
    assert bob.expect("direct")["text"] == "psst, you"
    bob.ok("tell", to="ana", text="yes?")
    assert ana.see("yes?") == "[from bob] yes?"
    ana.enter("/who")
    ana.see("-- 2 in #lobby: ana, bob")
    ana.enter("/join ops")
    ana.see("-- you are here: #ops, 1 here")
    ana.see_input("[ops]")
    bob.say("lobby", "over here")
    assert ana.see("over here") == "#lobby bob  over here"
    ana.enter("first in ops")
    assert ana.see("first in ops") == "ana> first in ops"
    ana.enter("/rooms")
    ana.see("-- 2 rooms:")
    ana.see("#lobby  2 here  tests and  more")
    ana.see("#ops  1 here")
    ana.enter("/join #lobby")
    ana.see_input("[lobby]")
    ana.enter("/nick anna")
    ana.see("-- you are anna now")
    ana.enter("/history 3")
    ana.see("-- the last 3 in #lobby:")
    ana.see("-- ana set the topic: tests")
    found = re.findall(r"^\d\d:\d\d (?:#lobby |\d+ )?bob  over here", "\n".join(ana.shown), re.M)
    assert len(found) == 3  # as it came, as it was unread, and now
    ana.enter("/search over here")
    ana.see("-- the newest 1 with 'over here' in #lobby")
    ana.enter("/search nowhere")
    ana.see("-- nothing with 'nowhere' in #lobby")
    ana.enter("/leave")
    ana.see("-- you left #lobby")
    ana.see_input("[ops]")
    ana.enter("/leave")
    ana.see_input("[no room]")
    ana.enter("anybody?")
    ana.see("-- you are in no room: type /join ROOM")
    ana.enter("/help")
    ana.see("/search")
    ana.enter("/help search")
    ana.see("/search WORDS")
    ana.enter("/help quit")
    ana.see("/quit  end the program; so does Ctrl-D (also /exit, /bye)")
    ana.enter("/quit")
    assert ana.leave() == 0


def test_somebody_new_is_told_how(host: House, home: dict[str, str]) -> None:
    """Before anything else, and never again once something was typed."""
    hint = "-- type to talk; /help lists the commands"
    for new in (True, False):
        with Terminal(host.address, "--nick", "ana", environment=home) as ana:
            ana.see_input("[lobby]")
            assert [line[6:] for line in ana.shown].count(hint) == new
            ana.enter("hello")
            ana.see("ana> hello")
            ana.enter("/quit")
            assert ana.leave() == 0


def test_what_is_typed_wrongly(ana: Terminal, bob: Peer) -> None:
    """A sentence each, and nothing of it is said."""
    for line, says in [
        ("/jion ops", "there is no command /jion; did you mean /join?"),
        ("/nosuch", "there is no command /nosuch; /help shows all."),
        ("/xyzzy", "there is no command /xyzzy; /help shows all."),
        ("/", "there is no command /;"),
        ("/join", "something is missing: type /join ROOM"),
        ("/join a b", "'a b' cannot be a room"),
        ("/msg bob", "something is missing: type /msg NICK TEXT"),
        ("/msg nobody hi", "nobody here is called 'nobody'"),
        ("/nick bob", "somebody here is called 'bob'"),
        ("/nick @x", "'@x' cannot be a nick"),
        (
            "/history 0",
            "'0' is no number from 1 to 10000, nor a time of day: type /history [N|HH:MM]",
        ),
        ("/help xyzzy", "there is no command /xyzzy"),
        ("/me", "something is missing: type /me TEXT"),
        ("x" * 4001, "at most 4000 characters"),
    ]:
        ana.enter(line)
        ana.see_wrapped(says)
        ana.type("\x15")
    ana.enter("   ")
    ana.enter("the end")
    assert bob.messages(1, "lobby")[0]["text"] == "the end"


def test_the_server_is_killed_and_comes_back(mortal: ServerProcess, home: dict[str, str]) -> None:
    """The user is told, types on, and sees each message once; the draft stays."""
    with Terminal(mortal.address, "--nick", "ana", environment=home) as ana:
        ana.enter("before")
        ana.see("ana> before")
        mortal.kill()
        ana.see("-- not connected")
        ana.see_status("reconnecting")
        ana.enter("meanwhile")
        ana.see("... meanwhile")
        ana.type("a draft")
        ana.see_input("[lobby] a draft")
        with mortal.restarted() as again:
            ana.see("-- connected again as ana")
            ana.see("ana> meanwhile")
            ana.see_input("[lobby] a draft")
            with Peer.connect(again.address) as peer:
                peer.hello("bob")
                peer.join("lobby", after=0)
                assert [frame["text"] for frame in peer.messages(2)] == ["before", "meanwhile"]
                peer.say("lobby", "after")
            ana.see("bob  after")
            assert chat_lines(ana) == ["ana> before", "ana> meanwhile", "bob  after"]
            ana.enter("")
            ana.type("\x04")


def test_shows_what_was_said_before(host: House, bob: Peer, home: dict[str, str]) -> None:
    """Who comes in sees the last messages, and where they are."""
    bob.ok("topic", room="lobby", topic="tests")
    for number in range(30):
        bob.say("lobby", f"number {number}")
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see("number 29")
        shown = ana.shown
        assert chat_lines(ana) == [f"bob  number {number}" for number in range(10, 30)]
        told = [line[6:] for line in shown if re.match(r"\d\d:\d\d -- ", line)]
        assert told == [
            "-- connected to backchannel/0.1.0 as ana",
            "-- type to talk; /help lists the commands",
            "-- #lobby, the last 20 messages:",
            "-- you are here: #lobby, 2 here: tests",
        ]


def test_a_pasted_block_is_one_message(ana: Terminal, bob: Peer) -> None:
    """Line feeds in a bracketed paste do not send, and the lines after the first are indented."""
    ana.type("\x1b[200~one\n<root> two\x1b[201~")
    ana.type("\r")
    assert bob.messages(1)[0]["text"] == "one\n<root> two"
    ana.see("ana> one")
    ana.see("      <root> two")


def test_text_cannot_drive_the_terminal() -> None:
    """Even if the server lets everything through."""
    hostile = "\x1b]0;title\x07\x1b[2Jgone\x9b31m\r\x08over\u202ewritten"

    def script(line: Line) -> None:
        line.welcome(motd=hostile, server=hostile)
        line.admit()
        line.post("lobby", 1, hostile, **{"from": hostile})
        line.send("direct", time=1e308, to="ana", text=hostile, **{"from": hostile})
        line.send("presence", room=hostile, joined=[hostile], left=[], renamed=[], members=1)
        line.post("lobby", 2, "the end")
        line.wait_for_end()

    with foreign_server(script) as address, Terminal(address, "--nick", "ana", "--no-bell") as ana:
        ana.see("the end")
        ana.see_input("[lobby]")
        for forbidden in (b"\x1b]", b"\x07", b"\x1b[2J", b"\xc2\x9b", b"\x08over", b"\xe2\x80\xae"):
            assert forbidden not in ana.output
        ana.type("\x04")
        assert ana.leave() == 0


@pytest.mark.parametrize(
    "keys",
    ["/quit\r", "\x04", "\x03y", "\x03\x03", "x\x03\x03y", "x\x03\x04", "\x03n\x03z\x03\x04"],
)
def test_leaving(ana: Terminal, keys: str) -> None:
    """`/quit` and Ctrl-D leave; Ctrl-C asks on an empty line, and clears a half-typed one."""
    before = b"\x1b[?2004l"  # bracketed paste off
    ana.type(keys)
    assert ana.leave() == 0
    assert ana.output.rfind(before) > ana.output.rfind(b"\x1b[?2004h")


def test_what_was_typed_last_is_said(ana: Terminal, bob: Peer) -> None:
    """Leaving at once after Enter does not take it back."""
    ana.type("one\rtwo\r\x04")
    assert [frame["text"] for frame in bob.messages(2)] == ["one", "two"]
    assert ana.leave() == 0


def test_what_could_not_be_said_is_told(mortal: ServerProcess, home: dict[str, str]) -> None:
    """Leaving without a connection names what is lost."""
    with Terminal(mortal.address, "--nick", "ana", environment=home) as ana:
        ana.see_input("[lobby]")
        mortal.kill()
        ana.see("-- not connected")
        ana.enter("one")
        ana.enter("two")
        ana.see("... two")
        ana.type("\x04")
        assert ana.leave() == 0
        assert [ana.see("not sent: one"), ana.see("not sent: two")] == [
            "-- not sent: one",
            "-- not sent: two",
        ]


def throw_out(host: House, nick: str) -> None:
    """Have somebody in charge do it."""
    assert host.server
    owner = host.enter("owner")
    owner.ok("claim", secret=host.server.owner_secret)
    owner.ok("kick", who=nick)


def test_what_was_being_typed_when_the_chat_ended_is_told(ana: Terminal, host: House) -> None:
    """Somebody threw us out amid a line: it is not lost."""
    ana.type("half a line")
    ana.see_input("[lobby] half a line")
    throw_out(host, "ana")
    assert ana.leave() == 1
    assert ana.see("not sent") == "-- not sent: half a line"


@pytest.mark.parametrize("line", ["/login hunter2", "/login\rhunter2"])
def test_no_password_is_told_when_the_chat_ended(ana: Terminal, host: House, line: str) -> None:
    """Neither one behind its command, nor one that was asked for."""
    ana.type(line)
    eventually(lambda: ana.input_line.endswith("*******"))
    throw_out(host, "ana")
    assert ana.leave() == 1
    assert b"hunter2" not in ana.output


def test_a_signal_leaves_the_terminal_sane(ana: Terminal) -> None:
    """SIGTERM ends the program like the user would."""
    echo = termios.ECHO | termios.ICANON
    eventually(lambda: not ana.local_modes & echo)
    ana.child.kill(signal.SIGTERM)
    eventually(lambda: ana.local_modes & echo == echo)
    assert ana.leave() == 0


def test_the_server_ends_it() -> None:
    """A kick is told, ends the prompt, and is exit code 1."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        line.expect("say")
        line.send("goodbye", code="kicked", text="Enough.")

    with foreign_server(script) as address, Terminal(address, "--nick", "ana") as ana:
        ana.see_input("[lobby]")
        ana.enter("hi")
        ana.see("-- the chat is over: Enough.")
        assert ana.leave() == 1


def test_what_the_program_asks_by_itself_holds_up_nobody_who_leaves() -> None:
    """Who is in the room, and which rooms there are: a server may never say."""
    asked = threading.Event()

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        while (frame := line.receive())["type"] != "bye":
            if frame["type"] in ("who", "rooms"):
                asked.set()
        line.send("ok", re=frame["id"])

    command = (
        "from chat_client import cli; from chat_client.ui import app; app._FLUSH = 3600; cli.main()"
    )
    with (
        foreign_server(script) as address,
        Terminal(address, "--nick", "ana", command=command) as ana,
    ):
        ana.see_input("[lobby]")
        assert asked.wait(DEADLINE)
        ana.type("\x04")
        assert ana.leave() == 0


def test_starts_with_a_sentence_or_not_at_all(tmp_path: Path) -> None:
    """Wrong use on a terminal is the same sentence and the same exit code as elsewhere."""
    with Terminal("--unix", str(tmp_path / "none")) as ana:
        assert ana.leave() == 2
        assert ana.shown[0].startswith("chat-client: cannot connect to unix:")


def test_a_room_that_is_not_open_to_us() -> None:
    """Without the room that was asked for there is nothing to show."""

    def script(line: Line) -> None:
        line.welcome()
        join = line.expect("join")
        line.send("error", re=join["id"], code="forbidden", text="Not you.")
        line.wait_for_end()

    with foreign_server(script) as address, Terminal(address, "--nick", "ana") as ana:
        assert ana.leave() == 2
        assert "chat-client: Not you." in ana.shown


def test_resizing_keeps_the_line(ana: Terminal, bob: Peer) -> None:
    """Neither a window that changes its size nor a stray key ends anything or loses the draft."""
    ana.type("a draft")
    ana.type("\x1b[24~\x1b\x1b[24~")  # F12, and Escape before it
    ana.see_input("[lobby] a draft")
    ana.child.setwinsize(24, 60)
    bob.say("lobby", "hi")
    ana.see("bob  hi")
    ana.type(" and more\r")
    assert bob.messages(2)[-1]["text"] == "a draft and more"


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
