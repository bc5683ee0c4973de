"""Commands for talking: what is said to a room, or to one person."""

from chat_client.commands.command import Command, Talk, Typed
from chat_client.errors import CommandError


def _say(talk: Talk, typed: Typed) -> None:
    typed.here(talk).say(typed.argument)


def _me(talk: Talk, typed: Typed) -> None:
    typed.here(talk).say(typed.needed(), kind="action")


def _msg(talk: Talk, typed: Typed) -> None:
    person = typed.to
    if person is None:
        raise CommandError(f"something is missing: type {typed.command.usage}")
    told = talk.chat.tell(person.now, typed.argument)
    talk.post(talk.lines.direct("to", told, typed.argument))
    if told.kept:
        talk.note(f"{told} is away, and gets that when they are back")


def _answer(_: Talk, typed: Typed) -> None:
    typed.needed()
    raise CommandError("nobody has sent you a direct message yet: type /msg NICK TEXT")


def _query(talk: Talk, typed: Typed) -> None:
    nick = typed.argument.split(" ")[0]
    talk.view.start_query(nick)
    what = f"what you type goes to {nick}; /query ends that" if nick else "you talk to the room"
    talk.note(what)


def _hand(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    if typed.argument == "down":
        room.lower_hand()
        talk.note("your hand is down")
        return
    place = room.raise_hand("" if typed.argument == "up" else typed.argument)
    where = f", number {place} in the queue" if place else ""
    talk.note(f"your hand is up{where}; /hand down takes it down")


SAY = Command("", "TEXT", "say TEXT in the room; //TEXT says /TEXT", "talk", _say, asks=True)
"""What is typed without a command."""

COMMANDS = (
    Command("me", "TEXT", "say what you do: /me waves", "talk", _me, ("action",), asks=True),
    Command(
        "msg",
        "NICK TEXT",
        "tell one person something; it is kept only until they are back, if they are away",
        "talk",
        _msg,
        ("tell", "w"),
        asks=True,
        private=True,
    ),
    Command(
        "answer", "TEXT", "answer the last direct message", "talk", _answer, ("r",), private=True
    ),
    Command(
        "query",
        "[NICK]",
        "send what you type to one person; without NICK, to the room again",
        "talk",
        _query,
        ("q",),
    ),
    Command(
        "hand",
        "[QUESTION|down]",
        "raise your hand, with a question or without one; down: take it down",
        "talk",
        _hand,
        asks=True,
    ),
)
