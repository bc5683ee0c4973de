"""Roles: what somebody may do on this server, the same in all its rooms."""

from enum import IntEnum


class Role(IntEnum):
    """From the least to the most."""

    MEMBER = 0
    MODERATOR = 1
    OWNER = 2

    @property
    def word(self) -> str:
        """How the protocol and the store write it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> "Role":
        """Return the role that is written like this."""
        return cls[word.upper()]

    def may_act_on(self, other: "Role") -> bool:
        """Say whether somebody of this role may act on somebody of that one.

        Nobody on a higher role, nor a moderator on another; a member on nobody.
        """
        if self is Role.OWNER:
            return True
        return self is Role.MODERATOR and other is Role.MEMBER
