"""The status line: as much of it as there is room for."""

import time

import pytest

import chat_client
from chat_client.display.state.model import View
from chat_client.display.state.room_view import RoomView
from chat_client.display.status_line import changes_by_itself, status_line
from chat_client.display.terminal_lines import Lines
from chat_client.display.text import cells, printable
from chat_client.display.transfers import Transfer
from tests.chat_client.foreign import HOSTILE


def test_the_status_line_drives_no_terminal() -> None:
    """It shows the nick, the room and the server, which a server may choose."""
    view = View(Lines(), HOSTILE, "on")
    list(view.take(chat_client.Entered(HOSTILE, HOSTILE, 1, 0, 0, 0, again=False)))
    view.nick, view.role = HOSTILE, HOSTILE
    status = status_line(view, 0.1, 10_000)
    assert printable(status) == status
    assert "\n" not in status


@pytest.fixture
def view() -> View:
    """Ana's, in two rooms of a server, on a connection."""
    view = View(Lines(), "server", "on")
    view.nick, view.connected = "ana", True
    for name, members in (("lobby", 3), ("ops", 2)):
        view.rooms[name] = RoomView(name, members=members)
    view.current = view.rooms["lobby"]
    return view


def test_what_is_always_there(view: View) -> None:
    """The state, where one is, the other rooms, and who one is on which server."""
    assert status_line(view, None, 80) == " connected | #lobby 3 here | 1:lobby 2:ops | ana@server"
    assert not changes_by_itself(view)


def test_what_is_there_when_it_matters(view: View) -> None:
    """Unread messages, a mention, hands, a role, being away, the time to the server."""
    view.rooms["ops"].unread, view.rooms["ops"].mentioned = 3, True
    view.rooms["lobby"].frozen, view.rooms["lobby"].hands = True, 2
    view.role, view.away = "owner", ""
    line = status_line(view, 0.0124, 200)
    assert line.strip().split(" | ") == [
        "connected",
        "#lobby 3 here, frozen, 2 hands up",
        "1:lobby 2:ops 3!",
        "owner",
        "away",
        "12 ms",
        "ana@server",
    ]
    view.rooms["ops"].unread, view.rooms["ops"].mentioned = 0, False
    view.rooms["ops"].stirred = True
    assert "2:ops+" in status_line(view, 0.0001, 200)
    assert "<1 ms" in status_line(view, 0.0001, 200)


def test_a_file_on_its_way(view: View) -> None:
    """Drawn again by itself, as long as it lasts."""
    view.transfers.append(Transfer("sending", "notes.pdf", 1000, 420))
    line = status_line(view, None, 80)
    assert line.startswith(" connected | sending notes.pdf, 42 % of 1.0 kB | #lobby")
    assert changes_by_itself(view)
    view.transfers.append(Transfer("fetching", "\x1b[2J\n", 1000))
    assert "\x1b" not in status_line(view, None, 80)


def test_a_narrow_window_has_the_beginning(view: View) -> None:
    """Whole parts, as many as fit; the state is always one of them."""
    whole = status_line(view, None, 200)
    for width in range(1, 80):
        line = status_line(view, None, width)
        assert whole.startswith(line)
        assert cells(line) < width or line == " connected"


def test_what_a_lost_connection_looks_like(view: View) -> None:
    """It counts down by itself to the next try, if there is one."""
    view.connected = False
    assert changes_by_itself(view)
    assert status_line(view, 0.01, 80).startswith(" not connected | #lobby")
    assert "ms" not in status_line(view, 0.01, 80)
    view.retry_at = time.monotonic() - 1
    assert status_line(view, None, 80).startswith(" reconnecting |")
    view.retry_at = time.monotonic() + 1000.2
    assert status_line(view, None, 80).startswith(" reconnecting in 1000 s |")


def test_how_far_it_has_caught_up(view: View) -> None:
    """Of all rooms that were entered again."""
    lobby = view.rooms["lobby"]
    lobby.again, lobby.after, lobby.heard, lobby.last = True, 100, 130, 150
    assert status_line(view, None, 80).startswith(" catching up 30/50 |")
    assert changes_by_itself(view)
    lobby.heard = 150
    assert status_line(view, None, 80).startswith(" connected |")


def test_in_no_room(view: View) -> None:
    view.rooms.clear()
    view.current = None
    assert status_line(view, None, 80) == " connected | no room | ana@server"
