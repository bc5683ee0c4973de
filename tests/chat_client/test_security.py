"""Lines of docs/security.md about the client: a hostile server, and what others say through one."""

import re
import socket
from pathlib import Path

import pytest

import chat_client
from chat_client import Untrusted, cli
from chat_client.api import replies
from chat_client.display.model import _NAMED_LIMIT, View
from chat_client.display.records import as_json
from chat_client.display.status_line import status_line
from chat_client.display.terminal_lines import Lines
from chat_client.display.text import printable
from chat_client.files.known_servers import KnownServers
from chat_client.transport import trust
from chat_client.transport.trust import refuse_downgrade
from protocol.messages import BanEntry, Direct, HandChange, Message, Presence, RoleChange
from tests.chat_client.foreign import Line, foreign_server

HOSTILE = "a\x1b[31mb\x07\x9bc\rd\x00e\u202ef\u2066g\u2028h\udc80i\x7f\x1b]0;title\x07\n\x1b[2J"


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


def test_the_status_line_drives_no_terminal() -> None:
    """It shows the nick, the room and the server, which a server may choose."""
    view = View(Lines(), HOSTILE, "on")
    list(view.take(chat_client.Entered(HOSTILE, HOSTILE, 1, 0, 0, 0, again=False)))
    view.nick, view.role = HOSTILE, HOSTILE
    status = status_line(view, 0.1, 10_000)
    assert printable(status) == status
    assert "\n" not in status


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


def test_a_record_is_ascii() -> None:
    """What a script reads, and may print, drives nothing either."""
    record = as_json(
        Direct(1.0, HOSTILE.replace("\udc80", ""), "me", HOSTILE.replace("\udc80", ""))
    )
    assert record.isascii()
    assert record.isprintable()


# -- a server that does not end -------------------------------------------------------------------


def test_a_list_that_goes_round_is_left_at_that() -> None:
    """A server may say `more` for ever."""

    def script(line: Line) -> None:
        line.welcome()
        for _ in range(2):
            request = line.expect("rooms")
            rooms = [{"room": name, "members": 1, "topic": ""} for name in ("a", "b")]
            line.send("page", re=request["id"], more=True, rooms=rooms)
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        assert [entry.room for entry in chat.rooms()] == ["a", "b", "a", "b"]


def test_a_list_without_an_end_is_left_at_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that ascends."""
    monkeypatch.setattr(replies, "LONGEST_LIST", 6)

    def script(line: Line) -> None:
        line.welcome()
        line.admit()
        for number in range(3):
            request = line.expect("who")
            line.send("page", re=request["id"], more=True, members=[f"a{number}", f"b{number}"])
        line.wait_for_end()

    with foreign_server(script) as address, chat_client.connect(address, nick="ana") as chat:
        assert len(chat.join("lobby").who()) == 6


def test_only_so_many_are_known_of_a_room() -> None:
    """A server may name people without end."""
    view = View(Lines(), "server", "on")
    list(view.take(chat_client.Entered("lobby", "", 1, 0, 0, 0, again=False)))
    for first in range(0, 3 * _NAMED_LIMIT, _NAMED_LIMIT // 2):
        nicks = [f"n{number}" for number in range(first, first + _NAMED_LIMIT // 2)]
        list(view.take(Presence("lobby", nicks, [], [], 1)))
        list(view.settle())
    assert len(view.rooms["lobby"].nicks) <= 2 * _NAMED_LIMIT


# -- known servers --------------------------------------------------------------------------------


def test_no_line_of_the_file_stands_for_another_server(tmp_path: Path) -> None:
    """Names are compared whole, a comment is none, and of two lines the first counts."""
    file = tmp_path / "known_servers"
    good, other = "a" * 64, "b" * 64
    file.write_text(
        f"# school:7878 sha256:{other}\n"
        f"x.school:7878 sha256:{other}\nschool:78 sha256:{other}\nschool:7878x sha256:{other}\n"
        f"school:7878 sha256:{other[:-1]}\nschool:7878 md5:{other}\n"
        f"school:7878 sha256:{good} 2026-11-21\nschool:7878 sha256:{other}\n"
    )
    entry = KnownServers(file).find("school:7878")
    assert entry is not None
    assert (entry.fingerprint, entry.line) == (good, 7)


def test_a_server_that_was_known_with_tls_is_not_talked_to_without(tmp_path: Path) -> None:
    """Who forgets --tls once does not tell the password to whoever listens."""
    known = KnownServers(tmp_path / "known_servers")
    known.add("school:7878", "a" * 64)
    with pytest.raises(Untrusted, match=r"connect with --tls.*remove line 3 of"):
        refuse_downgrade("school:7878", known)
    refuse_downgrade("school:7879", known)
    refuse_downgrade("school:7878", KnownServers(tmp_path / "none"))


def test_such_a_server_hears_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not even connected to."""
    file = tmp_path / "known_servers"
    monkeypatch.setattr(trust, "known_servers_file", lambda: file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        server = f"127.0.0.1:{listener.getsockname()[1]}"
        KnownServers(file).add(server, "a" * 64)
        with pytest.raises(Untrusted):
            chat_client.connect(server, nick="ana", password="correct horse")
        with pytest.raises(BlockingIOError):
            listener.accept()


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
