"""What an attack is, and the names of what it is done to."""

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.peer import Frame

CLIENTS = (1, 5, 50)

TEXTS = {
    "short": "tea?",
    "long": "\N{GRINNING FACE}" * 4000,
    # Marks in the wrong order, which composing has to sort and put together.
    "slow": ("a" + "\u0301\u0328" * 14) * 250,
}

ROW = 1000
"""An attacker's number is that of its row in the table, times this, and its own."""

Ask = Callable[[int, int], Frame]
"""Makes an attacker's request, by the attacker's number and the request's."""

Raw = Callable[[int, int], bytes]
"""Makes what an attacker sends, as `Ask` makes a request."""

Enter = Callable[[socket.socket, str, list[str]], None]
"""Comes in on a connection, by a nick, and joins rooms."""

Connect = Callable[[], socket.socket]
"""Connects to the server from an attacker's address."""

Visit = Callable[[Connect, int, threading.Event], None]
"""Does all that an attacker does, by its number, until it is to stop."""


@dataclass(frozen=True)
class Attack:
    """What all the attackers do.

    Attributes:
        name: what the table and `--only` call it.
        clients: how many attackers there are.
        ask: makes the requests; None if an attacker says hello and goes, again and again, or
            speaks something else.
        group: what is attacked with: all of a group meet the same server, one after the other.
        cost: for how many requests each counts.
        at_once: whether each sends all that it may at once and comes back as somebody else, or
            goes on for as long as it lasts, as fast as it may.
        rooms: how many rooms of its own each joins first.
        in_crowd: whether all are in the room of the crowd.
        crowd: how many members that room has besides.
        replied: whether the request has a reply.
        raw: makes what is sent through another door than the protocol's own.
        enter: comes in by that door first.
        storm: whether each comes in, sends that once, and goes, again and again.
        visit: does all of it by itself, where it is neither of these.
        command: what the operator does, again and again: words behind `chat_server admin`, in
            which `{data}`, `{room}`, `{names}` and `{out}` stand for where it is done.
    """

    name: str
    clients: int
    ask: Ask | None
    group: str
    cost: int = 1
    at_once: bool = False
    rooms: int = 0
    in_crowd: bool = False
    crowd: int = 0
    replied: bool = True
    raw: Raw | None = None
    enter: Enter | None = None
    storm: bool = False
    visit: Visit | None = None
    command: tuple[str, ...] = ()


def nick_of(attacker: int) -> str:
    """Return what an attacker is called first."""
    return f"attacker{attacker}"


def room_of(attacker: int, number: int) -> str:
    """Return the name of one of an attacker's own rooms. More than five attackers share theirs,
    since 500 rooms may be made from one address.
    """
    row, own = divmod(attacker, ROW)
    return f"den-{row}-{own % 5}-{number}"


CROWD = "crowd"
"""The room of a crowd."""
