"""One connection's conversation: hello, the joins, what had no reply, and whatever comes.

It follows docs/protocol.md, "After a lost connection", to the letter, and writes down everything
that it asks and gets. It judges nothing.

A visit is the current one, or a former one: once the client has come in by a second connection,
the first only listens, and what it hears is not the client's sequence any more.
"""

import time

from msgspec import UNSET, UnsetType

from protocol.errors import Code, ProtocolError
from protocol.messages import (
    AnyServerMessage,
    Bye,
    Delete,
    Edit,
    Error,
    Goodbye,
    Hello,
    History,
    Join,
    Leave,
    Message,
    Ok,
    Oldest,
    Page,
    Ping,
    Pong,
    Request,
    Rooms,
    Say,
    Search,
    ServerPing,
    ServerPong,
    Topic,
    Welcome,
    Who,
)
from tests.torture.journal import Journal
from tests.torture.person import Person, start_of
from tests.torture.records import Entry, Refusal, Reply, Said, Source, Stray, Stretch
from tests.torture.wire import Wire

Asked = Who | Rooms | Search | Ping | History


class Visit:
    """A connection and what is going on on it. One thread uses it.

    Attributes:
        welcome: whether the server has let us in.
        leaving: whether we have said `bye`.
        over: whether the connection has ended.
        heard_at: when something last came.
        deliveries: how many messages came.
    """

    def __init__(self, wire: Wire, number: int, person: Person, journal: Journal) -> None:
        self.wire = wire
        self.welcome = False
        self.leaving = False
        self.over = False
        self.current = True
        self.heard_at = time.monotonic()
        self.deliveries = 0
        self._person = person
        self._journal = journal
        self._dialogue = journal.open_dialogue(person.nick, number)
        self._dialogue.session = person.session_number
        self._resuming = person.session
        self._joins: dict[int, Join] = {}
        self._leaves: dict[int, tuple[str, int | None]] = {}
        self._histories: dict[int, tuple[History, int]] = {}  # and up to where the room was seen
        self._stretches: dict[str, Stretch] = {}
        self._waiting = 0  # requests without a reply
        self._later: list[tuple[float, int]] = []  # when to send which request again
        hello = Hello(version=1, nick=person.nick, client="torture/1", session=person.session)
        wire.put(hello)

    # -- asking

    @property
    def polite(self) -> bool:
        """Whether the server has answered our `bye`."""
        return self._dialogue.goodbye == "bye"

    @property
    def waits(self) -> bool:
        """Whether the server owes something."""
        return not self.welcome or self._waiting > 0

    def rooms(self) -> list[str]:
        """Return the rooms in which it can speak."""
        if not self.welcome or self.leaving:
            return []
        gone = {room for room, _ in self._leaves.values()}
        return [room for room in self._person.places if room not in gone]

    def is_in(self, room: str) -> bool:
        """Return whether messages of `room` come in on this connection."""
        return room in self._stretches

    def say(self, said: Said) -> None:
        """Send what is to be added to a room's log, for the first time or again."""
        if said.kind == "topic":
            self._ask(said.request, Topic(said.request, said.room, said.text))
        elif said.kind == "edit":
            self._ask(said.request, Edit(said.request, said.room, said.changes, said.text))
        elif said.kind == "delete":
            reason = said.text.partition(": ")[2]
            self._ask(said.request, Delete(said.request, said.room, said.changes, reason))
        elif said.kind == "action":
            self._ask(said.request, Say(said.request, said.room, said.text, kind="action"))
        else:
            self._ask(said.request, Say(said.request, said.room, said.text))

    def ask(self, request: Asked) -> None:
        """Ask what changes nothing."""
        if isinstance(request, History):
            self._histories[request.id] = request, self._person.places[request.room].seq or 0
        self._ask(request.id, request)

    def move(self, room: str, seq: int | None) -> None:
        """Leave a room and come back, to go on where we were, or behind `seq`."""
        identity = self._person.next_id()
        self._leaves[identity] = room, seq
        self._ask(identity, Leave(identity, room))

    def take_leave(self) -> None:
        """Say `bye`."""
        self.leaving = True
        identity = self._person.next_id()
        self._ask(identity, Bye(identity))

    def send_due(self, now: float) -> None:
        """Send again what was refused for a while."""
        due = [identity for moment, identity in self._later if moment <= now]
        self._later = [item for item in self._later if item[0] > now]
        for identity in due:
            said = self._person.unanswered.get(identity)
            if said is not None and said.room in self.rooms():
                self.say(said)

    def retire(self) -> None:
        """Only listen from now on: another connection goes on where this one stands.

        What was said to be gone just before the next message is gone for this one as well.
        """
        self.current = False
        for room, stretch in list(self._stretches.items()):
            self._open(room, self._person.places[room].seq or 0, Source.FORMER)
            for place, oldest in stretch.oldest:
                if place == len(stretch.entries):
                    self._note_oldest(self._stretches[room], oldest)

    # -- hearing

    def hear(self) -> None:
        """Take in what has come. Sets `over` when the connection has ended."""
        try:
            for message in self.wire.receive():
                self.heard_at = time.monotonic()
                self._take(message)
        except OSError:
            self.end()
        except ProtocolError as error:
            self._dialogue.broken = str(error)
            self.end()

    def end(self, *, reset: bool = False) -> None:
        """Close the connection, if it is open."""
        if self.over:
            return
        self.over = True
        if reset:
            self.wire.reset()
        else:
            self.wire.close()

    def _take(self, message: AnyServerMessage) -> None:
        match message:
            case Message():
                self._take_message(message)
            case Ok():
                self._take_ok(message)
            case Error():
                self._take_error(message)
            case Page():
                self._take_page(message)
            case ServerPong():
                self._answered(Reply(message.re, "pong"))
            case ServerPing():
                self.wire.put(Pong(message.id))
            case Welcome():
                self._take_welcome(message)
            case Goodbye():
                self._dialogue.goodbye = message.code
            case Oldest():
                self._note_oldest(self._stretches.get(message.room), message.oldest)

    def _take_welcome(self, welcome: Welcome) -> None:
        person = self._person
        self.welcome = True
        if not self.current:
            return  # it came too late: we have come in elsewhere
        if welcome.session != person.session:
            self._dialogue.forgotten = self._resuming is not None
            person.begin_session(welcome.session)
            self._dialogue.session = person.session_number
        for room in person.places:
            self._join(room)
        for said in person.unanswered.values():
            self.say(said)

    def _take_message(self, message: Message) -> None:
        self.deliveries += 1
        entry = entry_of(message)
        stretch = self._stretches.get(entry.room)
        if stretch is None:
            self._journal.add_stray(Stray(self._dialogue.client, self._dialogue.connection, entry))
            return
        stretch.entries.append(self._journal.number(entry))
        if self.current:
            self._person.places[entry.room].seq = entry.seq

    def _take_ok(self, ok: Ok) -> None:
        seq, gone = None if ok.seq is UNSET else ok.seq, ok.gone is True
        self._answered(Reply(ok.re, "ok", seq, gone=gone))
        join = self._joins.pop(ok.re, None)
        if join is not None:
            self._take_place(join, seq or 0)
            self._note_oldest(self._stretches.get(join.room), ok.oldest)
        leave = self._leaves.pop(ok.re, None)
        if leave is not None:
            self._come_back(*leave)
        self._person.confirm(ok.re, seq)

    def _take_place(self, join: Join, room_ended: int) -> None:
        start = start_of(join, room_ended)
        if not self.current:
            self._open(join.room, start, Source.FORMER)
            return
        place = self._person.places[join.room]
        moved = place.moved or place.seq is None
        place.seq, place.moved = start, False
        self._open(join.room, start, Source.LIVE, moved=moved, room_ended=room_ended)

    def _come_back(self, room: str, seq: int | None) -> None:
        """The leave is done: go in again."""
        self._stretches.pop(room, None)
        if not self.current:
            return
        place = self._person.places[room]
        if seq is not None:
            place.seq, place.moved = seq, True
        if not self.leaving:  # after a bye nothing is answered
            self._join(room)

    def _take_error(self, error: Error) -> None:
        try_again = error.retry_after is not UNSET
        if error.re is None:
            resuming = self._resuming is not None
            self._dialogue.refusals.append(Refusal(error.code, try_again, resuming))
            if not self.welcome:
                self.end()
            return
        self._answered(Reply(error.re, "error", code=error.code, try_again=try_again))
        if error.code == Code.NO_SUCH_MESSAGE:  # what it was to change is not kept any more
            self._person.unanswered.pop(error.re, None)
        if error.retry_after is not UNSET:
            self._later.append((time.monotonic() + error.retry_after, error.re))

    def _take_page(self, page: Page) -> None:
        self._answered(Reply(page.re, "page"))
        if page.re not in self._histories or page.messages is UNSET:
            return
        request, seen = self._histories.pop(page.re)
        stretch = self._journal.open_stretch(
            self._dialogue, request.room, Source.PAGE, request.after or 0, room_ended=seen
        )
        self._note_oldest(stretch, page.oldest)
        stretch.entries.extend(self._journal.number(entry_of(m)) for m in page.messages)

    # -- below

    def _note_oldest(self, stretch: Stretch | None, oldest: int | UnsetType) -> None:
        """The server says which message is the oldest, as others that were to come are gone."""
        if stretch is not None and oldest is not UNSET:
            stretch.oldest.append((len(stretch.entries), oldest))

    def _ask(self, identity: int, request: Request) -> None:
        self._dialogue.asked.append(identity)
        self._waiting += 1
        self.wire.put(request)

    def _answered(self, reply: Reply) -> None:
        self._dialogue.replies.append(reply)
        self._waiting -= 1

    def _join(self, room: str) -> None:
        identity = self._person.next_id()
        join = self._person.places[room].join(identity, room)
        self._joins[identity] = join
        self._ask(identity, join)

    def _open(
        self,
        room: str,
        after: int,
        source: Source,
        *,
        moved: bool = False,
        room_ended: int | None = None,
    ) -> None:
        self._stretches[room] = self._journal.open_stretch(
            self._dialogue, room, source, after, moved=moved, room_ended=room_ended
        )


def entry_of(message: Message) -> Entry:
    """Return what the server said a message is."""
    said = message.from_, message.kind, message.text
    changed = message.changes, message.edited, message.deleted
    return Entry(message.room, message.seq, message.time, *said, *changed)
