"""What the status line says of the connection."""

from chat_client.events import Reconnecting
from chat_client.lines import Lines
from chat_client.view import View


def test_a_try_that_fails_after_the_user_wanted_none_begins_no_countdown() -> None:
    """Nor does it look as if there were more; until the user wants one again."""
    view = View(Lines(), "server", "on")

    def status_after(reason: str) -> str:
        list(view.take(Reconnecting(reason, 20.0)))
        return view.status(None, 80)

    assert "reconnecting in 20 s" in status_after("it broke")
    view.stop_retrying()
    assert "not connected" in view.status(None, 80)
    assert "not connected" in status_after("nobody listens there")
    view.retry()
    assert "reconnecting in 20 s" in status_after("nobody listens there")
