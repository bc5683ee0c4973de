"""One connection of an IRC client: registration, its rooms, what it says, and what it sees.

It writes down what it sees, and judges nothing.

A client that comes back asks for what it missed by CHATHISTORY: it keeps the msgid of the last
message of each room, which is `room/seq`. What comes without a `batch` tag is live; it begins with
the first message after the JOIN.

The first line of a message has its msgid. A line without one is another line of the message before
it. CHATHISTORY leaves changes of the topic out, so a page that is not full reaches as far as the
room did when it was asked for, whatever its last message is.
"""

import time
from dataclasses import dataclass

from protocol.errors import Code, ProtocolError
from tests.torture.irc_wire import IrcLine, IrcWire
from tests.torture.journal import Journal
from tests.torture.records import Glimpse, Sighting, Source, Utterance, squeezed

CAPABILITIES = "server-time message-tags echo-message batch labeled-response draft/chathistory"
"""What the client asks for (CAP REQ)."""

PAGE = 100
"""Messages that it asks for at once: the server's CHATHISTORY."""

_ACTION = "\x01ACTION "


@dataclass
class IrcRoom:
    """What the client keeps of a room.

    Attributes:
        seq: the last message up to which it has all of them; None before it was ever there.
    """

    seq: int | None = None


@dataclass
class _Presence:
    """A room on one connection.

    Attributes:
        live: what comes without being asked for.
        end: the last message but a topic when CHATHISTORY LATEST was answered; None before. In
            the end what the conductor says.
        asked: a page was asked for, and has not come yet.
    """

    live: Sighting
    end: int | None = None
    asked: bool = False

    @property
    def first(self) -> int | None:
        """The seq of the first live message, None if there is none."""
        return self.live.lines[0].seq if self.live.lines else None


class IrcVisit:
    """A connection of an IRC client. One thread uses it.

    Attributes:
        wire: its lines.
        number: which of the client's connections it is.
        nick: the nick on this connection.
        registered: whether the server has welcomed it.
        over: whether the connection has ended.
        leaving: whether it has said QUIT.
        polite: whether the server has answered that.
        heard_at: when something last came.
        deliveries: how many messages it has received.
        waiting: by label, what it said that has no echo yet.
    """

    def __init__(
        self, wire: IrcWire, number: int, nick: str, rooms: dict[str, IrcRoom], journal: Journal
    ) -> None:
        """
        Args:
            wire: the connection.
            number: which of the client's connections it is.
            nick: the nick to take.
            rooms: the client's rooms, by name.
            journal: takes what it sees.
        """
        self.wire = wire
        self.number = number
        self.nick = nick
        self.registered = False
        self.over = False
        self.leaving = False
        self.polite = False
        self.heard_at = time.monotonic()
        self.deliveries = 0
        self.waiting: dict[str, Utterance] = {}
        self.broken: str | None = None
        self._rooms = rooms
        self._journal = journal
        self._labels = 0
        self._here: dict[str, _Presence] = {}
        self._pages: dict[str, tuple[str, Sighting | None]] = {}  # by batch: a room and its page
        self._expected: dict[str, tuple[str, bool]] = {}  # by label: a room; whether it is LATEST
        for line in ("CAP LS 302", f"CAP REQ :{CAPABILITIES}", f"NICK {nick}"):
            wire.put(line)
        wire.put(f"USER {nick} 0 * :{nick}")
        wire.put("CAP END")

    # -- asking

    def say(self, said: Utterance) -> None:
        """Say something. Its echo has the label."""
        text = f"{_ACTION}{said.text}\x01" if said.kind == "action" else said.text
        label = self._label()
        self.waiting[label] = said
        self.wire.put(f"@label={label} PRIVMSG #{said.room} :{text}")

    def move(self, room: str) -> None:
        """Leave a room and join it again."""
        self._here.pop(room)
        self.wire.put(f"PART #{room}")
        self.wire.put(f"JOIN #{room}")

    def rooms(self) -> list[str]:
        """Return the rooms that it is in."""
        return [] if self.leaving else list(self._here)

    def has_caught_up(self) -> bool:
        """Return whether nothing is missing in any room."""
        return len(self._here) == len(self._rooms) and all(
            here.end is not None and not self._is_behind(room) for room, here in self._here.items()
        )

    def read_to(self, ends: dict[str, int]) -> None:
        """Ask for what is missing up to the last seq of each room, where nothing came live."""
        for room, here in self._here.items():
            if here.first is None:
                here.end = max(here.end or 0, ends[room])
                self._advance(room)

    def take_leave(self) -> None:
        """Say QUIT."""
        self.leaving = True
        self.wire.put("QUIT :done")

    # -- hearing

    def hear(self) -> None:
        """Take what has come. Sets `over` when the connection has ended."""
        try:
            for line in self.wire.receive():
                self.heard_at = time.monotonic()
                self._take(line)
        except OSError:
            self.end()
        except ProtocolError as error:
            self.broken = str(error)
            self.end()

    def end(self, *, reset: bool = False) -> None:
        """Close the connection, if it is open."""
        if not self.over:
            self.over = True
            self.wire.close(reset=reset)

    def _take(self, line: IrcLine) -> None:
        match line.command:
            case "PING":
                self.wire.put(f"PONG :{line.words[-1]}")
            case "ERROR":
                self.polite = self.leaving
            case "CAP" if line.words[1:2] == ["NAK"]:
                raise ProtocolError(Code.BAD_FRAME, f"CAP NAK {line.words[2:]}")
            case "001":
                self.registered = True
                for room in self._rooms:
                    self.wire.put(f"JOIN #{room}")
            case "366":
                self._enter(line.words[1].removeprefix("#"))
            case "BATCH":
                self._take_batch(line)
            case "PRIVMSG" | "TOPIC" | "NOTICE" if line.words[0].startswith("#"):
                self._take_message(line)
            case "FAIL" | "NOTICE" | "263" | "404" | "403" | "442":
                self._take_refusal(line)

    def _enter(self, room: str) -> None:
        """The server has answered a JOIN to its end: ask where the room ends."""
        if room not in self._rooms or room in self._here:
            return
        live = self._journal.open_sighting(self.nick, self.number, room, Source.LIVE, None)
        self._here[room] = _Presence(live)
        label = self._label()
        self._expected[label] = room, True
        self.wire.put(f"@label={label} CHATHISTORY LATEST #{room} * 1")

    def _take_batch(self, line: IrcLine) -> None:
        reference = line.words[0]
        if reference.startswith("-"):
            room, page = self._pages.pop(reference[1:], ("", None))
            if page is not None:
                self._end_page(room, page)
            if room in self._here:
                self._advance(room)
            return
        room, latest = self._expected.pop(line.tags.get("label", ""), ("", False))
        if not room or line.words[1] != "chathistory" or room not in self._here:
            return
        if latest:
            self._pages[reference[1:]] = room, None
            self._here[room].end = 0
            return
        self._here[room].asked = False
        after = self._rooms[room].seq
        page = self._journal.open_sighting(self.nick, self.number, room, Source.PAGE, after)
        self._pages[reference[1:]] = room, page

    def _end_page(self, room: str, page: Sighting) -> None:
        """A page is whole. If it is not full, nothing that is shown follows it."""
        page.cut = False
        if room in self._here and len({line.seq for line in page.lines}) < PAGE:
            known = self._rooms[room]
            page.until = known.seq = max(known.seq or 0, self._end_of_gap(room))

    def _take_message(self, line: IrcLine) -> None:
        room = line.words[0].removeprefix("#")
        reference = line.tags.get("batch")
        if reference is not None:
            if reference in self._pages:
                self._take_history(line, room, self._pages[reference][1])
            return
        here = self._here.get(room)
        glimpse = _glimpse(line, here.live.lines if here else [])
        if glimpse is None:
            return
        said = self.waiting.pop(line.tags.get("label", ""), None)
        if said is not None:
            said.seq = glimpse.seq
        if here is None:
            return  # it was under way when we left, or comes before the end of the JOIN's answer
        if not here.live.lines or here.live.lines[-1].seq != glimpse.seq:
            self.deliveries += 1
        here.live.lines.append(glimpse)
        self._advance(room)

    def _take_history(self, line: IrcLine, room: str, page: Sighting | None) -> None:
        """Take a line of a page, or of the latest message, which is only to say where it is."""
        if page is not None:
            glimpse = _glimpse(line, page.lines)
            if glimpse is not None:
                page.lines.append(glimpse)
                self._rooms[room].seq = glimpse.seq
            return
        glimpse = _glimpse(line, [])
        if glimpse is not None and room in self._here:
            here = self._here[room]
            here.end = max(here.end or 0, glimpse.seq)

    def _take_refusal(self, line: IrcLine) -> None:
        label = line.tags.get("label", "")
        said = self.waiting.pop(label, None)
        if said is not None:
            said.refused = True
        if self._expected.pop(label, None) is not None:  # it asks again on another connection
            self.end()

    # -- catching up

    def _advance(self, room: str) -> None:
        """Ask for what is missing before the first live message, or go on to the last one."""
        known, here = self._rooms[room], self._here[room]
        if here.end is None or here.asked:
            return
        if known.seq is None:  # the first time: what was said before is not asked for
            known.seq = here.end if here.first is None else here.first - 1
        if self._is_behind(room):
            here.asked = True
            label = self._label()
            self._expected[label] = room, False
            after = f"msgid={room}/{known.seq}"
            if not known.seq:
                after = "timestamp=1970-01-01T00:00:00.000Z"
            self.wire.put(f"@label={label} CHATHISTORY AFTER #{room} {after} {PAGE}")
        elif here.live.lines:
            known.seq = max(known.seq, here.live.lines[-1].seq)

    def _is_behind(self, room: str) -> bool:
        """Whether a page is missing between what is known and what is live."""
        known, here = self._rooms[room], self._here[room]
        if known.seq is None or here.end is None:
            return True
        return known.seq < self._end_of_gap(room)

    def _end_of_gap(self, room: str) -> int:
        """Return up to which seq pages are to be asked for: what follows comes live."""
        here = self._here[room]
        return (here.end or 0) if here.first is None else here.first - 1

    def _label(self) -> str:
        self._labels += 1
        return f"l{self._labels}"


def _glimpse(line: IrcLine, before: list[Glimpse]) -> Glimpse | None:
    """Return the line of a message of a room's log, None if it is not of one.

    Args:
        line: the line.
        before: those that came before it. One without a msgid goes on with the last message.
    """
    msgid = line.tags.get("msgid")
    if msgid is not None:
        seq = msgid.rpartition("/")[2]
    else:
        seq = str(before[-1].seq) if before and line.command != "TOPIC" else ""
    if not seq.isdecimal():
        return None
    text, kind = line.words[-1], "text"
    if line.command == "TOPIC":
        kind = "topic"
    elif line.command == "NOTICE":
        kind = "notice"
    elif text.startswith(_ACTION):
        text, kind = text.removeprefix(_ACTION).removesuffix("\x01"), "action"
    return Glimpse(int(seq), line.source, kind, squeezed(text))
