"""One IRC client: what is known of it, and how requests are made for it.

The connection's thread reads lines and makes requests; any thread may write events. What both look
at is guarded by one lock. It is taken with the lock of the outbox held, and none but the leaves of
`network` and `wire` is taken under it.
"""

import threading
from collections.abc import Callable, Generator, Sequence
from itertools import count
from typing import NamedTuple, Protocol

from chat_server.gateways.gateway import OwnReply, Received
from chat_server.gateways.irc.live import IrcPerson
from chat_server.gateways.irc.network import About, Network, Profile
from chat_server.gateways.irc.wire import capabilities
from chat_server.gateways.irc.wire.irc_lines import Line, build, encoded
from chat_server.gateways.irc.wire.names import SERVER, source
from chat_server.gateways.irc.wire.response import Response
from chat_server.gateways.irc.wire.sasl import Credentials, Exchange
from protocol.errors import Code, ProtocolError
from protocol.messages import AnyRequest, Error, LimitValue, Ok, Page, ServerPong
from protocol.text import REASON_LIMIT

Reply = Ok | Page | Error | ServerPong
Steps = Generator[Received, None, None]
"""What a command asks for, one after the other."""

Settled = Sequence[str] | None
"""The lines that a reply is; None if something else brings them. With a name, as a function in a
function makes its annotations anew, which are objects, each time.
"""


class Gone(Exception):
    """A request got no reply, as its client is gone."""


class Pending(Protocol):
    """A request that is under way, and what becomes of its reply.

    Attributes:
        response: what the reply is part of.
        at_once: whether its lines are sent in the same step in which the reply is given.
    """

    @property
    def response(self) -> Response: ...

    @property
    def at_once(self) -> bool: ...

    def settle(self, client: "IrcClient", reply: Reply) -> Settled:
        """Return the lines that the reply is; None if something else brings them."""
        ...


class _Asked(NamedTuple):
    """A request of any kind. See Pending."""

    response: Response
    at_once: bool
    settled: Callable[[Reply], Settled]

    def settle(self, client: "IrcClient", reply: Reply) -> Settled:  # noqa: ARG002
        return self.settled(reply)


class IrcClient:
    """One IRC client. Methods whose names end with `_locked` are called with `lock` held.

    Attributes:
        network: what it shares with the others.
        host: the address that it is from.
        profile: what others see of it.
        lock: guards all that follows, but for what the connection's thread alone writes.
        has: its capabilities. The connection's thread alone writes it.
        cap_version: the version of the capability negotiation that it understands.
        nick: its own, as it is here; "" before it is registered.
        wanted: the nick that it asked for, until it has one.
        registered: whether it was welcomed.
        moderates: whether it is a moderator or more.
        hides_refusal: whether a nick that is in use is told otherwise.
        negotiating: whether it is to come in only after a CAP END.
        exchange: of SASL, which is under way.
        login: what it has shown by SASL, and comes in with.
        motd: the message of the day, as it was at the welcome.
        rooms_limit: how many rooms it may be in; None for any number.
        rooms: by name, the nicks of those whom the client believes to be in each room it is in.
        former: by room, the nicks that it had, as long as a presence may still name one of them.
        holds: by room, what holds there, as the client was told last: "frozen", "read-only",
            "closed", "topic", and "muted" where it is itself.
        stale: rooms of which it may believe something wrong, as several changes were told as one;
            with those whom a list named there since.
        echoes: by room and seq, responses that wait for an own message.
        echoed: by room, the seq up to which no own message comes any more.
        unheard: responses whose own message will not come; empty but while an event is written.
        references: names for batches.
    """

    def __init__(self, network: Network, host: str) -> None:
        """
        Args:
            network: what it shares with the others.
            host: the address that it is from.
        """
        self.network = network
        self.host = host
        self.profile = Profile()
        self.lock = threading.Lock()
        self.has: frozenset[str] = frozenset()
        self.cap_version = 301
        self.nick = ""
        self.wanted = ""
        self.hides_refusal = False
        self.negotiating = False
        self.exchange: Exchange | None = None
        self.login: Credentials | None = None
        self.registered = False
        self.moderates = False
        self.motd = ""
        self.rooms_limit: LimitValue = None
        self.rooms: dict[str, set[str]] = {}
        self.former: dict[str, set[str]] = {}
        self.holds: dict[str, frozenset[str]] = {}
        self.stale: dict[str, Sequence[IrcPerson]] = {}
        self.echoes: dict[str, dict[int, Response]] = {}
        self.echoed: dict[str, int] = {}
        self.unheard: list[Response] = []
        self._pending: dict[int, Pending] = {}
        self._replies: dict[int, Reply | None] = {}
        self._ids = count(1)
        self.references = map(str, count(1))

    # -- lines

    @property
    def shown(self) -> str:
        """What the client is called on IRC; `*` before it is registered."""
        return self.network.names.shown(self.nick) if self.nick else "*"

    @property
    def source(self) -> str:
        """Whom a line from this client itself is from."""
        return source(self.shown)

    def source_of(self, nick: str) -> str:
        """Return whom a line from somebody is from."""
        return source(self.network.names.shown(nick))

    def numeric(self, code: str, *middle: str, text: str | None = None) -> str:
        """Return a numeric reply."""
        return build(SERVER, code, self.shown, *middle, text=text)

    def refusal(self, command: str, code: str, text: str, *context: str) -> str:
        """Return why a command was refused for which no numeric fits (IRCv3 standard replies)."""
        if capabilities.STANDARD_REPLIES in self.has:
            return build(SERVER, "FAIL", command, code.upper(), *context, text=text)
        return self.notice(f"{command}: {text}")

    def notice(self, text: str, target: str | None = None) -> str:
        """Return a notice from the server, to the client or about a channel."""
        return build(SERVER, "NOTICE", target or self.shown, text=text)

    def refused(self, command: str, error: Error) -> str:
        """Return a refusal for which a command has no numeric of its own."""
        if error.code == Code.RATE_LIMITED:
            return self.numeric("263", command, text=error.text)
        return self.refusal(command, error.code, error.text)

    def may(self, capability: str) -> bool:
        """Return whether the client has a capability."""
        return capability in self.has

    def respond(self, line: Line) -> Response:
        """Return the response to a line, still empty."""
        label = line.label if {capabilities.LABELS, capabilities.BATCH} <= self.has else None
        return Response(label, self.references)

    def batch(self, kind: str, target: str, lines: Sequence[str]) -> list[str]:
        """Return lines as a batch; each is to have no tag of another batch."""
        reference = next(self.references)
        return [
            build(SERVER, "BATCH", f"+{reference}", kind, target),
            *(_first_tag(f"batch={reference}", line) for line in lines),
            build(SERVER, "BATCH", f"-{reference}"),
        ]

    # -- the connection's thread

    def enter(self, real_name: str) -> None:
        """Let others see it, under its nick; without the real name of who may not speak."""
        now = self.network.live.now()
        if self.is_silent():
            real_name = ""
        self.profile.about = About(real_name=real_name, signed_on=now, spoke=now)
        self.network.enter(self.nick, self.profile)

    def note_reason(self, room: str, why: str) -> None:
        """Let other IRC clients read why it leaves a room, or all if `room` is "".

        Nobody else is told, and of who may not speak nobody: there, or in one of the rooms.
        """
        rooms = (room,) if room else (None, *self.rooms)
        shown = "" if any(map(self.is_silent, rooms)) else why[:REASON_LIMIT]
        self.network.note_reason(self.nick, room, shown)

    def hush(self) -> None:
        """Let nobody read what it wrote of itself, if no text of it may reach others."""
        if self.is_silent():
            self.profile.about = self.profile.about._replace(away=None, real_name="")

    def is_silent(self, room: str | None = None) -> bool:
        """Whether no text of it may reach others, or those in a room."""
        try:
            self.network.live.check_voice(self.nick, room, self.host)
        except ProtocolError:
            return True
        return False

    def take_nick_locked(self, nick: str) -> list[str]:
        """Be called otherwise from now on; return the line that says so."""
        assert self.lock.locked()
        old, before = self.nick, self.source
        if nick == old:
            return []
        self.rename_locked(old, nick)
        self.nick = nick
        for room in self.rooms:
            self.former.setdefault(room, set()).add(old)
        self.network.leave(old, self.profile)
        self.network.enter(nick, self.profile)
        return [build(before, "NICK", self.shown)]

    def ask(self, make: Callable[[int], AnyRequest]) -> Generator[Received, None, Reply]:
        """Make a request that is answered at once, and return the reply.

        Raises:
            Gone: there is none.
        """
        number = next(self._ids)
        with self.lock:
            self._replies[number] = None
        yield make(number)
        with self.lock:
            reply = self._replies.pop(number)
        if reply is None:
            raise Gone
        return reply

    def send(
        self,
        make: Callable[[int], AnyRequest],
        response: Response,
        settle: Callable[[Reply], Settled],
        *,
        at_once: bool = False,
    ) -> Steps:
        """Make a request whose reply may come later. See Pending."""
        yield from self.post(make, _Asked(response, at_once, settle))

    def post(self, make: Callable[[int], AnyRequest], pending: Pending) -> Steps:
        """Make a request whose reply may come later, with what becomes of that."""
        number = next(self._ids)
        with self.lock:
            pending.response.expect()
            self._pending[number] = pending
        yield make(number)

    @property
    def is_owed(self) -> bool:
        """Whether a request is under way whose reply comes later."""
        with self.lock:
            return bool(self._pending)

    def tell_early(self) -> OwnReply:
        """Let its rooms be told what happened in them; return nothing else to be sent."""
        self.network.live.tell_early(tuple(self.rooms))
        return OwnReply()

    def stream(self, response: Response, lines: Sequence[str]) -> OwnReply:
        """Return what is to be sent ahead of the rest of a response."""
        with self.lock:
            return OwnReply(response.stream(lines))

    # -- any thread, with the lock held

    def take_reply_locked(self, reply: Reply) -> bytes:
        """Take the reply to a request, and return what is to be sent because of it."""
        assert self.lock.locked()
        number = reply.re
        if number in self._replies:
            self._replies[number] = reply
            return b""
        pending = self._pending.pop(number, None) if number is not None else None
        if pending is None:
            return b""
        lines = pending.settle(self, reply)
        if lines is None:
            return b""
        if pending.at_once:
            sent = pending.response.stream(lines) if lines else b""
            return sent + pending.response.settle(())
        return pending.response.settle(lines)

    def take_own_locked(self, room: str, seq: int, lines: list[str]) -> bytes:
        """Write an own message, as the response to the line that said it if that had a label."""
        assert self.lock.locked()
        response = self.echoes.get(room, {}).pop(seq, None)
        self.miss_locked(room, seq + 1)
        return encoded(lines) if response is None else response.settle_in_order(lines)

    def expect_echo_locked(self, room: str, seq: int, response: Response) -> bool:
        """Let an own message be the response to a line.

        Returns: whether it will come; it does not if it was written already, is not kept any more,
            or the client has left the room.
        """
        assert self.lock.locked()
        if seq <= self.echoed.get(room, 0) or room not in self.rooms:
            return False
        self.echoes.setdefault(room, {})[seq] = response
        return True

    def miss_locked(self, room: str, before: int) -> None:
        """Expect no own message before a seq any more."""
        assert self.lock.locked()
        self.echoed[room] = max(self.echoed.get(room, 0), before - 1)
        waiting = self.echoes.get(room, {})
        while (first := next(iter(waiting), before)) < before:
            self.unheard.append(waiting.pop(first))

    def end_unheard_locked(self) -> bytes:
        """Return what ends the responses whose own message will not come."""
        assert self.lock.locked()
        unheard, self.unheard = self.unheard, []
        return b"".join(response.settle(()) for response in unheard)

    def knows_locked(self, nick: str) -> bool:
        """Return whether the client believes somebody to be in one of its rooms."""
        assert self.lock.locked()
        return any(nick in there for there in self.rooms.values())

    def forget_room_locked(self, room: str) -> None:
        """Know nothing more of a room in which the client is not any more."""
        assert self.lock.locked()
        self.unheard += self.echoes.pop(room, {}).values()
        for known in (self.rooms, self.former, self.echoed, self.holds):
            known.pop(room, None)

    def rename_locked(self, old: str, new: str) -> None:
        """Let somebody be called otherwise in all rooms in which the client knows them."""
        assert self.lock.locked()
        for there in self.rooms.values():
            if old in there:
                there.remove(old)
                there.add(new)


def _first_tag(tag: str, line: str) -> str:
    return f"@{tag};{line[1:]}" if line.startswith("@") else f"@{tag} {line}"
