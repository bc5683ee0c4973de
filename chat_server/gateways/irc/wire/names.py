"""Names: how nicks and rooms are called on IRC, and who is meant by such a name.

Nearly every nick is the same there and here. One that IRC cannot write is shown with `_` in the
place of each sign that is wrong, and with a number behind it where somebody else is called so.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable

from protocol.errors import ProtocolError
from protocol.text import NICK_LIMIT, normalize_room

SERVER = "backchannel"
"""What the server is called, and everybody's host."""

_REMEMBERED = 10_000
"""How many nicks are remembered that IRC cannot write."""

_NEVER = re.compile(r"[\x00-\x20\x7f,*?!@]")
"""What ends a word, separates names or parts of a mask, wherever it stands."""

_NOT_FIRST = re.compile(r"[:#&$~%+0-9]")
"""What begins a parameter, a channel, a rank, a list of servers, or a numeric."""


def is_writable(nick: str) -> bool:
    """Return whether a nick can be written on IRC, and is not taken for the server."""
    return (
        0 < len(nick) <= NICK_LIMIT
        and not _NEVER.search(nick)
        and not _NOT_FIRST.match(nick)
        and nick.lower() != SERVER
    )


def source(shown: str) -> str:
    """Return who a line is from, for a nick as IRC shows it."""
    return f"{shown}!{shown}@{SERVER}"


def channel_of(room: str) -> str:
    """Return what a room is called."""
    return f"#{room}"


def room_of(channel: str) -> str | None:
    """Return the room that is called so; None if that cannot be one."""
    if not channel.startswith("#"):
        return None
    try:
        return normalize_room(channel[1:])
    except ProtocolError:
        return None


def _substitute(nick: str) -> str:
    shown = _NEVER.sub("_", nick)[:NICK_LIMIT]
    return _NOT_FIRST.sub("_", shown, count=1) if _NOT_FIRST.match(shown) else shown


def _key(shown: str) -> str:
    """What names are compared by: CASEMAPPING=ascii."""
    return "".join(sign.lower() if sign.isascii() else sign for sign in shown)


class Names:
    """The names of those whose nicks IRC cannot write. Any thread may call any method."""

    def __init__(self, is_here: Callable[[str], bool]) -> None:
        """`is_here` says whether somebody who is here has a nick. It takes no lock."""
        self._is_here = is_here
        # Guards all below. A leaf, also taken with the lock of an outbox held.
        self._lock = threading.Lock()
        self._shown: OrderedDict[str, str] = OrderedDict()  # by nick, the oldest first
        self._nicks: dict[str, str] = {}  # by what is shown, as _key gives it

    def shown(self, nick: str) -> str:
        """Return what somebody is called on IRC."""
        if is_writable(nick):
            return nick
        with self._lock:
            shown = self._shown.get(nick)
            if shown is None or self._is_here(shown):
                self._forget(nick)
                shown = self._new_name(nick)
                self._shown[nick] = shown
                self._nicks[_key(shown)] = nick
                if len(self._shown) > _REMEMBERED:
                    self._forget(next(iter(self._shown)))
            return shown

    def nick(self, shown: str) -> str:
        """Return whose nick is shown like this: another one, or the same."""
        with self._lock:
            nick = self._nicks.get(_key(shown))
        if nick is None or _key(self.shown(nick)) != _key(shown):
            return shown
        return nick

    # -- with the lock held

    def _new_name(self, nick: str) -> str:
        base, number = _substitute(nick), 1
        shown = base
        while self._is_taken(shown):
            number += 1
            shown = f"{base[: NICK_LIMIT - len(str(number))]}{number}"
        return shown

    def _is_taken(self, shown: str) -> bool:
        return not is_writable(shown) or _key(shown) in self._nicks or self._is_here(shown)

    def _forget(self, nick: str) -> None:
        shown = self._shown.pop(nick, None)
        if shown is not None:
            del self._nicks[_key(shown)]
