"""Taking back, or changing, what was said: entries of the log that name the message they change.

Authors may edit and delete their own messages for some time; moderators may delete anybody's, at
any time. Whoever may not talk may do neither: everybody in the room reads the entry.
"""

from functools import partial

from chat_server.identity.roles import Role
from chat_server.requests.context import Caller
from chat_server.requests.membership import membership
from chat_server.requests.talk.posting import Conditions, post
from chat_server.rooms.room import Room
from chat_server.storage.interface import Said
from protocol import messages
from protocol.common.durations import show_duration
from protocol.errors import Code, ProtocolError
from protocol.messages import CHANGES, Message, Ok
from protocol.text import normalize_reason, normalize_text

EDITS_LIMIT = 20
"""How often one message may be edited: what it said each time is kept for the owner."""

_EDITED = frozenset({"text", "action", "code"})
"""The kinds that authors may edit: what others rely on, such as the result of a poll, stays."""


def edit(caller: Caller, request: messages.Edit) -> Ok | None:
    """Give a message another text."""
    room = membership(caller, request.room).room
    text = normalize_text(request.text)
    return _change(caller, room, request, "edit", text, "")


def delete(caller: Caller, request: messages.Delete) -> Ok | None:
    """Take a message back."""
    room = membership(caller, request.room).room
    reason = normalize_reason(request.reason) if request.reason else ""
    because = f": {reason}" if reason else ""
    text = normalize_text(f"deleted message {request.seq}{because}")
    return _change(caller, room, request, "delete", text, reason)


def _change(
    caller: Caller,
    room: Room,
    request: messages.Edit | messages.Delete,
    kind: str,
    text: str,
    reason: str,
) -> Ok | None:
    conditions = Conditions(
        partial(_check, caller, room, request.seq, kind),
        partial(_note, caller, room, request, kind, reason),
    )
    return post(caller, room, request.id, kind, text, {"changes": request.seq}, conditions)


def _check(caller: Caller, room: Room, seq: int, kind: str) -> None:
    """See that the caller may change a message.

    Raises:
        ProtocolError: `no_such_message`; `forbidden`.
        StoreError: the log could not be read.
    """
    said, is_own = _look_up(caller, room, seq)
    if said is None:
        raise ProtocolError(
            Code.NO_SUCH_MESSAGE, f"no message {seq} of {room.name} is kept: see its history"
        )
    message = said.message
    if message.deleted:
        raise ProtocolError(Code.FORBIDDEN, f"message {seq} is deleted already")
    stays = message.kind in CHANGES if kind == "delete" else message.kind not in _EDITED
    if stays:
        raise ProtocolError(
            Code.FORBIDDEN, f"message {seq} is a line of the kind {message.kind!r}: it stays"
        )
    if kind == "delete" and caller.role >= Role.MODERATOR:
        return
    if not is_own:
        others = "only its author may edit it"
        if kind == "delete":
            others = "only its author or a moderator may delete it"
        raise ProtocolError(Code.FORBIDDEN, f"message {seq} is of {message.from_!r}: {others}")
    _check_age(caller, message)
    if kind == "edit" and said.edits >= EDITS_LIMIT:
        raise ProtocolError(
            Code.FORBIDDEN, f"message {seq} was edited {said.edits} times: say it anew"
        )


def _look_up(caller: Caller, room: Room, seq: int) -> tuple[Said | None, bool]:
    """Return a message, and whether the caller said it, once the caller is at the head of the queue
    of those who read.
    """
    caller.pause()
    with caller.context.long_queue.at_head(caller.outbox):
        said = caller.context.store.said(room.name, seq)
        return said, said is not None and _is_own(caller, said)


def _check_age(caller: Caller, message: Message) -> None:
    """See that a message is not too old to be changed by its author."""
    longest = caller.context.settings.edit_time
    if longest is None or caller.context.clock.time() - message.time <= longest:
        return
    raise ProtocolError(
        Code.FORBIDDEN,
        f"message {message.seq} is older than {show_duration(longest)}, after which its author may "
        "not change it: ask a moderator to delete it",
    )


def _is_own(caller: Caller, said: Said) -> bool:
    """Whether the caller said it, in this session or in another one of the same account.

    A nick says nothing: it may be somebody else's by now.
    """
    session = caller.session
    if said.session is None:
        return False
    if said.session == session.number:
        return True
    if session.account is None:
        return False
    token = caller.context.store.sessions.token(said.session)
    kept = caller.context.people.membership(token) if token is not None else None
    return kept is not None and kept.account == session.account


def _note(
    caller: Caller, room: Room, request: messages.Edit | messages.Delete, kind: str, reason: str
) -> None:
    """Write the line of the audit log, once, whatever comes of the entry of the room's log."""
    actor = caller.actor(request.id)
    where = f"{room.name}/{request.seq}"
    act = actor.did(kind, caller.context.clock.time(), where, reason=reason)
    caller.context.people.note_once(act)
