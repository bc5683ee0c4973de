"""Events as lines for a person.

`printable` cleans everything that others chose before it reaches the screen. A text must not
control the terminal, nor look like another line. So the client's own lines begin with `--`, a nick
that could be mistaken for something else stands in brackets, and all lines of a text but the first
are indented. The module is long, as it has a short method for each kind of event.
"""

import time
from collections.abc import Callable, Sequence

from colorama import Fore, Style
from msgspec import UnsetType

from chat_client.display.code import code_lines
from chat_client.display.nick_colours import hue_of
from chat_client.display.poll_text import poll_text
from chat_client.display.text import cells, mentions, one_line, printable, wrap
from chat_client.display.time_format import Clock
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
from protocol.common.durations import show_duration
from protocol.messages import (
    BanEntry,
    Direct,
    FloorChange,
    FreezeChange,
    HandChange,
    HandEntry,
    Invited,
    Message,
    Oldest,
    PinEntry,
    PinsChange,
    PlaceChange,
    PollChange,
    Presence,
    RoleChange,
    RoomEntry,
    RoomRules,
    RulesChange,
)

_NAMED = 4
"""The most people that are named; more are counted."""

HINT = "/help lists what that allows"
"""Shown to a user who got a role."""

_SPOKEN = 1e9
"""Seconds. A longer delay makes no sense, but a hostile server may send one."""

_REVERSE = "\x1b[7m"
_UNBOUNDED = 1_000_000


class Lines:
    """Makes lines. Any thread may call any method.

    A line may contain line feeds; it never ends with one.

    Attributes:
        numbers: whether each message is shown with its seq, by which commands name it.
    """

    def __init__(
        self,
        colours: int = 0,
        clock: Clock | None = None,
        width: Callable[[], int] = lambda: _UNBOUNDED,
    ) -> None:
        """Make one.

        Args:
            colours: how many the terminal has: 256, 16, or 0 for none at all.
            clock: shows times.
            width: returns the cells of a line.
        """
        self._colours = colours
        self._clock = clock or Clock()
        self._width = width
        self.numbers = False

    def of(self, event: Event, nick: str, room: str | None) -> str | None:
        """Return the line for an event; None if it needs none.

        Args:
            event: what happened.
            nick: our own.
            room: the room that is not named, because the user looks at it.
        """
        match event:
            case Message():
                return self.message(event, nick, room)
            case Direct(late=int()):
                return self.late(event)
            case Direct():
                return self.direct("from", event.from_, event.text, event.time)
            case Presence():
                return self.presence(event, room)
            case RoleChange(role, by):
                yours = with_article(role)
                told = f"you are {yours} now" if by == nick else f"{by} made you {yours}"
                return self.system(told + ("" if role == MEMBER else f": {HINT}"))
            case HandChange():
                return self.hand(event, room)
            case PlaceChange():
                return self.place(event, room)
            case FloorChange() | PollChange():
                return None  # a message says so
            case Trusted():
                return self._trusted(event)
            case Oldest(name):
                return self.error(f"#{name}: messages that had yet to come were not kept")
            case PinsChange():
                return None  # what of it is new has a line of its own
            case FreezeChange():
                return None  # a notice says so, and who did it
            case RulesChange():
                return self.standing(event, room)
            case Invited(name, by):
                return self.system(f"{by} lets you into #{name}: /join {name}")
            case Connected():
                return self._connected(event)
            case Reconnecting(reason, delay, address):
                where = f", at {one_line(address)}" if address else ""
                when = f"{_soon(delay)}{where}"
                return self.system(f"not connected ({_bare(reason)}); next try {when}")
            case Postponed(reason, delay):
                return self.system(f"not done yet ({_bare(reason)}); next try {_soon(delay)}")
            case Entered():
                return self.entered(event.room, event.topic, event.members, event.frozen)
            case Removed(name, reason):
                return self.error(f"you are no longer in #{name}: {reason}")
            case Ended(None):
                return None
            case Ended(reason):
                return self.error(f"the chat is over: {reason}")

    def message(
        self,
        message: Message,
        nick: str,
        room: str | None,
        *,
        past: bool = False,
        answered: Message | None = None,
        number: bool = False,
    ) -> str:
        """Return the line for a message.

        Args:
            message: what was said.
            nick: our own. Our messages and mentions of us are marked.
            room: the room that is not named.
            past: whether it was said before we came: then all of it is faint.
            answered: the message that it answers, if that is known.
            number: whether to show its seq, also where others are shown without.
        """
        when = self._clock.time(message.time)
        start = f"{when} " if when else ""
        if number or self.numbers:
            start += f"{message.seq} "
        indent = cells(start) + 2
        tag = "" if message.room == room else f"#{one_line(message.room)} "
        if message.kind == "code":
            who = marked(message.from_, message.role)
            return self._code(message, nick, (start, tag, who), past=past)
        head = _head(message, nick, tag)
        first = indent - 2 + cells("".join(head))
        said = _text_of(message)
        body = wrap(said, self._width(), first, indent)
        if message.reply_to:
            body = wrap(said, self._width(), indent, indent)
            body.insert(0, _quoted(message.reply_to, answered, self._width() - first))
        if past:
            whole = f"{start}{''.join(head)}" + f"\n{' ' * indent}".join(body)
            return self._paint(Style.DIM, whole)
        # The server speaks, or everybody is asked.
        style = Style.BRIGHT if message.kind in ("notice", "poll") else ""
        if message.from_ != nick:
            body = [self._marked(each, nick, style) for each in body]
        body = [self._paint(style, each) for each in body]
        if message.reply_to:
            body[0] = self._paint(Style.DIM, body[0])
        text = f"\n{' ' * indent}".join(body)
        named = self._paint(self._hue(message.from_, nick), head[1])
        return f"{self._paint(Style.DIM, start)}{head[0]}{named}{head[2]}{text}"

    def _code(
        self, message: Message, nick: str, before: tuple[str, str, str], *, past: bool
    ) -> str:
        """Return a block as it was sent, its lines numbered, under a line that says whose it is."""
        start, tag, who = before
        language = f" {one_line(message.language)}" if message.language else ""
        title = f"code {message.seq}{language}:"
        colours = 0 if past else self._colours
        text = printable(message.text).rstrip("\n")
        lines = code_lines(text, message.language, colours, self._width())
        if past:
            return self._paint(Style.DIM, "\n".join((f"{start}{tag}{who}  {title}", *lines)))
        named = self._paint(self._hue(message.from_, nick), who)
        head = f"{self._paint(Style.DIM, start)}{tag}{named}  {self._paint(Style.DIM, title)}"
        return "\n".join((head, *lines))

    def pin(self, pin: PinEntry, where: str, room: str | None) -> str:
        """Return the line for a message at the top of the room `where`."""
        tag = "" if where == room else f"#{where} "
        return self.system(f"{tag}pinned {pin.seq}: {pin.from_}: {pin.text}")

    def direct(self, direction: str, who: str, text: str, when: float | None = None) -> str:
        """Return the line for a private message `from` or `to` somebody."""
        return self._line(f"[{direction} {one_line(who)}]", printable(text), Fore.MAGENTA, when)

    def late(self, direct: Direct) -> str:
        """Return the line for a private message that was sent while the user was away."""
        sent = self._clock.date_and_time(direct.time)
        head = f"[from {one_line(direct.from_)}, sent {sent}, while you were away]"
        return self._line(head, printable(direct.text), Fore.MAGENTA)

    def system(self, text: str) -> str:
        """Return a line of the client's own."""
        return self._paint(Style.DIM, self._line("--", one_line(text)))

    def diverged(self, event: Entered) -> str:
        """Return the line that says that messages which were shown are gone from a room."""
        were = (
            "message that you saw is" if event.gone == 1 else f"{event.gone} messages you saw are"
        )
        return self.error(
            f"the last {were} no longer in #{event.room}: the server went back to an earlier copy "
            "of its history. What is there now follows."
        )

    def error(self, text: str) -> str:
        """Return the line for something that went wrong."""
        return self._line("--", one_line(text), Fore.RED)

    def away(self, count: int, room: str, shown: int) -> str:
        """Return the line between messages that were read and those of while the user was away.

        Args:
            count: how many messages came.
            room: the room, if it is to be named.
            shown: how many of them follow, if not all do; else 0.
        """
        said = f"you were away: +{count:,} message{'s' if count > 1 else ''}"
        if room:
            said += f" in #{room}"
        if not shown:
            return self.system(f"{said}:")
        if room:
            return self.system(f"{said}, /switch {room} and PgUp to read them")
        return self.system(f"{said}, PgUp to read them; the last {shown}:")

    def read_marker(self) -> str:
        """Return the line between read and unread messages in the pager."""
        return self._paint(Style.BRIGHT, "-- new from here --")

    def entered(self, room: str, topic: str, members: int, frozen: bool = False) -> str:
        """Return the line that says which room the user is in, and whether it is frozen."""
        state = ", frozen: only moderators talk, /hand raises yours" if frozen else ""
        return self.system(f"you are here: #{room}, {members} here{state}{topic and f': {topic}'}")

    def hand(self, event: HandChange, room: str | None) -> str:
        """Return the line for a hand that was raised or lowered."""
        tag = "" if event.room == room else f"#{event.room} "
        if not event.up:
            return self.system(f"{tag}{event.nick} took the hand down ({event.hands} waiting)")
        did = f"asks: {event.question}" if event.question else "raised a hand"
        return self.system(f"{tag}{event.nick} {did} ({event.hands} waiting): /hands")

    def place(self, event: PlaceChange, room: str | None) -> str:
        """Return the line that says where the user's own hand stands."""
        tag = "" if event.room == room else f"#{event.room} "
        if not event.place:
            return self.system(f"{tag}your hand is down")
        return self.system(f"{tag}your hand is number {event.place} in the queue")

    def floor(self, nick: str) -> str:
        """Return the line that stands before a queue, for who has the floor."""
        return self.indented(one_line(f"{nick} has the floor"))

    def in_queue(self, place: int, entry: HandEntry) -> str:
        """Return the line for a hand in the queue."""
        age = time.time() - entry.time
        waited = f" ({show_duration(age)})" if 1 <= age < _SPOKEN else ""
        question = f": {entry.question}" if entry.question else ""
        return self.indented(one_line(f"{place}. {entry.nick}{waited}{question}"))

    def sanction(self, entry: BanEntry) -> str:
        """Return the line for a ban or a mute in a list."""
        act = {"ban": "banned", "mute": "muted"}.get(entry.act, entry.act)
        until = ""
        if not isinstance(entry.until, UnsetType):
            until = f" until {self._clock.date_and_time(entry.until)}"
        reason = f": {entry.reason}" if entry.reason else ""
        when = self._clock.date_and_time(entry.time)
        return self.indented(one_line(f"{entry.who}  {act}{until}{reason} ({entry.by}, {when})"))

    def day(self, seconds: float) -> str:
        """Return the line for a new day."""
        return self._paint(Style.DIM, f"-- {self._clock.day(seconds)} --")

    def day_of(self, seconds: float) -> str:
        """Return the day of a moment, to compare it with another day."""
        return self._clock.day(seconds)

    def last(self, time_of_day: str) -> float | None:
        """Return the last moment with a time of day; None if the text is none."""
        return self._clock.last(time_of_day)

    def presence(self, event: Presence, room: str | None) -> str | None:
        """Return the line for who came and went, or None if nobody did."""
        roles = {} if isinstance(event.roles, UnsetType) else event.roles
        joined = [marked(nick, roles.get(nick, "")) for nick in event.joined]
        changes = [
            f"{_names(who, sign)} {what}"
            for who, what, sign in ((joined, "joined", "+"), (event.left, "left", "-"))
            if who
        ]
        changes += [
            f"{old} is now {marked(new, roles.get(new, ''))}" for old, new in event.renamed[:_NAMED]
        ]
        known = {*event.joined, *(new for _, new in event.renamed)}
        others = [(nick, role) for nick, role in roles.items() if nick not in known]
        changes += [f"{nick} is {with_article(role)} now" for nick, role in others[:_NAMED]]
        if not changes:
            return None
        tag = "" if event.room == room else f"#{event.room} "
        return self.system(f"{tag}{', '.join(changes)} ({event.members} here)")

    def standing(self, event: RulesChange, room: str | None) -> str:
        """Return the line for what holds for the user in a room."""
        tag = "" if event.room == room else f"#{event.room}: "
        if event.speak:
            return self.system(f"{tag}you may talk again")
        until = ""
        if not isinstance(event.until, UnsetType):
            until = f", until {self._clock.date_and_time(event.until)}"
        return self.system(f"{tag}{event.text}{until}")

    def rules(self, room: str, rules: RoomRules, role: str) -> list[str]:
        """Return what holds in a room, a line for each rule."""
        who = "moderators only" if rules.topic == "moderators" else "everybody"
        default = " (as there is an owner here)" if who != "everybody" else " (as nobody said)"
        told = [f"topic: {who} may set it{default if rules.topic_by_default else ''}"]
        told.append(f"read-only: {'on, only moderators speak' if rules.read_only else 'off'}")
        hidden = "on, others do not see the room"
        told.append(f"invite-only: {hidden if rules.invite_only else 'off'}")
        if not isinstance(rules.invited, UnsetType) and rules.invited:
            told.append(f"invited: {', '.join(rules.invited)}")
        told.append(f"locked: {'on, nobody else comes in' if rules.locked else 'off'}")
        until = ""
        if not isinstance(rules.until, UnsetType):
            until = f", until {self._clock.date_and_time(rules.until)}"
        told.append(f"frozen: {f'by {rules.frozen}{until}' if rules.frozen else 'off'}")
        slow = rules.slow
        every = "off" if isinstance(slow, UnsetType) else f"a message every {show_duration(slow)}"
        told.append(f"slow: {every}")
        gone = "on, all goes when nobody is here" if rules.forget else "off, what is said is kept"
        told.append(f"forget: {gone}")
        told.append(f"images: {'on, the page shows them' if rules.images else 'off, downloads'}")
        hint = "" if role == MEMBER else "; /help rules says how to set them"
        return [
            self.system(f"what holds in #{room}{hint}:"),
            *(self.indented(one_line(line)) for line in told),
        ]

    def entry(self, entry: RoomEntry) -> str:
        """Return the line for a room in a list."""
        topic = f"  {one_line(entry.topic)}" if entry.topic else ""
        start = f"   #{one_line(entry.room)}  {entry.members} here"
        return start + "\n      ".join(wrap(topic, self._width(), cells(start), 6))

    def indented(self, text: str) -> str:
        """Return an indented text of the client's own."""
        return "\n".join(f"   {line}" for line in wrap(text, self._width(), 3, 3))

    def _line(self, head: str, text: str, colour: str = "", when: float | None = None) -> str:
        time = self._clock.time(when)
        start = f"{time} " if time else ""
        indent = cells(start) + 2
        body = wrap(text, self._width(), indent - 1 + cells(head), indent)
        text = f"\n{' ' * indent}".join(body)
        if colour == Fore.MAGENTA:  # somebody wrote the text: only the head is coloured
            return f"{self._paint(Style.DIM, start)}{self._paint(colour, head)} {text}"
        return f"{self._paint(Style.DIM, start)}{self._paint(colour, f'{head} {text}')}"

    def _trusted(self, event: Trusted) -> str:
        kept = f"not kept in {event.file}: {event.problem}" if event.problem else event.file
        return self.system(
            f"first time at {event.server}: its certificate is {event.fingerprint}, and is trusted "
            f"from now on ({kept}). Who runs the server can tell you whether that is it"
        )

    def _connected(self, event: Connected) -> str:
        again = "connected again" if event.again else f"connected to {one_line(event.server)}"
        if event.moved:
            again += f", to {one_line(event.address)},"
        motd = f"\n{self.indented(printable(event.motd))}" if event.motd else ""
        left = f"; you are no longer logged in to {event.left}" if event.left else ""
        new = "; the server does not know your session: you are new there" * event.forgotten
        return self.system(f"{again} as {event.nick}{left}{new}") + motd

    def _hue(self, who: str, nick: str) -> str:
        if who == nick or not self._colours:
            return Style.BRIGHT
        return hue_of(who, self._colours)

    def _marked(self, text: str, nick: str, style: str) -> str:
        """Highlight a nick in a text, and restore the text's style behind it."""
        if not nick or not self._colours:
            return text
        parts, end = [], 0
        for start, after in mentions(nick, text):
            parts += [text[end:start], _REVERSE, Style.BRIGHT, text[start:after]]
            parts += [Style.RESET_ALL, style]
            end = after
        return "".join([*parts, text[end:]])

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{Style.RESET_ALL}" if self._colours and code and text else text


def marked(nick: str, role: str) -> str:
    """Return a nick as it stands before a text, with an `@` for who is in charge.

    No nick begins with an `@`: so nobody looks like that who is not.
    """
    return f"@{_shown(nick)}" if role and role != MEMBER else _shown(nick)


def _shown(nick: str) -> str:
    """Return a nick as it stands before a text. One such as `--` or `*` gets brackets."""
    who = one_line(nick)
    return who if who[:1].isalnum() else f"<{who}>"


def _head(message: Message, nick: str, tag: str) -> tuple[str, str, str]:
    """Return what stands before the text: up to the author's nick, the nick, and up to the text."""
    who = marked(message.from_, message.role)
    match message.kind:
        case "action":
            return f"{tag}* ", who, " "
        case "topic":
            did = "set the topic: " if message.text else "cleared the topic"
            return f"{tag}-- ", who, f" {did}"
        case "notice" | "poll":
            return f"{tag}-- ", _shown(message.from_), ": "
        case "file":
            return f"{tag}-- ", who, f" offers file {message.seq}: "
        case "edit":
            what = ", which is deleted now" if message.deleted else ": "
            return f"{tag}-- ", who, f" edited message {message.changes}{what}"
        case "delete":
            return f"{tag}-- ", who, " "
        case _:
            return tag, who, "> " if message.from_ == nick else "  "


def _text_of(message: Message) -> str:
    if not isinstance(message.poll, UnsetType):
        return printable(poll_text(message.poll))
    if message.kind == "file":
        return printable(f"{message.text.rpartition(': ')[0]}; /get {message.seq}")
    text = printable(message.text)
    return f"{text} (edited)" if message.edited and not message.deleted else text


def _quoted(seq: int, answered: Message | None, width: int) -> str:
    """Return the line of what a message answers."""
    if answered is None:
        return f"re {seq}"
    words = wrap(one_line(f"re {seq} {answered.from_}: {answered.text}"), width - 1, 0, 0)
    return words[0] if len(words) == 1 else f"{words[0]}…"


def _names(nicks: Sequence[str], sign: str) -> str:
    return ", ".join(nicks) if len(nicks) <= _NAMED else f"{sign}{len(nicks)}"


def with_article(role: str) -> str:
    """Return a role with its article: "a member", "an owner"."""
    return f"{'an' if role[:1] in 'aeiou' else 'a'} {role}"


def _soon(delay: float) -> str:
    if delay < 0.05:
        return "now"
    return f"in {show_duration(delay)}" if 60 <= delay < _SPOKEN else f"in {delay:.1f} s"


def _bare(sentence: str) -> str:
    return sentence.rstrip(" .")
