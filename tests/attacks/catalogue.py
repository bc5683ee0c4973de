"""The attacks: which request, how many clients, what texts, at once or steadily."""

from collections.abc import Iterator
from typing import Any

from chat_server.requests.dispatch import REQUESTS
from protocol.messages import AnyRequest
from tests.attacks.attack import CLIENTS, CROWD, ROW, TEXTS, Ask, Attack, nick_of, room_of
from tests.attacks.doors import by_other_doors, by_the_operator
from tests.support.peer import Frame

_RULES = {
    str(kind.__struct_config__.tag): rule  # type: ignore[attr-defined]
    for kind, rule in REQUESTS.items()
}


def _cost(kind: str, rooms: int) -> int:
    """For how many requests one counts, for who is in so many rooms."""
    return _RULES[kind].cost_in(rooms) if kind in _RULES else 1


SAID_FIRST = 10
"""So many texts are said ahead of what reads them."""


def _say(text: str) -> Ask:
    return lambda attacker, _: {"type": "say", "room": room_of(attacker, 0), "text": text}


def _topic(text: str) -> Ask:
    return lambda attacker, n: {
        "type": "topic",
        "room": room_of(attacker, 0),
        "topic": f"{n}" + text[:3990],
    }


def _tell(text: str) -> Ask:
    return lambda attacker, _: {"type": "tell", "to": nick_of(attacker), "text": text}


def _search(text: str) -> Ask:
    def ask(attacker: int, number: int) -> Frame:
        if number <= SAID_FIRST:
            return _say(text)(attacker, number)
        return {"type": "search", "room": room_of(attacker, 0), "query": text}

    return ask


def _history(attacker: int, number: int) -> Frame:
    """Of the longest texts."""
    if number <= SAID_FIRST:
        return _say(TEXTS["long"])(attacker, number)
    return {"type": "history", "room": room_of(attacker, 0), "limit": 1000}


def _edit(text: str) -> Ask:
    """Something is said and edited nine times, if nobody else is in the room."""

    def ask(attacker: int, number: int) -> Frame:
        first = (number - 1) // 10 * 10 + 1
        if number == first:
            return _say(text)(attacker, number)
        return {"type": "edit", "room": room_of(attacker, 0), "seq": first, "text": text}

    return ask


def _delete(attacker: int, number: int) -> Frame:
    """Something is said and deleted, if nobody else is in the room."""
    if number % 2:
        return _say("tea?")(attacker, number)
    return {"type": "delete", "room": room_of(attacker, 0), "seq": number - 1, "reason": "no tea"}


def _poll(attacker: int, number: int) -> Frame:
    """A poll with as much as there may be in it; it is refused while one is open."""
    options = [f"{option}".ljust(80, "x") for option in range(10)]
    return {
        "type": "poll",
        "room": room_of(attacker, 0),
        "question": f"{number}",
        "options": options,
        "named": True,
    }


def _vote(attacker: int, number: int) -> Frame:
    """Each time for something else, so that it has to be kept."""
    if number == 1:
        return _poll(attacker, number)
    return {"type": "vote", "room": room_of(attacker, 0), "choice": 1 + number % 2}


def _end_poll(attacker: int, number: int) -> Frame:
    """A poll begins, and ends."""
    if number % 2:
        return _poll(attacker, number)
    return {"type": "end_poll", "room": room_of(attacker, 0)}


def _in_room(kind: str, **members: object) -> Ask:
    return lambda attacker, _: {"type": kind, "room": room_of(attacker, 0), **members}


WITH_TEXT = {"say": _say, "topic": _topic, "tell": _tell, "search": _search, "edit": _edit}

WITHOUT_TEXT: dict[str, Ask] = {
    "ping": lambda *_: {"type": "ping"},
    "pong": lambda *_: {"type": "pong", "re": 1},
    "join": lambda a, n: {"type": "join", "room": room_of(a, n % 99)},
    "leave": lambda a, n: {"type": ("leave", "join")[n % 2], "room": room_of(a, 0)},
    "who": lambda a, _: {"type": "who", "room": room_of(a, 0)},
    "rooms": lambda *_: {"type": "rooms"},
    "history": _history,
    "nick": lambda a, n: {"type": "nick", "nick": f"nick{a}x{n}"},
    "forget": lambda a, _: {"type": "forget", "room": room_of(a, 0)},
    "hand": lambda a, n: {
        "type": "hand",
        "room": room_of(a, 0),
        "up": n % 2 == 1,
        "question": "why?" * 50,
    },
    "delete": _delete,
    "offer": lambda a, n: {
        "type": "offer",
        "room": room_of(a, 0),
        "name": f"notes{n}.txt",
        "size": 1000,
    },
    "share": _in_room("share", file="0" * 32),
    "poll": _poll,
    "vote": _vote,
    "end_poll": _end_poll,
    "late": lambda _, n: {"type": "late", "on": n % 2 == 0},
    "rules": _in_room("rules"),
    "set_rules": _in_room("set_rules", read_only=True),
    "invite": _in_room("invite", who="ann"),
    "uninvite": _in_room("uninvite", who="ann"),
    "pin": _in_room("pin", seq=1),
    "unpin": _in_room("unpin", seq=1),
    "next": _in_room("next"),
    "logout": lambda a, n: (
        {"type": "register", "password": "12345678"}
        if n == 1
        else {"type": "logout", "nick": f"n{a}"}
    ),
    "password": lambda _, n: (
        {"type": "register", "password": "12345678"}
        if n == 1
        else {"type": "password", "old": "12345678", "new": "12345678"}
    ),
    "kick": lambda *_: {"type": "kick", "who": "ann"},
    "login": lambda a, n: {"type": "login", "account": f"a{a}x{n}", "password": "wrong-wrong"},
    "register": lambda *_: {"type": "register", "password": "12345678"},
    "claim": lambda *_: {"type": "claim", "secret": "guessed"},
    "nonsense": lambda *_: {"type": "x" * 60_000},
}
"""Requests whose cost does not depend on a text; those that are refused stand for all such."""


_REFUSED = frozenset({"set_rules", "invite", "uninvite", "pin", "unpin", "next"})
"""Those of moderators are all refused alike: these are tried by fifty only, and `kick` by all."""


def attacks() -> list[Attack]:
    """Return the attacks that were found, then every request with every text, then the others."""
    return [*_found(), *_every_request(), *by_other_doors(), *by_the_operator()]


def _told_to_first(text: str) -> Ask:
    """What everybody tells the first attacker alone."""
    return lambda a, _: {"type": "tell", "to": nick_of(a // ROW * ROW), "text": TEXTS[text]}


def _found() -> list[Attack]:
    """Those that once held others up for seconds. Each meets a server of its own."""
    long = TEXTS["long"]

    def in_turn(attacker: int, number: int) -> Frame:
        return {"type": "say", "room": room_of(attacker, number % 99), "text": long}

    def snow(*_: int) -> Frame:
        return {"type": "say", "room": CROWD, "text": "\N{SNOWMAN}" * 4000}

    def found(name: str, clients: int, ask: Ask | None, **more: Any) -> Attack:
        return Attack(f"found:{name}", clients, ask, f"found:{name}", **more)

    nick, join, pong = (WITHOUT_TEXT[kind] for kind in ("nick", "join", "pong"))
    return [
        found("nobody", 0, WITHOUT_TEXT["ping"]),
        found("hello-storm", 1, None),
        found("hello-storm-50", 50, None),
        found("long-in-100-rooms", 5, in_turn, rooms=99),
        found("nick-in-100-rooms", 50, nick, cost=_cost("nick", 99), rooms=99),
        found("join-100-new-rooms", 50, join, cost=_cost("join", 0), at_once=True),
        found("emoji", 5, _say(long), rooms=1),
        found("pong", 50, pong, replied=False),
        found("tells-to-one", 50, _told_to_first("short")),
        found("long-tells-to-one", 5, _told_to_first("long")),
        found("long-topics", 5, _topic(long), rooms=1),
        found("12-kb-in-a-crowd", 1, snow, in_crowd=True, crowd=1000),
    ]


def _every_request() -> Iterator[Attack]:
    asks = {
        f"{kind}-{text}": (kind, make(TEXTS[text]))
        for kind, make in WITH_TEXT.items()
        for text in TEXTS
    }
    asks |= {kind: (kind, ask) for kind, ask in WITHOUT_TEXT.items()}
    for name, (kind, ask) in asks.items():
        for clients in CLIENTS[-1:] if kind in _REFUSED else CLIENTS:
            for at_once in (False, True):
                yield Attack(
                    f"{name}-{clients}{'-at-once' if at_once else ''}",
                    clients,
                    ask,
                    "refused" if kind in _REFUSED else kind,
                    cost=_cost(kind, 1),
                    at_once=at_once,
                    rooms=1,
                    replied=kind != "pong",
                )


def requests_covered() -> set[str]:
    """Return the kinds of request that are tried in every way."""
    return {*WITH_TEXT, *WITHOUT_TEXT} & {
        str(kind.__struct_config__.tag) for kind in AnyRequest.__args__
    }
