"""Commands for those in charge: freeze a room, mute or ban a person, make a moderator."""

from collections.abc import Iterator
from functools import partial

from chat_client.commands.command import IN_CHARGE, Command, Pages, Talk, Typed, checked_room
from chat_client.display.text import one_line
from chat_client.errors import CommandError, Refused
from protocol.common.durations import UNITS, begins_duration, parse_duration, show_duration
from protocol.errors import Code

_ALL = "all"
"""Stands for all rooms."""

_BUT = "but"
"""Stands before those who may talk in a frozen room."""

_WHO = "WHO is a nick, @ACCOUNT, an address or a network"


def _hands(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    try:
        queue = room.queue()
    except Refused as error:
        if error.code != Code.FORBIDDEN:
            raise
        talk.post(partial(_own_place, talk, room.name))
        return
    waiting = [entry for entry in queue if not entry.floor]
    title = f"hands up in #{room.name}: /next gives the first the floor"
    if not waiting:
        title = "no hand is up"
    lines = [talk.lines.system(title)]
    lines += [talk.lines.floor(entry.nick) for entry in queue if entry.floor]
    lines += [talk.lines.in_queue(place, entry) for place, entry in enumerate(waiting, 1)]

    def know() -> Iterator[str]:
        talk.view.know_hands(room.name, [entry.nick for entry in waiting])
        return iter(())

    talk.post(know)
    talk.post(Pages(lines))


def _own_place(talk: Talk, room: str) -> Iterator[str]:
    """Moderators see the queue. Others see where they stand in it."""
    view = talk.view.rooms.get(room)
    if view is None or not view.place:
        yield talk.lines.system("your hand is not up: /hand raises it")
        return
    question = f": {view.question}" if view.question else ""
    yield talk.lines.system(f"your hand is up, number {view.place} in the queue{question}")


def _next(talk: Talk, typed: Typed) -> None:
    room = typed.here(talk)
    if room.next_speaker() is None:
        talk.note("no hand is up: nobody has the floor")


def _freeze(talk: Talk, typed: Typed) -> None:
    words = typed.argument.split()
    speakers: list[str] = []
    if _BUT in words:
        place = words.index(_BUT)
        speakers = [nick for word in words[place + 1 :] if (nick := word.strip(","))]
        words = words[:place]
        if not speakers:
            raise CommandError(f"nobody stands behind {_BUT!r}: type {typed.command.usage}")
    where = words.pop(0) if words and not begins_duration(words[0]) else ""
    seconds = _duration(words.pop(0)) if words else None
    if words:
        raise CommandError(
            f"{one_line(words[0])!r} is one word too many: type {typed.command.usage}"
        )
    room = _room_or_all(talk, typed, where)
    talk.chat.freeze(room, seconds=seconds, speakers=speakers)
    _tell_unless_seen(talk, room, f"{_place(room)} frozen{_for(seconds)}")


def _unfreeze(talk: Talk, typed: Typed) -> None:
    room = _room_or_all(talk, typed, typed.argument)
    talk.chat.unfreeze(room)
    _tell_unless_seen(talk, room, f"{_place(room)} open to everybody again")


# -- people -------------------------------------------------------------------------------------


def _kick(talk: Talk, typed: Typed) -> None:
    who, reason = _split(typed.needed())
    talk.chat.kick(who, reason)
    talk.note(f"{who} is out, and may come back; /ban keeps somebody out")


def _mute(talk: Talk, typed: Typed) -> None:
    who, seconds, reason = _sentence(typed.needed())
    talk.chat.mute(who, seconds=seconds, reason=reason)
    talk.note(f"{who} is muted{_for(seconds)}; /unmute {who} ends it")


def _unmute(talk: Talk, typed: Typed) -> None:
    who = typed.needed()
    talk.chat.unmute(who)
    talk.note(f"{who} may talk again")


def _ban(talk: Talk, typed: Typed) -> None:
    argument = typed.needed()
    flag, rest = _split(argument)
    address = flag == "-a"
    who, seconds, reason = _sentence(rest if address else argument)
    if not who:
        raise CommandError(f"something is missing: type {typed.command.usage}")
    talk.chat.ban(who, seconds=seconds, reason=reason, address=address)
    if address:
        talk.note(f"{who} and the address are banned{_for(seconds)}; /bans shows them")
    else:
        talk.note(f"{who} is banned{_for(seconds)}; /unban {who} ends it")


def _unban(talk: Talk, typed: Typed) -> None:
    who = typed.needed()
    talk.chat.unban(who)
    talk.note(f"{who} may come in again")


def _bans(talk: Talk, _: Typed) -> None:
    entries = talk.chat.bans()
    title = f"{len(entries)} banned or muted:" if entries else "nobody is banned or muted"
    talk.post(Pages([talk.lines.system(title), *map(talk.lines.sanction, entries)]))

    def know() -> Iterator[str]:
        talk.view.barred = {entry.who for entry in entries}
        return iter(())

    talk.post(know)


def _op(talk: Talk, typed: Typed) -> None:
    who = typed.needed()
    talk.chat.op(who)
    talk.note(f"{who} is a moderator now; /deop {who} ends it")


def _deop(talk: Talk, typed: Typed) -> None:
    who = typed.needed()
    talk.chat.deop(who)
    talk.note(f"{who} is a member now")


# -- rooms --------------------------------------------------------------------------------------


def _slow(talk: Talk, typed: Typed) -> None:
    word = typed.needed()
    seconds = 0.0 if word in ("off", "0", "0s") else _duration(word)
    if seconds > UNITS["d"]:
        raise CommandError(f"{one_line(word)!r} is too slow: it is 1d at the most")
    typed.here(talk).slow(seconds)


def _lock(talk: Talk, typed: Typed) -> None:
    room = _room_or_here(talk, typed)
    talk.chat.lock(room)
    _tell_unless_seen(talk, room, f"{_place(room)} locked; /unlock {room} opens it")


def _unlock(talk: Talk, typed: Typed) -> None:
    room = _room_or_here(talk, typed)
    talk.chat.unlock(room)
    _tell_unless_seen(talk, room, f"{_place(room)} open again")


def _announce(talk: Talk, typed: Typed) -> None:
    text, room = typed.needed(), None
    if text.startswith("#"):
        name, text = _split(text)
        room = checked_room(name)
    if not text:
        raise CommandError(f"something is missing: type {typed.command.usage}")
    talk.chat.announce(text, room)
    _tell_unless_seen(talk, room, "it was announced")


# -- what was typed, in parts -------------------------------------------------------------------


def _split(text: str) -> tuple[str, str]:
    """The first word, and the rest of the line."""
    word, _, rest = text.partition(" ")
    return word, rest.strip()


def _sentence(text: str) -> tuple[str, float | None, str]:
    """Who, for how many seconds if not for ever, and why."""
    who, rest = _split(text)
    word, reason = _split(rest)
    return (who, _duration(word), reason) if begins_duration(word) else (who, None, rest)


def _duration(word: str) -> float:
    try:
        return parse_duration(word)
    except ValueError as error:
        raise CommandError(one_line(str(error))) from None


def _room_or_here(talk: Talk, typed: Typed) -> str:
    return checked_room(typed.argument) if typed.argument else typed.here(talk).name


def _room_or_all(talk: Talk, typed: Typed, word: str) -> str | None:
    """The room that `word` names, or the one that one is in; None for all of them."""
    if word == _ALL:
        return None
    return checked_room(word) if word else typed.here(talk).name


# -- what the user is told ----------------------------------------------------------------------


def _tell_unless_seen(talk: Talk, room: str | None, text: str) -> None:
    """Say that something was done, unless a notice in one of the user's rooms says so."""
    joined = [each.name for each in talk.chat.joined]
    if not joined or (room is not None and room not in joined):
        talk.note(text)


def _place(room: str | None) -> str:
    return "all rooms are" if room is None else f"#{room} is"


def _for(seconds: float | None) -> str:
    return "" if seconds is None else f" for {show_duration(seconds)}"


COMMANDS = (
    Command(
        "hands",
        "",
        "show whose hands are up, with their questions; for others: their own place",
        IN_CHARGE,
        _hands,
        asks=True,
    ),
    Command(
        "next",
        "",
        "give the floor to the first hand, and take it from who had it",
        IN_CHARGE,
        _next,
        asks=True,
    ),
    Command(
        "freeze",
        "[ROOM|all] [DURATION] [but NICK ...]",
        "let only moderators talk, and those that you name; without ROOM in this one",
        IN_CHARGE,
        _freeze,
        asks=True,
    ),
    Command("unfreeze", "[ROOM|all]", "let everybody talk again", IN_CHARGE, _unfreeze, asks=True),
    Command(
        "kick", "WHO [REASON]", f"end somebody's connection; {_WHO}", IN_CHARGE, _kick, asks=True
    ),
    Command(
        "mute",
        "WHO [DURATION] [REASON]",
        f"let somebody listen only; {_WHO}; DURATION is 30s, 10m, 2h, 1d",
        IN_CHARGE,
        _mute,
        asks=True,
    ),
    Command("unmute", "WHO", "let somebody talk again", IN_CHARGE, _unmute, asks=True),
    Command(
        "ban",
        "[-a] WHO [DURATION] [REASON]",
        f"keep somebody out; -a: and everybody who has the address of that nick; {_WHO}",
        IN_CHARGE,
        _ban,
        asks=True,
    ),
    Command(
        "unban", "WHO", "let somebody in again; WHO as /bans shows it", IN_CHARGE, _unban, asks=True
    ),
    Command(
        "bans",
        "",
        "show who is banned or muted, by whom, why and until when",
        IN_CHARGE,
        _bans,
        asks=True,
    ),
    Command("op", "WHO", "make somebody a moderator; for owners", IN_CHARGE, _op, asks=True),
    Command(
        "deop", "WHO", "make a moderator a member again; for owners", IN_CHARGE, _deop, asks=True
    ),
    Command(
        "slow",
        "DURATION|off",
        "let each member say something in the room only so often",
        IN_CHARGE,
        _slow,
        asks=True,
    ),
    Command("lock", "[ROOM]", "let nobody else into the room", IN_CHARGE, _lock, asks=True),
    Command("unlock", "[ROOM]", "let everybody in again", IN_CHARGE, _unlock, asks=True),
    Command(
        "announce",
        "[#ROOM] TEXT",
        "say something to all rooms, or to one, as a notice",
        IN_CHARGE,
        _announce,
        asks=True,
    ),
)
