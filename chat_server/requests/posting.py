"""Saying something to a room, whose log keeps it."""

from typing import Any

from chat_server.delivery.replies import refusal
from chat_server.requests.context import Caller
from chat_server.requests.membership import membership
from chat_server.rooms.room import Draft, Room
from chat_server.rooms.session import Claim
from chat_server.storage.interface import UNNUMBERED
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Message, Ok
from protocol.text import normalize_text, normalize_topic


def say(caller: Caller, request: messages.Say) -> Ok | None:
    """Append to a room's log."""
    room = membership(caller, request.room).room
    kind, text = request.kind or "text", normalize_text(request.text)
    if request.language and kind != "code":
        raise ProtocolError(
            Code.BAD_REQUEST, "`language` is for a text of kind `code`: leave it out"
        )
    return post(caller, room, request.id, kind, text, language=request.language or "")


def topic(caller: Caller, request: messages.Topic) -> Ok | None:
    """Set a room's topic, which is an entry of its log."""
    room = membership(caller, request.room).room
    return post(caller, room, request.id, "topic", normalize_topic(request.topic))


def post(caller: Caller, room: Room, request: int, kind: str, text: str, **marks: Any) -> Ok | None:
    """Let something be stored, once. The delivery worker replies, when it is.

    Args:
        caller: who says it.
        room: where.
        request: the id of the request.
        kind: the kind of message.
        text: the text.
        marks: members that the message has besides.
    """
    session = caller.session
    number = caller.keep_session()
    while room.is_full:
        caller.pause()
        room.wait_for_space()
        caller.context.short_queue.enter(caller.outbox)  # one after the other, or all fill it again
    bot = caller.connection.is_bot
    message = Message(room.name, UNNUMBERED, 0.0, session.nick, kind, text, bot, **marks)
    draft = Draft(session, number, request, message, [caller.outbox])
    if _claim_and_post(caller, room, draft) is not Claim.PERHAPS_STORED:
        return None
    # Not under `posting`: the session's next connection need not wait for the disk.
    caller.pause()
    seq = caller.context.store.find_request(number, request)
    if seq is not None:
        return Ok(re=request, seq=seq)
    if caller.context.store.was_deleted(room.name, number, request):
        return Ok(re=request, gone=True)
    _claim_and_post(caller, room, draft, looked_up=True)
    return None


def _claim_and_post(caller: Caller, room: Room, draft: Draft, *, looked_up: bool = False) -> Claim:
    """Post a draft, if this connection may do that and it is new.

    Args:
        caller: whose draft it is.
        room: where it is to be said.
        draft: what is to be said.
        looked_up: the store was asked, and does not have it.
    """
    session = caller.session
    with session.posting:
        claim = session.claim(caller.connection, draft, looked_up=looked_up)
        if claim in (Claim.NEW, Claim.PENDING):
            caller.outbox.expect_reply(draft.cost)
        if claim is Claim.NEW:
            try:
                free = room.policy is None and caller.voiced == caller.context.sanctions.version
                if not (free and room.post(draft, None)):
                    _let_say(caller, room, draft)
            except MemoryError:  # it was not posted: sent again, it is new
                session.settle(draft)
                raise
    return claim


def _let_say(caller: Caller, room: Room, draft: Draft) -> None:
    """Post what is new, if its author may talk. What is stored already needs no leave."""
    try:
        caller.check_voice()
        _post_by_rules(caller, room, draft)
    except ProtocolError as error:
        caller.outbox.expect_no_reply(draft.cost)
        reply = refusal(draft.request, error)
        for outbox in caller.session.settle(draft):
            if outbox is not caller.outbox:
                outbox.reply([reply])
        raise


def _post_by_rules(caller: Caller, room: Room, draft: Draft) -> None:
    """Post a draft by the rules of its room; by the new ones, if they change meanwhile."""
    permissions, posted = caller.context.permissions, False
    while not posted:
        policy = room.policy
        if policy is not None:
            permissions.admit_message(room, policy, caller.session)
        posted = room.post(draft, policy)
        if not posted and policy is not None:
            permissions.withdraw_message(room, caller.session)
