"""Commands for the rules of a room: what holds, and who comes in."""

from typing import get_args

from chat_client.api.room_rules import RulesOfRoom, TopicRule
from chat_client.commands.command import IN_CHARGE, Command, Pages, Talk, Typed, checked_room
from chat_client.display.text import one_line
from chat_client.errors import CommandError

RULES = ("topic", "read-only", "invite-only", "forget", "images")
VALUES = ("on", "off", *get_args(TopicRule))
"""What stands behind `/rules`, for Tab."""

_SWITCH = {"on": True, "off": False}


def _rules(talk: Talk, typed: Typed) -> None:
    words = typed.argument.split()
    if not words:
        room = typed.here(talk)
        shown = talk.lines.rules(room.name, room.rules.ask(), talk.view.role)
        talk.post(Pages(shown))
        return
    if len(words) != 2:
        raise CommandError(f"a rule and its value are needed: type {typed.command.usage}")
    _set_rule(typed.here(talk).rules, typed, *words)


def _set_rule(rules: RulesOfRoom, typed: Typed, rule: str, value: str) -> None:
    for topic in get_args(TopicRule):
        if rule == "topic" and value == topic:
            rules.set(topic=topic)
            return
    switch = _SWITCH.get(value)
    if switch is not None and rule == "read-only":
        rules.set(read_only=switch)
    elif switch is not None and rule == "invite-only":
        rules.set(invite_only=switch)
    elif switch is not None and rule == "forget":
        rules.set(forget=switch)
    elif switch is not None and rule == "images":
        rules.set(images=switch)
    else:
        wrong = one_line(f"{rule} {value}")
        raise CommandError(f"{wrong!r} is no rule: type {typed.command.usage}")


def _invite(talk: Talk, typed: Typed) -> None:
    who, room = _who_and_room(talk, typed)
    talk.chat.rules(room).invite(who)
    talk.note(f"{who} may come into #{room}; /uninvite {who} ends that")


def _uninvite(talk: Talk, typed: Typed) -> None:
    who, room = _who_and_room(talk, typed)
    talk.chat.rules(room).uninvite(who)
    talk.note(f"{who} is not invited to #{room} any more")


def _who_and_room(talk: Talk, typed: Typed) -> tuple[str, str]:
    who, _, room = typed.needed().partition(" ")
    return who, checked_room(room.strip()) if room else typed.here(talk).name


COMMANDS = (
    Command(
        "rules",
        "[RULE VALUE]",
        "show what holds in the room, or set one rule: topic everybody|moderators|default, or "
        "read-only, invite-only, forget or images on|off",
        "rooms",
        _rules,
        asks=True,
    ),
    Command(
        "invite",
        "WHO [ROOM]",
        "let somebody into a room that is locked or invite-only; WHO is a nick or @ACCOUNT",
        IN_CHARGE,
        _invite,
        asks=True,
    ),
    Command(
        "uninvite",
        "WHO [ROOM]",
        "take an invitation back; whoever came in by it is out",
        IN_CHARGE,
        _uninvite,
        asks=True,
    ),
)
