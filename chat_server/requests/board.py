"""What stands at the top of a room: moderators pin messages there."""

from chat_server.identity.roles import Role
from chat_server.moderation.targets import Actor
from chat_server.requests.context import Caller
from chat_server.rooms.room import Room
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Ok
from protocol.text import normalize_room


def pin(caller: Caller, request: messages.Pin) -> Ok:
    """Keep a message at the top of its room."""
    actor, room = _moderator(caller), _room(caller, request.room)
    caller.context.pins.pin(actor, room, request.seq)
    return Ok(re=request.id, seq=request.seq)


def unpin(caller: Caller, request: messages.Unpin) -> Ok:
    """Keep a message at the top of its room no longer."""
    actor, room = _moderator(caller), _room(caller, request.room)
    caller.context.pins.unpin(actor, room, request.seq)
    return Ok(re=request.id, seq=request.seq)


def _moderator(caller: Caller) -> Actor:
    """Who asks.

    Raises:
        ProtocolError: `forbidden`, for who is no moderator.
    """
    role = caller.role
    if role < Role.MODERATOR:
        raise ProtocolError(Code.FORBIDDEN, "only moderators and owners may pin messages")
    return Actor(caller.session.nick, role, caller.session)


def _room(caller: Caller, name: str) -> Room:
    name = normalize_room(name)
    room = caller.context.rooms.find(name)
    if room is None:
        raise ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {name}")
    return room
