"""The sheet that PINs are handed out on: a page to print, with a card for each person."""

import io
from collections.abc import Iterator, Sequence
from html import escape

import segno

from chat_server.admin.classes.class_file import ClassRow
from chat_server.admin.show import one_line

_STYLE = """
body { font: 12pt/1.4 system-ui, sans-serif; margin: 1cm; color: #000; background: #fff }
h1 { font-size: 14pt }
.cards { display: grid; grid-template-columns: repeat(2, 1fr) }
.card { border: 1px dashed #888; padding: 5mm; display: flex; gap: 5mm; break-inside: avoid }
.card svg { width: 28mm; height: 28mm; flex: none }
.card p { margin: 0; overflow-wrap: anywhere }
.pin { font: bold 15pt ui-monospace, monospace }
"""


def pin_sheet(group: str, rows: Sequence[ClassRow], page: str) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        group: what the class is called.
        rows: who is in it.
        page: the URL of the chat, which the QR code says.
    """
    title = f"PINs of {_shown(group)}"
    code = _qr_code(page)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    yield f"<p>Cut out, and hand out. The PIN is the password of the nick at {_shown(page)}</p>"
    yield '<div class="cards">'
    for row in rows:
        yield (
            f'<div class="card">{code}<div><p>{_shown(row.name)}</p>'
            f"<p>nick: <b>{_shown(row.nick)}</b></p>"
            f'<p>PIN: <span class="pin">{_shown(row.pin)}</span></p>'
            f"<p>{_shown(page)}</p></div></div>"
        )
    yield "</div>\n</body>\n</html>"


def _shown(text: str) -> str:
    return escape(one_line(text))


def _qr_code(url: str) -> str:
    written = io.BytesIO()
    segno.make(url, micro=False).save(
        written, kind="svg", border=2, omitsize=True, xmldecl=False, svgns=False, nl=False
    )
    return written.getvalue().decode()
