"""The Markdown of the lessons as HTML: headings, paragraphs, numbered lists, code, emphasis.

No more than the lessons use; everything else is text.
"""

import re
from html import escape

_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_ITEM = re.compile(r"\d+\. ")


def html_of(text: str) -> str:
    """Return a text as HTML.

    Args:
        text: the Markdown, without its first heading.
    """
    parts = []
    for number, block in enumerate(re.split(r"^```\w*\n", text, flags=re.MULTILINE)):
        if number % 2:
            parts.append(f"<pre><code>{escape(block.rstrip())}</code></pre>")
        else:
            parts += [_block(each) for each in block.strip().split("\n\n") if each.strip()]
    return "\n".join(parts)


def _block(text: str) -> str:
    if text.startswith("## "):
        return f"<h2>{_inline(text[3:])}</h2>"
    if _ITEM.match(text):
        items = "".join(f"<li>{_inline(item)}</li>" for item in _items(text))
        return f"<ol>{items}</ol>"
    return f"<p>{_inline(' '.join(text.split()))}</p>"


def _items(text: str) -> list[str]:
    found = re.split(r"^\d+\. ", text, flags=re.MULTILINE)[1:]
    return [" ".join(item.split()) for item in found]


def _inline(text: str) -> str:
    parts = _CODE.split(text)
    shown = [
        f"<code>{escape(part)}</code>" if number % 2 else _STRONG.sub(r"<b>\1</b>", escape(part))
        for number, part in enumerate(parts)
    ]
    return "".join(shown)
