"""Lines of text, for `nc` and `telnet`: what is typed is said. No resume: they are for people."""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Literal

from msgspec import UNSET

from chat_server.gateways.earlier import LOOKED_AT, latest_of, number
from chat_server.gateways.gateway import IDLE_AT_ONCE, Handover, Idle, OwnReply, Received
from chat_server.gateways.telnet import TelnetReader
from chat_server.rooms.codec import Broadcast, Encoded
from protocol import VERSION
from protocol.errors import FATAL, Code
from protocol.messages import (
    AnyRequest,
    Bye,
    Delete,
    Direct,
    Edit,
    EndPoll,
    Error,
    Expelled,
    FreezeChange,
    Goodbye,
    Hand,
    Hello,
    History,
    Invited,
    Join,
    Leave,
    Message,
    Ok,
    Oldest,
    Page,
    PinEntry,
    PinsChange,
    PlaceChange,
    Poll,
    RoleChange,
    Rooms,
    RulesChange,
    Say,
    ServerMessage,
    Tell,
    Topic,
    Vote,
    Welcome,
    Who,
)
from protocol.turns import read_choice, read_poll

LINE_LIMIT = 4000
"""Characters a line may have."""

HISTORY = 10
"""How many of the latest messages are shown to who comes into a room."""

FIRST_ROOM = "lobby"

HELP = """\
/me WAVES      do something          /who          who is here
/msg NICK TEXT to one person alone   /rooms        the rooms
/join ROOM     go to another room    /topic TEXT   set the topic
/hand QUESTION raise your hand       /hand down    take it down
/poll Is it? yes | no                /vote 2       vote; /poll end ends it
/reply NICK TEXT  answer their last  /edit TEXT    what you said last is to say TEXT
/delete        take back what you said last; NICK: theirs, for moderators
//             says a line that begins with a /
/quit          leave"""

_CLIENT = "lines"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\u061c]")


def _marked(message: Message) -> str:
    """The author of a message, with an `@` for who is in charge: no nick begins with one."""
    return f"@{message.from_}" if message.role else message.from_


def _shown(event: ServerMessage) -> list[str]:
    """What is shown of an event."""
    match event:
        case Message(kind="action"):
            return [f"* {_marked(event)} {event.text}"]
        case Message(kind="topic"):
            return [f"* {_marked(event)} set the topic: {event.text}"]
        case Message(kind="notice" | "poll"):
            return [f"-- {line}" for line in event.text.split("\n")]
        case Message(kind="edit" | "delete"):
            return _shown_change(event)
        case Message():  # code too: each line as it is
            text = f"{event.text} (edited)" if event.edited else event.text
            who = _marked(event)
            if event.reply_to:
                who = f"{who}, to message {event.reply_to}"
            return [f"{who}: {line}" for line in text.split("\n")]
        case Direct():
            return [f"{event.from_} to you alone: {line}" for line in event.text.split("\n")]
        case FreezeChange():
            change = "frozen: only moderators speak" if event.frozen else "open again"
            return [f"-- #{event.room} is {change}"]
        case PinsChange():
            return [f"-- pinned in #{event.room}: {_start_of(pin)}" for pin in event.pins]
        case PlaceChange(place=0):
            return [f"-- #{event.room}: your hand is down"]
        case PlaceChange():
            return [f"-- #{event.room}: your hand is number {event.place} in the queue"]
        case Oldest():
            return [f"-- #{event.room}: messages that you had yet to get are not kept any more"]
        case RulesChange(why="muted"):
            return [f"-- #{event.room}: {event.text}"]
        case RulesChange(why="read_only"):
            return [f"-- #{event.room}: {event.text}"]
        case Invited():
            return [f"-- {event.by} lets you into #{event.room}: /join {event.room}"]
        case Expelled():
            return [f"-- you are no longer in #{event.room}: {event.text}"]
        case RoleChange():
            return [f"-- {event.by} made you {event.role}"]
        case Welcome():
            return [f"-- {line}" for line in event.motd.split("\n") if line]
        case Goodbye():
            return [f"-- {event.text}"]
        case _:
            return []


def _start_of(pin: PinEntry) -> str:
    """Who said what is pinned, and how it begins."""
    return f"{pin.from_}: {pin.text.partition(chr(10))[0]}"


def _shown_change(entry: Message) -> list[str]:
    """What is shown of an entry that changes another."""
    if entry.kind == "delete":
        return [f"* {entry.from_} {line}" for line in entry.text.split("\n")]
    what = f"{entry.from_} edited message {entry.changes}"
    return [f"* {what}: {line}" for line in entry.text.split("\n")]


class LinesCodec:
    """Writes messages as lines. There are two, for the two ends that a line may have."""

    def __init__(self, end: str) -> None:
        self._end = end

    def encode(self, event: ServerMessage) -> bytes:
        """Return one event as lines; nothing, for one that is not shown."""
        return self.lines(*_shown(event))

    def encode_messages(self, messages: Sequence[Message]) -> Encoded:
        """Return a batch of messages in one buffer."""
        written = [self.encode(message) for message in messages]
        return Encoded.of(written)

    def lines(self, *lines: str) -> bytes:
        """Return lines as they are sent, without what a terminal would act on."""
        return "".join(f"{_CONTROL.sub('', line)}{self._end}" for line in lines).encode()


_LF, _CRLF = LinesCodec("\n"), LinesCodec("\r\n")


class LinesGateway:
    """One connection that sends lines. See Gateway."""

    __slots__ = (
        "_asks_password",
        "_id",
        "_nick",
        "_reader",
        "_replies",
        "_room",
        "_told",
        "codec",
        "greeted",
    )

    answers_pings = False
    writes_own = True

    def __init__(self, *, asks_password: bool) -> None:
        """
        Args:
            asks_password: whether the server has a password.
        """
        self._asks_password = asks_password
        self._reader = TelnetReader(4 * LINE_LIMIT)  # bytes of UTF-8
        self._nick = ""
        self._room = ""
        self._id = 0
        self._replies: dict[int, ServerMessage] = {}  # that `receive` waits for
        self._told: dict[int, str] = {}  # what is told when a request is done, by its id
        self.codec = _LF
        self.greeted = False

    @property
    def unfinished(self) -> int:
        """Bytes of a line. See Gateway."""
        return self._reader.buffered

    def receive(self, data: bytes) -> Iterator[Received]:
        """Yield what the lines in `data` ask. See Gateway."""
        lines = list(self._reader.feed(data))
        idle, self._reader.commands = self._reader.commands, 0
        if self._reader.refusals:
            yield OwnReply(self._reader.refusals)
            self._reader.refusals = b""
        for line in lines:
            idle += line is not None and not line.strip()
            if idle >= IDLE_AT_ONCE:
                yield Idle(idle)
                idle = 0
            if line is not None and line.endswith("\r") and self.codec is _LF:
                self.codec = _CRLF
                yield Handover(self)
            text = None if line is None else _CONTROL.sub("", line)
            if text is None or len(text) > LINE_LIMIT:
                yield self._note(f"a line has at most {LINE_LIMIT} characters: send it in parts")
            elif self.greeted:
                yield from self._said(text)
            else:
                yield from self._came(text.strip())
        if idle:
            yield Idle(idle)

    def write(self, event: ServerMessage) -> bytes:
        """Return one event as lines."""
        if isinstance(event, Ok | Page) and event.re in self._replies:
            self._replies[event.re] = event
            return b""
        if isinstance(event, Ok | Error) and event.re is not None:
            told = self._told.pop(event.re, "")
            if told and isinstance(event, Ok):
                return self.codec.lines(f"-- {told}")
        if isinstance(event, Message):  # one's own, which stands there already
            return b""
        if isinstance(event, Welcome):
            self._nick = event.nick
        if isinstance(event, Error) and event.code not in FATAL:
            if not self.greeted and event.code in (Code.BAD_NICK, Code.NICK_IN_USE):
                self._nick = ""
                return self.codec.lines(f"-- {event.text}", "nick?")
            return self.codec.lines(f"-- {event.text}")
        return self.codec.encode(event)

    def write_shared(self, events: Broadcast) -> bytes:
        """Return events that many are sent."""
        return b"".join(self.write(event) for event in events.events)

    # -- coming in

    def _came(self, line: str) -> Iterator[Received]:
        """Take the nick, and the password where there is one."""
        if not self._nick:
            self._nick = line
            if not line:
                yield OwnReply(self.codec.lines("nick?"))
                return
            if self._asks_password:
                yield OwnReply(self.codec.lines("password? (it is shown as you type it)"))
                return
            yield self._hello(None)
        else:
            yield self._hello(line)
        if self.greeted:
            yield from self._joined(FIRST_ROOM)

    def _hello(self, password: str | None) -> Hello:
        return Hello(version=VERSION, nick=self._nick, client=_CLIENT, password=password)

    def _joined(self, room: str) -> Iterator[Received]:
        """Go to a room, and from the one before."""
        reply = yield from self._asked(Join(id=self._next_id(), room=room))
        if not isinstance(reply, Ok) or reply.room is UNSET or reply.seq is UNSET:
            return
        if self._room and self._room != reply.room:
            yield from self._asked(Leave(id=self._next_id(), room=self._room))
        self._room = reply.room
        topic = f"topic: {reply.topic}" if reply.topic else ""
        yield OwnReply(
            self.codec.lines(
                f"* you are {self._nick} in #{self._room}, {reply.members} here; /help",
                *([f"* {topic}"] if topic else []),
            )
        )
        if reply.seq:
            before = reply.seq + 1
            page = yield from self._asked(
                History(id=self._next_id(), room=self._room, before=before, limit=HISTORY)
            )
            if isinstance(page, Page) and page.messages is not UNSET:
                yield OwnReply(self.codec.encode_messages(page.messages).buffer)

    # -- being here

    def _said(self, line: str) -> Iterator[Received]:
        """Say a line, or do what it commands."""
        if not line.strip():
            return
        if line.startswith("/") and not line.startswith("//"):
            word, _, rest = line[1:].strip().partition(" ")
            command = _COMMANDS.get(word.lower())
            if command is None:
                yield self._note(f"there is no /{word[:40]}: /help says what there is")
            else:
                yield from command(self, rest.strip())
            return
        yield self._say(line.removeprefix("/"))

    def _say(self, text: str, kind: Literal["text", "action"] = "text") -> AnyRequest:
        return Say(id=self._next_id(), room=self._room or FIRST_ROOM, text=text, kind=kind)

    def _me(self, rest: str) -> Iterator[Received]:
        yield self._say(rest, "action")

    def _who(self, _: str) -> Iterator[Received]:
        nicks: list[str] = []
        roles: dict[str, str] = {}
        page: ServerMessage | None = None
        while page is None or (isinstance(page, Page) and page.more and nicks):
            request = Who(id=self._next_id(), room=self._room, after=nicks[-1] if nicks else None)
            page = yield from self._asked(request)
            if isinstance(page, Page) and page.members is not UNSET:
                nicks += page.members
                roles |= page.roles if page.roles is not UNSET else {}
        named = ", ".join(f"@{nick}" if nick in roles else nick for nick in nicks)
        yield self._note(f"{len(nicks)} here: {named}")

    def _msg(self, rest: str) -> Iterator[Received]:
        nick, _, text = rest.partition(" ")
        if not text.strip():
            yield self._note("/msg takes a nick and a text: /msg ana hello")
            return
        reply = yield from self._asked(Tell(id=self._next_id(), to=nick, text=text))
        if isinstance(reply, Ok):
            waits = ", who is away: it waits for them" if reply.kept is True else ""
            yield self._note(f"to {nick}{waits}: {text}")

    def _join(self, rest: str) -> Iterator[Received]:
        if not rest:
            yield self._note("/join takes a room: /join lobby")
            return
        yield from self._joined(rest.removeprefix("#"))

    def _topic(self, rest: str) -> Iterator[Received]:
        if not rest:
            yield self._note("/topic takes the topic: /topic exercise 3")
            return
        yield Topic(id=self._next_id(), room=self._room, topic=rest)

    def _rooms(self, _: str) -> Iterator[Received]:
        page = yield from self._asked(Rooms(id=self._next_id()))
        if isinstance(page, Page) and page.rooms is not UNSET:
            for entry in page.rooms:
                topic = f": {entry.topic}" if entry.topic else ""
                yield self._note(f"#{entry.room}, {entry.members} there{topic}")
            if page.more:
                yield self._note("and more")

    def _hand(self, rest: str) -> Iterator[Received]:
        up = rest != "down"
        question = rest if up and rest != "up" else None
        request = Hand(id=self._next_id(), room=self._room, up=up, question=question or None)
        reply = yield from self._asked(request)
        if isinstance(reply, Ok):
            place = "" if reply.place is UNSET else f", number {reply.place} in the queue"
            yield self._note(f"your hand is up{place}" if up else "your hand is down")

    def _poll(self, rest: str) -> Iterator[Received]:
        if rest == "end":
            yield EndPoll(id=self._next_id(), room=self._room)
            return
        named, wanted = read_poll(rest)
        if wanted is None:
            yield self._note("/poll takes a question and two options: /poll Is it? yes | no")
            return
        question, options = wanted
        yield Poll(
            id=self._next_id(),
            room=self._room,
            question=question,
            options=tuple(options),
            named=named,
        )

    def _vote(self, rest: str) -> Iterator[Received]:
        choice = read_choice(rest)
        if choice is None:
            yield self._note("/vote takes the number of an option: /vote 2")
            return
        reply = yield from self._asked(Vote(id=self._next_id(), room=self._room, choice=choice))
        if isinstance(reply, Ok):
            yield self._note("you have voted")

    def _reply(self, rest: str) -> Iterator[Received]:
        """Answer a message: by its number, or the last one of somebody."""
        which, _, text = rest.partition(" ")
        if not text.strip():
            yield self._note("/reply takes a nick, or a number, and a text: /reply ana yes")
            return
        seq = yield from self._meant(which)
        if seq is not None:
            yield Say(id=self._next_id(), room=self._room, text=text.strip(), reply_to=seq)

    def _edit(self, rest: str) -> Iterator[Received]:
        """Give one's last message, or the one with a number, another text."""
        which, _, text = rest.partition(" ")
        seq = number(which) if text.strip() else None
        if seq is None:
            text = rest
            seq = (yield from self._meant(self._nick)) if rest else None
        if not rest:
            yield self._note("/edit takes what you want to have said: /edit hello all")
        if seq is None:
            return
        request = Edit(id=self._next_id(), room=self._room, seq=seq, text=text.strip())
        self._told[request.id] = f"message {seq} says that now"
        yield request

    def _delete(self, rest: str) -> Iterator[Received]:
        """Take back one's last message, that of somebody, or the one with a number."""
        which, _, why = rest.partition(" ")
        seq = yield from self._meant(which or self._nick)
        if seq is None:
            return
        reason = why.strip() or None
        request = Delete(id=self._next_id(), room=self._room, seq=seq, reason=reason)
        self._told[request.id] = f"message {seq} is deleted"
        yield request

    def _meant(self, which: str) -> Generator[Received, None, int | None]:
        """The number of the message that is meant; None if there is none, which is told."""
        seq = number(which)
        if seq is not None:
            return seq
        page = yield from self._asked(History(id=self._next_id(), room=self._room, limit=LOOKED_AT))
        if isinstance(page, Page) and page.messages is not UNSET:
            seq = latest_of(page.messages, which)
        if seq is None:
            yield self._note(f"nothing of {which[:40]} is among the last {LOOKED_AT} messages")
        return seq

    def _quit(self, _: str) -> Iterator[Received]:
        yield Bye(id=self._next_id())

    def _help(self, _: str) -> Iterator[Received]:
        yield OwnReply(self.codec.lines(*HELP.splitlines()))

    # -- below

    def _asked(
        self, request: Join | Leave | History | Who | Tell | Rooms | Hand | Vote
    ) -> Generator[Received, None, ServerMessage | None]:
        """Ask something, and return the reply; None if it was refused, which has been told."""
        self._replies[request.id] = _NONE
        yield request
        reply = self._replies.pop(request.id)
        return None if reply is _NONE else reply

    def _note(self, text: str) -> OwnReply:
        return OwnReply(self.codec.lines(f"-- {text}"))

    def _next_id(self) -> int:
        self._id += 1
        return self._id


_NONE = Goodbye(code="", text="")
"""Stands for a reply that has not come."""

_COMMANDS: dict[str, Callable[[LinesGateway, str], Iterator[Received]]] = {
    "me": LinesGateway._me,
    "who": LinesGateway._who,
    "msg": LinesGateway._msg,
    "join": LinesGateway._join,
    "topic": LinesGateway._topic,
    "rooms": LinesGateway._rooms,
    "hand": LinesGateway._hand,
    "poll": LinesGateway._poll,
    "vote": LinesGateway._vote,
    "reply": LinesGateway._reply,
    "edit": LinesGateway._edit,
    "delete": LinesGateway._delete,
    "quit": LinesGateway._quit,
    "help": LinesGateway._help,
}
