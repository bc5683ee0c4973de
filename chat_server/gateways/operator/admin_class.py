"""Class lists, as the operator's socket takes them; and the end of an account."""

import logging

from chat_server.admin import messages
from chat_server.admin.messages import OPERATOR, Done, Part, RefusedPart
from chat_server.identity.roles import Role
from chat_server.identity.store.class_store import ClassStore
from chat_server.identity.store.records import Account, Act, Pupil
from chat_server.requests.account_requests import tell_role
from chat_server.requests.context import Context
from chat_server.rooms.people.session import Session
from protocol.errors import Code, ProtocolError
from protocol.text import nick_key, normalize_nick

log = logging.getLogger(__name__)


def add_class(parts: Context, request: messages.ClassAdd) -> Part:
    """Reserve the nicks of a class list, all or none, and return the answer.

    Raises:
        ProtocolError: it is refused.
        StoreError: it could not be kept; nothing happened.
    """
    lines = {nick_key(normalize_nick(each.nick)): each.line for each in request.pupils}
    accounts = [
        Account(0, nick, nick_key(nick), each.hash, Role.MEMBER)
        for each in request.pupils
        for nick in [normalize_nick(each.nick)]
    ]
    pupils = [
        Pupil(0, request.group, each.name, account.name, 0)
        for each, account in zip(request.pupils, accounts, strict=True)
    ]
    act = Act(parts.clock.time(), OPERATOR, "class-add", request.group, None, f"{len(pupils)}")

    def find_holders() -> dict[str, str]:
        held = [(each, _holder(parts, each.name)) for each in accounts]
        return {each.key: _held(each.name, holder) for each, holder in held if holder is not None}

    def keep() -> list[int]:
        return ClassStore(parts.people.commits, parts.people.replica).add(pupils, accounts, act)

    problems = parts.accounts.enrol(accounts, find_holders, keep)
    if problems:
        told = [f"line {lines[key]}: {text}." for key, text in problems.items()]
        return RefusedPart("\n".join(["nothing was done.", *sorted(told, key=_line)]))
    log.info("audit: %s class-add %s (%d)", OPERATOR, request.group, len(lines))
    return Done(f"{len(pupils)} nicks are reserved for the class {request.group}.")


def remove_class(parts: Context, request: messages.ClassRemove) -> str:
    """Forget a class list, or one person on it, and the accounts; return a sentence about it.

    Raises:
        ProtocolError: `no_such_nick`: there is no such class, or nobody of that nick on it.
        StoreError: not all is gone. It can be done again.
    """
    store = ClassStore(parts.people.commits, parts.people.replica)
    key = None if request.nick is None else nick_key(normalize_nick(request.nick))
    found = [
        each
        for each in store.pupils()
        if each.group == request.group and key in (None, nick_key(each.nick))
    ]
    if not found:
        who = "" if request.nick is None else f" with {request.nick!r} on it"
        raise ProtocolError(Code.NO_SUCH_NICK, f"there is no class {request.group!r}{who}")
    for pupil in found:
        if pupil.account and parts.accounts.has(pupil.account):
            remove_account(parts, pupil.nick)
    whom = request.group if request.nick is None else f"{request.group}: {found[0].nick}"
    act = Act(parts.clock.time(), OPERATOR, "class-remove", whom)
    store.remove([each.number for each in found], act)
    if request.nick is not None:
        return f"{found[0].nick} is no longer on the list of {request.group}; the nick is free."
    return f"the class {request.group} was removed; {len(found)} nicks are free."


def remove_account(parts: Context, name: str) -> tuple[Account, list[Session]]:
    """Remove an account, and all that holds because of it; return it, and who was logged in.

    Args:
        parts: the server's.
        name: as normalize_account returned it.

    Raises:
        ProtocolError: `no_such_nick`: there is none.
        StoreError: all is as it was.
    """
    account, role, sessions = parts.accounts.remove(name, OPERATOR, parts.registry.leave_account)
    parts.acts_on_people.forget_account(account.number)
    parts.late.forget_account(account.number)
    if role is not Role.MEMBER:
        tell_role(parts, sessions, Role.MEMBER, OPERATOR)
    return account, sessions


def _holder(parts: Context, nick: str) -> str | None:
    """The nick of who has `nick` or one that looks like it; on another server, exactly that."""
    holder = parts.registry.holder_of(nick)
    if holder is not None:
        return holder
    elsewhere = parts.registry.elsewhere(nick)
    return None if elsewhere is None else elsewhere.nick


def _line(problem: str) -> int:
    """The number of the line that a problem is about."""
    return int(problem.removeprefix("line ").partition(":")[0])


def _held(nick: str, holder: str) -> str:
    if nick_key(nick) == nick_key(holder):
        return f"somebody here is called {nick!r}: ask them to take another nick first"
    return f"{nick!r} looks like {holder!r}, who is here: ask them to take another nick first"
