"""Who is in a room on other servers, as far as they have told."""

from collections.abc import Collection, Iterable
from typing import Protocol

from chat_server.identity.roles import Role
from chat_server.rooms.presence import Changes
from chat_server.storage.interface import MembersChange


class Known(Protocol):
    """Somebody who is in on this server."""

    @property
    def known_as(self) -> str:
        """The nick that those in the room know them by."""
        ...


class Elsewhere:
    """The people, by server. Guarded by the room's lock, unless a method says otherwise.

    Somebody who changes servers may be on both for a moment, or on neither. The room is told that
    they came when the first server has them, and that they left when the last one has not.
    """

    def __init__(self) -> None:
        self._servers: dict[str, dict[str, Role]] = {}

    def __len__(self) -> int:
        """How many there are. It may be called without the lock, as a guess will do."""
        return sum(len(people) for people in tuple(self._servers.values()))

    def people(self) -> dict[str, Role]:
        """Return their nicks and roles."""
        return {nick: role for people in self._servers.values() for nick, role in people.items()}

    def role_of(self, nick: str) -> Role | None:
        """Return the role of somebody; None if no other server has them."""
        for people in self._servers.values():
            if nick in people:
                return people[nick]
        return None

    def count_with(self, here: Collection[Known]) -> int:
        """Return how many there are with those on this server, each once."""
        if not self._servers:
            return len(here)
        return len(self.people().keys() | {each.known_as for each in here})

    def note(
        self,
        server: str,
        change: MembersChange,
        changes: Changes,
        here: Collection[str],
        *,
        whole: bool,
    ) -> bool:
        """Note what another server tells.

        Args:
            server: what it is known by.
            change: what has changed there.
            changes: gets what is to be told of it.
            here: the nicks of who is in on this server.
            whole: whether these are all who are in on that server.

        Returns: whether there is anything to tell.
        """
        own = self._servers.get(server, {})
        gone = [*change.gone, *change.renamed.values()]
        if whole:
            gone += [nick for nick in own if nick not in change.present]
        named = dict.fromkeys([*gone, *change.present])
        before = {nick: self.role_of(nick) for nick in named}
        own = {nick: role for nick, role in own.items() if nick not in set(gone)}
        own |= {nick: Role.of(word) for nick, word in change.present.items()}
        self._servers.pop(server, None)
        if own:
            self._servers[server] = own
        after = {nick: self.role_of(nick) for nick in named}
        told = [nick for nick in named if before[nick] != after[nick] and nick not in here]
        renamed = {
            old: new
            for new, old in change.renamed.items()
            if old in told and new in told and before[new] is None and after[old] is None
        }
        self._tell(changes, told, renamed, before, after)
        return bool(told)

    def _tell(
        self,
        changes: Changes,
        told: Iterable[str],
        renamed: dict[str, str],
        before: dict[str, Role | None],
        after: dict[str, Role | None],
    ) -> None:
        for old, new in renamed.items():
            changes.rename(old, new, after[new] or Role.MEMBER)
        for nick in told:
            was, role = before[nick], after[nick]
            if nick in renamed or nick in renamed.values():
                continue
            if role is None:
                changes.leave(nick)
            elif was is None:
                changes.join(nick, role)
            else:
                changes.appoint(nick, role)
