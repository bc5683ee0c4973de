"""The command about direct messages that are sent while one is away."""

from chat_client.commands.command import Command, Talk, Typed
from chat_client.display.text import one_line
from chat_client.errors import CommandError

_SWITCH = {"": None, "on": True, "off": False}


def _late(talk: Talk, typed: Typed) -> None:
    if typed.argument not in _SWITCH:
        raise CommandError(f"{one_line(typed.argument)!r} is none: type {typed.command.usage}")
    if talk.chat.keep_late(_SWITCH[typed.argument]):
        talk.note("direct messages are kept for you while you are away; /late off ends that")
    else:
        talk.note("no direct messages are kept for you while you are away; /late on changes that")


COMMANDS = (
    Command(
        "late",
        "[on|off]",
        "whether direct messages are kept for you while you are away",
        "you",
        _late,
        asks=True,
    ),
)
