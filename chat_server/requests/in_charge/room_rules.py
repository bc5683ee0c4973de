"""The rules of a room: what holds there, who changes that, and who is invited."""

from msgspec import UNSET

from chat_server.moderation.in_force.permissions import has_owner
from chat_server.requests.context import Caller
from chat_server.requests.in_charge.acting import do_once, do_unless_done, moderator, named_room
from chat_server.requests.membership import readable_room
from chat_server.rooms.policy import NO_POLICY, RoomPolicy
from chat_server.rooms.room import Room
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Ok, RoomRules

_RULES = ("topic", "read_only", "invite_only", "forget", "images")


def rules(caller: Caller, request: messages.Rules) -> Ok:
    """Say what holds in a room, to who is in it and to moderators."""
    in_charge = caller.context.permissions.is_moderator(caller.session)
    named = named_room if in_charge else readable_room
    room = named(caller, request.room)
    shown = _shown(caller, room, room.policy or NO_POLICY, in_charge=in_charge)
    return Ok(re=request.id, room=room.name, rules=shown)


def set_rules(caller: Caller, request: messages.SetRules) -> None:
    """Change what holds in a room."""
    actor, room = moderator(caller, request.id), named_room(caller, request.room)
    if all(getattr(request, rule) is None for rule in _RULES):
        named = ", ".join(f"`{rule}`" for rule in _RULES[:-1])
        raise ProtocolError(Code.BAD_REQUEST, f"No rule is named: set {named} or `{_RULES[-1]}`.")
    do_once(
        caller,
        request.id,
        lambda notices: caller.context.acts_on_rooms.set_rules(actor, room, request, notices),
    )


def invite(caller: Caller, request: messages.Invite) -> Ok:
    """Let somebody into a room."""
    actor, room = moderator(caller, request.id), named_room(caller, request.room)
    guests = caller.context.guests
    return do_unless_done(caller, request.id, lambda: guests.invite(actor, room, request.who))


def uninvite(caller: Caller, request: messages.Uninvite) -> Ok:
    """Take an invitation back."""
    actor, room = moderator(caller, request.id), named_room(caller, request.room)
    guests = caller.context.guests
    return do_unless_done(caller, request.id, lambda: guests.uninvite(actor, room, request.who))


def _shown(caller: Caller, room: Room, policy: RoomPolicy, *, in_charge: bool) -> RoomRules:
    freeze = policy.frozen(caller.context.clock.monotonic())
    topic = policy.topic or ("moderators" if has_owner(room) else "everybody")
    invited = sorted(guest.shown for guest in policy.guests)
    return RoomRules(
        topic=topic,
        topic_by_default=not policy.topic,
        read_only=policy.read_only,
        invite_only=bool(policy.invite_by),
        invited=invited if in_charge and invited else UNSET,
        locked=policy.lock is not None,
        frozen=freeze.by if freeze else "",
        until=freeze.until if freeze and freeze.until is not None else UNSET,
        slow=policy.slow or UNSET,
        forget=policy.forget,
        images=policy.images,
    )
