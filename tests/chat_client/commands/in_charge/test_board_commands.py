"""Code is said, shown and saved as it is; what is pinned is seen."""

from pathlib import Path

import pytest

from chat_client.errors import CommandError
from tests.chat_client.desk import desk
from tests.chat_client.programs import Terminal
from tests.chat_server.house import House
from tests.chat_server.moderation.order_house import ordered_house
from tests.support.peer import Peer

BLOCK = "def f(x):\n    return 'ä'  # one\n\n\tpass"


@pytest.mark.parametrize(
    ("typed", "text", "language"),
    [
        ("/code python\n    x = 1\ny", "    x = 1\ny", "python"),
        ("/code\n  x", "  x", None),
        ("/code print(1)", "print(1)", None),
        ("/code two words\nx", "two words\nx", None),
        ("/code c++ \nint x;\n\n", "int x;", "c++"),
    ],
)
def test_the_first_line_may_name_the_language(typed: str, text: str, language: str | None) -> None:
    """What is below keeps its blanks, but for those at its end."""
    with desk(("ok", {"seq": 1})) as (user, asked):
        user.enter(typed)
        expected = {"type": "say", "room": "lobby", "text": text, "kind": "code"}
        assert asked == [expected | ({"language": language} if language else {})]


@pytest.mark.parametrize("typed", ["/code", "/code python", "/code python\n  \n"])
def test_nothing_is_no_code(typed: str) -> None:
    """A single line is said as it stands, though."""
    with desk(("ok", {"seq": 1})) as (user, asked):
        if typed == "/code python":
            user.enter(typed)
            assert asked[0]["text"] == "python"
        else:
            with pytest.raises(CommandError):
                user.enter(typed)


def test_a_block_is_saved_exactly_as_it_was_sent(
    host: House, bob: Peer, home: dict[str, str], tmp_path: Path
) -> None:
    """To a new file only."""
    bob.ok("say", room="lobby", text=BLOCK, kind="code", language="python")
    path = tmp_path / "f.py"
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see("code 1 python:")
        ana.see("  2      return 'ä'  # one")
        ana.enter(f"/save 1 {path}")
        ana.see("4 lines of message 1")
        assert path.read_text(encoding="utf-8") == f"{BLOCK}\n"
        ana.enter(f"/save 1 {path}")
        ana.see("is there already")
        ana.enter("/save 7 x")
        ana.see("there is no message 7 in #lobby")
        ana.enter("/save one x")
        ana.see("'one' is no number: type /save N FILE")


def test_a_paste_of_many_lines_can_be_sent_as_code(
    host: House, bob: Peer, home: dict[str, str]
) -> None:
    """By one key."""
    block = "\n".join(f"    line {number}" for number in range(7))
    with Terminal(host.address, "--nick", "ana", environment=home) as ana:
        ana.see("you are here")
        ana.type(f"\x1b[200~{block}\x1b[201~\r")
        ana.see("send 7 lines as one message? (y/n, c: as code)")
        ana.type("c")
        heard = bob.expect("message")
        assert (heard["kind"], heard["text"]) == ("code", block)


def test_what_is_pinned_is_seen(home: dict[str, str]) -> None:
    """By who comes in, when it changes, and again when asked for; in the status line, too."""
    with ordered_house() as place:
        place.mia.say("lobby", "read this")
        place.mia.ok("pin", room="lobby", seq=1)
        with Terminal(place.address, "--nick", "ana", environment=home) as ana:
            ana.see("-- pinned 1: mia: read this")
            ana.see("1 pinned")
            place.ada.ok("op", who="ana")
            ana.see("you a moderator")
            ana.enter("and this")
            ana.see("ana> and this")
            ana.enter("/pin ana")
            ana.see("-- pinned 2: ana: and this")
            ana.enter("/unpin 1")
            ana.see("message 1 is no longer pinned")
            ana.enter("/unpin 2")
            ana.see("message 2 is no longer pinned")
            ana.enter("/pins")
            ana.see("nothing is pinned in #lobby")
            ana.enter("/pin eva")
            ana.see("no message of 'eva' came in this room lately")
