"""The commands for talking, for rooms, for reading back, and for the program itself."""

import time
from collections.abc import Iterable, Iterator
from itertools import dropwhile
from typing import get_args

from chat_client.api.room import Room
from chat_client.commands.command import (
    IN_CHARGE,
    Command,
    Pages,
    Talk,
    Typed,
    command,
    commands,
    find,
)
from chat_client.display.model import Bell
from chat_client.display.text import fold, one_line
from chat_client.errors import CommandError, Refused
from chat_client.events import MEMBER
from protocol.errors import Code, ProtocolError
from protocol.messages import Message
from protocol.text import normalize_room

SHOWN = 20
"""Messages that are shown on joining, and by /history and /search where no number is given."""

_READ_BACK = 10_000
"""Messages that /history shows at the most."""

_PAGE = 1000
"""Messages that are looked at together for when they were said."""

_FOUND = 100
"""Messages that /search shows at the most."""


# -- talking --------------------------------------------------------------------------------------


@command("/me TEXT", "say what you do: /me waves", "talk", "action", asks=True)
def _me(talk: Talk, typed: Typed) -> None:
    typed.here(talk).say(typed.needed(), kind="action")


@command(
    "/msg NICK TEXT", "tell one person something; it is kept nowhere", "talk", "tell", "w",
    asks=True, private=True,
)  # fmt: skip
def _msg(talk: Talk, typed: Typed) -> None:
    person = typed.to
    if person is None:
        raise CommandError(f"something is missing: type {typed.command.usage}")
    nick = talk.chat.tell(person.now, typed.argument)
    talk.post(talk.lines.direct("to", nick, typed.argument))


@command("/reply TEXT", "answer the last direct message", "talk", "r", private=True)
def _reply(_: Talk, typed: Typed) -> None:
    typed.needed()
    raise CommandError("nobody has sent you a direct message yet: type /msg NICK TEXT")


@command(
    "/query [NICK]", "send what you type to one person; without NICK, to the room again", "talk",
    "q",
)  # fmt: skip
def _query(talk: Talk, typed: Typed) -> None:
    nick = typed.argument.split(" ")[0]
    talk.view.start_query(nick)
    what = f"what you type goes to {nick}; /query ends that" if nick else "you talk to the room"
    talk.note(what)


# -- rooms ----------------------------------------------------------------------------------------


@command("/join ROOM", "enter a room, or go back to one that you are in", "rooms", "j", asks=True)
def _join(talk: Talk, typed: Typed) -> None:
    name = typed.needed().removeprefix("#")
    known = [room.name for room in talk.chat.joined]
    room = talk.chat.join(name, history=SHOWN)

    def look() -> Iterator[str]:
        talk.view.end_query(typed.at)
        if room.name in known:
            yield from talk.view.switch(room.name)

    talk.post(look)


@command("/switch [ROOM|N]", "look at a room, by name or number; Alt-1..9, Ctrl-N, Ctrl-P, Alt-A",
          "rooms", "s")  # fmt: skip
def _switch(talk: Talk, typed: Typed) -> None:
    rooms = list(talk.view.rooms)
    wanted = typed.argument.removeprefix("#").lower() or talk.view.neighbour(1) or ""
    is_number = wanted not in rooms and wanted.isascii() and wanted.isdigit()
    if is_number and 1 <= int(wanted[:3]) <= len(rooms):
        wanted = rooms[int(wanted[:3]) - 1]
    if wanted not in rooms:
        raise CommandError(f"you are in no room {one_line(wanted)!r}: type /join ROOM")
    talk.view.end_query(typed.at)
    talk.post(lambda: talk.view.switch(wanted))


@command("/leave [ROOM]", "leave the room, or another one", "rooms", "part", asks=True)
def _leave(talk: Talk, typed: Typed) -> None:
    if typed.argument:
        name = checked_room(typed.argument)
        typed = Typed(typed.text, typed.command, "", name)
    room = typed.here(talk)
    room.leave()

    def forget() -> Iterator[str]:
        looked_at = talk.view.current and talk.view.current.name == room.name
        talk.view.forget(room.name)
        yield talk.lines.system(f"you left #{room.name}")
        if looked_at and talk.view.current:
            yield from talk.view.switch(talk.view.current.name)

    talk.post(forget)


@command("/rooms", "show all rooms", "rooms", "list", asks=True)
def _rooms(talk: Talk, _: Typed) -> None:
    rooms = talk.chat.rooms()
    title = talk.lines.system(f"{len(rooms)} rooms:")
    talk.post(Pages([title, *(talk.lines.entry(entry) for entry in rooms)]))


@command("/topic [TEXT]", "show the topic, or set it; - clears it", "rooms", asks=True)
def _topic(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    if typed.argument:
        room.set_topic("" if typed.argument == "-" else typed.argument)
        return
    talk.note(f"the topic of #{room.name}: {room.topic}" if room.topic else "there is no topic")


@command("/who", "show who is in the room", "rooms", "names", asks=True)
def _who(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    nicks = room.who()
    listed = talk.lines.system(f"{len(nicks)} in #{room.name}: {', '.join(nicks)}")
    talk.post(Pages(listed.split("\n")))


# -- reading back ---------------------------------------------------------------------------------


@command(
    "/history [N|HH:MM]", f"show the last N messages ({SHOWN} without N), or what was said since "
    "HH:MM; PgUp shows 200, or what you missed", "read", asks=True,
)  # fmt: skip
def _history(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    moment = talk.lines.last(typed.argument)
    messages = room.history(_count(typed)) if moment is None else _said_since(room, moment)
    since = "" if moment is None else f" since {typed.argument}"
    title = talk.lines.system(f"the last {len(messages)} in #{room.name}{since}:")
    shown = [title]
    first = 0
    for message, lines in _old(talk, messages, room):
        if typed.read is not None and not first and message.seq > typed.read:
            first = len(shown)
            shown.append(talk.lines.read_marker())
        shown += lines
    talk.post(Pages(shown, from_end=moment is None and not first, first=first))


def _said_since(room: Room, moment: float) -> list[Message]:
    """Return what was said in a room since a moment, or the last of it if that is too much."""
    found: list[Message] = []
    while len(found) < _READ_BACK:
        before = found[0].seq if found else None
        page = room.history(_PAGE, before=before)
        since = list(dropwhile(lambda message: message.time < moment, page))
        found = since + found
        if len(since) < _PAGE:
            break
    return found


@command(
    "/search WORDS", "show the newest messages that hold all of these words", "read", "lastlog",
    asks=True,
)  # fmt: skip
def _search(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    messages = room.search(typed.needed(), _FOUND)
    found = f"the newest {len(messages)} with" if messages else "nothing with"
    title = talk.lines.system(f"{found} {typed.argument!r} in #{room.name}")
    shown = [line for _, lines in _old(talk, messages, room) for line in lines]
    talk.post(Pages([title, *shown], from_end=True))


def _old(
    talk: Talk, messages: Iterable[Message], room: Room
) -> Iterator[tuple[Message, list[str]]]:
    """Yield messages with their lines, before which stands the day where that changes."""
    day = talk.lines.day_of(time.time())
    for message in messages:
        lines = [talk.lines.message(message, talk.chat.nick, room.name)]
        if (its_day := talk.lines.day_of(message.time)) != day:
            day = its_day
            lines.insert(0, talk.lines.day(message.time))
        yield message, lines


# -- people ---------------------------------------------------------------------------------------


@command("/ignore [NICK]", "hide a person, also after a restart; without NICK, show whom", "people")
def _ignore(talk: Talk, typed: Typed) -> None:
    ignored = talk.view.ignored
    if not typed.argument:
        talk.note(f"hidden: {', '.join(sorted(ignored))}" if ignored else "nobody is hidden")
        return
    talk.view.ignore(typed.argument)
    talk.note(f"{typed.argument} is hidden; /unignore {typed.argument} undoes that")


@command("/unignore NICK", "show a person again", "people")
def _unignore(talk: Talk, typed: Typed) -> None:
    nick = fold(typed.needed())
    if nick not in talk.view.ignored:
        raise CommandError(f"{one_line(nick)} is not hidden: /ignore shows who is")
    talk.view.show(nick)
    talk.note(f"{typed.argument} is shown again")


@command("/focus [NICK ...]", "hide all but these for now; without NICK, show all", "people")
def _focus(talk: Talk, typed: Typed) -> None:
    talk.view.focused = {fold(nick) for nick in typed.argument.split()}
    talk.note(f"only shown: {typed.argument}" if typed.argument else "everybody is shown")


@command("/quiet", "say nothing about who comes and goes; again, to hear it", "people")
def _quiet(talk: Talk, _: Typed) -> None:
    talk.view.quiet = not talk.view.quiet
    talk.note("who comes and goes is " + ("not told" if talk.view.quiet else "told"))


# -- yourself -------------------------------------------------------------------------------------


@command("/nick NICK", "take another nick", "you", asks=True)
def _nick(talk: Talk, typed: Typed) -> None:
    try:
        nick = talk.chat.rename(typed.needed())
    except Refused as error:
        if error.code != Code.NICK_IN_USE:
            raise
        text = error.text.rstrip(" .")
        raise Refused(
            error.code, f"{text}. If it is your account's: /login @{typed.argument}"
        ) from None

    def rename() -> Iterator[str]:
        talk.view.nick = nick
        yield talk.lines.system(f"you are {nick} now")

    talk.post(rename)


@command("/away [WHY]", "let those who write to you or name you be told once", "you")
def _away(talk: Talk, typed: Typed) -> None:
    talk.view.leave_for(typed.argument)
    talk.note("you are away: who writes to you or names you is told once; /back ends that")


@command("/back", "you are here again", "you")
def _back(talk: Talk, _: Typed) -> None:
    talk.view.come_back()
    talk.note("you are back")


@command("/bell on|off|all", "ring for your name and direct messages, never, or always", "you")
def _bell(talk: Talk, typed: Typed) -> None:
    for mode in get_args(Bell):
        if typed.needed() == mode:
            talk.view.bell = mode
            talk.note(f"the bell is {mode}")
            return
    raise CommandError(f"{one_line(typed.argument)!r} is none of these: type {typed.command.usage}")


# -- the program ----------------------------------------------------------------------------------


@command(
    "/reconnect [off]", "try to connect now; off: try no more until you say so", "program",
)  # fmt: skip
def _reconnect(talk: Talk, typed: Typed) -> None:
    if talk.chat.connected:
        raise CommandError("you are connected; /quit ends the program")
    if typed.argument == "off":
        talk.chat.pause()
        talk.view.stop_retrying()
        talk.note("no more tries; /reconnect makes one")
        return
    talk.view.retry()
    talk.chat.retry()


@command("/help [COMMAND|GROUP]", "show what can be typed", "program", "?")
def _help(talk: Talk, typed: Typed) -> None:
    if typed.argument == "keys":
        talk.post(talk.lines.indented(_KEYS))
        return
    group = [each for each in commands() if each.group == typed.argument]
    if group or typed.argument:
        told = group or [find(typed.argument.removeprefix("/"))]
        talk.post(Pages([talk.lines.indented(_told(each)) for each in told]))
        return
    usages: dict[str, list[str]] = {"talk": ["TEXT", "//TEXT"]}
    for each in commands():
        short = each.group == IN_CHARGE or each.secrets  # there is too much to say on one screen
        usages.setdefault(each.group, []).append(f"/{each.name}" if short else each.usage)
    if talk.view.role == MEMBER:
        usages[IN_CHARGE] = [f"/help {IN_CHARGE}"]
    for name, listed in usages.items():
        talk.post(talk.lines.indented(f"{name}: {'  '.join(listed)}"))
    talk.post(talk.lines.indented("/help keys: Tab and others; /help COMMAND tells more"))


def _told(each: Command) -> str:
    others = f" (also /{', /'.join(each.aliases)})" if each.aliases else ""
    return f"{each.usage}  {each.help}{others}"


_KEYS = (
    "Tab completes; Alt-1..9, Ctrl-N and Ctrl-P go to a room, Alt-A to the one with most news; "
    "PgUp reads back; Alt-Enter makes a new line; Ctrl-O opens your editor; Up and Ctrl-R find "
    "what you typed before; Alt-R brings back what was not sent or was cleared; Ctrl-L draws the "
    "screen again; Ctrl-C clears the line, or asks whether to leave; Ctrl-D leaves"
)


@command("/quit", "end the program; so does Ctrl-D", "program", "exit", "bye")
def _quit(talk: Talk, _: Typed) -> None:
    talk.quit()


def checked_room(name: str) -> str:
    """Return the name of a room that was typed, with or without its `#`, as the server writes it.

    Raises:
        CommandError: no room has such a name.
    """
    try:
        return normalize_room(name.removeprefix("#"))
    except ProtocolError as error:
        raise CommandError(error.text) from None


def _count(typed: Typed) -> int:
    argument = typed.argument
    if not argument:
        return SHOWN
    if argument.isascii() and argument.isdigit() and 1 <= int(argument[:9]) <= _READ_BACK:
        return int(argument[:9])
    raise CommandError(
        f"{one_line(argument)!r} is no number from 1 to {_READ_BACK}, nor a time of day: type "
        f"{typed.command.usage}"
    )
