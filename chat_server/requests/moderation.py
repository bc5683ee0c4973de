"""Keeping order: what moderators may do to people and rooms, and raised hands.

A role is looked at when the request comes. What an act leaves in the log of a room, it leaves there
once, however often the request is sent: see `_once`.
"""

import logging
from collections.abc import Callable

from msgspec import UNSET

from chat_server.delivery.replies import fitting, unavailable
from chat_server.identity.records import Asked, Sanction
from chat_server.identity.roles import Role
from chat_server.moderation.notices import Notices
from chat_server.moderation.targets import Actor
from chat_server.requests.context import Caller
from chat_server.rooms.room import Draft, Room
from chat_server.rooms.session import Claim
from chat_server.runtime.errors import StoreError
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import BanEntry, Message, Ok, Page
from protocol.text import normalize_nick, normalize_room, normalize_text

log = logging.getLogger(__name__)


# -- people ----------------------------------------------------------------------------------------


def kick(caller: Caller, request: messages.Kick) -> None:
    """End somebody's connection."""
    actor = _actor(caller, request.id)
    _once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_people.kick(
            actor, request.who, request.reason, notices
        ),
    )


def ban(caller: Caller, request: messages.Ban) -> Ok:
    """Let somebody in no more."""
    actor = _actor(caller, request.id)
    return _unless_done(
        caller,
        request.id,
        lambda: caller.context.acts_on_people.ban(
            actor,
            request.who,
            request.reason,
            request.seconds,
            address=bool(request.address),
        ),
    )


def unban(caller: Caller, request: messages.Unban) -> Ok:
    """Let somebody in again."""
    actor = _actor(caller, request.id)
    return _unless_done(
        caller, request.id, lambda: caller.context.acts_on_people.lift(actor, "ban", request.who)
    )


def mute(caller: Caller, request: messages.Mute) -> Ok:
    """Let somebody listen only."""
    actor = _actor(caller, request.id)
    return _unless_done(
        caller,
        request.id,
        lambda: caller.context.acts_on_people.mute(
            actor, request.who, request.reason, request.seconds
        ),
    )


def unmute(caller: Caller, request: messages.Unmute) -> Ok:
    """Let somebody talk again."""
    actor = _actor(caller, request.id)
    return _unless_done(
        caller, request.id, lambda: caller.context.acts_on_people.lift(actor, "mute", request.who)
    )


def bans(caller: Caller, request: messages.Bans) -> Page:
    """List the bans and mutes."""
    _actor(caller)
    after = request.after or 0
    entries = [_entry(each) for each in caller.context.sanctions.all() if each.number > after]
    shown = fitting(entries)
    return Page(re=request.id, more=len(shown) < len(entries), bans=shown)


# -- rooms -----------------------------------------------------------------------------------------


def slow(caller: Caller, request: messages.Slow) -> None:
    """Let each member say something only so often."""
    actor, room = _actor(caller, request.id), _room(caller, request.room)
    _once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.slow(actor, room, request.seconds, notices),
    )


def lock(caller: Caller, request: messages.Lock) -> None:
    """Let nobody else in, or open a room again."""
    actor, room, locked = _actor(caller, request.id), _room(caller, request.room), request.locked
    _once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.lock(
            actor, room, locked=locked, notices=notices
        ),
    )


def announce(caller: Caller, request: messages.Announce) -> None:
    """Say something as a notice, in one room or in all that somebody is in."""
    actor, text = _actor(caller, request.id), normalize_text(request.text)
    room = _room_or_all(caller, request.room)
    _once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.announce(actor, room, text, notices),
        resume=True,
    )


def freeze(caller: Caller, request: messages.Freeze) -> None:
    """Let only moderators and some others speak, in one room or in all."""
    actor, room = _actor(caller, request.id), _room_or_all(caller, request.room)
    _once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.freeze(
            actor, room, request.seconds, request.speakers, notices
        ),
    )


def unfreeze(caller: Caller, request: messages.Unfreeze) -> None:
    """Let everybody speak again."""
    actor, room = _actor(caller, request.id), _room_or_all(caller, request.room)
    _once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.unfreeze(actor, room, notices),
    )


# -- hands -----------------------------------------------------------------------------------------


def hand(caller: Caller, request: messages.Hand) -> Ok:
    """Raise one's hand, or take it down."""
    name = normalize_room(request.room)
    room = caller.context.rooms.find(name)
    if room is None or caller.outbox.member_in(room) is None:
        raise ProtocolError(Code.NOT_IN_ROOM, f"you are not in {name}: join it first")
    if request.up:
        caller.context.hands.raise_hand(room, caller.session)
    else:
        caller.context.hands.lower_hand(room, caller.session)
    return Ok(re=request.id)


def hands(caller: Caller, request: messages.Hands) -> Page:
    """List whose hands are up, in the order in which they were raised."""
    _actor(caller)
    after = None if request.after is None else normalize_nick(request.after)
    nicks = caller.context.hands.nicks(_room(caller, request.room), after)
    shown = fitting(nicks)
    return Page(re=request.id, more=len(shown) < len(nicks), hands=shown)


# -- below -----------------------------------------------------------------------------------------


def _actor(caller: Caller, request: int | None = None) -> Actor:
    """Who asks; `request` is its id, if it is to be done once.

    Raises:
        ProtocolError: `forbidden`, for who is no moderator.
    """
    role = caller.role
    if role < Role.MODERATOR:
        raise ProtocolError(Code.FORBIDDEN, "only moderators and owners may do that")
    return Actor(caller.session.nick, role, caller.session, request)


def _room(caller: Caller, name: str) -> Room:
    name = normalize_room(name)
    room = caller.context.rooms.find(name)
    if room is None:
        raise ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {name}")
    return room


def _room_or_all(caller: Caller, name: str | None) -> Room | None:
    return None if name is None else _room(caller, name)


def _entry(sanction: Sanction) -> BanEntry:
    return BanEntry(
        number=sanction.number,
        act=sanction.act,
        who=sanction.who,
        reason=sanction.reason,
        by=sanction.by,
        time=sanction.time,
        until=UNSET if sanction.until is None else sanction.until,
    )


def _unless_done(caller: Caller, request: int, act: Callable[[], None]) -> Ok:
    """Do something that leaves no notice, unless the request came before, and was done."""
    with caller.session.posting:  # the same may be under way on the connection before
        if not caller.context.people.was_done(Asked(caller.session.token, request)):
            act()
    return Ok(re=request)


def _once(
    caller: Caller, request: int, act: Callable[[Notices], None], *, resume: bool = False
) -> None:
    """Do something that leaves notices, and reply when all of them are stored.

    A request that comes again is not done again. What it did is kept in one transaction with
    the fact that it is done, and the notices come after that; where none of them is in the
    store, they are written.

    Args:
        caller: who asks.
        request: its id.
        act: does it unless `notices.begun`, and writes the notices.
        resume: the notices are what it is about: those that are missing are written.
    """
    session = caller.session
    number = caller.keep_session()
    notice = Message.unnumbered(session.nick, "notice", "", bot=caller.connection.is_bot)
    claimed = Draft(session, number, request, notice, [caller.outbox])
    with session.posting:
        claim = session.claim(caller.connection, claimed)
        if claim is Claim.PERHAPS_STORED:  # which the notices themselves say
            claim = session.claim(caller.connection, claimed, looked_up=True)
        if claim is Claim.OUTDATED:
            return
        caller.outbox.expect_reply()
        if claim is Claim.NEW:
            _do_once(caller, Notices(session, claimed), act, resume=resume)


def _do_once(
    caller: Caller, notices: Notices, act: Callable[[Notices], None], *, resume: bool
) -> None:
    """With `Session.posting` held: do what was claimed."""
    try:
        notices.look_up(caller.context.store, caller.context.people)
        if resume or not notices.told:
            act(notices)
    except ProtocolError as error:
        notices.fail(error)
    except StoreError as error:
        log.error("what a moderator asked for was not done: %s", error)
        notices.fail(unavailable())
    else:
        notices.finish()
