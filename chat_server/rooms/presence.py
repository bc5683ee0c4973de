"""Presence: what those in a room are told of who came, went and was renamed."""

from dataclasses import dataclass, field

from protocol.messages import Presence

# Nicks in one event, of each kind: as many as fit a frame if all are as long as can be.
NICKS_PER_EVENT = 100


@dataclass(slots=True)
class Changes:
    """What has come together since the last event. Who came and went meanwhile is not named."""

    joined: dict[str, None] = field(default_factory=dict)
    left: dict[str, None] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)  # new nick to old

    def join(self, nick: str) -> None:
        """Note that `nick` came."""
        if nick in self.left:
            del self.left[nick]
        else:
            self.joined[nick] = None

    def leave(self, nick: str) -> None:
        """Note that `nick` went."""
        if nick in self.joined:
            del self.joined[nick]
        else:
            self.left[self.renamed.pop(nick, nick)] = None

    def rename(self, old: str, new: str) -> None:
        """Note that `old` is called `new` now."""
        if old in self.joined:
            del self.joined[old]
            self.joined[new] = None
            return
        first = self.renamed.pop(old, old)
        if first != new:
            self.renamed[new] = first

    def events(self, room: str, members: int) -> list[Presence]:
        """Return what tells of them, in a room of so many members; nothing if there are none."""
        joined, left = list(self.joined), list(self.left)
        renamed = [(old, new) for new, old in self.renamed.items()]
        longest = max(len(joined), len(left), len(renamed))
        return [
            Presence(
                room=room,
                joined=joined[start : start + NICKS_PER_EVENT],
                left=left[start : start + NICKS_PER_EVENT],
                renamed=renamed[start : start + NICKS_PER_EVENT],
                members=members,
            )
            for start in range(0, longest, NICKS_PER_EVENT)
        ]
