"""Commands for messages that were said: answer, edit and delete them, and see their numbers."""

from dataclasses import replace

from chat_client.commands.command import Command, Talk, Typed
from chat_client.display.state.model import View
from chat_client.display.text import fold, one_line
from chat_client.errors import CommandError
from protocol.messages import Message


def about(typed: Typed, view: View) -> Typed:
    """Return a command with the message that it is about, which it names by number or nick.

    Raises:
        CommandError: it names none, or none that is known.
    """
    if not typed.argument and typed.command.name != "delete":
        typed.needed()
    first, _, rest = typed.argument.partition(" ")
    seq = number(first)
    if typed.command.name == "reply":
        if not rest.strip():
            raise CommandError(f"something is missing: type {typed.command.usage}")
        if seq is None and view.writer is not None:  # it may be meant for that person alone
            found = _find(view, first)
            raise CommandError(
                f"not said. To answer {one_line(view.writer.nick)}, who wrote to you alone, type "
                f"/r TEXT; to reply here, type /reply {found.seq if found else 'SEQ'} TEXT"
            )
    if seq is None and typed.command.name == "edit":
        return replace(typed, seq=_latest(view, view.nick))
    if seq is None:
        seq = _latest(view, first or view.nick)
    if typed.command.name == "edit" and not rest.strip():
        raise CommandError(f"what is message {seq} to say? Type {typed.command.usage}")
    return replace(typed, seq=seq, argument=rest.strip())


def number(word: str) -> int | None:
    """Return the seq that a word is: `12`, `#12`, or `#lobby/12`; None if it is none."""
    digits = word.rpartition("/")[2].removeprefix("#") if word.startswith("#") else word
    if digits.isascii() and digits.isdigit() and int(digits[:15]):
        return int(digits[:15])
    return None


def _find(view: View, nick: str) -> Message | None:
    return view.current.latest(fold(nick)) if view.current else None


def _latest(view: View, nick: str) -> int:
    found = _find(view, nick)
    if found is None:
        whose = "of yours" if nick == view.nick else f"of {one_line(nick)!r}"
        raise CommandError(
            f"no message {whose} came in this room lately: /history shows the numbers of others"
        )
    return found.seq


def _reply(talk: Talk, typed: Typed) -> None:
    typed.here(talk).say(typed.argument, reply_to=typed.seq)


def _edit(talk: Talk, typed: Typed) -> None:
    typed.here(talk).edit(_seq(typed), typed.argument)


def _delete(talk: Talk, typed: Typed) -> None:
    typed.here(talk).delete(_seq(typed), typed.argument or None)


def _seq(typed: Typed) -> int:
    assert typed.seq is not None, "`about` found it"
    return typed.seq


def _numbers(talk: Talk, typed: Typed) -> None:
    if typed.argument not in ("", "on", "off"):
        raise CommandError(f"{one_line(typed.argument)!r} is neither: type {typed.command.usage}")
    wanted = not talk.lines.numbers if not typed.argument else typed.argument == "on"
    talk.lines.numbers = wanted
    told = "each message is shown with its number" if wanted else "messages have no numbers now"
    talk.note(told)


COMMANDS = (
    Command(
        "reply",
        "SEQ|NICK TEXT",
        "answer a message in the room, by its number, or the last one of NICK",
        "talk",
        _reply,
        asks=True,
        private=True,  # it once meant what /answer does: it never becomes a text by a slip
    ),
    Command(
        "edit",
        "[SEQ] TEXT",
        "let a message of yours say TEXT, without SEQ the last one; others see that it was edited",
        "talk",
        _edit,
        asks=True,
    ),
    Command(
        "delete",
        "[SEQ|NICK] [REASON]",
        "take a message back, without SEQ your last one; moderators: anybody's",
        "talk",
        _delete,
        asks=True,
    ),
    Command(
        "numbers",
        "[on|off]",
        "show each message with its number, or no longer; /history always shows them",
        "read",
        _numbers,
    ),
)
