"""A room's messages as a page in HTML, for both programs: it stands alone, and fetches nothing.

It shows messages as they are now: what was deleted is marked, without its text; what was edited is
marked, with its latest text. The entries that say who did that stand where it was done, and link to
what they changed. A kind that is not known is shown as text, which says what happened.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from html import escape as markup_escaped
from typing import Any

from protocol.common.unsafe_characters import MARKS, UNSAFE, escape
from protocol.messages.events import Message

_dangerous = re.compile(f"[{UNSAFE}{MARKS}]")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em;
  color: #1c1c1c; background: #fff }
h1 { font-size: 1.4em }
h2 { font-size: 1em; border-bottom: 1px solid #ccc; margin: 1.5em 0 .5em }
ol { list-style: none; margin: 0; padding: 0 }
li { padding: .15em .3em; overflow-wrap: anywhere }
li:target { background: #fff3c4 }
time, .tag, .reply { color: #666; font-size: .85em }
.text { white-space: pre-wrap }
pre { margin: .3em 0; padding: .5em; background: #f3f3f3; white-space: pre-wrap }
.is-action, .is-topic, .is-edit, .is-delete { color: #555; font-style: italic }
.is-notice, .is-poll { background: #f3f6ff }
.deleted .text { color: #777; font-style: italic }
@media print { body { margin: 0; max-width: none } li, pre { break-inside: avoid } }
"""

_CHANGES = ("edit", "delete")


def transcript_html(
    room: str,
    messages: Iterable[Message],
    day: Callable[[float], str],
    clock: Callable[[float], str],
) -> Iterator[str]:
    """Yield the lines of a page with what was said in a room.

    Args:
        room: its name.
        messages: what was said, in order; they are read one by one.
        day: returns the day of a moment in Unix seconds, as a person reads it.
        clock: returns the time of that day.
    """
    title = f"#{_shown(room)}"
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>"
    today = ""
    for message in messages:
        if (its_day := day(message.time)) != today:
            yield "</ol>" if today else ""
            today = its_day
            yield f"<h2>{_shown(its_day)}</h2>\n<ol>"
        yield _item(message, clock(message.time))
    yield ("</ol>\n" if today else "<p>Nothing was said.</p>\n") + "</body>\n</html>"


def _item(message: Message, when: str) -> str:
    marks = message.marks()
    kind = message.kind if re.fullmatch("[a-z_]{1,20}", message.kind) else "text"
    deleted = " deleted" if marks.get("deleted") else ""
    return (
        f'<li id="m{message.seq}" class="is-{kind}{deleted}">'
        f'<time title="message {message.seq}">{_shown(when)}</time> '
        f"<b>{_shown(message.from_)}</b>{_tags(marks)}{_reply(marks)}{_body(message, marks)}</li>"
    )


def _tags(marks: dict[str, Any]) -> str:
    """What stands behind a nick: a role, `bot`, `edited`. The text of what was deleted says so."""
    words = [marks.get("role"), *(name for name in ("bot", "edited") if marks.get(name))]
    return "".join(f' <span class="tag">{_shown(word)}</span>' for word in words if word)


def _reply(marks: dict[str, Any]) -> str:
    seq = marks.get("reply_to")
    if not isinstance(seq, int):
        return ""
    return f' <a class="reply" href="#m{seq}">in reply to {seq}</a>'


def _body(message: Message, marks: dict[str, Any]) -> str:
    text = _shown(message.text)
    changed = marks.get("changes")
    if message.kind in _CHANGES and isinstance(changed, int):
        did = "deleted" if message.kind == "delete" else "edited"
        said = "" if message.kind == "delete" or marks.get("deleted") else f": {text}"
        return f' {did} <a href="#m{changed}">message {changed}</a><span class="text">{said}</span>'
    if message.kind == "topic":
        did = f"set the topic: {text}" if message.text else "cleared the topic"
        return f' <span class="text">{did}</span>'
    if message.kind == "code":
        return f"<pre>{text}</pre>"
    return f'{" " if message.kind == "action" else ": "}<span class="text">{text}</span>'


def _shown(text: object) -> str:
    """A text as HTML, with what turns or hides text as escapes."""
    return markup_escaped(_dangerous.sub(escape, str(text)))
