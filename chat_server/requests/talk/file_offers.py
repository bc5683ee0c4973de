"""Files that are offered in rooms. What they hold goes by HTTP: `gateways/web/file_transfer`."""

from urllib.parse import quote

from chat_server.requests.context import Caller
from chat_server.requests.membership import membership
from chat_server.requests.talk.posting import post
from chat_server.rooms.policy import person_key, person_keys
from chat_server.rooms.room import Room
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.file_names import shown_size
from protocol.messages import Ok


def offer(caller: Caller, request: messages.Offer) -> Ok:
    """Give a place to a file, for whoever may talk in the room."""
    room = membership(caller, request.room).room
    _check_voice(caller, room)
    record, secret, have = caller.context.files.offer(
        person_key(caller.session), room.name, request.name, request.size, request.sha256 or ""
    )
    return Ok(re=request.id, file=record.id, upload=f"{record.path}/{secret}", have=have)


def share(caller: Caller, request: messages.Share) -> Ok | None:
    """Offer a file in its room that has arrived."""
    room = membership(caller, request.room).room
    _check_voice(caller, room)
    record = caller.context.files.find(request.file)
    if record is None or record.owner != person_key(caller.session) or record.room != room.name:
        raise ProtocolError(
            Code.FORBIDDEN, "you have no such file for this room: `offer` it, and send it"
        )
    if not record.whole:
        raise ProtocolError(Code.FORBIDDEN, "the file has not arrived: send the rest of it first")
    number = caller.keep_session()
    caller.context.files.note_said(record, number, request.id)
    path = f"{record.path}/{quote(record.name)}"
    text = f"{record.name}, {shown_size(record.size)}: {path}"
    marks = {"file": path, "size": record.size, "sha256": record.sha256}
    if record.image is not None:
        marks["image"] = record.image
    caller.context.short_queue.enter(caller.outbox)  # as every other message
    return post(caller, room, request.id, "file", text, marks)


def _check_voice(caller: Caller, room: Room) -> None:
    """See that the caller may talk there just now; slow mode counts when the file is offered.

    Raises:
        ProtocolError: `muted`.
    """
    caller.check_voice()
    policy = room.policy
    if policy is not None and not caller.context.permissions.is_moderator(caller.session):
        policy.check_speaker(person_keys(caller.session), caller.context.clock.monotonic())
