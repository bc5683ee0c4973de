"""What `admin export` writes: the transcript of a room as text, Markdown, JSON or a page.

Messages are read and written one by one: a transcript may be larger than the memory. What somebody
said cannot look like a line of the transcript: it is indented where it goes on.
"""

import json
from collections.abc import Callable, Iterable, Iterator

from chat_server.admin.moments import clock_shown, day_shown, iso, shown
from chat_server.admin.show import harmless, harmless_json, markdown, one_line
from protocol.messages import Message
from protocol.messages.transcript import transcript_html

_CHANGED = ("reply_to", "changes", "edited", "deleted")
"""Members of a message that a JSON transcript has where they say something."""

Transcript = Callable[[str, Iterable[Message]], Iterator[str]]
"""Turns a room's name and its messages into lines."""


def transcript_text(_: str, messages: Iterable[Message]) -> Iterator[str]:
    """Yield a line for each message, and a line with an indent for each line more of its text."""
    for message in messages:
        first, *more = harmless(message.text).split("\n")
        yield f"{shown(message.time)}  {_said(message, first)}"
        yield from (f"    | {line}" for line in more)


def transcript_markdown(room: str, messages: Iterable[Message]) -> Iterator[str]:
    """Yield a document with a heading for each day, and a list item for each message."""
    yield f"# {markdown(room)}"
    day = ""
    for message in messages:
        if day_shown(message.time) != day:
            day = day_shown(message.time)
            yield from ("", f"## {day}", "")
        yield f"- {clock_shown(message.time)} {_marked(message)}"


def transcript_json(_: str, messages: Iterable[Message]) -> Iterator[str]:
    """Yield an object for each message, on a line of its own."""
    for message in messages:
        record = {
            "room": message.room,
            "seq": message.seq,
            "time": iso(message.time),
            "from": message.from_,
            "kind": message.kind,
            "text": message.text,
            **{name: getattr(message, name) for name in _CHANGED if getattr(message, name)},
        }
        yield harmless_json(json.dumps(record, ensure_ascii=False))


def transcript_page(room: str, messages: Iterable[Message]) -> Iterator[str]:
    """Yield a page in HTML, with deletions, edits and polls as they were."""
    return transcript_html(room, messages, day_shown, clock_shown)


TRANSCRIPTS: dict[str, Transcript] = {
    "txt": transcript_text,
    "json": transcript_json,
    "md": transcript_markdown,
    "html": transcript_page,
}
"""The formats of a transcript, by the name that --format has for them."""


def _said(message: Message, text: str) -> str:
    who = one_line(message.from_)
    if message.kind == "action":
        return f"* {who} {text}"
    if message.kind == "topic":
        return f"* {who} set the topic: {text}" if message.text else f"* {who} cleared the topic"
    if message.kind in ("notice", "poll"):
        return f"! {who}: {text}"
    if message.kind == "edit":
        return f"* {who} edited message {message.changes}: {text}"
    if message.kind == "delete":
        return f"* {who} {text}"
    about = f" (to message {message.reply_to})" if message.reply_to else ""
    return f"{who}{about}: {text}{' (edited)' if message.edited else ''}"


def _marked(message: Message) -> str:
    who, text = markdown(message.from_), markdown(message.text)
    if message.kind == "action":
        return f"*{who} {text}*"
    if message.kind == "topic":
        return f"*{who} set the topic:* {text}" if message.text else f"*{who} cleared the topic*"
    if message.kind == "notice":
        return f"**Notice of {who}:** {text}"
    if message.kind == "poll":
        return f"**Poll of {who}:** {text}"
    if message.kind == "edit":
        return f"*{who} edited message {message.changes}:* {text}"
    if message.kind == "delete":
        return f"*{who} {text}*"
    about = f" (to message {message.reply_to})" if message.reply_to else ""
    edited = " *(edited)*" if message.edited else ""
    return f"**{who}{about}:** {text}{edited}"
