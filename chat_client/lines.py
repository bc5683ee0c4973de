"""What happens in a chat, as lines for a person.

Nothing that others chose reaches the screen unless `printable` has been over it: a text must not
drive the terminal, nor look like a line of somebody else's. So a nick always stands in brackets,
what the client itself says begins with `--`, and the further lines of a text are indented.
"""

import re
import time
from collections.abc import Sequence

from colorama import Fore, Style

from chat_client.events import Connected, Ended, Entered, Event, Postponed, Reconnecting, Removed
from protocol.messages import Direct, Message, Presence, RoomEntry

# C0 but for the line feed, DEL, C1; what overrides the direction of text; separators that some
# terminals take for line feeds; halves of characters, which cannot be encoded.
_UNPRINTABLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_INDENT = "\n      "
_NAMED = 4
"""How many people of a crowd are named."""


def printable(text: str) -> str:
    """Return `text` without what could drive a terminal. Line feeds stay, tabs become spaces."""
    return _UNPRINTABLE.sub("", text.replace("\t", "    "))


def one_line(text: str) -> str:
    """Return `text` as `printable` does, on one line."""
    return printable(text).replace("\n", " ")


class Lines:
    """Makes lines, with colours or without."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def of(self, event: Event, nick: str, room: str | None) -> str | None:
        """Return the line for an event, or None if there is nothing to be said about it.

        Args:
            event: what happened.
            nick: who we are.
            room: the room that needs no naming, because one looks at it.
        """
        match event:
            case Message():
                return self.message(event, nick, room)
            case Direct():
                return self.direct("from", event.from_, event.text, event.time)
            case Presence():
                return self._presence(event, nick, room)
            case Connected():
                return self._connected(event)
            case Reconnecting(reason, delay):
                return self.system(f"not connected ({_bare(reason)}); next try in {delay:.1f} s")
            case Postponed(reason, delay):
                return self.system(f"not done yet ({_bare(reason)}); next try in {delay:.1f} s")
            case Entered(name, topic):
                return self.entered(name, topic)
            case Removed(name, reason):
                return self.error(f"you are no longer in #{name}: {reason}")
            case Ended(None):
                return None
            case Ended(reason):
                return self.error(f"the chat is over: {reason}")

    def message(self, message: Message, nick: str, room: str | None, *, dated: bool = False) -> str:
        """Return the line for a message; with its date too for one of another day."""
        when = _clock(message.time, "%Y-%m-%d %H:%M" if dated else "%H:%M")
        tag = "" if message.room == room else f"#{one_line(message.room)} "
        who, text = one_line(message.from_), printable(message.text).replace("\n", _INDENT)
        start = f"{self._paint(Style.DIM, when)} {tag}"
        match message.kind:
            case "action":
                return f"{start}* {self._nick(who, nick)} {text}"
            case "topic":
                return f"{start}{self._paint(Style.DIM, f'-- {who} set the topic:')} {text}"
            case "notice":
                return f"{start}{self._paint(Style.DIM, f'-- {who}:')} {text}"
            case _:
                return f"{start}<{self._nick(who, nick)}> {text}"

    def direct(self, direction: str, who: str, text: str, when: float | None = None) -> str:
        """Return the line for a private message `from` or `to` somebody."""
        shown = printable(text).replace("\n", _INDENT)
        mark = self._paint(Fore.MAGENTA, f"[{direction} {one_line(who)}]")
        return f"{self._paint(Style.DIM, _clock(when))} {mark} {shown}"

    def system(self, text: str) -> str:
        """Return a line of the client's own."""
        return self._paint(Style.DIM, f"{_clock()} -- {one_line(text)}")

    def error(self, text: str) -> str:
        """Return the line for something that went wrong."""
        return f"{self._paint(Style.DIM, _clock())} {self._paint(Fore.RED, f'-- {one_line(text)}')}"

    def entered(self, room: str, topic: str) -> str:
        """Return the line that says which room one is in."""
        return self.system(f"you are in #{room}: {topic}" if topic else f"you are in #{room}")

    def entry(self, entry: RoomEntry) -> str:
        """Return the line for a room in a list."""
        topic = f"  {one_line(entry.topic)}" if entry.topic else ""
        return f"      #{one_line(entry.room)}  {entry.members} here{topic}"

    def _connected(self, event: Connected) -> str:
        again = "connected again" if event.again else f"connected to {one_line(event.server)}"
        motd = f"{_INDENT}{printable(event.motd).replace(chr(10), _INDENT)}" if event.motd else ""
        return self.system(f"{again} as {event.nick}") + motd

    def _presence(self, event: Presence, nick: str, room: str | None) -> str | None:
        joined = [who for who in event.joined if who != nick]  # that we came we know
        changes = [
            f"{_names(who)} {what}"
            for who, what in ((joined, "joined"), (event.left, "left"))
            if who
        ]
        changes += [f"{old} is now {new}" for old, new in event.renamed[:_NAMED]]
        if not changes:
            return None
        tag = "" if event.room == room else f"#{event.room} "
        return self.system(f"{tag}{', '.join(changes)} ({event.members} here)")

    def _nick(self, who: str, nick: str) -> str:
        return self._paint(Style.BRIGHT if who == nick else Fore.CYAN, who)

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{Style.RESET_ALL}" if self._colour else text


def _names(nicks: Sequence[str]) -> str:
    if len(nicks) <= _NAMED:
        return ", ".join(nicks)
    return f"{', '.join(nicks[:_NAMED])} and {len(nicks) - _NAMED} others"


def _bare(sentence: str) -> str:
    return sentence.rstrip(" .")


def _clock(seconds: float | None = None, layout: str = "%H:%M") -> str:
    """A time of day here. A server can send any number."""
    try:
        return time.strftime(layout, time.localtime(seconds))
    except (OverflowError, OSError, ValueError):
        return "--:--"
