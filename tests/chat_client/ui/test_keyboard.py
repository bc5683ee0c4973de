"""Pastes without an end mark, narrow windows, and terminals that go away."""

import signal
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from tests.chat_client.programs import Terminal
from tests.support.peer import Peer
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually

PASTE = "\x1b[200~"


def close_terminal(terminal: Terminal) -> int:
    """Close the window, and return the exit code of what ran in it."""
    cast(Any, terminal.child).ptyproc.fileobj.close()
    eventually(lambda: not terminal.child.isalive())
    code: int = terminal.child.exitstatus if terminal.child.exitstatus is not None else -1
    return code


@pytest.mark.parametrize("width", [3, 80])
def test_closing_the_terminal_is_no_crash(
    lonely: Terminal, home: dict[str, str], width: int
) -> None:
    """The client ends as if it were left, and nothing is written to crash.log."""
    lonely.child.setwinsize(24, width)
    lonely.type("a draft")
    assert close_terminal(lonely) == 0
    assert not list(Path(home["XDG_STATE_HOME"]).rglob("crash.log"))


def test_closing_the_terminal_while_lines_come(
    ana: Terminal, bob: Peer, home: dict[str, str]
) -> None:
    """The same while there is something to be drawn."""
    for number in range(50):
        bob.post("say", room="lobby", text=f"number {number}")
    assert close_terminal(ana) == 0
    assert not list(Path(home["XDG_STATE_HOME"]).rglob("crash.log"))


def test_a_terminal_that_sends_no_hangup(mortal: ServerProcess, home: dict[str, str]) -> None:
    """A program that is not told, as its terminal does not control it, notices by itself."""
    program = (
        "import signal, sys\n"
        "from chat_client.cli import main\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])\n"
        "sys.exit(main())\n"
    )
    with Terminal(mortal.address, "--nick", "ana", command=program, environment=home) as terminal:
        terminal.see_input("[lobby]")
        assert close_terminal(terminal) == 0
    assert not list(Path(home["XDG_STATE_HOME"]).rglob("crash.log"))


def test_a_paste_without_its_end_mark(ana: Terminal, bob: Peer) -> None:
    """Ctrl-C ends it and clears the line; Alt-R brings back what was pasted."""
    ana.type(f"{PASTE}half a paste")
    ana.type("\x03")
    ana.type("\x03")  # on an empty line it asks, by which one sees that the paste has ended
    ana.see_status("leave")
    ana.type("n")
    ana.see_input("[lobby]")
    ana.enter("said")
    assert bob.messages(1)[0]["text"] == "said"
    ana.type("\x1br")
    ana.see_input("[lobby] half a paste")


@pytest.mark.parametrize(
    "keys",
    [f"{PASTE}half\x04", f"{PASTE}half\x03\x04", f"{PASTE}\x03\x03", f"{PASTE}\x04"],
)
def test_leaving_in_a_paste(ana: Terminal, keys: str) -> None:
    """Ctrl-D leaves, and Ctrl-C on an empty line asks, though no end mark came."""
    ana.type(keys)
    assert ana.leave() == 0


def test_a_whole_paste_may_hold_control_characters(ana: Terminal, bob: Peer) -> None:
    """They are part of it, and nothing of it is said by itself."""
    ana.type(f"{PASTE}one\x03two\x1b[201~")
    bob.say("lobby", "the end")
    ana.see("bob  the end")
    eventually(lambda: ana.input_line.startswith("[lobby] one"))
    assert ana.input_line.endswith("two")


def has_drawn(terminal: Terminal, before: int) -> bool:
    """Whether anything was drawn since the output had so many bytes."""
    assert terminal.screen
    return len(terminal.output) > before


def test_any_width_while_a_line_waits(lonely: Terminal) -> None:
    """However narrow the window, the client draws, reads keys, and ends."""
    for width in [*range(1, 12), 79, 200, 500, 3, 80]:
        lonely.child.setwinsize(24, width)
        before = len(lonely.output)
        lonely.type("x")
        eventually(partial(has_drawn, lonely, before))
    lonely.child.setwinsize(24, 2)
    lonely.type("\x03\x04")
    assert lonely.leave() == 0


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_signal_ends_it_in_a_narrow_window(lonely: Terminal, width: int) -> None:
    """SIGTERM, while a line waits."""
    lonely.child.setwinsize(24, width)
    lonely.type("x")
    lonely.child.kill(signal.SIGTERM)
    assert lonely.leave() == 0
