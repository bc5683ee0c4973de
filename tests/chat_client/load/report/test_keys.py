"""The keys of the live view on a real terminal, and that the terminal is restored."""

import termios

import pytest

from chat_client.load.control import command_line
from tests.chat_client.programs import Terminal
from tests.support.waiting import eventually

MODES = termios.ECHO | termios.ICANON


PROGRAM = "import sys; from chat_client.load.control.command_line import main; sys.exit(main())"


def load(server: str, prefix: str, columns: int = 80, rows: int = 40) -> Terminal:
    """Start a run that does not end by itself."""
    return Terminal(
        server,
        "--clients",
        "2",
        "--duration",
        "600",
        "--warm-up",
        "0",
        "--rate",
        "20",
        "--processes",
        "1",
        "--nick-prefix",
        prefix,
        command=PROGRAM,
        columns=columns,
        rows=rows,
    )


def test_q_ends_the_run_and_reports(server: str) -> None:
    """The keys + and - change the interval, q ends the run, and the terminal is restored."""
    with load(server, "quit") as terminal:
        terminal.see("q ends the run, + and - change how often this is drawn: every 0.5 s")
        assert not terminal.local_modes & MODES
        terminal.type("+")
        terminal.see("every 1 s")
        terminal.type("-")
        terminal.see("every 0.5 s")
        terminal.type("xq")
        terminal.see("Ctrl-C or q ended the load early")
        terminal.see("lag ")
        assert terminal.leave() == command_line.INTERRUPTED
        assert terminal.local_modes & MODES == MODES


@pytest.mark.parametrize(("columns", "rows"), [(40, 15), (80, 24)])
def test_the_picture_fits_the_terminal(server: str, columns: int, rows: int) -> None:
    """On a small terminal the picture leaves parts out."""
    with load(server, f"fit{columns}", columns, rows) as terminal:

        def drawn() -> str:
            """The picture, once it is there from corner to corner."""
            screen = [line.rstrip() for line in terminal.screen.display if line.strip()]
            whole = screen and screen[0][0] == "╭" and screen[-1].startswith("╰─ q ends")
            text = "\n".join(screen)
            return text if whole and "measure" in text else ""

        picture = eventually(drawn)
        assert {len(line) for line in picture.split("\n")} == {min(columns, 78)}
        for part in ("2 of 2", "last second", "so far", "delivery p99", "busiest worker"):
            assert part in picture
        assert ("│ p99  " in picture) == (rows == 24)
        terminal.type("q")
        assert terminal.leave() == command_line.INTERRUPTED


@pytest.mark.parametrize("keys", ["\x03", "q\x03"])
def test_ctrl_c_is_what_it_was(server: str, keys: str) -> None:
    """Ctrl-C ends the run too, and the terminal is restored."""
    with load(server, "ctrl" if len(keys) == 1 else "both") as terminal:
        terminal.see("q ends the run")
        terminal.type(keys)
        eventually(lambda: terminal.local_modes & MODES == MODES)
        assert terminal.leave() == command_line.INTERRUPTED
