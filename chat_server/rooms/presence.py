"""Presence: what those in a room are told of who came, went and was renamed."""

from dataclasses import dataclass, field

from msgspec import UNSET

from chat_server.identity.roles import Role
from protocol.messages import Presence

NICKS_PER_EVENT = 60
"""Nicks in one event, of each kind: as many as fit a frame if all are as long as can be."""


@dataclass(slots=True)
class Changes:
    """What has come together since the last event. Who came and went meanwhile is not named,
    unless a list of the members named them.
    """

    joined: dict[str, None] = field(default_factory=dict)
    left: dict[str, None] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)  # new nick to old
    roles: dict[str, Role] = field(default_factory=dict)  # of those of whom it is to be told
    listed: set[str] = field(default_factory=set)  # nicks that a list named ahead of the event

    def note_list(self) -> None:
        """Note that somebody is given a list of the members as they are now."""
        self.listed.update(self.joined, self.renamed)

    def join(self, nick: str, role: Role = Role.MEMBER) -> None:
        """Note that `nick` came."""
        if nick in self.left:
            del self.left[nick]
            self.roles[nick] = role  # it may be somebody else
            if nick in self.listed:  # not everybody was told that they had come
                self.joined[nick] = None
            return
        self.joined[nick] = None
        if role is not Role.MEMBER:
            self.roles[nick] = role

    def leave(self, nick: str) -> None:
        """Note that `nick` went."""
        self.roles.pop(nick, None)
        if nick in self.joined:
            del self.joined[nick]
        else:
            self.left[self.renamed.pop(nick, nick)] = None
        if nick in self.listed:
            self.left[nick] = None

    def rename(self, old: str, new: str, role: Role = Role.MEMBER) -> None:
        """Note that `old` is called `new` now."""
        self.roles.pop(old, None)
        if role is not Role.MEMBER:
            self.roles[new] = role
        if old in self.joined:
            del self.joined[old]
            if old in self.listed:
                self.renamed[new] = old
            else:
                self.joined[new] = None
            return
        first = self.renamed.pop(old, old)
        if old in self.listed and first != old:
            self.left[old] = None
        if first != new:
            self.renamed[new] = first
        else:
            self.roles[new] = role

    def appoint(self, nick: str, role: Role) -> None:
        """Note that `nick` has another role."""
        if role is Role.MEMBER and (nick in self.joined or nick in self.renamed):
            self.roles.pop(nick, None)
        else:
            self.roles[nick] = role

    def events(self, room: str, members: int) -> list[Presence]:
        """Return what tells of them, in a room of so many members; nothing if there are none."""
        joined, left = list(self.joined), list(self.left)
        renamed = [(old, new) for new, old in self.renamed.items()]
        others = [nick for nick in self.roles if nick not in self.joined]
        others = [nick for nick in others if nick not in self.renamed]
        longest = max(len(joined), len(left), len(renamed), len(others))
        pages = [
            slice(start, start + NICKS_PER_EVENT) for start in range(0, longest, NICKS_PER_EVENT)
        ]
        return [
            self._event(room, members, joined[page], left[page], renamed[page], others[page])
            for page in pages
        ]

    def _event(
        self,
        room: str,
        members: int,
        joined: list[str],
        left: list[str],
        renamed: list[tuple[str, str]],
        others: list[str],
    ) -> Presence:
        named = [*joined, *(new for _, new in renamed), *others]
        roles = {nick: self.roles[nick].word for nick in named if nick in self.roles}
        return Presence(room, joined, left, renamed, members, roles=roles or UNSET)
