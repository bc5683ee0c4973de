"""What the status line says of the connection, and what people hear of each other."""

from chat_client.display.model import View
from chat_client.display.status_line import status_line
from chat_client.display.terminal_lines import Lines
from chat_client.events import Connected, Entered, Reconnecting
from protocol.messages import Presence


def test_a_try_that_fails_after_the_user_wanted_none_begins_no_countdown() -> None:
    """Nor does it look as if there were more; until the user wants one again."""
    view = View(Lines(), "server", "on")

    def status_after(reason: str) -> str:
        list(view.take(Reconnecting(reason, 20.0)))
        return status_line(view, None, 80)

    assert "reconnecting in 20 s" in status_after("it broke")
    view.stop_retrying()
    assert "not connected" in status_line(view, None, 80)
    assert "not connected" in status_after("nobody listens there")
    view.retry()
    assert "reconnecting in 20 s" in status_after("nobody listens there")


def test_a_new_nick_is_told_to_others_only() -> None:
    """Who took it was told so by the command; whichever of the two comes first."""
    view = View(Lines(), "server", "on")
    list(view.take(Connected("ana", "s/1", "", again=False)))
    list(view.take(Entered("lobby", "", 2, 0, 0, 0, again=False)))

    def told(old: str, new: str) -> list[str]:
        list(view.take(Presence("lobby", [], [], [(old, new)], 2)))
        return [line[6:] for line in view.settle()]

    assert told("ana", "anna") == []
    assert told("ann", "ana") == []
    assert told("ben", "benno") == ["-- ben is now benno (2 here)"]
