"""The command that writes a room to a file: as text, as JSON lines or as a page, by its suffix."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from chat_client.api.room import Room
from chat_client.commands.command import Command, Talk, Typed
from chat_client.display.records import plain
from chat_client.display.text import one_line
from chat_client.display.time_format import Clock
from chat_client.errors import CommandError
from protocol.common.private_files import private
from protocol.messages import Message
from protocol.messages.transcript import transcript_html

_PAGE = 1000
"""Messages that are asked for at once."""

Format = Callable[[str, Iterable[Message]], Iterator[str]]
"""Turns a room's name and its messages into lines."""


def _as_text(_: str, messages: Iterable[Message]) -> Iterator[str]:
    record = plain(Clock("%Y-%m-%d %H:%M:%S"))
    for message in messages:
        yield record(message) or ""


def _as_json(_: str, messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
        yield json.dumps(msgspec.to_builtins(message))


def _as_page(room: str, messages: Iterable[Message]) -> Iterator[str]:
    clock = Clock("%H:%M:%S")
    return transcript_html(room, messages, clock.day, clock.time)


_FORMATS: dict[str, Format] = {
    ".txt": _as_text,
    ".json": _as_json,
    ".jsonl": _as_json,
    ".html": _as_page,
    ".htm": _as_page,
}


def _export(talk: Talk, typed: Typed) -> None:
    path, room = Path(typed.needed()).expanduser(), typed.here(talk)
    write = _FORMATS.get(path.suffix.lower())
    if write is None:
        raise CommandError(
            f"{one_line(path.name)!r} does not say what it is to be: end it with .txt, .jsonl or "
            ".html"
        )
    count = 0

    def counted() -> Iterator[Message]:
        nonlocal count
        for message in _messages(room):
            count += 1
            yield message

    _write(path, write(room.name, counted()))
    many = "1 message" if count == 1 else f"{count:,} messages"
    talk.note(f"{many} of #{room.name} are in {one_line(str(path))}")


def _messages(room: Room) -> Iterator[Message]:
    """Yield all that is kept of a room up to now, the oldest first, a page at a time."""
    newest = room.history(1)
    last, after = newest[0].seq if newest else 0, 0
    while after < last:
        page = room.history(_PAGE, after=after)
        if not page:
            return
        yield from (message for message in page if message.seq <= last)
        after = page[-1].seq


def _write(path: Path, lines: Iterable[str]) -> None:
    """Write lines to a new file, which is there when all are in it, and private.

    Raises:
        CommandError: it is there already, or cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if os.path.lexists(path):
            raise CommandError(f"{one_line(str(path))} is there already: choose another name")
        try:
            with open(part, "w", encoding="utf-8", opener=private) as file:
                for line in lines:
                    print(line, file=file)
            part.rename(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                part.unlink()
    except OSError as error:
        raise CommandError(
            f"{one_line(str(path))} cannot be written: {error.strerror or error}"
        ) from None


COMMANDS = (
    Command(
        "export",
        "FILE",
        "write all that is kept of this room to FILE, which ends with .txt, .jsonl or .html",
        "read",
        _export,
        asks=True,
    ),
)
