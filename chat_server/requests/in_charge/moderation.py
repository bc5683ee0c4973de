"""Keeping order: what moderators may do to people and rooms."""

from msgspec import UNSET

from chat_server.delivery.replies import fitting
from chat_server.identity.store.records import Sanction
from chat_server.requests.context import Caller
from chat_server.requests.in_charge.acting import do_once, do_unless_done, moderator, named_room
from chat_server.rooms.room import Room
from protocol import messages
from protocol.messages import BanEntry, Ok, Page
from protocol.text import normalize_text

# -- people ----------------------------------------------------------------------------------------


def kick(caller: Caller, request: messages.Kick) -> None:
    """End somebody's connection."""
    actor = moderator(caller, request.id)
    do_once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_people.kick(
            actor, request.who, request.reason, notices
        ),
    )


def ban(caller: Caller, request: messages.Ban) -> Ok:
    """Let somebody in no more."""
    actor = moderator(caller, request.id)
    return do_unless_done(
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
    actor = moderator(caller, request.id)
    return do_unless_done(
        caller, request.id, lambda: caller.context.acts_on_people.lift(actor, "ban", request.who)
    )


def mute(caller: Caller, request: messages.Mute) -> Ok:
    """Let somebody listen only."""
    actor = moderator(caller, request.id)
    return do_unless_done(
        caller,
        request.id,
        lambda: caller.context.acts_on_people.mute(
            actor, request.who, request.reason, request.seconds
        ),
    )


def unmute(caller: Caller, request: messages.Unmute) -> Ok:
    """Let somebody talk again."""
    actor = moderator(caller, request.id)
    return do_unless_done(
        caller, request.id, lambda: caller.context.acts_on_people.lift(actor, "mute", request.who)
    )


def bans(caller: Caller, request: messages.Bans) -> Page:
    """List the bans and mutes."""
    moderator(caller)
    after = request.after or 0
    entries = [_entry(each) for each in caller.context.sanctions.all() if each.number > after]
    shown = fitting(entries)
    return Page(re=request.id, more=len(shown) < len(entries), bans=shown)


# -- rooms -----------------------------------------------------------------------------------------


def slow(caller: Caller, request: messages.Slow) -> None:
    """Let each member say something only so often."""
    actor, room = moderator(caller, request.id), named_room(caller, request.room)
    do_once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.slow(actor, room, request.seconds, notices),
    )


def lock(caller: Caller, request: messages.Lock) -> None:
    """Let nobody else in, or open a room again."""
    actor, room, locked = (
        moderator(caller, request.id),
        named_room(caller, request.room),
        request.locked,
    )
    do_once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.lock(
            actor, room, locked=locked, notices=notices
        ),
    )


def announce(caller: Caller, request: messages.Announce) -> None:
    """Say something as a notice, in one room or in all that somebody is in."""
    actor, text = moderator(caller, request.id), normalize_text(request.text)
    room = _room_or_all(caller, request.room)
    do_once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.announce(actor, room, text, notices),
        resume=True,
    )


def freeze(caller: Caller, request: messages.Freeze) -> None:
    """Let only moderators and some others speak, in one room or in all."""
    actor, room = moderator(caller, request.id), _room_or_all(caller, request.room)
    do_once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.freeze(
            actor, room, request.seconds, request.speakers, notices
        ),
    )


def unfreeze(caller: Caller, request: messages.Unfreeze) -> None:
    """Let everybody speak again."""
    actor, room = moderator(caller, request.id), _room_or_all(caller, request.room)
    do_once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.unfreeze(actor, room, notices),
    )


# -- below -----------------------------------------------------------------------------------------


def _room_or_all(caller: Caller, name: str | None) -> Room | None:
    return None if name is None else named_room(caller, name)


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
