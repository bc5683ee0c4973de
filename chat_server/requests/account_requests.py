"""Who somebody is: nick, account and role."""

from collections.abc import Iterable

from chat_server.identity.accounts import Accounts
from chat_server.identity.roles import Role
from chat_server.identity.store.records import Account, Act
from chat_server.requests.context import Caller, Context
from chat_server.requests.talk.direct import deliver_late
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import PersonKey, person_key
from protocol import messages
from protocol.errors import Code, ProtocolError
from protocol.messages import Ok, RoleChange
from protocol.text import normalize_account, normalize_nick, normalize_password


def nick(caller: Caller, request: messages.Nick) -> Ok:
    """Take another nick."""
    old, new = caller.session.nick, normalize_nick(request.nick)
    if new != old:
        caller.check_voice()  # every room reads a new nick, as if it had been said
    caller.context.permissions.check_nick(caller.session, new)
    caller.context.registry.rename(caller.session, caller.connection, new)
    caller.check_person()
    if new != old:
        for member in caller.outbox.members():
            member.room.rename(member)
    return Ok(re=request.id, nick=new)


def register(caller: Caller, request: messages.Register) -> Ok:
    """Make an account of the caller's nick."""
    session, accounts = caller.session, caller.context.accounts
    password = normalize_password(request.password)
    name = accounts.name_of(session)
    if name is not None:
        raise ProtocolError(Code.FORBIDDEN, f"you are logged in to an account already: {name}")
    registry, who = caller.context.registry, person_key(session)
    with registry.reserved_nick(session) as nick:
        if accounts.is_named_owner(nick) and caller.role is not Role.OWNER:
            raise ProtocolError(
                Code.FORBIDDEN,
                f"the settings make the account {nick!r} an owner: only an owner registers it",
            )
        accounts.check_space(caller.connection.host)
        account = accounts.register(
            nick, password, session, registry.join_account, caller.connection.host
        )
    _rename_person(caller, who)
    return Ok(re=request.id, account=account.name)


def login(caller: Caller, request: messages.Login) -> None:
    """Log the caller in to an account, under its nick."""
    session, context = caller.session, caller.context
    name = session.nick if request.account is None else normalize_nick(request.account)
    account = context.authentication.authenticate(name, request.password, caller.connection.host)
    if account is None:
        raise ProtocolError(
            Code.FORBIDDEN, f"there is no account {name!r}, or this is not its password"
        )
    nick, who = session.nick, person_key(session)
    if account.name != nick:
        caller.check_voice()  # every room reads a new nick
    for replaced in context.registry.log_in(session, caller.connection, account):
        replaced.close(Code.REPLACED, "You logged in on another connection.")
    _rename(caller, nick, who)
    reply = Ok(re=request.id, account=account.name, nick=account.name, role=caller.role.word)
    caller.outbox.put(reply)
    deliver_late(caller)


def password(caller: Caller, request: messages.Password) -> Ok:
    """Give the caller's account another password. Whoever else is logged in to it is out."""
    session, context, host = caller.session, caller.context, caller.connection.host
    name = _account_name(caller)
    new = normalize_password(request.new)
    account = context.authentication.authenticate(name, request.old, host)
    ended = account and context.accounts.change_password(
        account, new, session, host, context.registry.log_out_others
    )
    # Who asks again, as the answer was lost with a connection, finds it changed.
    if ended is None and context.authentication.authenticate(name, new, host) is None:
        raise ProtocolError(Code.FORBIDDEN, f"the old password is not that of {name!r}")
    for connection in ended or ():
        connection.close(
            Code.REPLACED,
            "The password of your account was changed on another connection: log in with the new "
            "one.",
        )
    return Ok(re=request.id)


def logout(caller: Caller, request: messages.Logout) -> Ok:
    """Let the caller have no account any more, nor its nick."""
    session, context = caller.session, caller.context
    _account_name(caller)
    old, who = session.nick, person_key(session)
    new = old if request.nick is None else normalize_nick(request.nick)
    context.permissions.check_voice(
        session, caller.connection.host
    )  # nor be rid of a mute of the account
    context.permissions.check_nick(session, new)
    context.acts_on_rooms.keep_inside(session, caller.connection.outbox.members())
    context.registry.log_out(session, caller.connection, new)
    _rename(caller, old, who)
    return Ok(re=request.id, nick=new, role=caller.role.word)


def claim(caller: Caller, request: messages.Claim) -> Ok:
    """Make the caller an owner, who knows the secret."""
    if not caller.context.authentication.check_secret(request.secret, caller.connection.host):
        raise ProtocolError(
            Code.FORBIDDEN,
            "this is not the owner's secret; `chat-server admin owner-secret`, where the server "
            "runs, shows it",
        )
    caller.pause()
    if caller.role is not Role.OWNER:
        _change_role(caller, _holder(caller.context, caller.session), Role.OWNER, "claim")
    return Ok(re=request.id, role=caller.role.word)


def op(caller: Caller, request: messages.Op) -> Ok:
    """Make somebody a moderator."""
    _appoint(caller, request.who, Role.MODERATOR, "op")
    return Ok(re=request.id)


def deop(caller: Caller, request: messages.Deop) -> Ok:
    """Make somebody a member again."""
    _appoint(caller, request.who, Role.MEMBER, "deop")
    return Ok(re=request.id)


def _account_name(caller: Caller) -> str:
    """The account that the caller is logged in to."""
    name = caller.context.accounts.name_of(caller.session)
    if name is None:
        raise ProtocolError(Code.FORBIDDEN, "you are logged in to no account")
    return name


def _rename_person(caller: Caller, who: PersonKey) -> None:
    """Let all rooms take the caller for who they were, whose name in rules was another."""
    caller.context.hands.rename_person(caller.session, who)
    if caller.session.account is not None:
        caller.context.guests.rename_person(caller.session, who)
    for room in caller.context.rooms.all():
        room.slow_mode.rename_person(caller.session, who)


def _rename(caller: Caller, nick: str, who: PersonKey) -> None:
    """Let all know the caller again who knew another nick, or another name in rules."""
    session = caller.session
    _rename_person(caller, who)
    if session.nick != nick:
        for member in caller.connection.outbox.members():
            member.room.rename(member)


def _appoint(caller: Caller, who: str, role: Role, act: str) -> None:
    """Let an owner give somebody a role."""
    if caller.role is not Role.OWNER:
        raise ProtocolError(Code.FORBIDDEN, "only an owner says who is a moderator")
    accounts = caller.context.accounts
    holder = _find(caller.context, who)
    if isinstance(holder, Account) and accounts.is_named_owner(holder.name):
        raise ProtocolError(Code.FORBIDDEN, f"the settings make {holder.name!r} an owner")
    now = _role(accounts, holder)
    if role is Role.MODERATOR and now is Role.OWNER:
        raise ProtocolError(Code.FORBIDDEN, f"{who!r} is an owner, who may do all that already")
    if now is not role:
        _change_role(caller, holder, role, act)


def _find(context: Context, who: str) -> Account | Session:
    """To whom belongs the role of the account or the nick that `who` names."""
    if who.startswith("@"):
        account = context.accounts.find(normalize_account(who[1:]))
        if account is None:
            raise ProtocolError(Code.NO_SUCH_NICK, f"there is no account {who[1:]!r}")
        return account
    nick = normalize_nick(who)
    session = context.registry.session_called(nick) or context.registry.elsewhere(nick)
    if session is None:
        raise ProtocolError(
            Code.NO_SUCH_NICK,
            f"nobody here is called {who!r}; an account is written with an @ before it",
        )
    return _holder(context, session)


def _holder(context: Context, session: Session) -> Account | Session:
    """To whom belongs the role of who is in this session."""
    return context.accounts.account_of(session) or session


def _role(accounts: Accounts, holder: Account | Session) -> Role:
    if isinstance(holder, Account):
        return accounts.role_of_account(holder)
    return accounts.role_of(holder)


def _change_role(caller: Caller, holder: Account | Session, role: Role, act: str) -> None:
    """Give somebody another role, and tell them, wherever they are connected."""
    context, by = caller.context, caller.session.nick
    now = context.clock.time()
    if isinstance(holder, Account):
        context.accounts.set_role(holder, role, Act(now, by, act, f"@{holder.name}"))
        sessions = context.registry.sessions_of(holder.number)
    else:
        context.accounts.set_session_role(holder, role, Act(now, by, act, holder.nick))
        sessions = [holder]
    tell_role(context, sessions, role, by)


def tell_role(context: Context, sessions: Iterable[Session], role: Role, by: str) -> None:
    """Tell those who are connected that they have another role, and by whom; and their rooms."""
    event = Broadcast(RoleChange(role=role.word, by=by))
    for session in sessions:
        connection = session.connection
        if connection is not None:
            connection.outbox.put_if_short(event)
            context.standings.renew(session)
