"""Commands for rooms: enter and leave them, see what and who is there."""

from collections.abc import Iterator

from chat_client.commands.command import Command, Pages, Talk, Typed, checked_room
from chat_client.display.terminal_lines import marked
from chat_client.display.text import one_line
from chat_client.errors import CommandError

SHOWN = 20
"""Messages that are shown when a room is entered."""


def _join(talk: Talk, typed: Typed) -> None:
    name = typed.needed().removeprefix("#")
    known = [room.name for room in talk.chat.joined]
    room = talk.chat.join(name, history=SHOWN)

    def look() -> Iterator[str]:
        talk.view.end_query(typed.at)
        if room.name in known:
            yield from talk.view.switch(room.name)

    talk.post(look)


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


def _rooms(talk: Talk, _: Typed) -> None:
    rooms = talk.chat.rooms()
    title = talk.lines.system(f"{len(rooms)} rooms:")
    talk.post(Pages([title, *(talk.lines.entry(entry) for entry in rooms)]))


def _topic(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    if typed.argument:
        room.set_topic("" if typed.argument == "-" else typed.argument)
        return
    talk.note(f"the topic of #{room.name}: {room.topic}" if room.topic else "there is no topic")


def _who(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    people = room.people()
    named = ", ".join(marked(nick, role) for nick, role in people.items())
    listed = talk.lines.system(f"{len(people)} in #{room.name}: {named}")
    talk.post(Pages(listed.split("\n")))


COMMANDS = (
    Command(
        "join",
        "ROOM",
        "enter a room, or go back to one that you are in",
        "rooms",
        _join,
        ("j",),
        asks=True,
    ),
    Command(
        "switch",
        "[ROOM|N]",
        "look at a room, by name or number; Alt-1..9, Ctrl-N, Ctrl-P, Alt-A",
        "rooms",
        _switch,
        ("s",),
    ),
    Command(
        "leave",
        "[ROOM]",
        "leave the room, or another one",
        "rooms",
        _leave,
        ("part",),
        asks=True,
        leaves=True,
    ),
    Command("rooms", "", "show all rooms", "rooms", _rooms, ("list",), asks=True),
    Command(
        "topic", "[TEXT]", "show the topic, or set it; - clears it", "rooms", _topic, asks=True
    ),
    Command("who", "", "show who is in the room", "rooms", _who, ("names",), asks=True),
)
