"""Make the pictures of terminals: talking.svg, two people; in_charge.svg and board.svg, a lesson.

    .venv/bin/python -m docs.pictures.record

Nothing in them is made up. Real clients on pseudo-terminals, and one in a pipe, type the lines of
this script on a real server, and a picture shows two of their screens at the end. A new picture
differs from the last one only in the time of day.
"""

import re
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyte

from tests.chat_client.programs import ENVIRONMENT, Terminal, run
from tests.support.servers import ServerProcess
from tests.support.waiting import eventually

FOLDER = Path(__file__).parent
COLUMNS, ROWS = 50, 15
PROMPT, DRAFT = "[lobby]", "it works! I owe you a co"
NOTHING_TYPED = r"\[lobby[^\]]*\]"  # whatever it says of who may not talk

CELL, LINE, FONT = 7.8, 18, 13
"""Pixels: the width of a cell, the height of a line, the size of the font. Two windows of 50
columns are as wide as a README on GitHub."""

PADDING, BAR, GAP = 10, 28, 10
"""Pixels: around the text of a window, its title bar, between two windows."""

INK, PAPER, FRAME, BAR_PAPER, BAR_INK = "#d1d7e0", "#1c2128", "#444c56", "#2d333b", "#9198a1"
"""The colours of a window."""

BUTTONS = ("#f47067", "#daaa3f", "#57ab5a")
"""The colours of the buttons in its title bar."""

COLOURS = {
    "black": "#545d68",
    "red": "#f47067",
    "green": "#6bc46d",
    "brown": "#daaa3f",
    "blue": "#6cb6ff",
    "magenta": "#dcbdfb",
    "cyan": "#56d4dd",
    "white": "#d1d7e0",
    "brightblack": "#8b949e",
}
"""The colours of a terminal, by the names that pyte gives them."""

FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

_FAINT, _GREY = b"\x1b[2m", b"\x1b[90m"  # pyte does not know faint text, which is shown as grey


def main() -> None:
    """Record each scene and write its picture."""
    ENVIRONMENT.pop("NO_COLOR", None)
    for scene in (talking, in_charge, board):
        with tempfile.TemporaryDirectory() as folder, ServerProcess.serve(Path(folder)) as server:
            screens = scene(server)
        (FOLDER / f"{scene.__name__}.svg").write_text(picture(screens), encoding="utf-8")


def talking(server: ServerProcess) -> dict[str, Any]:
    """Two people talk. Return their screens, by title."""
    with at_terminal(server, "ana") as ana:
        enter(ana, "/topic Networks, exercise 3")
        ana.see("set the topic")
        with at_terminal(server, "ben") as ben:
            converse(ana, ben, server.address)
            return screens_of(ana=ana, ben=ben)


def in_charge(server: ServerProcess) -> dict[str, Any]:
    """A teacher freezes the room, and a pupil asks a question. Return their screens."""
    secret = re.findall(r"/claim (\S+)", server.stdout)[0]
    with at_terminal(server, "teacher") as teacher, at_terminal(server, "ben") as ben:
        teacher.see("ben joined")
        enter(teacher, f"/claim {secret}")
        teacher.see("you are an owner now")
        enter(teacher, "/freeze 10m")
        ben.see("this room is frozen")
        for speaker, line, shown in [
            (teacher, "all eyes on the board, please", "all eyes"),
            (ben, "/hand why is my port still in use?", "ben asks"),
            (teacher, "/next", "ben has the floor"),
            (ben, "I had stopped the server", "I had stopped"),
            (teacher, "/reply ben TIME_WAIT! Set SO_REUSEADDR", "TIME_WAIT! Set"),
            (teacher, "/unfreeze", "no longer frozen"),
        ]:
            enter(speaker, line)
            teacher.see(shown)
        ben.see("no longer frozen")
        for person in (teacher, ben):
            person.see_input(PROMPT)
        return screens_of(teacher=teacher, ben=ben)


def board(server: ServerProcess) -> dict[str, Any]:
    """A poll, code, a message that is taken back, one that is pinned. Return the screens."""
    secret = re.findall(r"/claim (\S+)", server.stdout)[0]
    with at_terminal(server, "teacher") as teacher, at_terminal(server, "ben") as ben:
        teacher.see("ben joined")
        enter(teacher, f"/claim {secret}")
        teacher.see("you are an owner now")
        enter(teacher, "/poll Is recv blocking? yes | no")
        see_both(teacher, ben, "/vote NUMBER")
        enter(ben, "/vote 1")
        teacher.see_status("poll: 1/0")
        for speaker, line, shown in [
            (teacher, "/poll end", "result of the poll"),
            (ben, "who cares", "who cares"),
            (teacher, "/delete ben be kind", "be kind"),
            (ben, "/code python\x1b\rwhile data := s.recv(4):\x1b\r    print(data)", "print"),
            (teacher, "/pin ben", "pinned"),
        ]:
            enter(speaker, line)
            see_both(teacher, ben, shown)
        for person in (teacher, ben):
            person.see_input(PROMPT)
        return screens_of(teacher=teacher, ben=ben)


@contextmanager
def at_terminal(server: ServerProcess, nick: str) -> Iterator[Terminal]:
    """Run a client in its own terminal, and wait until it is in the room."""
    with Terminal(server.address, "--nick", nick, columns=COLUMNS, rows=ROWS) as terminal:
        terminal.see("you are here")
        yield terminal


def converse(ana: Terminal, ben: Terminal, address: str) -> None:
    """Let them talk: each line is on both screens before the next one is typed."""
    ana.see("ben joined")
    for speaker, line, shown in [
        (ana, "hi ben! how far are you?", "hi ben! how"),
        (ben, "stuck: recv(4) gave me only 2 bytes", "stuck: recv"),
        (ana, "it may do that, TCP is a stream", "it may do"),
        (ben, "so I loop while len(data) < 4?", "so I loop"),
        (ana, "yes! & stop if it returns nothing", "yes! & stop"),
        (ben, "/me tries", "* ben tries"),
    ]:
        enter(speaker, line)
        see_both(ana, ben, shown)
    run(address, "--nick", "tests", stdin=b"12 passed in 0.31s\n")
    see_both(ana, ben, "tests  12 passed")
    ben.type(DRAFT)
    ben.see_input(f"{PROMPT} {DRAFT}")
    enter(ana, "/msg ben break? I'll get us a table \U0001f375")
    ana.see("[to ben]")
    ben.see("[from ana]")
    ana.see_input(PROMPT)
    ben.see_input(f"{PROMPT} {DRAFT}")


def enter(speaker: Terminal, line: str) -> None:
    """Type a line once the one before it is gone."""
    eventually(lambda: re.fullmatch(NOTHING_TYPED, speaker.input_line))
    speaker.enter(line)


def see_both(ana: Terminal, ben: Terminal, text: str) -> None:
    """Wait until `text` is on both screens."""
    ana.see(text)
    ben.see(text)


def screens_of(**terminals: Terminal) -> dict[str, Any]:
    """Return the screens of terminals, by the titles of their windows."""
    return {f"chat-client \u2014 {nick}": screen_of(each) for nick, each in terminals.items()}


def screen_of(terminal: Terminal) -> Any:
    """Return a `pyte.Screen` with what a terminal shows, once it is drawn completely."""

    def drawn() -> Any:
        assert terminal.shown  # reads what came
        screen = pyte.Screen(COLUMNS, ROWS)
        pyte.ByteStream(screen).feed(terminal.output.replace(_FAINT, _GREY))
        return None if screen.cursor.hidden else screen

    return eventually(drawn)


@dataclass(frozen=True)
class Run:
    """Cells side by side in a row that look the same.

    Attributes:
        text: their characters.
        column: the first of their columns.
        cells: how many cells they take.
        style: the look of each of them, as pyte has it.
    """

    text: str
    column: int
    cells: int
    style: Any


def runs(screen: Any, row: int) -> Iterator[Run]:
    """Return the runs of a row. A wide character has a run of its own, which places it exactly."""
    line = screen.buffer[row]

    def wide(column: int) -> bool:
        return column + 1 < screen.columns and not line[column + 1].data

    def look(column: int) -> tuple[Any, int | None]:
        return line[column]._replace(data=""), column if wide(column) else None

    occupied = (column for column in range(screen.columns) if line[column].data)
    for (style, alone), group in groupby(occupied, look):
        columns = list(group)
        text = "".join(line[column].data for column in columns)
        yield Run(text, columns[0], len(columns) if alone is None else 2, style)


def picture(screens: dict[str, Any]) -> str:
    """Return an SVG of windows side by side.

    Args:
        screens: the screen of each window, by its title.
    """
    svg = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", role="img")
    ET.SubElement(svg, "title").text = " and ".join(screens)
    left, height = 1.0, 0.0
    for title, screen in screens.items():
        width, tall = _size(screen)
        place = {"transform": f"translate({left:g} 1)", "xml:space": "preserve"}
        window = ET.SubElement(svg, "g", place | {"font-family": FONTS, "font-size": str(FONT)})
        _draw_frame(window, title, width, tall)
        _draw_screen(window, screen)
        left, height = left + width + GAP, max(height, tall)
    _set(svg, width=left - GAP + 1, height=height + 2)
    svg.set("viewBox", f"0 0 {svg.get('width')} {svg.get('height')}")
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _size(screen: Any) -> tuple[float, float]:
    return screen.columns * CELL + 2 * PADDING, screen.lines * LINE + BAR + 2 * PADDING


def _draw_frame(window: ET.Element, title: str, width: float, height: float) -> None:
    _draw(window, "rect", width=width, height=height, rx=8, fill=PAPER)
    top = f"M0 {BAR}V8a8 8 0 0 1 8-8H{width - 8:g}a8 8 0 0 1 8 8V{BAR}z"
    _draw(window, "path", d=top, fill=BAR_PAPER)
    _draw(window, "rect", width=width, height=height, rx=8, fill="none", stroke=FRAME)
    for number, colour in enumerate(BUTTONS):
        _draw(window, "circle", cx=16 + 16 * number, cy=BAR / 2, r=5, fill=colour)
    text = _draw(window, "text", x=width / 2, y=BAR / 2 + 4, fill=BAR_INK)
    text.set("text-anchor", "middle")
    text.text = title


def _draw_screen(window: ET.Element, screen: Any) -> None:
    for row in range(screen.lines):
        for run_ in runs(screen, row):
            _draw_run(window, run_, row)
    if not screen.cursor.hidden:  # a block, which hides what is below it
        _draw_paper(window, screen.cursor.x, screen.cursor.y, 1, INK)


def _draw_run(window: ET.Element, run_: Run, row: int) -> None:
    ink, paper = _colour(run_.style.fg, INK), _colour(run_.style.bg, PAPER)
    if run_.style.reverse:
        ink, paper = paper, ink
    if paper != PAPER:
        _draw_paper(window, run_.column, row, run_.cells, paper)
    if not run_.text.strip():
        return
    blanks = len(run_.text) - len(run_.text.lstrip())
    inked = run_.cells - len(run_.text) + len(run_.text.strip())
    text = _draw(window, "text", x=_x(run_.column + blanks), y=_y(row) + FONT, fill=ink)
    _set(text, textLength=inked * CELL)  # the same width with any font
    if run_.style.bold:
        text.set("font-weight", "bold")
    text.text = run_.text.strip()


def _draw_paper(window: ET.Element, column: int, row: int, cells: int, colour: str) -> None:
    _draw(window, "rect", x=_x(column), y=_y(row), width=cells * CELL, height=LINE, fill=colour)


def _x(column: int) -> float:
    return PADDING + column * CELL


def _y(row: int) -> float:
    return BAR + PADDING + row * LINE


def _colour(name: str, default: str) -> str:
    """Return a colour, given pyte's name of it, or its six hexadecimal digits."""

    if name == "default":
        return default
    return COLOURS.get(name) or COLOURS.get(name.removeprefix("bright")) or f"#{name}"


def _draw(parent: ET.Element, tag: str, **attributes: float | str) -> ET.Element:
    element = ET.SubElement(parent, tag)
    _set(element, **attributes)
    return element


def _set(element: ET.Element, **attributes: float | str) -> None:
    for name, value in attributes.items():
        element.set(name, value if isinstance(value, str) else f"{value:g}")


if __name__ == "__main__":
    main()
