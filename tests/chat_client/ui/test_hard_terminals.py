"""Terminals that are narrow, that change their size, and that go away; pastes that do not end."""

import signal
from functools import partial

import pytest

from tests.chat_client.programs import Terminal
from tests.support.waiting import eventually


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
