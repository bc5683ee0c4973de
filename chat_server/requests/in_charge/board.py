"""What stands at the top of a room: moderators pin messages there."""

from chat_server.requests.context import Caller
from chat_server.requests.in_charge.acting import moderator, named_room
from protocol import messages
from protocol.messages import Ok


def pin(caller: Caller, request: messages.Pin) -> Ok:
    """Keep a message at the top of its room."""
    actor, room = moderator(caller, to="pin messages"), named_room(caller, request.room)
    caller.context.pins.pin(actor, room, request.seq)
    caller.context.people.settle()
    return Ok(re=request.id, seq=request.seq)


def unpin(caller: Caller, request: messages.Unpin) -> Ok:
    """Keep a message at the top of its room no longer."""
    actor, room = moderator(caller, to="pin messages"), named_room(caller, request.room)
    caller.context.pins.unpin(actor, room, request.seq)
    caller.context.people.settle()
    return Ok(re=request.id, seq=request.seq)
