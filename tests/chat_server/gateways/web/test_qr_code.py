"""The QR code, as a camera sees it: dark and light, wherever it is drawn."""

import io
import re

import pytest
import segno

from chat_server.gateways.web.qr_code import fits_terminal, qr_lines, qr_size, qr_svg

URL = "http://192.168.1.20:7878/"
DARK_ABOVE_AND_BELOW = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}


def expected() -> list[list[int]]:
    """What the standard's code for the URL is: 1 is dark."""
    code = segno.make(URL, micro=False, error="l")
    return [list(row) for row in code.matrix_iter(border=2)]


def test_a_terminal_shows_it() -> None:
    """White and black are said, not left to the terminal's colours."""
    rows: list[list[int]] = []
    for line in qr_lines(URL):
        found = re.fullmatch("\x1b\\[97;40m([█▀▄ ]+)\x1b\\[0m", line)
        assert found
        cells = [DARK_ABOVE_AND_BELOW[cell] for cell in found[1]]
        rows += [[above for above, _ in cells], [below for _, below in cells]]
    assert rows[: len(expected())] == expected()
    assert qr_size(URL) == (len(expected()[0]), len(qr_lines(URL)))


@pytest.mark.parametrize(
    ("columns", "rows", "encoding", "fits"),
    [
        (80, 24, "utf-8", True),
        (29, 17, "utf-8", True),
        (28, 24, "utf-8", False),
        (80, 16, "utf-8", False),
        (0, 0, "utf-8", False),
        (80, 24, "latin-1", False),
        (80, 24, "cp437", True),
    ],
)
def test_it_is_shown_where_it_can_be_read(
    columns: int, rows: int, encoding: str, fits: bool
) -> None:
    """Whole, and where its characters can be written."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert fits_terminal(URL, stream, columns, rows) == fits


def test_a_page_shows_it() -> None:
    """It scales, has a border of four modules, says what it is, and needs no style."""
    picture = qr_svg(URL).decode()
    assert f"<title>{URL}</title>" in picture
    size = len(expected()) + 4
    assert f'viewBox="0 0 {size} {size}"' in picture
    assert not re.search(r"\b(width|height|style)=", picture)
    assert 'fill="#fff"' in picture
