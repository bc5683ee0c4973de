"""Commands for the board: code that keeps its form, and what stands at the top of a room."""

import re
from pathlib import Path

from chat_client.api.room import Room
from chat_client.commands.command import IN_CHARGE, Command, Pages, Talk, Typed
from chat_client.display.text import one_line
from chat_client.errors import CommandError
from chat_client.files.new_file import write_new
from protocol.messages import Message

_LANGUAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+#._-]{0,31}")
_NUMBER = re.compile(r"#?([0-9]{1,15})")


def _code(talk: Talk, typed: Typed) -> None:
    """Say a block. A language stands alone on the first line; the block begins on the next."""
    first, line_feed, rest = typed.needed().partition("\n")
    language = first.strip()
    if not line_feed or (language and not _LANGUAGE.fullmatch(language)):
        language, rest = "", typed.argument
    block = rest.rstrip()
    if not block:
        raise CommandError("there is no code: put it on the lines below /code [LANGUAGE]")
    typed.here(talk).say(block, kind="code", language=language or None)


def _save(talk: Talk, typed: Typed) -> None:
    number, _, name = typed.needed().partition(" ")
    if not name.strip():
        raise CommandError(f"something is missing: type {typed.command.usage}")
    message = numbered(typed.here(talk), number, typed)
    path = Path(name.strip()).expanduser()
    text = message.text if message.text.endswith("\n") else f"{message.text}\n"
    write_new(path, text)
    lines = text.count("\n")
    talk.note(f"{path}: {lines} line{'' if lines == 1 else 's'} of message {message.seq}")


def _pin(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    room.pin(numbered(room, str(typed.seq), typed).seq)


def _unpin(talk: Talk, typed: Typed) -> None:
    seq = _seq(typed.needed(), typed)
    typed.here(talk).unpin(seq)
    talk.note(f"message {seq} is no longer pinned")


def _pins(talk: Talk, _: Typed) -> None:
    room = talk.view.current
    if room is None:
        raise CommandError("you are in no room: type /join ROOM, or /rooms to see them")
    if not room.pins:
        talk.note(f"nothing is pinned in #{room.name}")
        return
    talk.post(Pages([talk.lines.pin(pin, room.name, room.name) for pin in room.pins]))


def numbered(room: Room, number: str, typed: Typed) -> Message:
    """Return the message of a room that a user means by its number.

    Raises:
        CommandError: there is none.
    """
    seq = _seq(number, typed)
    message = room.message(seq)
    if message is None:
        raise CommandError(f"there is no message {seq} in #{room.name}")
    return message


def _seq(number: str, typed: Typed) -> int:
    found = _NUMBER.fullmatch(number)
    if not found:
        raise CommandError(f"{one_line(number)!r} is no number: type {typed.command.usage}")
    return int(found[1])


COMMANDS = (
    Command(
        "code",
        "[LANGUAGE]",
        "say the lines below as code, which keeps its form: LANGUAGE, such as python, colours it",
        "talk",
        _code,
        asks=True,
        verbatim=True,
    ),
    Command(
        "save",
        "N FILE",
        "write message N, such as a block of code, to a file",
        "read",
        _save,
        asks=True,
    ),
    Command("pins", "", "show what is pinned in the room", "read", _pins),
    Command(
        "pin",
        "SEQ|NICK",
        "keep a message at the top of the room, by its number, or the last one of NICK",
        IN_CHARGE,
        _pin,
        asks=True,
    ),
    Command("unpin", "N", "keep message N at the top no longer", IN_CHARGE, _unpin, asks=True),
)
