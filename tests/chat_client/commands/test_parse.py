"""What a line is that was typed."""

import pytest

from chat_client.commands.parse import parse
from chat_client.display.state.model import View
from chat_client.display.terminal_lines import Lines
from chat_client.events import Connected, Entered
from protocol.messages import Direct
from tests.chat_client.desk import LINES


@pytest.mark.parametrize(
    ("line", "text", "argument", "secret"),
    [
        ("/login", "/login", "", ""),
        ("/login  pass word ", "/login", "", "pass word"),
        ("/LOGIN s3cret", "/LOGIN", "", "s3cret"),
        (" /login s3cret", "/login", "", "s3cret"),
        ("/login @ben", "/login @ben", "@ben", ""),
        ("/login @ben s3cret", "/login @ben", "@ben", "s3cret"),
        ("/register @s3cret", "/register", "", "@s3cret"),
        ("/claim s3cret", "/claim", "", "s3cret"),
    ],
)
def test_a_password_is_kept_apart(line: str, text: str, argument: str, secret: str) -> None:
    """The text that is kept, shown as waiting and brought back does not have it."""
    typed = parse(line, View(LINES, "server", "on"))
    assert (typed.text, typed.argument) == (text, argument)
    assert typed.secrets == ((secret,) if secret else ())
    assert not secret or secret not in repr(typed)


@pytest.fixture
def view() -> View:
    """Ana's, with ben and eve in both of her rooms."""
    made = View(Lines(), "server", "on")
    list(made.take(Connected("ana", "s/1", "", again=False)))
    for room in ("lobby", "ops"):
        list(made.take(Entered(room, "", 3, 0, 0, 0, again=False)))
        made.rooms[room].nicks = {"ana", "ben", "eve"}
    return made


@pytest.mark.parametrize("line", [" /msg ben psst", "  /r psst", " /W ben psst"])
def test_a_blank_before_a_private_command_makes_it_no_text(view: View, line: str) -> None:
    """It would be read in the room."""
    list(view.take(Direct(0.0, "ben", "ana", "hi")))
    assert parse(line, view).to is not None
