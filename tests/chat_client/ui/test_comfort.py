"""What makes the terminal client one to keep open: each on a real terminal, with a real server."""

import re
import signal
import termios
from pathlib import Path

import pytest

from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.waiting import eventually


def styles(terminal: Terminal, text: str) -> list[tuple[str, bool, bool]]:
    """The colour, boldness and reversal of each cell of `text` where it stands on the screen."""
    screen = terminal.screen
    for row, line in enumerate(screen.display):
        if text in line:
            cells = [screen.buffer[row][line.index(text) + place] for place in range(len(text))]
            return [(cell.fg, cell.bold, cell.reverse) for cell in cells]
    raise AssertionError(text)


# -- what is shown ----------------------------------------------------------------------------


def test_a_nick_has_its_colour_and_a_mention_stands_out(ana: Terminal, bob: Peer) -> None:
    """Whole words only, with a bell; one's own name is bold, and the same nick looks the same."""
    bob.say("lobby", "banana, no bell")
    ana.see("banana")
    assert b"\x07" not in ana.output
    bob.say("lobby", "hey ANA!")
    ana.see("hey ANA!")
    eventually(lambda: ana.shown and b"\x07" in ana.output)
    assert [reverse for _, _, reverse in styles(ana, "hey ANA!")] == [False] * 4 + [True] * 3 + [
        False
    ]
    assert not any(reverse for _, _, reverse in styles(ana, "banana"))
    first, second = styles(ana, "bob  banana")[0], styles(ana, "bob  hey")[0]
    assert first == second
    assert first[0] not in ("default", "black", "white")
    ana.enter("me")
    ana.see("ana> me")
    assert styles(ana, "ana> me")[0] == ("default", True, False)


@pytest.mark.parametrize(
    ("arguments", "more"),
    [(["--color", "never"], {}), ([], {"NO_COLOR": "1"}), ([], {"CHAT_COLOR": "never"})],
)
def test_without_colours(
    host: House, bob: Peer, home: dict[str, str], arguments: list[str], more: dict[str, str]
) -> None:
    """Nothing is painted, and own lines can still be told from others."""
    with Terminal(host.address, "--nick", "ana", *arguments, environment={**home, **more}) as ana:
        bob.say("lobby", "hi ana")
        ana.see("bob  hi ana")
        ana.enter("hi")
        ana.see("ana> hi")
        assert {style[0] for style in styles(ana, "bob  hi ana")} == {"default"}
        assert not re.search(rb"\x1b\[(2|3[0-7]|38;5;\d+)m", ana.output)


def test_no_bell_and_another_clock(host: House, bob: Peer, home: dict[str, str]) -> None:
    """`--no-bell` is silent, and times are shown as the user wants, in the zone that they want."""
    options = ["--no-bell", "--time-format", "%Hh", "--time-zone", "UTC"]
    with Terminal(host.address, "--nick", "ana", *options, environment=home) as ana:
        bob.say("lobby", "ana: ding")
        ana.see("ana: ding")
        assert any(re.match(r"\d\dh bob  ana: ding", line) for line in ana.shown)
        assert b"\x07" not in ana.output


def test_days_change(home: dict[str, str]) -> None:
    """A line says so, once for each day."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        for seq, when in enumerate((0.0, 60.0, 86400.0), 1):
            line.post("lobby", seq, f"number {seq}", time=when)
        line.wait_for_end()

    options = ["--nick", "me", "--time-zone", "UTC"]
    with foreign_server(script) as address, Terminal(address, *options, environment=home) as me:
        me.see("number 3")
        shown = [line for line in me.shown if "1970" in line or "number" in line]
        assert shown == [
            "-- Thursday 01 January 1970 --",
            "00:00 ana  number 1",
            "00:01 ana  number 2",
            "-- Friday 02 January 1970 --",
            "00:00 ana  number 3",
        ]
        me.type("\x04")
        assert me.leave() == 0


@pytest.mark.parametrize("columns", [80, 60])
def test_long_and_wide_text_wraps(
    host: House, bob: Peer, home: dict[str, str], columns: int
) -> None:
    """Between words, by cells, indented; nothing is lost, and a link is in one piece."""
    link = f"https://example.org/{'x' * 90}"
    with Terminal(host.address, "--nick", "ana", columns=columns, environment=home) as ana:
        bob.say("lobby", "word " * 40 + "end1")
        bob.say("lobby", "漢字" * 50 + "end2")
        bob.say("lobby", f"see {link} end3")
        ana.see("end3")
        shown = ana.shown
        words = [line for line in shown if "word" in line]
        assert all(line.startswith("        word") for line in words[1:])
        assert not any(re.search(r"wor$|wo$|w$", line) for line in words)
        assert "漢字" * 50 in "".join(re.findall("[漢字]", "".join(shown)))
        assert link.encode() in ana.output


def test_the_terminal_knows_its_width_best(host: House, bob: Peer, home: dict[str, str]) -> None:
    """COLUMNS was exported in another window, or before this one was made smaller."""
    environment = {**home, "COLUMNS": "200", "LINES": "100"}
    with Terminal(host.address, "--nick", "ana", columns=40, environment=environment) as ana:
        bob.say("lobby", "word " * 20 + "end")
        ana.see("end")
        words = [line for line in ana.shown if "word" in line]
        assert all(line.startswith("        word") for line in words[1:])


def test_presence_is_coalesced_and_can_be_silenced(host: House, ana: Terminal) -> None:
    """A class that comes in is one line; `/quiet` says nothing of it."""
    peers = [Peer.connect(host.address) for _ in range(13)]
    try:
        for number, peer in enumerate(peers[:12]):
            peer.hello(f"pupil{number}")
            peer.join("lobby")
        ana.see_status("13 here")
        told = [line for line in ana.shown if "joined" in line]
        assert 1 <= len(told) <= 3
        ana.enter("/quiet")
        ana.see("who comes and goes is not told")
        peers[12].hello("late")
        peers[12].join("lobby")
        ana.see_status("14 here")
        assert not any("late" in line for line in ana.shown)
    finally:
        for peer in peers:
            peer.close()


def test_what_was_said_before_is_marked(host: House, bob: Peer, home: dict[str, str]) -> None:
    """Between two lines, without a bell; the topic is told once."""
    bob.say("lobby", "ana, are you there?")
    bob.ok("topic", room="lobby", topic="tests")
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see("you are here")
        shown = [line[6:] for line in ana.shown if line[:2].isdigit()]
        assert shown[2:] == [
            "-- #lobby, the last 2 messages:",
            "bob  ana, are you there?",
            "-- bob set the topic: tests",
            "-- you are here: #lobby, 2 here",
        ]
        assert b"\x07" not in ana.output


# -- connection -------------------------------------------------------------------------------


def test_catching_up_is_told(home: dict[str, str]) -> None:
    """How far it has come, and what is gone for ever."""

    def first(line: Line) -> None:
        line.welcome()
        line.admit(10)
        for seq in range(1, 11):
            line.post("lobby", seq, f"number {seq}")

    def second(line: Line) -> None:
        line.welcome()
        join = line.expect("join")
        line.send("ok", re=join["id"], room="lobby", seq=650, members=3, topic="", oldest=12)
        for seq in range(12, 131):
            line.post("lobby", seq, f"number {seq}")
        line.expect("say")
        for seq in range(131, 651):
            line.post("lobby", seq, f"number {seq}")
        line.wait_for_end()

    with (
        foreign_server(first, second) as address,
        Terminal(address, "--nick", "ana", environment=home) as ana,
    ):
        ana.see_status("catching up 120/640")
        ana.see_wrapped("#lobby: 1 message was not kept by the server and cannot be shown")
        ana.enter("go on")
        ana.see("number 650")
        ana.see_status("connected")
        ana.type("\x04")


@pytest.mark.long
def test_a_flood_leaves_the_prompt_usable(ana: Terminal, bob: Peer) -> None:
    """Typing, editing and sending go on while thousands of lines scroll by."""
    for number in range(4000):
        bob.post("say", room="lobby", text=f"number {number}")
        if number == 1000:
            ana.type("typed in a flod\x1b[D\x1b[Do\r")
    ana.see("number 3999")
    ana.see("ana> typed in a flood")
    numbers = [int(line.split()[-1]) for line in ana.shown if "bob  number" in line]
    assert numbers == list(range(4000))


# -- the end ----------------------------------------------------------------------------------

CRASH = """
import sys
from chat_client import cli
from chat_client.api.chat import Chat
from chat_client.display.state.model import View

def crash(*_):
    raise ZeroDivisionError("on purpose")

View.come_back = Chat.rename = crash
sys.exit(cli.main())
"""


@pytest.mark.parametrize("line", ["/back", "/nick anna"])
def test_a_mistake_of_the_program_leaves_the_terminal_sane(
    host: House, home: dict[str, str], tmp_path: Path, line: str
) -> None:
    """One sentence on the screen, the traceback in a file; on the main thread and the sender's."""
    sane = termios.ECHO | termios.ICANON
    with Terminal(host.address, "--nick", "ana", command=CRASH, environment=home) as ana:
        ana.see_input("[lobby]")
        ana.enter(line)
        ana.see_wrapped("chat-client: a mistake of the program (ZeroDivisionError)")
        eventually(lambda: ana.local_modes & sane == sane)
        assert ana.leave() == 1
        assert ana.output.rfind(b"\x1b[?2004l") > ana.output.rfind(b"\x1b[?2004h")
        assert not any("Traceback" in line for line in ana.shown)
    log = tmp_path / "state" / "backchannel" / "crash.log"
    assert "on purpose" in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_it_in_order(ana: Terminal, number: signal.Signals) -> None:
    """The terminal is as it was."""
    sane = termios.ECHO | termios.ICANON
    eventually(lambda: not ana.local_modes & sane)
    ana.child.kill(number)
    eventually(lambda: ana.local_modes & sane == sane)
    assert ana.leave() == 0
