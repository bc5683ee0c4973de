"""Terminals that wrap their lines again when the window gets narrower.

There a drawing takes more rows than before, and its top is further above the cursor. If the client
erased it from the old top, copies would stay on the screen. Other terminals cut lines off. No
terminal tells which kind it is, so the client knows some of the first kind by their variables.
"""

import os
from collections.abc import Callable, Mapping

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout.screen import Screen

_KNOWN_BY = (
    "TMUX",
    "VTE_VERSION",
    "KITTY_WINDOW_ID",
    "WT_SESSION",
    "KONSOLE_VERSION",
    "ITERM_SESSION_ID",
    "ALACRITTY_WINDOW_ID",
    "WEZTERM_PANE",
    "GHOSTTY_RESOURCES_DIR",
)
"""Variables of terminals that wrap their lines again."""

_CUTS_OFF = "STY"
"""The variable of GNU screen, which cuts lines off in whatever terminal it runs."""


def reflows(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the terminal is known to wrap its lines again."""
    known = any(environment.get(name) for name in _KNOWN_BY)
    return known and ("TMUX" in environment or _CUTS_OFF not in environment)


def follow(app: "Application[str]") -> None:
    """Let an application find the top of its drawing when the window got narrower.

    Only for a terminal that `reflows`, and an application that is drawn below other lines.
    """
    renderer, output = app.renderer, app.output
    erase_down = output.erase_down
    erase: Callable[..., None] = renderer.erase

    def find_top(_: object = None) -> None:
        drawn, before = renderer.last_rendered_screen, renderer._last_size
        size = output.get_size()
        if drawn is not None and before is not None and size.columns < before.columns:
            renderer._cursor_pos = _moved(renderer._cursor_pos, drawn, size.columns)

    def erase_all(leave_alternate_screen: bool = True) -> None:
        find_top()
        erase(leave_alternate_screen)

    def erase_from_second_column() -> None:
        # From the first column, tmux would move a whole screen that is erased into its history.
        output.erase_end_of_line()
        output.cursor_forward(1)
        erase_down()
        output.cursor_backward(1)

    renderer.erase = erase_all  # type: ignore[method-assign]
    output.erase_down = erase_from_second_column  # type: ignore[method-assign]
    app.before_render += find_top


def _moved(cursor: Point, drawn: Screen, width: int) -> Point:
    """Return where the cursor is now, counted from the top of the drawing."""
    above = sum(max(1, -(-_length(drawn, row) // width)) for row in range(cursor.y))
    return Point(x=cursor.x % width, y=above + cursor.x // width)


def _length(drawn: Screen, row: int) -> int:
    """Return how many cells a row takes."""
    cells = drawn.data_buffer[row].items()
    return max((x + cell.width for x, cell in cells if cell.char != " "), default=0)
