"""QR codes of the page's address: for a terminal, and as a picture for a page."""

import io
from typing import TextIO

import segno

_TERMINAL_BORDER = 2
_PICTURE_BORDER = 4
"""Modules of white around the code. The standard asks for 4; cameras read 2, which saves lines."""

_BEGIN, _END = "\x1b[97;40m", "\x1b[0m"
"""White on black, whatever the terminal's colours are: reversed codes are not read by every camera.
"""

_LEFT_FOR_TEXT = 2
"""Lines of a terminal that are to be left, so that the code is seen whole."""


def qr_lines(url: str) -> list[str]:
    """Return the QR code of a URL as lines for a terminal, two modules above each other a cell."""
    written = io.StringIO()
    _code(url).terminal(written, border=_TERMINAL_BORDER, compact=True)
    return [f"{_BEGIN}{line}{_END}" for line in written.getvalue().splitlines()]


def qr_size(url: str) -> tuple[int, int]:
    """Return the columns and lines that `qr_lines` takes."""
    width, height = _code(url).symbol_size(border=_TERMINAL_BORDER)
    return int(width), (int(height) + 1) // 2


def fits_terminal(url: str, stream: TextIO, columns: int, rows: int) -> bool:
    """Return whether the QR code of a URL can be read from a terminal.

    Args:
        url: what it says.
        stream: what is written to.
        columns: the terminal's width in cells, 0 if that is not known.
        rows: its height in lines.
    """
    try:
        "█▀▄".encode(stream.encoding)
    except UnicodeEncodeError:
        return False
    width, height = qr_size(url)
    return columns >= width and rows >= height + _LEFT_FOR_TEXT


def qr_svg(url: str) -> bytes:
    """Return the QR code of a URL as an SVG picture that scales: black on white, without a size.

    The URL is the picture's title.
    """
    written = io.BytesIO()
    _code(url).save(
        written,
        kind="svg",
        border=_PICTURE_BORDER,
        light="white",
        omitsize=True,
        nl=False,
        title=url,
    )
    return written.getvalue()


def _code(url: str) -> segno.QRCode:
    # Not a Micro QR code, which phones do not read. From error level L, which makes the smallest,
    # it is raised as far as the size stays.
    return segno.make(url, micro=False, error="l")
