"""The status line: as much of it as there is room for."""

import chat_client
from chat_client.display.model import View
from chat_client.display.status_line import status_line
from chat_client.display.terminal_lines import Lines
from chat_client.display.text import printable
from tests.chat_client.foreign import HOSTILE


def test_the_status_line_drives_no_terminal() -> None:
    """It shows the nick, the room and the server, which a server may choose."""
    view = View(Lines(), HOSTILE, "on")
    list(view.take(chat_client.Entered(HOSTILE, HOSTILE, 1, 0, 0, 0, again=False)))
    view.nick, view.role = HOSTILE, HOSTILE
    status = status_line(view, 0.1, 10_000)
    assert printable(status) == status
    assert "\n" not in status
