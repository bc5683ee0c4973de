"""The state of the terminal client: the rooms, what is new in them, who is there, who is hidden.

The screen's thread owns all of it, so it needs no lock and never waits. Events go in, lines come
out. It is long, as there is one way in for all events, with a short method for each kind.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from msgspec import UnsetType

from chat_client.display.state.hiding import Hiding
from chat_client.display.state.people import People, Person
from chat_client.display.state.room_view import REPEATED, RoomView
from chat_client.display.state.stir import Stir
from chat_client.display.terminal_lines import Lines
from chat_client.display.text import fold, mentions
from chat_client.display.transfers import Transfer
from chat_client.events import (
    MEMBER,
    Connected,
    Ended,
    Entered,
    Event,
    Postponed,
    Reconnecting,
    Removed,
    Trusted,
)
from protocol.messages import (
    CHANGES,
    Direct,
    FloorChange,
    FreezeChange,
    HandChange,
    Invited,
    Message,
    Oldest,
    PinsChange,
    PlaceChange,
    PollChange,
    Presence,
    RoleChange,
    RulesChange,
)

Bell = Literal["on", "off", "all"]

_HELD = 1000
"""The most messages that are held back until the client knows how many the user missed."""

_READ_BACK = 200
"""The fewest messages that PgUp shows."""

_FURTHEST_BACK = 10_000
"""The most messages that PgUp shows."""

_NAMED_LIMIT = 50_000
"""Nicks of a room that are kept for completion. Only a hostile server names more."""

_ANSWERED_LIMIT = 1000
"""People who are told that the user is away, each time. Nobody gets messages from more people."""


class View:
    """See the top of the module.

    Attributes:
        rooms: by name, in the order in which the user entered them.
        current: the room that the user looks at; None if there is none.
        query: the person who gets what the user types, instead of the room; None for the room.
        server: which server, as the status line names it.
        connected: whether there is a connection.
        retry_at: when the next one is tried, on the monotonic clock; None if that is not known.
        nick: who the user is.
        role: what the user may do.
        quiet: whether to show nobody coming and going.
        bell: what rings: mentions and direct messages, nothing, or everything.
        ringing: whether to ring now.
        away: why the user is away, empty without a reason; None if they are not away.
        answers: the people who are still to be told that.
        hiding: whom the user hides.
        writer: who sent the last direct message.
        listed: rooms that the server named, for completion.
        barred: who is banned or muted, as far as the client knows, for completion.
        transfers: the files that are on their way.
    """

    def __init__(
        self,
        lines: Lines,
        server: str,
        bell: Bell,
        ignored: Iterable[str] = (),
        keep_ignored: Callable[[Iterable[str]], None] | None = None,
    ) -> None:
        """Begin in no room.

        Args:
            lines: makes lines.
            server: which server.
            bell: what rings.
            ignored: who is hidden, folded.
            keep_ignored: called with all who are hidden when that changes.
        """
        self._people = People()
        self._query_at = 0.0  # when `query` was set last, on the monotonic clock
        self._lines = lines
        self.server = server
        self._day: str | None = None
        self.connected = False
        self.retry_at: float | None = None  # on the monotonic clock
        self._paused = False  # the user wants no tries
        self._reason = ""
        self._answered: set[str] = set()
        self._stirs: dict[str, Stir] = {}
        self.rooms: dict[str, RoomView] = {}
        self.current: RoomView | None = None
        self.query: Person | None = None
        self.nick = ""
        self.role = MEMBER
        self.quiet = False
        self.bell: Bell = bell
        self.ringing = False
        self.away: str | None = None
        self.answers: list[Person] = []
        self.hiding = Hiding(ignored, keep_ignored)
        self.writer: Person | None = None
        self.listed: set[str] = set()
        self.barred: set[str] = set()
        self.transfers: list[Transfer] = []

    # -- events -----------------------------------------------------------------------------------

    def take(self, event: Event) -> Iterator[str]:
        """Update the view by an event, and yield the lines that show it."""
        if isinstance(event, Presence):
            self._stir(event)
            return
        yield from self.settle()
        match event:
            case Message():
                yield from self._hear(event)
            case Direct():
                yield from self._hear_direct(event)
            case Entered():
                yield from self._enter(event)
            case Connected():
                self.nick, self.connected, self._reason = event.nick, True, ""
                self.role = event.role
                self.server = event.address or self.server
                if event.again:
                    self._people.lose("the connection was lost")
                yield from self._told(event)
            case Reconnecting():
                self.connected = False
                self.retry_at = None if self._paused else time.monotonic() + event.delay
                if event.reason != self._reason:  # otherwise the status line counts it down
                    self._reason = event.reason
                    yield from self._told(event)
            case RoleChange():
                self.role = event.role
                yield from self._told(event)
            case FreezeChange() if event.room in self.rooms:
                self.rooms[event.room].frozen = event.frozen
            case RulesChange() if event.room in self.rooms:
                yield from self._rule(self.rooms[event.room], event)
            case Invited():
                yield from self._told(event)
            case HandChange():
                yield from self._count_hands(event)
            case PinsChange() if event.room in self.rooms:
                for pin in self.rooms[event.room].pin(event.pins):
                    yield self._lines.pin(pin, event.room, self._here())
            case PlaceChange() if event.room in self.rooms:
                yield from self._move_hand(self.rooms[event.room], event)
            case FloorChange() if event.room in self.rooms:
                nick = event.nick
                self.rooms[event.room].floor = nick if isinstance(nick, str) else ""
            case PollChange() if event.room in self.rooms:
                self.rooms[event.room].poll = event if event.open else None
            case Oldest() if event.room in self.rooms:
                yield from self._told(event)
            case Removed():
                yield from self._told(event)
                self.forget(event.room)
            case Trusted() | Postponed() | Ended():
                yield from self._told(event)

    def settle(self) -> Iterator[str]:
        """Yield a line for each room in which people came and went since the last line."""
        stirs, self._stirs = self._stirs, {}
        for stir in stirs.values():
            line = self._lines.presence(stir.event(), self._here())
            if line:
                yield line

    def _stir(self, event: Presence) -> None:
        room = self.rooms.get(event.room)
        if room is None:
            return
        self._people.stir(event.room, event.left, event.renamed)
        self.hiding.follow(event.room, event.renamed)
        gone = {*event.left, *(old for old, _ in event.renamed)}
        come = {*event.joined, *(new for _, new in event.renamed)}
        room.members, room.nicks = event.members, room.nicks - gone
        if len(room.nicks) < _NAMED_LIMIT:
            room.nicks |= come
        room.stirred = room.stirred or room is not self.current
        for who in gone:
            room.speakers.pop(who, None)
            room.roles.pop(who, None)
        roles = {} if isinstance(event.roles, UnsetType) else event.roles
        self.know_roles(room, roles)
        if self.quiet:
            return
        stir = self._stirs.setdefault(event.room, Stir(event.room))
        stir.add(
            joined=[who for who in event.joined if who != self.nick and not self.hides(who)],
            left=[who for who in event.left if not self.hides(who)],
            renamed=[  # without the user's own: /nick has shown it
                (old, new)
                for old, new in event.renamed
                if self.nick not in (old, new) and not self.hides(old)
            ],
            gone=gone,
            members=event.members,
            roles={who: role for who, role in roles.items() if who != self.nick},
        )

    def _hear(self, message: Message) -> Iterator[str]:
        room = self.rooms.get(message.room)
        if room is None:
            return
        if room.held is not None:
            room.held.append(message)
            return
        if room.behind and message.seq > room.last:  # the server skipped the end of the backlog
            room.heard = room.last
            yield from self.here(room)
        past = message.seq <= room.last and not room.again
        if message.kind == "notice" or not self.hides(message.from_):  # the server is heard by all
            if message.seq > room.skipped:
                yield from self._dated(message.time)
                answered = room.said.get(message.reply_to)
                yield self._lines.message(
                    message, self.nick, self._here(), past=past, answered=answered
                )
            self._note(room, message, past)
        room.know(message)
        behind, room.heard = room.behind, message.seq
        if behind and not room.behind and room.skipped < room.last:
            yield from self.here(room)

    def _note(self, room: RoomView, message: Message, past: bool) -> None:
        """Remember what a message means to the user."""
        room.speakers.pop(message.from_, None)
        room.speakers[message.from_] = None
        if len(room.speakers) > _NAMED_LIMIT:
            del room.speakers[next(iter(room.speakers))]
        if message.kind == "topic":
            room.topic = room.told = message.text
        if past or message.from_ == self.nick or message.kind in CHANGES:
            return
        named = any(mentions(self.nick, message.text))
        self._ring(named)
        if named:
            self._answer(message.from_)
        if room is not self.current or self.query:
            room.unread += 1
            room.mentioned = room.mentioned or named
            room.missed.append(message)

    def _hear_direct(self, direct: Direct) -> Iterator[str]:
        if self.hides(direct.from_):
            return
        self.writer = self._wrote(direct.from_)
        self._ring(True)
        self._answer(direct.from_)
        if isinstance(direct.late, UnsetType):  # a late one says its day itself
            yield from self._dated(direct.time)
        yield from self._told(direct)

    def _move_hand(self, room: RoomView, event: PlaceChange) -> Iterator[str]:
        """Note where the user's hand stands, and say it if the turn is next or past."""
        before, room.place, room.question = room.place, event.place, event.question
        if before != event.place and (event.place == 1 < before or not event.place):
            yield from self._told(event)

    def _rule(self, room: RoomView, event: RulesChange) -> Iterator[str]:
        """Show what holds for the user, where no notice to all in the room says it."""
        before, room.rules = room.rules, event
        why = before.why if before is not None else ""
        if "muted" in (why, event.why) and (why != event.why or before is None):
            yield from self._told(event)

    def know_roles(self, room: RoomView, roles: Mapping[str, str]) -> None:
        """Note the roles of some who are in a room."""
        for who, role in roles.items():
            if role == MEMBER:
                room.roles.pop(who, None)
            elif len(room.roles) < _NAMED_LIMIT:
                room.roles[who] = role

    def _count_hands(self, event: HandChange) -> Iterator[str]:
        room = self.rooms.get(event.room)
        if room is None:
            return
        room.hands = event.hands
        if not event.up:
            room.raised.pop(event.nick, None)
        if event.up and len(room.raised) < _NAMED_LIMIT:
            room.raised[event.nick] = None
        if event.up and not self.hides(event.nick):
            yield from self._told(event)

    def _enter(self, event: Entered) -> Iterator[str]:
        room = self.rooms.setdefault(event.room, RoomView(event.room))
        self.hiding.enter(event.room)
        room.topic, room.members, room.frozen = event.topic, event.members, event.frozen
        room.rules = None
        room.floor, room.place, room.question, room.poll = "", 0, "", None  # the server tells them
        if event.lost:
            was = "messages were" if event.lost > 1 else "message was"
            yield self._lines.error(
                f"#{event.room}: {event.lost} {was} not kept by the server and cannot be shown"
            )
        if event.gone:
            yield self._lines.diverged(event)
        if event.again:
            room.roles.clear()
            room.nicks.clear()  # the server does not say who left; the client asks who is there
            since = event.after if room.held is None else min(room.heard, event.after)
            yield from self._come_back(room, since, event.last, event.lost)
            return
        room.again, room.skipped, room.last = False, 0, event.last
        room.after = room.heard = event.after
        count = max(0, event.last - event.after - event.lost)
        self.current = room
        if not count:
            yield from self.here(room)
            return
        messages = "message" if count == 1 else f"{count} messages"
        yield self._lines.system(f"#{event.room}, the last {messages}:")

    def _come_back(self, room: RoomView, since: int, last: int, lost: int) -> Iterator[str]:
        """Show how many messages came behind `since`, up to `last`, while the user was away, and
        the last of them. The server has deleted `lost` of them.
        """
        held, room.held = room.held, None
        room.again, room.after, room.heard, room.last = True, since, since, last
        count = max(0, last - since - lost)
        many, here = count > REPEATED, room is self.current
        room.skipped = 0 if not many else last - REPEATED if here else last
        if count:
            if room.read is None:
                room.read = since
            yield self._lines.away(count, "" if here else room.name, REPEATED if many else 0)
        for message in held or ():
            yield from self._hear(message)

    def here(self, room: RoomView) -> Iterator[str]:
        """Yield the line that says which room the user is in, with the topic if that is new."""
        topic = room.topic if room.topic != room.told else ""
        room.told = room.topic
        if room is self.current:
            yield self._lines.entered(room.name, topic, room.members, self.silenced(room))
        else:
            yield self._lines.system(f"that is all of #{room.name}")

    def _dated(self, seconds: float) -> Iterator[str]:
        """Yield the line for a new day, if a moment is on another day than the last one."""
        day = self._lines.day_of(seconds)
        if day != self._day:
            first, self._day = self._day is None, day
            if not first or day != self._lines.day_of(time.time()):
                yield self._lines.day(seconds)

    def _told(self, event: Event) -> Iterator[str]:
        line = self._lines.of(event, self.nick, self._here())
        if line:
            yield line

    def _here(self) -> str | None:
        return self.current.name if self.current else None

    def hold(self) -> list[str]:
        """Hold back messages until `count_missed`: the program was stopped, so the user may have
        been away. Return the rooms for which to call that.
        """
        waiting = [room for room in self.rooms.values() if room.held is None]
        for room in waiting:
            room.held = deque(maxlen=_HELD)
        return [room.name for room in waiting]

    def count_missed(self, name: str, last: int) -> Iterator[str]:
        """Show the messages that were held back in a room; if they are many, only the last.

        Args:
            name: the room.
            last: the seq of the last message that the user missed; 0 if unknown.
        """
        room = self.rooms.get(name)
        if room is not None and room.held is not None:
            yield from self._come_back(room, room.heard, max(last, room.heard), 0)

    @property
    def read_here(self) -> int | None:
        """The seq up to which the user had read the present room before being away."""
        return self.current.read if self.current else None

    def read_back(self) -> int:
        """Return how many messages PgUp shows: all that the user missed, if there are any."""
        room = self.current
        if room is None or room.read is None:
            return _READ_BACK
        return min(max(_READ_BACK, room.heard - room.read + REPEATED), _FURTHEST_BACK)

    def speak(self) -> None:
        """Note that the user talks, and so has read everything."""
        if self.connected and self.current and not self.current.behind:
            self.current.read = None

    def _ring(self, important: bool) -> None:
        self.ringing = self.ringing or self.bell == "all" or (important and self.bell == "on")

    def _answer(self, who: str) -> None:
        """Let somebody be told, once, that the user is away."""
        if self.away is None or who == self.nick or len(self._answered) >= _ANSWERED_LIMIT:
            return
        if fold(who) not in self._answered:
            self._answered.add(fold(who))
            self.answers.append(self._wrote(who))

    def silenced(self, room: RoomView) -> bool:
        """Return whether the user may not talk in a room because it is frozen."""
        if room.rules is not None:
            return room.rules.why == "frozen"
        return room.frozen and self.role == MEMBER

    # -- what commands do -------------------------------------------------------------------------

    def _wrote(self, nick: str) -> Person:
        """Return the person who wrote under a nick just now, and follow them."""
        return self._people.wrote(nick, self._where(nick))

    def _where(self, nick: str) -> list[str]:
        """Return the rooms in which a nick, as the server writes it, is seen."""
        return [room.name for room in self.rooms.values() if nick in room.nicks]

    def meant(self, nick: str) -> Person:
        """Return the person who has a nick that the user typed, in any case, and follow them."""
        there = (each for room in self.rooms.values() for each in room.nicks)
        nick = next((each for each in there if fold(each) == fold(nick)), nick)
        return self._people.named(nick, self._where(nick))

    def moved(self, nick: str) -> Person | None:
        """Return the person with whom the user wrote under this nick, and who gave it up since."""
        return self._people.moved(nick)

    def renew(self, person: Person) -> Person:
        """Return the person who has a nick now, because the user confirmed to write to them."""
        found = self.meant(person.nick)
        if self.query is person:
            self.query = found
        if self.writer is person:
            self.writer = found
        return found

    def start_query(self, nick: str) -> None:
        """Send what the user types to one person; without a nick, to the room."""
        self.query = self.meant(nick) if nick else None
        self._query_at = time.monotonic()

    def end_query(self, asked: float) -> None:
        """Send what the user types to the room, unless they chose a person since `asked`.

        A text for one person must not go to a room that the server let us into late.

        Args:
            asked: when the user asked for the room, on the monotonic clock.
        """
        if asked >= self._query_at:
            self.query = None

    def hides(self, nick: str) -> bool:
        """Return whether to hide what somebody says. The user's own texts are always shown."""
        return nick != self.nick and self.hiding.hides(nick)

    def know_hands(self, name: str, nicks: Iterable[str]) -> None:
        """Note whose hands are up in a room, in the order in which they were raised."""
        room = self.rooms.get(name)
        if room:
            room.raised = dict.fromkeys(nicks)
            room.hands = len(room.raised)

    def switch(self, name: str) -> Iterator[str]:
        """Look at another room, and yield what came there meanwhile."""
        room = self.rooms[name]
        self.current = room
        missed, unread = list(room.missed), room.unread
        room.missed.clear()
        room.unread, room.mentioned, room.stirred = 0, False, False
        if missed:
            shown = f", the last {len(missed)}" if len(missed) < unread else ""
            yield self._lines.system(f"#{name}, {unread} new{shown}:")
        for message in missed:
            answered = room.said.get(message.reply_to)
            yield self._lines.message(message, self.nick, name, past=True, answered=answered)
        yield from self.here(room)

    def forget(self, name: str) -> None:
        """Forget a room that the user left."""
        room = self.rooms.pop(name, None)
        self._people.leave(name)
        self.hiding.leave(name)
        if room and room is self.current:
            self.current = list(self.rooms.values())[-1] if self.rooms else None

    def neighbour(self, step: int) -> str | None:
        """Return the room `step` places further; after the last one comes the first."""
        names = list(self.rooms)
        if not names:
            return None
        place = names.index(self.current.name) if self.current else -step
        return names[(place + step) % len(names)]

    def busiest(self) -> str | None:
        """Return another room with a mention of the user, or with something new; None without."""
        others = [room for room in self.rooms.values() if room is not self.current]
        best = max(
            others,
            key=lambda room: (room.mentioned, bool(room.unread), room.stirred),
            default=None,
        )
        return best.name if best and (best.unread or best.stirred) else None

    def leave_for(self, why: str) -> None:
        """Note that the user goes away; `why` may be empty."""
        self.away = why
        self._answered.clear()

    def come_back(self) -> None:
        """Note that the user is back."""
        self.away = None
        self.answers.clear()

    def stop_retrying(self) -> None:
        """Note that the user wants no connection for now. A try under way may still fail."""
        self._paused, self.retry_at = True, None

    def retry(self) -> None:
        """Note that the user wants a connection again, at once."""
        self._paused = False
