"""A line that was typed: text to say, or a command with its arguments."""

import re

from chat_client.commands.command import Typed
from chat_client.commands.table import COMMANDS
from chat_client.commands.talk.change_commands import about
from chat_client.commands.talk.talk_commands import SAY
from chat_client.display.state.model import View
from chat_client.display.state.people import Person
from chat_client.errors import CommandError
from protocol.errors import ProtocolError
from protocol.text import normalize_text


def parse(text: str, view: View) -> Typed:
    """Return what a line is that was typed, checked as far as that is possible without the server.

    Raises:
        CommandError: there is no such command, or the text cannot be said.
    """
    room = view.current.name if view.current else None
    start = secret_at(text)
    if start is not None:  # with a blank before it, too: a password is never said
        before, secret = text[:start].strip(), text[start:].strip()
        name, _, argument = before[1:].partition(" ")
        command = COMMANDS.find(name)
        if secret and len(command.secrets) > 1:
            raise CommandError(f"type /{command.name} alone: you are asked for the passwords then")
        return Typed(before, command, argument.strip(), room, (secret,) if secret else ())
    bare = text.lstrip(" ")
    name, argument = _name_and_argument(bare[1:])
    # A command of those who talk privately is one with a blank before it, too: it is not said.
    if text.startswith("/") and not text.startswith("//"):
        command = COMMANDS.find(name)
        given = argument if command.verbatim else argument.strip()
        return _addressed(Typed(text, command, given, room), view)
    command_named = COMMANDS.get(name)
    if bare.startswith("/") and command_named and command_named.private:
        return _addressed(Typed(text, command_named, argument.strip(), room), view)
    said = text.removeprefix("/")
    try:
        normalize_text(said)
    except ProtocolError as error:
        raise CommandError(f"not sent, {error.text}") from None
    return _to(view.query, said, room) if view.query else Typed(text, SAY, said, room)


def _name_and_argument(line: str) -> tuple[str, str]:
    """What a command is called, and what stands behind the blank or line feed that ends that."""
    name = re.split(r"[ \n]", line, maxsplit=1)[0]
    rest = line[len(name) :]
    return name, rest.removeprefix(" ")


def _addressed(typed: Typed, view: View) -> Typed:
    """Return a command with the person to whom it says something, or the message it is about."""
    if typed.command.name == "me" and view.query and typed.argument:
        return _to(view.query, f"* {view.nick} {typed.argument}", typed.room)
    if typed.command.name == "answer" and view.writer and typed.argument:
        return _to(view.writer, typed.argument, typed.room)
    if typed.command.name in ("reply", "edit", "delete", "pin"):
        return about(typed, view)
    if typed.command.name != "msg":
        return typed
    nick, _, said = typed.argument.partition(" ")
    if not said.lstrip(" "):
        raise CommandError(f"something is missing: type {typed.command.usage}")
    moved = view.moved(nick)
    doubt = f"the {nick} that you know is {moved.nick} now" if moved else ""
    return Typed(
        typed.text, typed.command, said.lstrip(" "), typed.room, to=view.meant(nick), doubt=doubt
    )


def _to(person: Person, said: str, room: str | None) -> Typed:
    """Return what is said to a person, who was named earlier."""
    doubt = person.doubt
    if not doubt and not person.watched:
        doubt = f"{person.nick} is in no room of yours, so the nick may be somebody else's by now"
    text = f"/msg {person.nick} {said}"
    return Typed(text, COMMANDS.find("msg"), said, room, to=person, doubt=doubt)


def secret_at(text: str) -> int | None:
    """Return where in a line its password begins, None if what is typed there is none.

    An account, `@` and a name, may stand before it.
    """
    words = text.split(None, 2)
    if not words or not words[0].startswith("/"):
        return None
    command = COMMANDS.get(words[0][1:])
    if command is None or not command.secrets:
        return None
    start = text.index(words[0]) + len(words[0])
    if len(words) > 1 and words[1].startswith("@") and "@ACCOUNT" in command.arguments:
        start = text.index(words[1], start) + len(words[1])
    return start
