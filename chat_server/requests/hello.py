"""Coming in, showing that one is there, and leaving: the same for every gateway."""

import logging
from contextlib import suppress

from msgspec import UNSET

from chat_server.identity.store.records import Account
from chat_server.requests.context import Asker, Caller, Context
from chat_server.rooms.people.session import Session
from chat_server.runtime.errors import STORE_RETRY_AFTER, StoreError
from chat_server.version import SERVER
from protocol import VERSION, messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Hello, Ok, ServerPong, Welcome, check_version, names_bot
from protocol.text import normalize_nick

log = logging.getLogger(__name__)


def greet(connection: Asker, hello: Hello, context: Context) -> tuple[Caller, Welcome]:
    """Let somebody in, by `connection`. Return who asks from now on, and the reply.

    Raises:
        ProtocolError: they may not come in, or not like this.
    """
    check_version(hello.version)
    context.admission.check_hello(connection.host, hello.password)
    nick = normalize_nick(hello.nick)
    try:
        session, token = _begin(connection, nick, hello, context)
    except StoreError as error:
        log.error("%s could not come in: %s", nick, error, extra={"nick": nick})
        raise ProtocolError(
            Code.UNAVAILABLE,
            "The server cannot keep sessions just now.",
            retry_after=STORE_RETRY_AFTER,
        ) from error
    context.permissions.check_person(session, connection.host)  # second, see moderation.permissions
    context.counters.came_in(resumed=token == hello.session)
    peer = connection.peer
    log.info("%s came in from %s", nick, peer, extra={"nick": nick, "peer": peer})
    return Caller(connection, session, context), _welcome(session, nick, token, context)


def again(_: Caller, __: Hello) -> None:
    """Refuse a second hello."""
    raise ProtocolError(Code.BAD_REQUEST, "The hello was answered already: say it once.")


def ping(_: Caller, request: messages.Ping) -> ServerPong:
    """Show that the server is there."""
    return ServerPong(re=request.id)


def pong(caller: Caller, request: messages.Pong) -> None:
    """Note which direct messages are read, which were sent ahead of the ping; else do nothing: that
    something came at all is what counts.
    """
    late = caller.context.late
    if late.waits(caller.session, request.re):
        caller.pause()
        with suppress(StoreError):  # they come again on the next connection
            late.confirm(caller.session, request.re)


def bye(caller: Caller, request: messages.Bye) -> None:
    """Close, once all before it is answered."""
    caller.outbox.wait_until_answered()
    caller.connection.close(Code.BYE, "Goodbye.", before=Ok(re=request.id))


def _begin(connection: Asker, nick: str, hello: Hello, context: Context) -> tuple[Session, str]:
    """Take an earlier session up, or begin one. Return it, and its secret."""
    registry, token = context.registry, hello.session
    session = registry.find_session(token, nick) if token else None
    account = _log_in(connection, nick, hello.account_password, session, context)
    if session is None and account is None:
        context.permissions.check_stranger(nick, connection.host)  # before anything is kept of them
    if token and session:
        context.permissions.check_returning_nick(session, connection.host, nick)
        replaced = registry.resume_session(connection, session, nick, account)
        with context.acts.of(session.token):
            pass  # what was asked for on the connection before is done before what comes next
    else:
        session, token, replaced = registry.begin_session(connection, nick, account)
    connection.begin(session, is_bot=names_bot(hello.client))
    for each in replaced:
        each.close(Code.REPLACED, "Another connection of yours took over.")
    return session, token


def _log_in(
    connection: Asker, nick: str, password: str | None, session: Session | None, context: Context
) -> Account | None:
    """Return the account that owns `nick`, if that is shown by a password."""
    owner = context.accounts.owner_of(nick)
    if owner is None or password is None or (session and session.account == owner.number):
        return None
    account = context.authentication.authenticate(owner.name, password, connection.host)
    if account is None:
        raise ProtocolError(
            Code.NICK_IN_USE,
            f"{nick!r} belongs to an account, and this is not its password: try again, or "
            "choose another nick",
        )
    return account


def _welcome(session: Session, nick: str, token: str, context: Context) -> Welcome:
    account = context.accounts.name_of(session)
    settings = context.settings  # once: new ones are whole, or not seen
    return Welcome(
        version=VERSION,
        server=SERVER,
        session=token,
        nick=nick,
        limits=settings.limits(),
        motd=settings.motd,
        role=context.accounts.role_of(session).word,
        account=UNSET if account is None else account,
        last_id=session.newest,
    )
