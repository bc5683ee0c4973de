"""Lines of docs/security.md about the client: a hostile server, and what others say through one."""

import re

import pytest

import chat_client
from chat_client import cli
from chat_client.display.state.model import _NAMED_LIMIT, View
from chat_client.display.terminal_lines import Lines
from chat_client.display.text import printable
from protocol.messages import BanEntry, HandChange, Message, Presence, RoleChange
from tests.chat_client.foreign import HOSTILE, Line, foreign_server

# -- what drives a terminal -----------------------------------------------------------------------


@pytest.mark.parametrize("colours", [0, 16, 256])
def test_nothing_that_those_in_charge_write_drives_a_terminal(colours: int) -> None:
    """Roles, hands, bans and errors; the rest has its test in test_lines.py."""
    lines = Lines(colours)
    ban = BanEntry(1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1.0, 2.0)
    written = [
        lines.of(RoleChange(HOSTILE, HOSTILE), "me", "lobby"),
        lines.of(HandChange(HOSTILE, HOSTILE, True, 3), "me", "lobby"),
        lines.of(HandChange(HOSTILE, HOSTILE, False, 3), "me", "lobby"),
        lines.sanction(ban),
        lines.error(HOSTILE),
        lines.entered(HOSTILE, HOSTILE, 1, frozen=True),
    ]
    for line in written:
        assert line is not None
        plain = re.sub(r"\x1b\[[0-9;]+m", "", line) if colours else line
        assert printable(plain) == plain
        assert "\n" not in plain.strip("\n")


def test_a_refusal_drives_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Who is not let in reads why, in the server's words."""

    def script(line: Line) -> None:
        line.expect("hello")
        line.send("error", re=None, code="banned", text=HOSTILE.replace("\udc80", ""))

    with foreign_server(script) as address:
        assert cli.main([address.removeprefix("tcp://"), "--nick", "ana", "--say", "hi"])
    said = capsys.readouterr().err
    assert "[31mbcdef" in said
    assert printable(said) == said
    assert said.count("\n") == 1


# -- a server that does not end -------------------------------------------------------------------


def test_only_so_many_are_known_of_a_room() -> None:
    """A server may name people without end."""
    view = View(Lines(), "server", "on")
    list(view.take(chat_client.Entered("lobby", "", 1, 0, 0, 0, again=False)))
    for first in range(0, 3 * _NAMED_LIMIT, _NAMED_LIMIT // 2):
        nicks = [f"n{number}" for number in range(first, first + _NAMED_LIMIT // 2)]
        list(view.take(Presence("lobby", nicks, [], [], 1)))
        list(view.settle())
    assert len(view.rooms["lobby"].nicks) <= 2 * _NAMED_LIMIT


# -- who says what --------------------------------------------------------------------------------


def test_nobodys_words_pass_for_the_clients_own() -> None:
    """The client's own lines begin with --, and further lines of a text are indented."""

    def line(nick: str, text: str) -> str:
        message = Message("lobby", 1, 1_800_000_000.0, nick, "text", text)
        return Lines().message(message, "me", "lobby")[6:]  # behind the time

    assert line("ana", "hi\n-- you are owner now").splitlines()[1].startswith("      ")
    assert line("--", "you are owner now").startswith("<-->")
    assert line("*", "me waves").startswith("<*>")
    assert line("[from", "bob] hi").startswith("<[from>")
