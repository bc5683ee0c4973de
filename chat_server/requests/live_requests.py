"""Looking at the server while it works; and disturbing a connection of one's own, to see what the
rooms do.
"""

import logging
from collections.abc import Callable

from chat_server.delivery.outbox import Outbox
from chat_server.identity.roles import Role
from chat_server.network.transport import hold, release
from chat_server.requests.context import Caller, Context
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import LiveView, Ok
from protocol.text import normalize_nick

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two sends to a connection that is delayed, unless the request names others."""


def live(caller: Caller, request: messages.Live) -> LiveView:
    """Tell an owner what the server does now."""
    _check_owner(caller, "only an owner may look at the live view")
    seen = caller.context.watch.look()
    if not caller.context.settings.no_limits:
        return LiveView(re=request.id, view=seen.look)
    here = caller.connection.host
    own = seen.nicks_from(lambda host: host == here)
    return LiveView(re=request.id, view=seen.look, own=own)


def disturb(caller: Caller, request: messages.Disturb) -> Ok:
    """Hold back what one's own connection is sent, or cut it."""
    _check_owner(caller, "only an owner may disturb a connection")
    here = caller.connection.host
    disturb_connection(
        caller.context, request.who, request.how, request.seconds, lambda host: host == here
    )
    return Ok(re=request.id)


def disturb_connection(
    context: Context,
    who: str,
    how: str,
    seconds: float | None,
    is_own: Callable[[str], bool],
) -> None:
    """Hold back what somebody's connection is sent, or cut it.

    Args:
        context: the server's parts.
        who: a nick.
        how: `suspend`, `delay`, `release` or `cut`.
        seconds: between two sends, for `delay`; None for PAUSE.
        is_own: whether connections from a host belong to who asks.

    Raises:
        ProtocolError: `forbidden`: the server has limits, or it is somebody else's connection;
            `no_such_nick`.
    """
    nick = normalize_nick(who)
    session = context.registry.session_called(nick)
    connection = session.connection if session else None
    if connection is None:
        raise ProtocolError(Code.NO_SUCH_NICK, f"nobody here is called {nick!r}")
    if not context.settings.no_limits:
        raise ProtocolError(
            Code.FORBIDDEN,
            "connections can be disturbed only in a server that was started with --no-limits",
        )
    if not is_own(connection.host):
        raise ProtocolError(
            Code.FORBIDDEN,
            f"{nick!r} is connected from another machine: you may disturb connections of your own",
        )
    outbox = connection.outbox
    assert isinstance(outbox, Outbox)
    log.info("%s is disturbed by an owner: %s", nick, how)
    if how == "cut":
        outbox.abort()
    elif how == "release":
        outbox.rewire(release)
    else:
        gap = (seconds or PAUSE) if how == "delay" else None
        outbox.rewire(
            hold(gap, context.clock, lambda pause: context.timers.call_later(pause, outbox.push))
        )


def _check_owner(caller: Caller, rule: str) -> None:
    if caller.role is not Role.OWNER:
        raise ProtocolError(
            Code.FORBIDDEN, f"{rule}: type /claim and the secret that the server shows at its start"
        )
