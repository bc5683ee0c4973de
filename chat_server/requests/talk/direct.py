"""Direct messages: to one person who is here, or kept for one who is away."""

import logging

from chat_server.identity.roles import Role
from chat_server.requests.context import Caller, Context
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.people.session import Session
from chat_server.runtime.errors import StoreError
from chat_server.storage.interface import DirectOutcome
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Ok
from protocol.text import normalize_nick, normalize_text

log = logging.getLogger(__name__)

READER_RETRY_AFTER = 5.0
"""Seconds after which somebody who does not read just now may read again."""

ANSWER_RETRY_AFTER = 15.0
"""Seconds after which a server that does not answer does so again, or counts as dead."""


def tell(caller: Caller, request: messages.Tell) -> Ok:
    """Send one person a text, which is kept only if they are away."""
    text = normalize_text(request.text)
    nick = normalize_nick(request.to)
    recipient = caller.context.registry.session_called(nick)
    if recipient is None or recipient.connection is None:
        if _tell_elsewhere(caller, nick, text):
            return Ok(re=request.id)
        return _tell_away(caller, request.id, nick, text)
    _tell_here(caller, recipient, text)
    return Ok(re=request.id)


def _tell_elsewhere(caller: Caller, nick: str, text: str) -> bool:
    """Send a text to somebody on another server. Return whether they are on one."""
    neighbours = caller.context.store.neighbours
    if neighbours is None:
        return False
    caller.pause()
    recipient = caller.context.registry.elsewhere(nick)
    if recipient is None:
        return False
    _check_may_tell(caller, recipient)
    outcome = neighbours.tell(_direct(caller, nick, text))
    if outcome is DirectOutcome.FULL:
        raise _does_not_read(nick)
    if outcome is DirectOutcome.UNKNOWN:
        raise ProtocolError(
            Code.UNAVAILABLE,
            f"the server that {nick!r} is on does not answer: whether they have it is not known. "
            "Ask them, or try again later",
            retry_after=ANSWER_RETRY_AFTER,
        )
    return outcome is DirectOutcome.SENT


def hear(context: Context, direct: messages.Direct) -> DirectOutcome:
    """Give somebody who is here a message that was sent on another server."""
    recipient = context.registry.session_called(direct.to)
    connection = recipient.connection if recipient is not None else None
    if connection is None:
        return DirectOutcome.NOBODY
    is_sent = connection.outbox.put_if_short(Broadcast(direct))
    return DirectOutcome.SENT if is_sent else DirectOutcome.FULL


def late(caller: Caller, request: messages.Late) -> Ok:
    """Say whether messages are kept for the caller, and change it if that is wanted."""
    kept, session = caller.context.late, caller.session
    caller.pause()
    if request.on is not None:
        kept.want(session, wanted=request.on)
    return Ok(re=request.id, late=kept.is_wanted(session))


def _direct(caller: Caller, to: str, text: str) -> messages.Direct:
    return messages.Direct(
        time=caller.context.clock.time(),
        from_=caller.session.nick,
        to=to,
        text=text,
        bot=caller.connection.is_bot,
    )


def _check_may_tell(caller: Caller, recipient: Session) -> None:
    """Refuse somebody who is muted, unless they ask a moderator why."""
    if not caller.context.permissions.is_moderator(recipient):
        caller.check_voice()


def _tell_here(caller: Caller, recipient: Session, text: str) -> None:
    """Send a text to somebody who is here."""
    connection = recipient.connection
    _check_may_tell(caller, recipient)
    direct = _direct(caller, recipient.nick, text)
    if connection is None or not connection.outbox.put_if_short(Broadcast(direct)):
        raise _does_not_read(recipient.nick)


def _does_not_read(nick: str) -> ProtocolError:
    return ProtocolError(
        Code.UNAVAILABLE,
        f"{nick!r} is here but does not read just now: try again later",
        retry_after=READER_RETRY_AFTER,
    )


def _tell_away(caller: Caller, request: int, nick: str, text: str) -> Ok:
    """Keep a text for somebody who is away; or send it, if they are here under another nick."""
    context = caller.context
    caller.pause()
    away = context.late.away(nick)
    if away is None:
        raise ProtocolError(Code.NO_SUCH_NICK, f"nobody here is called {nick!r}")
    if away.role < Role.MODERATOR:
        caller.check_voice()
    caller.keep_session()
    is_bot = caller.connection.is_bot
    if context.late.keep(away, caller.session, caller.connection.host, text, bot=is_bot):
        return Ok(re=request, kept=True)
    recipient = context.registry.connected(away.who)
    if recipient is None:  # gone again in this moment
        raise ProtocolError(
            Code.UNAVAILABLE, f"{nick!r} comes and goes: try again", retry_after=READER_RETRY_AFTER
        )
    _tell_here(caller, recipient, text)
    return Ok(re=request)


def deliver_late(caller: Caller) -> None:
    """Send the caller, who has just come in or logged in, what waited for them."""
    try:
        caller.context.late.deliver(caller.session)
    except StoreError as error:
        log.error("direct messages for %s could not be read: %s", caller.session.nick, error)
