"""Saying something to a room, whose log keeps it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from chat_server.delivery.fair_queue import STRETCH
from chat_server.delivery.replies import refusal
from chat_server.requests.context import Caller
from chat_server.requests.membership import membership
from chat_server.rooms.people.session import Claim
from chat_server.rooms.room import Draft, Room
from chat_server.storage.interface import UNNUMBERED
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Message, Ok
from protocol.text import normalize_text, normalize_topic

log = logging.getLogger(__name__)

_NO_MARKS: Mapping[str, Any] = MappingProxyType({})


class Conditions(NamedTuple):
    """On which something is said that not everybody may say of everything.

    Both may wait for the disk. They are asked of what is new, before it is claimed: so nobody waits
    for them.

    Attributes:
        check: raises ProtocolError if it may not be said.
        note: keeps what has to be kept of it before it is said; done twice it does no harm.
    """

    check: Callable[[], None]
    note: Callable[[], None]


def say(caller: Caller, request: messages.Say) -> Ok | None:
    """Append to a room's log."""
    room = membership(caller, request.room).room
    text = normalize_text(request.text)
    return post(caller, room, request.id, request.kind or "text", text, _marks_of(request, room))


def say_freely(caller: Caller, requests: Sequence[messages.Say]) -> int:
    """Append texts for one room that came together, in one step, as far as nothing binds them.

    What needs a closer look is left to `say`: it refuses, waits, or asks the store.

    Args:
        caller: who says them.
        requests: the texts, in order.

    Returns: how many of them were posted, from the first.
    """
    member, session, outbox = caller.member, caller.session, caller.outbox
    if member is None or not member.admitted or member.room.name != requests[0].room:
        return 0
    room = member.room
    if session.number is None or room.is_full or not caller.has_voice():
        return 0
    caller.context.short_queue.enter(outbox)
    drafts = _plain_drafts(caller, room, session.number, requests)
    with session.posting:
        if not session.claim_new(caller.connection, drafts):
            return 0
        outbox.expect_reply(_cost_of(drafts), len(drafts))
        posted = room.post_freely(drafts, caller.has_voice)
        if posted < len(drafts):
            left = drafts[posted:]
            session.withdraw(left)
            outbox.expect_no_reply(_cost_of(left), len(left))
    return posted


def _plain_drafts(
    caller: Caller, room: Room, number: int, requests: Sequence[messages.Say]
) -> list[Draft]:
    """Return drafts of texts, up to the first that has marks or breaks a rule, for no longer than a
    stretch of the fair queue: a hundred that are slow to normalise may come in one packet.

    Args:
        caller: who says them.
        room: where.
        number: the caller's session's in the store.
        requests: the texts.
    """
    session, waiters = caller.session, (caller.outbox,)
    name, nick, bot, role = room.name, session.nick, caller.connection.is_bot, caller.mark
    drafts: list[Draft] = []
    now = time.monotonic()
    ends = now + STRETCH
    for request in requests:
        if drafts and (now := time.monotonic()) >= ends:
            break
        if request.language is not None or request.reply_to is not None:
            break
        try:
            text = normalize_text(request.text)
        except ProtocolError:
            break
        kind = request.kind or "text"
        message = Message(name, UNNUMBERED, 0.0, nick, kind, text, bot=bot, role=role)
        drafts.append(Draft(session, number, request.id, message, waiters, now))
    return drafts


def _cost_of(drafts: Sequence[Draft]) -> int:
    return sum([draft.cost for draft in drafts])


def _marks_of(request: messages.Say, room: Room) -> Mapping[str, Any]:
    """Return what a message has besides its text. Raises ProtocolError if it may not."""
    if request.language is None and request.reply_to is None:
        return _NO_MARKS
    reply_to = request.reply_to or 0
    if request.language and request.kind != "code":
        raise ProtocolError(
            Code.BAD_REQUEST, "`language` is for a text of kind `code`: leave it out"
        )
    if reply_to > room.last:
        raise ProtocolError(
            Code.NO_SUCH_MESSAGE, f"there is no message {reply_to} in {room.name}: it has no reply"
        )
    return {"language": request.language or "", "reply_to": reply_to}


def topic(caller: Caller, request: messages.Topic) -> Ok | None:
    """Set a room's topic, which is an entry of its log."""
    room = membership(caller, request.room).room
    return post(caller, room, request.id, "topic", normalize_topic(request.topic))


def post(
    caller: Caller,
    room: Room,
    request: int,
    kind: str,
    text: str,
    marks: Mapping[str, Any] = _NO_MARKS,
    conditions: Conditions | None = None,
) -> Ok | None:
    """Let something be stored, once. The delivery worker replies, when it is.

    Args:
        caller: who says it.
        room: where.
        request: the id of the request.
        kind: the kind of message.
        text: the text.
        marks: members that the message has besides.
        conditions: on which it is said.

    Raises:
        ProtocolError: it may not be said.
        StoreError: something could not be looked up, or kept.
    """
    number = caller.keep_session()
    try:
        return _post(caller, room, number, request, kind, text, marks, conditions)
    except ProtocolError:
        # Another server may have got it first, and stored it since this one looked: what it has
        # changed by then is no reason to refuse it.
        stored = caller.context.store.neighbours and _stored(caller, room, number, request)
        if not stored:
            raise
        return stored


def _post(
    caller: Caller,
    room: Room,
    number: int,
    request: int,
    kind: str,
    text: str,
    marks: Mapping[str, Any],
    conditions: Conditions | None,
) -> Ok | None:
    """With the session kept, as `number`: the same."""
    session = caller.session
    if conditions is not None and request > session.newest:
        _meet(caller, room, conditions)
    while room.is_full:
        caller.pause()
        room.wait_for_space()
        caller.context.short_queue.enter(caller.outbox)  # one after the other, or all fill it again
    bot, role = caller.connection.is_bot, caller.mark
    message = Message(
        room.name, UNNUMBERED, 0.0, session.nick, kind, text, bot=bot, role=role, **marks
    )
    draft = Draft(session, number, request, message, (caller.outbox,))
    if _claim_and_post(caller, room, draft) is not Claim.PERHAPS_STORED:
        return None
    # Not under `posting`: the session's next connection need not wait for the disk.
    stored = _stored(caller, room, number, request)
    if stored is not None:
        return stored
    if conditions is not None:
        _meet(caller, room, conditions)
    _claim_and_post(caller, room, draft, looked_up=True)
    return None


def _stored(caller: Caller, room: Room, number: int, request: int) -> Ok | None:
    """Return the reply to a request of a session that the store has; None if it has it not."""
    caller.pause()
    store = caller.context.store
    seq = store.find_request(room.name, number, request)
    if seq is not None:
        return Ok(re=request, seq=seq)
    if store.was_deleted(room.name, number, request):
        return Ok(re=request, gone=True)
    return None


def _meet(caller: Caller, room: Room, conditions: Conditions) -> None:
    """See that something may be said, and keep what has to be kept of it.

    Raises:
        ProtocolError: it may not.
        StoreError: that could not be looked up, or kept.
    """
    conditions.check()
    caller.check_voice()
    policy = room.policy
    if policy is not None:
        caller.context.permissions.admit_message(room, policy, caller.session)
        caller.context.permissions.withdraw_message(room, caller.session)
    caller.pause()
    conditions.note()
    caller.context.short_queue.enter(caller.outbox)


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
                free = room.policy is None and caller.has_voice()
                free = free and draft.kind != "topic"
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
        _refuse(caller, draft, error)
        raise


def _post_by_rules(caller: Caller, room: Room, draft: Draft) -> None:
    """Post a draft by the rules of its room; by the new ones, if they change meanwhile."""
    permissions, posted = caller.context.permissions, False
    while not posted:
        policy = room.policy
        if draft.kind == "topic":
            permissions.check_topic(room, policy, caller.session)
        if policy is not None:
            permissions.admit_message(room, policy, caller.session)
        try:
            posted = room.post(draft, policy)
        finally:
            if not posted and policy is not None:
                permissions.withdraw_message(room, caller.session)


def _refuse(caller: Caller, draft: Draft, error: ProtocolError) -> None:
    """Forget a draft that is refused, and tell who else waits for its reply."""
    caller.outbox.expect_no_reply(draft.cost)
    reply = refusal(draft.request, error)
    for outbox in caller.session.settle(draft):
        if outbox is not caller.outbox:
            outbox.reply([reply])
