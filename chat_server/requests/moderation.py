"""What a moderator may ask: one method for each request, as in chat_server.requests.dispatch.

A role is looked at when the request comes. What an act leaves in the log of a room, it leaves there
once, however often the request is sent: see `_once`.
"""

import logging
from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from chat_server.delivery.replies import fitting, unavailable
from chat_server.identity.people_store import Asked, Sanction
from chat_server.identity.roles import Role
from chat_server.moderation.notices import Notices
from chat_server.moderation.targets import Actor
from chat_server.requests.account_requests import Caller
from chat_server.rooms.room import Draft, Room
from chat_server.rooms.session import Claim
from chat_server.runtime.errors import StoreError
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import BanEntry, Ok, Page, ServerMessage
from protocol.text import normalize_nick, normalize_room, normalize_text

log = logging.getLogger(__name__)


class Moderation:
    """Answers the requests of one client that keep order, on its connection's thread."""

    __slots__ = ("_caller", "_on_people", "_on_rooms", "_outbox", "_parts", "_session")

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._session = caller.session
        self._outbox = caller.connection.outbox
        self._parts = caller.parts
        self._on_people = caller.parts.acts_on_people
        self._on_rooms = caller.parts.acts_on_rooms

    def answer(self, request: messages.AnyRequest) -> ServerMessage | None:
        """Do what `request` asks, and return the reply if it is to be sent now.

        Raises:
            ProtocolError: it is refused.
            StoreError: it could not be kept; nothing happened.
        """
        return METHODS[type(request)](self, request)

    # -- people

    def kick(self, request: messages.Kick) -> None:
        """End somebody's connection."""
        actor = self._actor(request.id)
        self._once(
            request.id,
            lambda notices: self._on_people.kick(actor, request.who, request.reason, notices),
        )

    def ban(self, request: messages.Ban) -> Ok:
        """Let somebody in no more."""
        actor = self._actor(request.id)
        return self._unless_done(
            request.id,
            lambda: self._on_people.ban(
                actor,
                request.who,
                request.reason,
                request.seconds,
                address=bool(request.address),
            ),
        )

    def unban(self, request: messages.Unban) -> Ok:
        """Let somebody in again."""
        actor = self._actor(request.id)
        return self._unless_done(
            request.id, lambda: self._on_people.lift(actor, "ban", request.who)
        )

    def mute(self, request: messages.Mute) -> Ok:
        """Let somebody listen only."""
        actor = self._actor(request.id)
        return self._unless_done(
            request.id,
            lambda: self._on_people.mute(actor, request.who, request.reason, request.seconds),
        )

    def unmute(self, request: messages.Unmute) -> Ok:
        """Let somebody talk again."""
        actor = self._actor(request.id)
        return self._unless_done(
            request.id, lambda: self._on_people.lift(actor, "mute", request.who)
        )

    def bans(self, request: messages.Bans) -> Page:
        """List the bans and mutes."""
        self._actor()
        after = request.after or 0
        entries = [self._entry(each) for each in self._parts.sanctions.all() if each.number > after]
        shown = fitting(entries)
        return Page(re=request.id, more=len(shown) < len(entries), bans=shown)

    # -- rooms

    def slow(self, request: messages.Slow) -> None:
        """Let each member say something only so often."""
        actor, room = self._actor(request.id), self._room(request.room)
        self._once(
            request.id, lambda notices: self._on_rooms.slow(actor, room, request.seconds, notices)
        )

    def lock(self, request: messages.Lock) -> None:
        """Let nobody else in, or open a room again."""
        actor, room, locked = self._actor(request.id), self._room(request.room), request.locked
        self._once(
            request.id,
            lambda notices: self._on_rooms.lock(actor, room, locked=locked, notices=notices),
        )

    def announce(self, request: messages.Announce) -> None:
        """Say something as a notice, in one room or in all that somebody is in."""
        actor, text = self._actor(request.id), normalize_text(request.text)
        room = self._room_or_all(request.room)
        self._once(
            request.id,
            lambda notices: self._on_rooms.announce(actor, room, text, notices),
            resume=True,
        )

    def freeze(self, request: messages.Freeze) -> None:
        """Let only moderators and some others speak, in one room or in all."""
        actor, room = self._actor(request.id), self._room_or_all(request.room)
        self._once(
            request.id,
            lambda notices: self._on_rooms.freeze(
                actor, room, request.seconds, request.speakers, notices
            ),
        )

    def unfreeze(self, request: messages.Unfreeze) -> None:
        """Let everybody speak again."""
        actor, room = self._actor(request.id), self._room_or_all(request.room)
        self._once(request.id, lambda notices: self._on_rooms.unfreeze(actor, room, notices))

    # -- hands

    def hand(self, request: messages.Hand) -> Ok:
        """Raise one's hand, or take it down."""
        name = normalize_room(request.room)
        room = self._parts.rooms.find(name)
        if room is None or self._outbox.member_in(room) is None:
            raise ProtocolError(Code.NOT_IN_ROOM, f"you are not in {name}: join it first")
        if request.up:
            self._parts.hands.raise_hand(room, self._session)
        else:
            self._parts.hands.lower_hand(room, self._session)
        return Ok(re=request.id)

    def hands(self, request: messages.Hands) -> Page:
        """List whose hands are up, in the order in which they were raised."""
        self._actor()
        after = None if request.after is None else normalize_nick(request.after)
        nicks = self._parts.hands.nicks(self._room(request.room), after)
        shown = fitting(nicks)
        return Page(re=request.id, more=len(shown) < len(nicks), hands=shown)

    # -- below

    def _actor(self, request: int | None = None) -> Actor:
        """Who asks; `request` is its id, if it is to be done once.

        Raises:
            ProtocolError: `forbidden`, for who is no moderator.
        """
        role = self._caller.role
        if role < Role.MODERATOR:
            raise ProtocolError(Code.FORBIDDEN, "only moderators and owners may do that")
        return Actor(self._session.nick, role, self._session, request)

    def _room(self, name: str) -> Room:
        name = normalize_room(name)
        room = self._parts.rooms.find(name)
        if room is None:
            raise ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {name}")
        return room

    def _room_or_all(self, name: str | None) -> Room | None:
        return None if name is None else self._room(name)

    def _entry(self, sanction: Sanction) -> BanEntry:
        return BanEntry(
            number=sanction.number,
            act=sanction.act,
            who=sanction.who,
            reason=sanction.reason,
            by=sanction.by,
            time=sanction.time,
            until=UNSET if sanction.until is None else sanction.until,
        )

    def _unless_done(self, request: int, act: Callable[[], None]) -> Ok:
        """Do something that leaves no notice, unless the request came before, and was done."""
        with self._session.posting:  # the same may be under way on the connection before
            if not self._parts.people.was_done(Asked(self._session.token, request)):
                act()
        return Ok(re=request)

    def _once(self, request: int, act: Callable[[Notices], None], *, resume: bool = False) -> None:
        """Do something that leaves notices, and reply when all of them are stored.

        A request that comes again is not done again. What it did is kept in one transaction with
        the fact that it is done, and the notices come after that; where none of them is in the
        store, they are written.

        Args:
            request: its id.
            act: does it unless `begun`, and writes the notices.
            resume: the notices are what it is about: those that are missing are written.
        """
        session = self._session
        number = self._parts.registry.keep_session(session)
        bot = self._caller.connection.is_bot
        claimed = Draft(session, number, request, session.nick, "notice", "", [self._outbox], bot)
        with session.posting:
            claim = session.claim(self._caller.connection, claimed)
            if claim is Claim.PERHAPS_STORED:  # which the notices themselves say
                claim = session.claim(self._caller.connection, claimed, looked_up=True)
            if claim is Claim.OUTDATED:
                return
            self._outbox.expect_reply()
            if claim is Claim.NEW:
                self._do_once(Notices(session, claimed), act, resume=resume)

    def _do_once(self, notices: Notices, act: Callable[[Notices], None], *, resume: bool) -> None:
        """In one's turn to post: do what was claimed."""
        try:
            notices.look_up(self._parts.store, self._parts.people)
            if resume or not notices.told:
                act(notices)
        except ProtocolError as error:
            notices.fail(error)
        except StoreError as error:
            log.error("what a moderator asked for was not done: %s", error)
            notices.fail(unavailable())
        else:
            notices.finish()


METHODS: dict[type, Callable[[Moderation, Any], ServerMessage | None]] = {
    messages.Kick: Moderation.kick,
    messages.Ban: Moderation.ban,
    messages.Unban: Moderation.unban,
    messages.Mute: Moderation.mute,
    messages.Unmute: Moderation.unmute,
    messages.Bans: Moderation.bans,
    messages.Slow: Moderation.slow,
    messages.Lock: Moderation.lock,
    messages.Announce: Moderation.announce,
    messages.Freeze: Moderation.freeze,
    messages.Unfreeze: Moderation.unfreeze,
    messages.Hand: Moderation.hand,
    messages.Hands: Moderation.hands,
}
