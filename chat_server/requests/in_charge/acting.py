"""What all acts of those in charge have in common: who may, in which room, and once.

A role is looked at when the request comes. What an act leaves in the log of a room, it leaves there
once, however often the request is sent: see `do_once`.
"""

import logging
from collections.abc import Callable

from chat_server.delivery.replies import unavailable
from chat_server.identity.roles import Role
from chat_server.identity.store.records import Asked
from chat_server.moderation.notices import Notices
from chat_server.moderation.targets import Actor
from chat_server.requests.context import Caller
from chat_server.requests.membership import no_such_room
from chat_server.rooms.people.session import Claim
from chat_server.rooms.room import Draft, Room
from chat_server.runtime.errors import StoreError
from protocol.errors import Code, ProtocolError
from protocol.messages import Message, Ok
from protocol.text import normalize_room

log = logging.getLogger(__name__)


def moderator(caller: Caller, request: int | None = None, *, to: str = "do that") -> Actor:
    """Return who asks, as `Caller.actor`; `to` says what only moderators may do.

    Whoever may leaves the queue of short requests: what they ask for waits for the disk.

    Raises:
        ProtocolError: `forbidden`, for who is no moderator.
    """
    actor = caller.actor(request)
    if actor.role < Role.MODERATOR:
        raise ProtocolError(Code.FORBIDDEN, f"only moderators and owners may {to}")
    caller.pause()
    return actor


def named_room(caller: Caller, name: str) -> Room:
    """Return the room of that name, whoever is in it.

    Raises:
        ProtocolError: `no_such_room`.
    """
    name = normalize_room(name)
    room = caller.context.rooms.find(name)
    if room is None:
        raise no_such_room(name)
    return room


def do_unless_done(caller: Caller, request: int, act: Callable[[], None]) -> Ok:
    """Do something that leaves no notice, unless the request came before, and was done."""
    with caller.context.acts.of(caller.session.token):  # see `do_once`
        if not caller.context.people.was_done(Asked(caller.session.token, request)):
            act()
    caller.context.people.settle()
    return Ok(re=request)


def do_once(
    caller: Caller, request: int, act: Callable[[Notices], None], *, resume: bool = False
) -> None:
    """Do something that leaves notices, and reply when all of them are stored.

    A request that comes again is not done again. What it did is kept in one transaction with
    the fact that it is done, and the notices come after that; where none of them is in the
    store, they are written.

    The same may be under way on the connection that had the session before: it is waited for.

    Args:
        caller: who asks.
        request: its id.
        act: does it unless `notices.begun`, and writes the notices.
        resume: the notices are what it is about: those that are missing are written.
    """
    session = caller.session
    number = caller.keep_session()
    marks = {"bot": caller.connection.is_bot, "role": caller.mark}
    notice = Message.unnumbered(session.nick, "notice", "", **marks)
    claimed = Draft(session, number, request, notice, (caller.outbox,))
    claimed.cost = 0  # it is not stored itself
    with caller.context.acts.of(session.token):
        with session.posting:
            claim = session.claim(caller.connection, claimed)
            is_new = claim is Claim.NEW and _is_the_only_memory(caller)
            if claim is Claim.PERHAPS_STORED:  # which the notices themselves say
                claim = session.claim(caller.connection, claimed, looked_up=True)
            if claim is Claim.OUTDATED:
                return
            caller.outbox.expect_reply(claimed.cost)
        if claim is Claim.NEW:
            _do_once(caller, Notices(session, claimed), act, resume=resume, is_new=is_new)


def _is_the_only_memory(caller: Caller) -> bool:
    """Whether all that the session ever claimed, it did here and since this server runs."""
    return caller.session.began_here and caller.context.store.neighbours is None


def _do_once(
    caller: Caller, notices: Notices, act: Callable[[Notices], None], *, resume: bool, is_new: bool
) -> None:
    """With the session's acts claimed: do what was claimed. What is new is not looked for: it may
    be refused, and come again as often as the limit allows.
    """
    assert caller.context.acts.has(caller.session.token)
    try:
        if not is_new:
            notices.look_up(caller.context.store, caller.context.people)
        if resume or not notices.told:
            act(notices)
        caller.context.people.settle()
    except ProtocolError as error:
        notices.fail(error)
    except StoreError as error:
        log.error("what a moderator asked for was not done: %s", error)
        notices.fail(unavailable())
    else:
        notices.finish()
