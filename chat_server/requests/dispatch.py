"""What a client may ask, and what it gets: one method for each request.

The checks stand here, and the order in which the parts are told. A method returns the reply, or
None where the reply comes later or went out with something else; ProtocolError refuses.
"""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET, UnsetType

from chat_server.delivery.replies import fitting, refusal
from chat_server.moderation.targets import Actor
from chat_server.requests import account_requests
from chat_server.requests.account_requests import Asker, Caller
from chat_server.requests.context import Parts
from chat_server.requests.moderation import Moderation
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.room import Draft, Member, Room
from chat_server.rooms.session import Claim, Session
from chat_server.runtime.errors import STORE_RETRY_AFTER, StoreError
from chat_server.storage.search_tokens import TOKENS_LIMIT, phrases_of
from chat_server.storage.sqlite_search import WORDS_LIMIT
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.framing import FRAME_LIMIT
from protocol.messages import Ok, Page, RoomEntry, ServerMessage
from protocol.text import normalize_nick, normalize_room, normalize_text, normalize_topic

MESSAGES_PER_PAGE = 100
"""How many messages a page has where the client gives no limit."""

# Seconds after which somebody who does not read just now may read again.
READER_RETRY_AFTER = 5.0


class Requests:
    """Answers the requests of one client, on its connection's thread."""

    __slots__ = (
        "_caller",
        "_checks",
        "_clock",
        "_connection",
        "_hands",
        "_outbox",
        "_registry",
        "_rooms",
        "_rooms_allowed",
        "_sanctions",
        "_session",
        "_store",
        "_voiced",
    )

    def __init__(
        self,
        connection: Asker,
        session: Session,
        parts: Parts,
    ) -> None:
        self._caller = Caller(connection, session, parts)
        self._connection = connection
        self._outbox = connection.outbox
        self._session = session
        self._checks = parts.checks
        self._hands = parts.hands
        self._registry = parts.registry
        self._rooms = parts.rooms
        self._store = parts.store
        self._clock = parts.clock
        self._sanctions = parts.sanctions
        self._voiced = -1  # the version of the sanctions by which this client is not muted
        self._rooms_allowed = parts.settings.rooms_per_client

    def answer(self, request: messages.AnyRequest) -> ServerMessage | None:
        """Do what `request` asks, and return the reply if it is to be sent now.

        Raises:
            ProtocolError: it is refused.
        """
        try:
            return self._do(request)
        except StoreError as error:
            raise ProtocolError(
                Code.UNAVAILABLE,
                "The server cannot read its history just now.",
                retry_after=STORE_RETRY_AFTER,
            ) from error

    def _do(self, request: messages.AnyRequest) -> ServerMessage | None:
        kind = type(request)
        if kind in READS:
            self._outbox.wait_until_answered()  # before it has the turn, which others wait for
        method = _METHODS.get(kind)
        if method is not None:
            if kind not in IN_TURN:
                return method(self, request)
            self._do_in_turn(method, request)
            return None
        if kind not in account_requests.METHODS:
            return Moderation(self._caller).answer(request)
        reply = account_requests.METHODS[kind](self._caller, request)
        self._check_again()
        return reply

    def _do_in_turn(self, method: "_Method", request: messages.AnyRequest) -> None:
        """Do what is asked when it is this client's turn, and reply before the turn ends.

        Nothing is done for a client that has gone by then.
        """
        turns = self._caller.parts.turns
        if not turns.take(self._outbox):
            return
        try:
            reply = method(self, request)
            if reply is not None:
                self._outbox.put(reply)
        finally:
            turns.give_back()

    # -- rooms

    def join(self, request: messages.Join) -> None:
        """Place a cursor in a room's log; the reply goes out ahead of what follows it."""
        if request.after is not None and request.history is not None:
            raise ProtocolError(
                Code.BAD_REQUEST, "A join has `after` or `history`, not both: leave one out."
            )
        name = normalize_room(request.room)
        self._check_room_count(name)
        diverged = self._divergence(name, request)
        added = None
        while added is None:  # a room that is given up, or gets other rules at this moment
            room = self._rooms.enter(name, self._connection.host, temporary=request.temporary)
            rules = room.rules
            if rules is not None and self._outbox.member_in(room) is None:
                self._checks.check_entry(rules, self._session)
            last = room.last
            cursor = _cursor(request, last) if diverged is None else diverged
            member = Member(room, self._session, self._outbox, cursor)
            added = room.add(member, rules, temporary=request.temporary)
        count, topic = added
        reply = Ok(
            re=request.id,
            room=name,
            seq=last,
            members=count,
            topic=topic,
            oldest=self._oldest_after(room, cursor),
            frozen=self._checks.is_frozen(room) or UNSET,
            log=self._store.incarnations.name,
            diverged=UNSET if diverged is None else diverged,
        )
        if not self._outbox.admit(member, reply):
            self._hands.leave_room(member, comes_back=True)
            return
        self._hands.know(member)
        while room.rules is not rules:  # a freeze may have been told of ahead of this
            rules = room.rules
            frozen = self._checks.is_frozen(room)
            self._outbox.put(messages.FreezeChange(room=name, frozen=frozen))

    def leave(self, request: messages.Leave) -> Ok:
        """Leave a room."""
        member = self._membership(request.room)
        self._outbox.dismiss(member)
        self._hands.leave_room(member)
        return Ok(re=request.id)

    def forget(self, request: messages.Forget) -> Ok:
        """Remove a temporary room."""
        actor = Actor(self._session.nick, self._caller.role, self._session)
        self._caller.parts.acts_on_rooms.forget(actor, normalize_room(request.room))
        return Ok(re=request.id)

    def who(self, request: messages.Who) -> Page:
        """Name who is in a room."""
        room = self._readable_room(request.room)
        after = request.after
        nicks = sorted(member.session.nick for member in room.members())
        if after is not None:
            nicks = [nick for nick in nicks if nick > after]
        shown = fitting(nicks)
        return Page(re=request.id, more=len(shown) < len(nicks), members=shown)

    def rooms(self, request: messages.Rooms) -> Page:
        """Name the rooms."""
        after = request.after
        entries = [
            RoomEntry(room=room.name, members=len(room.members()), topic=room.topic)
            for room in self._rooms.all()
            if after is None or room.name > after
        ]
        shown = fitting(entries)
        return Page(re=request.id, more=len(shown) < len(entries), rooms=shown)

    # -- saying

    def say(self, request: messages.Say) -> Ok | None:
        """Append to a room's log."""
        room = self._membership(request.room).room
        return self._post(room, request.id, request.kind or "text", normalize_text(request.text))

    def topic(self, request: messages.Topic) -> Ok | None:
        """Set a room's topic, which is an entry of its log."""
        room = self._membership(request.room).room
        return self._post(room, request.id, "topic", normalize_topic(request.topic))

    def tell(self, request: messages.Tell) -> Ok:
        """Send one person a text that is not kept."""
        text = normalize_text(request.text)
        nick = normalize_nick(request.to)
        recipient = self._registry.session_called(nick)
        connection = recipient.connection if recipient else None
        if recipient is None or connection is None:
            raise ProtocolError(Code.NO_SUCH_NICK, f"nobody here is called {nick!r}")
        if not self._checks.is_moderator(recipient):  # whom one who is muted may ask why
            self._check_voice()
        direct = messages.Direct(
            time=self._clock.time(),
            from_=self._session.nick,
            to=recipient.nick,
            text=text,
            bot=self._connection.is_bot,
        )
        if not connection.outbox.put_if_short(Broadcast(direct)):
            raise ProtocolError(
                Code.UNAVAILABLE,
                f"{nick!r} is here but does not read just now: try again later",
                retry_after=READER_RETRY_AFTER,
            )
        return Ok(re=request.id)

    # -- reading back

    def history(self, request: messages.History) -> Page:
        """Return a page of a room's log."""
        if request.before is not None and request.after is not None:
            raise ProtocolError(
                Code.BAD_REQUEST, "A history has `before` or `after`, not both: leave one out."
            )
        room = self._readable_room(request.room)
        limit = request.limit or MESSAGES_PER_PAGE
        if request.after is not None:
            found = self._store.after(room.name, request.after, limit + 1, FRAME_LIMIT)
            shown = fitting(found[:limit])
            oldest = self._oldest_after(room, request.after)
        else:
            found = self._store.before(room.name, request.before, limit + 1, FRAME_LIMIT)
            shown = fitting(found[-limit:][::-1])[::-1]
            oldest = UNSET if len(found) > len(shown) else self._oldest_after(room, 0)
        more = len(shown) < len(found)
        return Page(re=request.id, more=more, messages=shown, oldest=oldest)

    def search(self, request: messages.Search) -> Page:
        """Return the newest messages of a room with all words of the query."""
        room = self._readable_room(request.room)
        query = normalize_text(request.query)
        phrases = phrases_of(query)
        if len(phrases) > WORDS_LIMIT:
            raise ProtocolError(
                Code.BAD_REQUEST, f"A search is for at most {WORDS_LIMIT} words: leave some out."
            )
        if sum(map(len, phrases)) > TOKENS_LIMIT:
            raise ProtocolError(
                Code.BAD_REQUEST,
                f"A search is for at most {TOKENS_LIMIT} signs of Chinese, Japanese, Thai or the "
                "like, or symbols: leave some out.",
            )
        limit = request.limit or MESSAGES_PER_PAGE
        found = self._store.search(room.name, query, request.before, limit + 1, FRAME_LIMIT)
        shown = fitting(found[-limit:][::-1])[::-1]
        return Page(re=request.id, more=len(shown) < len(found), messages=shown)

    # -- the rest

    def nick(self, request: messages.Nick) -> Ok:
        """Take another nick."""
        old, new = self._session.nick, normalize_nick(request.nick)
        if new != old:
            self._check_voice()  # every room reads a new nick, as if it had been said
        self._checks.check_nick(self._session, new)
        self._registry.rename(self._session, self._connection, new)
        self._check_again()
        if new != old:
            for member in self._outbox.members():
                member.room.rename(member)
        return Ok(re=request.id, nick=new)

    def ping(self, request: messages.Ping) -> messages.ServerPong:
        """Show that the server is there."""
        return messages.ServerPong(re=request.id)

    def pong(self, _: messages.Pong) -> None:
        """Nothing to do: that something came at all is what counts."""

    def bye(self, request: messages.Bye) -> None:
        """Close, once all before it is answered."""
        self._outbox.wait_until_answered()
        self._connection.close(Code.BYE, "Goodbye.", before=Ok(re=request.id))

    def hello(self, _: messages.Hello) -> None:
        """Refuse: it was said already."""
        raise ProtocolError(Code.BAD_REQUEST, "The hello was answered already: say it once.")

    # -- below

    def _check_again(self) -> None:
        """See that this client, who is called or logged in as another now, may be here.

        Raises:
            ProtocolError: `banned`.
        """
        self._voiced = -1
        self._checks.check_person(self._session, self._connection.host)

    def _membership(self, name: str) -> Member:
        """The membership in the room of that name; `not_in_room` if there is none."""
        name = normalize_room(name)
        room = self._rooms.find(name)
        member = self._outbox.member_in(room) if room else None
        if member is None:
            raise ProtocolError(Code.NOT_IN_ROOM, f"you are not in {name}: join it first")
        return member

    def _oldest_after(self, room: Room, seq: int) -> int | UnsetType:
        """The oldest message that is kept, if what follows `seq` is gone."""
        oldest = self._store.oldest(room.name)
        return oldest if oldest is not None and oldest > seq + 1 else UNSET

    def _divergence(self, room: str, request: messages.Join) -> int | None:
        """The last message that the log of a client that comes back shares with ours.

        None where it is the same log, or the client does not say.
        """
        if request.after is None or request.log is None:
            return None
        return self._store.incarnations.common(room, request.log, request.after)

    def _check_room_count(self, name: str) -> None:
        """See that this client may be in one more room."""
        rooms = [member.room.name for member in self._outbox.members()]
        if len(rooms) >= self._rooms_allowed and name not in rooms:
            raise ProtocolError(
                Code.TOO_MANY_ROOMS,
                f"a client may be in {self._rooms_allowed} rooms, and you are: leave one first",
            )

    def _readable_room(self, name: str) -> Room:
        """The room of that name, if this client is in it."""
        if self._rooms.find(normalize_room(name)) is None:
            raise ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {normalize_room(name)}")
        return self._membership(name).room

    def _post(self, room: Room, request: int, kind: str, text: str) -> Ok | None:
        """Let something be stored, once. The delivery worker replies, when it is."""
        session = self._session
        number = self._registry.keep_session(session)
        bot = self._connection.is_bot
        draft = Draft(session, number, request, session.nick, kind, text, [self._outbox], bot)
        with session.posting:
            claim = session.claim(self._connection, draft)
            if claim is Claim.PERHAPS_STORED:
                seq = self._store.find_request(number, request)
                if seq is not None:
                    return Ok(re=request, seq=seq)
                claim = session.claim(self._connection, draft, looked_up=True)
            if claim in (Claim.NEW, Claim.PENDING):
                self._outbox.expect_reply()
            if claim is Claim.NEW:
                try:
                    free = room.rules is None and self._voiced == self._sanctions.version
                    if not (free and room.post(draft, None)):
                        self._let_say(room, draft)
                except MemoryError:  # it was not posted: sent again, it is new
                    self._session.settle(draft)
                    raise
        return None

    def _let_say(self, room: Room, draft: Draft) -> None:
        """Post what is new, if its author may talk. What is stored already needs no leave."""
        try:
            self._check_voice()
            while not self._is_posted(room, draft):
                continue
        except ProtocolError as error:
            self._outbox.expect_no_reply()
            reply = refusal(draft.request, error)
            for outbox in self._session.settle(draft):
                if outbox is not self._outbox:
                    outbox.reply([reply])
            raise

    def _is_posted(self, room: Room, draft: Draft) -> bool:
        """Post a draft by the rules of its room; False if they changed meanwhile."""
        rules = room.rules
        if rules is None:
            return room.post(draft, None)
        self._checks.take_floor(room, rules, self._session)
        posted = room.post(draft, rules)
        if not posted:
            self._checks.give_floor_back(room, self._session)
        return posted

    def _check_voice(self) -> None:
        """See that this client is not muted. Asked again only after something has changed."""
        version = self._sanctions.version
        if self._voiced != version and self._checks.check_voice(
            self._session, self._connection.host
        ):
            self._voiced = version


def _cursor(request: messages.Join, last: int) -> int:
    """Where a join places the cursor in a log that ends with the seq `last`."""
    if request.after is not None:
        return min(request.after, last)
    return last if request.history is None else max(0, last - request.history)


# Requests that take the server longer than others do, or that others notice, count for so many. A
# client that comes back joins all its rooms at once, and may.
COSTS: dict[type, int] = {
    messages.Join: 10,
    messages.Forget: 20,
    messages.Nick: 20,
    messages.Who: 20,
    messages.Rooms: 20,
    messages.Search: 20,
    messages.Register: 20,
    messages.Login: 20,
    messages.Password: 40,  # two passwords are looked at
    messages.Logout: 20,
    messages.Hand: 20,
}
# Requests that are answered in turn, see `turns`: all that wait for nothing else, but for joins, of
# which a class that comes back sends hundreds at once. A search waits for the index, where it lets
# the interpreter go; the first one in a large room takes seconds.
IN_TURN = frozenset(
    {
        messages.Forget,
        messages.History,
        messages.Leave,
        messages.Nick,
        messages.Ping,
        messages.Rooms,
        messages.Tell,
        messages.Who,
    }
)

# Requests that read what this connection may have asked for and the workers have yet to do, or that
# others see beside it. They wait until all of that is stored and answered, so that requests take
# effect in order. The others change nothing that waits, and may overtake it.
READS = frozenset(
    {
        messages.History,
        messages.Join,
        messages.Leave,
        messages.Login,
        messages.Logout,
        messages.Nick,
        messages.Rooms,
        messages.Search,
    }
)

_Method = Callable[[Requests, Any], ServerMessage | None]
_METHODS: dict[type, _Method] = {
    messages.Hello: Requests.hello,
    messages.Join: Requests.join,
    messages.Leave: Requests.leave,
    messages.Forget: Requests.forget,
    messages.Say: Requests.say,
    messages.Tell: Requests.tell,
    messages.Nick: Requests.nick,
    messages.Topic: Requests.topic,
    messages.Who: Requests.who,
    messages.Rooms: Requests.rooms,
    messages.History: Requests.history,
    messages.Search: Requests.search,
    messages.Ping: Requests.ping,
    messages.Pong: Requests.pong,
    messages.Bye: Requests.bye,
}
