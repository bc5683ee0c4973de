"""Whom a moderator names, and whether they may act on them."""

from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import NamedTuple

from chat_server.identity.accounts import Accounts
from chat_server.identity.roles import Role
from chat_server.identity.store.records import Account, Act, Asked, KeptKick
from chat_server.moderation.in_force.bans import Sought, read_network, shown_network
from chat_server.network.addresses import host_address
from chat_server.rooms.people.nicks import Former
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Session
from chat_server.runtime.config.settings import IpNetwork
from protocol.errors import Code, ProtocolError
from protocol.text import looks_like_address, nick_key, normalize_account, normalize_nick

WIDEST_PREFIX = 8
"""The shortest prefix of a network that is banned or muted: no larger network is any one place."""


class Actor(NamedTuple):
    """Who acts.

    Attributes:
        nick: what they are called.
        role: what they may do.
        session: None for the operator, who is in no room.
        request: the id of the request that asks for it, if one does.
    """

    nick: str
    role: Role
    session: Session | None = None
    request: int | None = None

    def did(
        self, act: str, time: float, whom: str = "", until: float | None = None, reason: str = ""
    ) -> Act:
        """Return the line of the audit log for what they do: see Act."""
        asked = None
        if self.session is not None and self.request is not None:
            asked = Asked(self.session.token, self.request)
        return Act(time, self.nick, act, whom, until, reason, asked)


class Target(NamedTuple):
    """Whom a moderator named.

    Attributes:
        shown: as it is told to others.
        sought: the nick, account or network.
        role: the highest among those whom it means.
        here: the sessions that it means and that are connected.
        former: who had the nick until a moment ago, if nobody has it now; or who has it on another
            server.
        elsewhere: whether it may mean somebody on another server.
    """

    shown: str
    sought: Sought
    role: Role
    here: list[Session]
    former: Former | None = None
    elsewhere: bool = False


class Targets:
    """Finds them. Any thread may call any method."""

    def __init__(self, registry: Registry, accounts: Accounts) -> None:
        self._registry = registry
        self._accounts = accounts

    def find(self, who: str) -> Target:
        """Return whom a moderator means by a nick, `@account`, address or network.

        A nick need not be anybody's at the moment.

        Raises:
            ProtocolError: `bad_nick`; `no_such_nick`, for an account that there is not.
        """
        network = read_network(who)
        if network is not None:
            return self.of_network(network)
        if who.startswith("@"):
            return self._of_account(self._account(normalize_account(who[1:])))
        if looks_like_address(who.strip()):
            raise ProtocolError(
                Code.BAD_NICK,
                f"{who!a} is no address and no network, and no nick: write an address as "
                "10.0.0.7, a network as 10.1.0.0/16, and IPv6 alike",
            )
        nick = normalize_nick(who)
        found = self._registry.session_called(nick)
        here = [] if found is None else [found]
        account = self._accounts.find(nick)
        least = self._accounts.role_of_account(account) if account else Role.MEMBER
        elsewhere = None if here else self._registry.elsewhere(nick)
        former = self._registry.formerly_called(nick)
        if elsewhere is not None:
            former = Former(
                0.0, elsewhere.token, elsewhere.account, self._accounts.role_of(elsewhere)
            )
        least = max(least, former.role) if former else least
        shown = here[0].nick if here else elsewhere.nick if elsewhere else nick
        role = self._highest(here, least)
        sought = Sought(key=nick_key(nick))
        return Target(shown, sought, role, here, former, elsewhere is not None)

    def of_network(self, network: IpNetwork) -> Target:
        """Return those who are connected from a network."""
        sought = Sought(network=network)
        here, shared = self.those_here(sought), self._registry.is_one_of_several
        return Target(shown_network(network), sought, self._highest(here), here, elsewhere=shared)

    def those_here(self, sought: Sought) -> list[Session]:
        """Return those who are connected to this server and meant."""
        if sought.key is not None:
            found = self._registry.session_called(sought.key)
            return [] if found is None else [found]
        here = self._registry.sessions()
        if sought.account is not None:
            return [each for each in here if each.account == sought.account]
        return [each for each in here if _is_in(each, sought.network)]

    def _of_account(self, account: Account) -> Target:
        sought = Sought(account=account.number)
        here, shared = self.those_here(sought), self._registry.is_one_of_several
        role = self._highest(here, self._accounts.role_of_account(account))
        return Target(f"@{account.name}", sought, role, here, elsewhere=shared)

    def _account(self, name: str) -> Account:
        account = self._accounts.find(name)
        if account is None:
            raise ProtocolError(Code.NO_SUCH_NICK, f"there is no account {name!r}")
        return account

    def _highest(self, sessions: Iterable[Session], least: Role = Role.MEMBER) -> Role:
        return max([least, *(self._accounts.role_of(session) for session in sessions)])


def kick_of(actor: Actor, sought: Sought, reason: str) -> KeptKick:
    """Return what is kept of a kick."""
    network = None if sought.network is None else str(sought.network)
    return KeptKick(sought.key, sought.account, network, actor.role, actor.nick, reason)


def _is_in(session: Session, network: IpNetwork | None) -> bool:
    """Whether somebody is connected from a network."""
    connection = session.connection
    address = host_address(connection.host) if connection is not None else None
    return network is not None and address is not None and address in network


def address_of(target: Target, elsewhere: Callable[[str], str | None]) -> IpNetwork:
    """Return the address that who has a nick is connected from.

    Args:
        target: who that is.
        elsewhere: returns the address of who has a nick on another server; None if it does not say.

    Raises:
        ProtocolError: `no_such_nick` or `forbidden`: there is none; `unavailable`: their server
            does not say.
        StoreError: other servers could not be asked.
    """
    connection = target.here[0].connection if target.here else None
    host = connection.host if connection is not None else None
    if target.sought.key is not None and target.elsewhere:
        host = elsewhere(target.shown)
        if host is None:
            raise ProtocolError(
                Code.UNAVAILABLE,
                f"the server that {target.shown} is on does not say from where: try again, or ban "
                "the nick alone",
            )
    if target.sought.key is None or host is None:
        raise ProtocolError(Code.NO_SUCH_NICK, f"{target.shown} is no nick of somebody who is here")
    address = host_address(host)
    if address is None:
        raise ProtocolError(Code.FORBIDDEN, f"{target.shown} is connected without an address")
    return ip_network(address)


def check_size(network: IpNetwork) -> None:
    """See that a network is small enough to be banned or muted.

    Nobody bans half of the internet but by mistake, or to shut everybody out at once; that no owner
    is connected from it says little, as they may be on the other version of IP.

    Raises:
        ProtocolError: `forbidden`.
    """
    if network.prefixlen < WIDEST_PREFIX:
        raise ProtocolError(
            Code.FORBIDDEN,
            f"{network} is too large a network: its prefix must be at least /{WIDEST_PREFIX}",
        )


def check_power(actor: Actor, target: Target) -> None:
    """See that somebody may act on others: none of them themself, nor anybody above them.

    A network in which an owner is connected is nobody's to act on, by mistake least of all.

    Raises:
        ProtocolError: `forbidden`.
    """
    is_network = target.sought.network is not None
    if actor.session is not None and actor.session in target.here:
        raise ProtocolError(Code.FORBIDDEN, f"{target.shown} would be you, too")
    if is_network and target.role is Role.OWNER:
        raise ProtocolError(Code.FORBIDDEN, f"an owner is connected from {target.shown}")
    if not actor.role.may_act_on(target.role):
        whom = "an owner" if target.role is Role.OWNER else "a moderator"
        kind = "includes" if is_network else "is"
        raise ProtocolError(
            Code.FORBIDDEN, f"{target.shown} {kind} {whom}, whom you may not act on"
        )
