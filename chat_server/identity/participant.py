"""Who takes part: what is known of somebody wherever they are spoken of.

It is all of a session that rooms, roles and rules look at. They know nothing of connections.
"""

from chat_server.identity.roles import Role
from protocol.text import nick_key, nick_skeleton


class Participant:
    """Somebody in a session.

    `nick`, `key`, `skeleton` and `account` are the registry's: written under its lock. `role` is
    written with `Accounts.changing` held. Both `account` and `role` are read without
    any lock, as an older value is as good as having asked a moment before.

    Attributes:
        token: the hash of the session's secret.
        number: the session's key in the store, None until it is there.
        nick: as normalize_nick returned it.
        key: what nicks are compared by.
        skeleton: what the nick looks like.
        account: the number of the account that it is logged in to.
        role: what counts as long as it is logged in to none: see Accounts.role_of.
    """

    __slots__ = ("account", "key", "nick", "number", "role", "skeleton", "token")

    def __init__(self, token: bytes, nick: str, number: int | None = None) -> None:
        """
        Args:
            token: the hash of the session's secret.
            nick: as normalize_nick returned it.
            number: the session's key in the store, None until it is there.
        """
        self.token = token
        self.number = number
        self.account: int | None = None
        self.role = Role.MEMBER
        self.take_nick(nick)

    def take_nick(self, nick: str) -> None:
        """Go by `nick` from now on. The registry has seen to it that nobody else does."""
        self.nick = nick
        self.key = nick_key(nick)
        skeleton = nick_skeleton(nick)
        self.skeleton = self.key if skeleton == self.key else skeleton  # nearly always: one string
