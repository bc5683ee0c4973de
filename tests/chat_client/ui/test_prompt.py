"""The input line: keys, drafts, pastes, and what was typed before."""

import stat
import sys
from pathlib import Path

from tests.chat_client.foreign import Line, foreign_server
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.support.peer import Peer
from tests.support.waiting import eventually

ALT = "\x1b"


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
    ana.type("\x15/answer \t")
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
    ana.see("send 6 lines as one message? (y/n, c: as code)")
    ana.type("n")
    ana.see_status("connected")
    ana.type("\r")
    ana.see("send 6 lines as one message? (y/n, c: as code)")
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
