"""The picture of a lesson on a real pseudo-terminal, and its keys."""

import pytest

from lab.views.terminal import bar_height
from tests.lab.screen import Screen


def test_the_picture_and_the_verdicts() -> None:
    """Clients, threads with their locks, the server's variables, steps, and what was found."""
    with Screen("run", "frozen-reader") as terminal:
        terminal.see("6  The frozen reader: broken.py, one lock, held while sending")
        terminal.see("suspended")
        terminal.see("holds lock")
        terminal.see("waits for lock")
        terminal.see("KB unsent")
        terminal.see("It breaks. After")
        terminal.see("It holds. Nobody waited for dan, and dan got everything later.", 60)
        assert "clients 4" in terminal.shown
        assert terminal.leave(60) == 0


def test_keys_go_step_by_step_and_change_clients() -> None:
    """A client is suspended, resumed and cut from the keyboard; q ends it."""
    with Screen("run", "iterative-server", "--step") as terminal:
        terminal.see("Press space to go on.")
        terminal.press(" ")
        terminal.see("ana stays connected and is silent")
        terminal.press("1s")
        terminal.see("‖ suspended")
        terminal.press("s")
        terminal.see("▶ reads")
        terminal.press("c")
        terminal.see("× closed")
        terminal.press("q")
        assert terminal.leave() == 130
        assert "Traceback" not in terminal.shown


def test_the_keyboard_is_as_before_when_it_ends() -> None:
    """The cursor is shown again."""
    with Screen("run", "iterative-server") as terminal:
        terminal.see("It holds.")
        assert terminal.leave(60) == 0
        assert not terminal.screen.cursor.hidden


@pytest.mark.parametrize(
    ("milliseconds", "height"), [(0.0, 0), (0.1, 1), (2.0, 3), (50.0, 5), (2000.0, 7), (1e5, 8)]
)
def test_the_height_of_a_bar(milliseconds: float, height: int) -> None:
    """It grows with the logarithm."""
    assert bar_height(milliseconds) == height
