"""What makes the terminal client one to keep open: each on a real terminal, with a real server."""

import re
import signal
import stat
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually

ALT = "\x1b"


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
    """`--no-bell` is silent, and times are shown as the user wants, in the zone that he wants."""
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


# -- rooms ------------------------------------------------------------------------------------


def test_several_rooms_at_once(ana: Terminal, bob: Peer) -> None:
    """Tags, unread counts, and all the ways from room to room; a draft stays meanwhile."""
    bob.join("ops")
    ana.enter("/join ops")
    ana.see_input("[ops]")
    bob.say("lobby", "one")
    bob.say("lobby", "two, ana")
    assert ana.see("one") == "#lobby bob  one"
    ana.see_status("1:lobby 2! 2:ops")
    ana.type("draft")
    ana.type(f"{ALT}1")
    ana.see_input("[lobby] draft")
    ana.see("-- #lobby, 2 new:")
    ana.see_status("1:lobby 2:ops")
    for keys, room in [
        ("\x0e", "ops"), ("\x10", "lobby"), (f"{ALT}2", "ops"), ("\x15/switch 1\r", "lobby"),
        ("/switch #ops\r", "ops"), ("/s\r", "lobby"),
    ]:  # fmt: skip
        ana.type(keys)
        eventually(lambda room=room: ana.input_line.startswith(f"[{room}]"))  # type: ignore[misc]
    bob.say("ops", "psst")
    ana.see("#ops bob  psst")
    ana.type(f"{ALT}a")
    ana.see_input("[ops]")
    ana.enter("/leave")
    ana.see("-- you left #ops")
    ana.see_input("[lobby]")


# -- typing -----------------------------------------------------------------------------------


def test_tab_completes(ana: Terminal, bob: Peer) -> None:
    """Commands, nicks (who spoke last first, never oneself), rooms; again for the next."""
    bob.ok("nick", nick="bella")
    bob.say("lobby", "hi")
    ana.see("hi")
    ana.type("/hi\t")
    eventually(lambda: ana.input_line == "[lobby] /history")
    ana.type("\x15b\t")
    eventually(lambda: ana.input_line == "[lobby] bella:")
    ana.type("\x15hello be\t")
    eventually(lambda: ana.input_line == "[lobby] hello bella")
    ana.type("\x15/l\t")
    eventually(lambda: ana.input_line == "[lobby] /leave")
    ana.type("\x15a\t!")
    ana.see_input("[lobby] a!")
    bob.ok("tell", to="ana", text="psst")
    ana.see("psst")
    ana.type("\x15/reply \t")
    eventually(lambda: ana.input_line == "[lobby] /msg bella")
    ana.type("\x15/join #lo\t")
    eventually(lambda: ana.input_line == "[lobby] /join #lobby")


def test_what_was_typed_comes_back_in_another_run(
    host: House, home: dict[str, str], tmp_path: Path
) -> None:
    """From a file that nobody else can read, which has no private message."""
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see_input("[lobby]")
        ana.enter("said in public")
        ana.see("ana> said in public")
        ana.enter("/msg ana my password")
        ana.see("[to ana] my password")
        ana.type("\x04")
        assert ana.leave() == 0
    kept = tmp_path / "state" / "backchannel" / "typed"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text() == '"said in public"\n'
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see_input("[lobby]")
        ana.type("\x1b[A")
        ana.see_input("[lobby] said in public")
        ana.type("\x1b[B")
        ana.see_input("[lobby]")
        ana.type("\x12pub")
        eventually(lambda: "pub': said in public" in ana.input_line)


def test_a_long_paste_is_confirmed(ana: Terminal, bob: Peer) -> None:
    """Up to five lines go as they are; more only after a yes; a no keeps them."""
    ana.type("\x1b[200~1\n2\n3\n4\n5\n\x1b[201~\r")
    assert bob.messages(1)[0]["text"] == "1\n2\n3\n4\n5"
    ana.type("\x1b[200~1\n2\n3\n4\n5\n6\n\x1b[201~\r")
    ana.see("send 6 lines as one message? (y/n)")
    ana.type("n")
    ana.see_status("connected")
    ana.type("\r")
    ana.see("send 6 lines as one message? (y/n)")
    ana.type("y")
    assert bob.messages(1)[0]["text"] == "1\n2\n3\n4\n5\n6"


def test_too_long_a_line_stays(ana: Terminal, bob: Peer) -> None:
    """It is told before anything is sent, and can be shortened."""
    ana.type(f"\x1b[200~{'x' * 4001}\x1b[201~\r")
    ana.see_wrapped("not sent, a text has at most 4000 characters, this one has 4001")
    ana.type("\x7f\r")
    assert bob.messages(1)[0]["text"] == "x" * 4000


def test_what_is_refused_can_be_brought_back(ana: Terminal) -> None:
    """With one key; so can what Ctrl-C cleared."""
    ana.enter("/msg nobody are you there?")
    ana.see_wrapped("Alt-R brings it back: /msg nobody are you there?")
    ana.type(f"{ALT}r")
    ana.see_input("[lobby] /msg nobody are you there?")
    ana.type("\x03")
    ana.see_input("[lobby]")
    ana.type(f"{ALT}r")
    ana.see_input("[lobby] /msg nobody are you there?")


def test_a_rate_limit_is_told_and_the_text_kept(home: dict[str, str]) -> None:
    """It waits above the input line, and goes when it may."""

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        say = line.expect("say")
        line.send("error", re=say["id"], code="rate_limited", text="Slower.", retry_after=1.0)
        again = line.expect("say")
        line.send("ok", re=again["id"], seq=1)
        line.post("lobby", 1, again["text"], **{"from": "ana"})
        line.wait_for_end()

    with (
        foreign_server(script) as address,
        Terminal(address, "--nick", "ana", environment=home) as ana,
    ):
        ana.see_input("[lobby]")
        ana.enter("too fast")
        ana.see("-- not done yet (Slower); next try in 1.0 s")
        ana.see("... too fast")
        ana.see("ana> too fast")
        eventually(lambda: not any("... too fast" in line for line in ana.shown))
        ana.type("\x04")
        assert ana.leave() == 0


def test_the_users_own_editor(host: House, bob: Peer, home: dict[str, str]) -> None:
    """Ctrl-O opens it, Alt-Enter makes a line without it."""
    editor = f"{sys.executable} -c \"import sys; open(sys.argv[1], 'a').write(' edited')\""
    with Terminal(
        host.address, "--nick", "ana", environment={"EDITOR": editor, "VISUAL": editor, **home}
    ) as ana:
        ana.see_input("[lobby]")
        ana.type(f"one{ALT}\rtwo\x0f")
        ana.see("two edited")
        ana.type("\r")
        assert bob.messages(1)[0]["text"] == "one\ntwo edited"


# -- people -----------------------------------------------------------------------------------


def test_people_can_be_hidden(host: House, ana: Terminal, bob: Peer, home: dict[str, str]) -> None:
    """Whatever the case of the name, and in the next run, too; `/focus` hides all the others."""
    ana.enter("/ignore BOB")
    ana.see("BOB is hidden")
    bob.say("lobby", "unheard")
    bob.ok("tell", to="ana", text="unread")
    ana.enter("mark")
    ana.see("ana> mark")
    assert not any("unheard" in line or "unread" in line for line in ana.shown)
    with Terminal(host.address, "--nick", "anna", environment=home) as anna:
        anna.see("mark")
        anna.enter("/ignore")
        anna.see("hidden: bob")
        assert not any("unheard" in line for line in anna.shown)
        anna.enter("/unignore bob")
        anna.see("bob is shown again")
        bob.say("lobby", "heard")
        anna.see("bob  heard")
        anna.enter("/focus ana")
        anna.see("only shown: ana")
        bob.say("lobby", "aside")
        ana.enter("main")
        anna.see("ana  main")
        assert not any("aside" in line for line in anna.shown)


def test_away_is_told_once(ana: Terminal, bob: Peer) -> None:
    """To who writes or names the user, once each, until `/back`."""
    ana.enter("/away lunch, back at 2")
    ana.see("you are away")
    bob.say("lobby", "ana: ping")
    assert bob.expect("direct")["text"] == "(away) lunch, back at 2"
    bob.ok("tell", to="ana", text="there?")
    ana.see("there?")
    ana.see_status("away")
    ana.enter("/back")
    ana.see("you are back")
    bob.ok("tell", to="ana", text="now?")
    ana.see("now?")
    ana.enter("/reply now")
    assert bob.expect("direct")["text"] == "now"
    ana.enter("/query bob")
    ana.see_input("[to bob]")
    ana.enter("only for you")
    assert bob.expect("direct")["text"] == "only for you"
    assert not [frame for frame in bob.queue if frame["type"] == "direct"]
    ana.enter("/query")
    ana.see_input("[lobby]")


# -- reading back -----------------------------------------------------------------------------


def test_long_output_goes_to_the_pager(host: House, bob: Peer, home: dict[str, str]) -> None:
    """What comes meanwhile waits: who reads is not disturbed, and misses nothing."""
    for number in range(60):
        bob.say("lobby", f"old {number}")
    pager = f'{sys.executable} -c "import sys; print(sys.stdin.read()[-300:]); open(0).close(); '
    pager += "print('PAGER'); open('/dev/tty').readline()\""
    with Terminal(host.address, "--nick", "ana", environment={"PAGER": pager, **home}) as ana:
        ana.see("you are here")
        ana.type("\x1b[5~")  # PgUp
        ana.see("PAGER")
        bob.say("lobby", "meanwhile")
        bob.ping()
        assert not any("meanwhile" in line for line in ana.shown)
        ana.type("\n")
        ana.see("bob  meanwhile")
        eventually(lambda: not any("... /history" in line for line in ana.shown))
        ana.enter("/search old 5")
        ana.see("bob  old 5")


@pytest.mark.parametrize("own", [None, "-R"])
def test_the_pager_begins_where_one_looks(
    host: House, home: dict[str, str], own: str | None
) -> None:
    """What was said last, when one reads back; a list's beginning. less is told so."""
    show = "import os, sys; sys.stdin.read(); print('told', os.environ['LESS'])"
    environment = {
        **home,
        "PAGER": f'{sys.executable} -c "{show}"',
        **({"LESS": own} if own else {}),
    }
    with Terminal(host.address, "--nick", "ana", rows=8, environment=environment) as ana:
        ana.see_input("[lobby]")
        for number in range(5):
            ana.enter(f"old {number}")
        ana.see("ana> old 4")
        before = f"told {own or ''} -R -Psq goes back to the chat, h helps$".replace("  ", " ")
        ana.enter("/history")
        eventually(lambda: before + "+G" in ana.shown)
        ana.enter("/help in charge")
        eventually(lambda: before in ana.shown)


def test_reading_on_from_a_time_of_day(home: dict[str, str]) -> None:
    """What was said since it was last so late, page after page."""
    now = time.time()
    later = time.strftime("%H:%M", time.localtime(now + 120))  # so yesterday's

    def say(seq: int, when: float) -> dict[str, Any]:
        text = f"message {seq}"
        return {
            "room": "lobby",
            "seq": seq,
            "time": when,
            "from": "ben",
            "kind": "text",
            "text": text,
        }

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        asked = line.expect("history")
        assert "before" not in asked
        newest = [say(seq, now) for seq in range(1001, 2001)]
        line.send("page", re=asked["id"], messages=newest[500:], more=True)
        asked = line.expect("history")
        line.send("page", re=asked["id"], messages=newest[:500], more=True)
        asked = line.expect("history")
        assert asked["before"] == 1001
        old = [say(999, now - 200_000), say(1000, now - 60)]
        line.send("page", re=asked["id"], messages=old, more=False)
        line.wait_for_end()

    with (
        foreign_server(script) as address,
        Terminal(address, "--nick", "ana", environment=home) as ana,
    ):
        ana.see_input("[lobby]")
        ana.enter(f"/history {later}")
        ana.see(f"-- the last 1001 in #lobby since {later}:")
        ana.see("message 2000")
        assert not any("message 999" in line for line in ana.shown)
        ana.type("\x04")
        assert ana.leave() == 0


# -- connection -------------------------------------------------------------------------------


def test_the_state_is_told_and_the_user_decides(
    mortal: ServerProcess, home: dict[str, str]
) -> None:
    """Round trip, reconnecting, no more tries, now; then what was missed, and where one is."""
    with Terminal(mortal.address, "--nick", "ana", environment=home) as ana:
        ana.see_status("ms | ana@")
        mortal.kill()
        ana.see_status("reconnecting")
        ana.enter("/reconnect off")
        ana.see("no more tries")
        ana.see_status("not connected")
        with mortal.restarted() as again, Peer.connect(again.address) as bob:
            bob.hello("bob")
            bob.join("lobby")
            bob.say("lobby", "you missed this")
            ana.enter("/reconnect")
            ana.see("-- you were away: +1 message:")
            ana.see("bob  you missed this")
            ana.see("-- you are here: #lobby")
            ana.see_status("connected")
            assert sum("you missed this" in line for line in ana.shown) == 1


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
from chat_client.display.model import View

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


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 15)])
def test_help_fits_one_screen(host: House, home: dict[str, str], columns: int, rows: int) -> None:
    """All of it stands above the input line."""
    with Terminal(
        host.address, "--nick", "ana", columns=columns, rows=rows, environment=home
    ) as ana:
        ana.see("you are here")
        ana.enter("/help")
        ana.see("tells more")
        visible = "".join(ana.screen.display)
        assert "//TEXT" in visible
        assert "tells more" in visible
        assert "/quit" in visible
