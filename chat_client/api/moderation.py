"""Accounts and moderation.

`who` is a nick, or `@` and the name of an account, or an address or a network such as `10.0.0.7`
or `10.1.0.0/16`. The server refuses with `forbidden` what our role does not allow.
"""

from collections.abc import Sequence
from functools import partial

from chat_client.api.replies import checked, given, goes_on, page_of, room_named
from chat_client.api.room_rules import RulesOfRoom
from chat_client.errors import Refused
from chat_client.session.hello import nick_guesses
from chat_client.session.session import Session
from protocol.errors import Code
from protocol.messages import (
    Announce,
    Ban,
    BanEntry,
    Bans,
    Claim,
    Deop,
    Freeze,
    Kick,
    Lock,
    Login,
    Logout,
    Mute,
    Op,
    Password,
    Register,
    Slow,
    Unban,
    Unfreeze,
    Unmute,
)
from protocol.text import normalize_nick, normalize_text


class Authority:
    """The methods of a `Chat` that need an account or a role.

    Every method waits for the reply. It raises Refused if the server refuses the request
    (`forbidden`, `no_such_nick`, `bad_request`, ...), and Closed if the chat is over.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- accounts -----------------------------------------------------------------------------

    @property
    def role(self) -> str:
        """Our role: "member", "moderator" or "owner"."""
        return self._session.role

    @property
    def account(self) -> str | None:
        """The account that we are logged in to; None if to none."""
        return self._session.account

    def register(self, password: str) -> None:
        """Make an account of our nick, which nobody else can use from then on.

        Args:
            password: 8 to 200 characters. The client keeps it in memory, to log in again if the
                server has forgotten the session.
        """
        self._session.request(lambda id: Register(id, password))

    def login(self, password: str, account: str | None = None) -> str:
        """Log in to an account, take its nick, and return that.

        Args:
            password: the account's. The client keeps it as `register` does.
            account: its name; by default our nick.
        """
        name = None if account is None else checked(normalize_nick, account)
        self._session.request(lambda id: Login(id, password, name))
        return self._session.nick

    def change_password(self, old: str, new: str) -> None:
        """Give our account another password. The server logs out its other sessions.

        Args:
            old: the present password.
            new: 8 to 200 characters. The client keeps it as `register` does.
        """
        self._session.request(lambda id: Password(id, old, new))

    def logout(self, nick: str | None = None) -> str:
        """Log out of our account, take another nick, and return that.

        Args:
            nick: the nick to take. By default we keep ours; if it is the account's, we get it
                with a number.
        """
        nicks = nick_guesses(self._session.nick)
        if nick is not None:
            nicks = iter([checked(normalize_nick, nick)])
        wanted = next(nicks)
        while True:
            try:
                self._session.request(partial(_logout, wanted))
                return self._session.nick
            except Refused as error:
                following = next(nicks, None)
                if error.code != Code.NICK_IN_USE or following is None:
                    raise
                wanted = following

    def claim(self, secret: str) -> str:
        """Become an owner of the server, and return our new role.

        Args:
            secret: the server shows it at its first start.
        """
        self._session.request(lambda id: Claim(id, secret))
        return self.role

    # -- keeping order ------------------------------------------------------------------------

    def op(self, who: str) -> None:
        """Make somebody a moderator. Only an owner can."""
        self._session.request(lambda id: Op(id, who))

    def deop(self, who: str) -> None:
        """Make a moderator a member again. Only an owner can."""
        self._session.request(lambda id: Deop(id, who))

    def kick(self, who: str, reason: str = "") -> None:
        """End somebody's connection."""
        self._session.request(lambda id: Kick(id, who, reason or None))

    def ban(
        self,
        who: str,
        *,
        seconds: float | None = None,
        reason: str = "",
        address: bool = False,
    ) -> None:
        """End somebody's connection, and do not let them in again.

        Args:
            who: see the top of the module.
            seconds: how long; None until `unban`.
            reason: what the person is told.
            address: also ban the present address of `who`.
        """
        self._session.request(lambda id: Ban(id, who, address, seconds, reason or None))

    def unban(self, who: str) -> None:
        """Let somebody in again."""
        self._session.request(lambda id: Unban(id, who))

    def mute(self, who: str, *, seconds: float | None = None, reason: str = "") -> None:
        """Let somebody listen only, for some seconds or until `unmute`."""
        self._session.request(lambda id: Mute(id, who, seconds, reason or None))

    def unmute(self, who: str) -> None:
        """Let somebody talk again."""
        self._session.request(lambda id: Unmute(id, who))

    def bans(self) -> list[BanEntry]:
        """Return the bans and mutes that are in force, oldest first.

        Each has `act` ("ban" or "mute"), `who`, `until` (Unix seconds; msgspec.UNSET for no end),
        `reason`, `by`, and `time` (Unix seconds).
        """
        found: list[BanEntry] = []
        while True:
            after = found[-1].number if found else None
            page = page_of(self._session.request(partial(_bans, after)))
            found += given(page.bans)
            if not page.bans or not goes_on(page, after, found[-1].number, len(found)):
                return found

    def rules(self, room: str) -> RulesOfRoom:
        """Return the rules of a room, which a moderator need not be in."""
        return RulesOfRoom(self._session, room)

    # -- rooms --------------------------------------------------------------------------------

    def announce(self, text: str, room: str | None = None) -> None:
        """Say something as a notice, in one room or in all."""
        said, name = checked(normalize_text, text), _named(room)
        self._session.request(lambda id: Announce(id, said, name))

    def freeze(
        self,
        room: str | None = None,
        *,
        seconds: float | None = None,
        speakers: Sequence[str] = (),
    ) -> None:
        """Let only moderators and `speakers` talk, in one room or in all.

        Args:
            room: which; None for all.
            seconds: how long; None until `unfreeze`.
            speakers: nicks, 100 at most.
        """
        name, nicks = _named(room), tuple(checked(normalize_nick, nick) for nick in speakers)
        self._session.request(lambda id: Freeze(id, name, seconds, nicks or None))

    def unfreeze(self, room: str | None = None) -> None:
        """End what `freeze` did, in one room or in all."""
        name = _named(room)
        self._session.request(lambda id: Unfreeze(id, name))

    def slow(self, room: str, seconds: float) -> None:
        """Let each member of a room say something only every so many seconds; 0 ends that."""
        name = room_named(room)
        self._session.request(lambda id: Slow(id, name, seconds))

    def lock(self, room: str) -> None:
        """Let nobody else into a room."""
        name = room_named(room)
        self._session.request(lambda id: Lock(id, name, True))

    def unlock(self, room: str) -> None:
        """Let everybody into a room again."""
        name = room_named(room)
        self._session.request(lambda id: Lock(id, name, False))


def _logout(nick: str, id: int) -> Logout:
    return Logout(id, nick)


def _bans(after: int | None, id: int) -> Bans:
    return Bans(id, after)


def _named(room: str | None) -> str | None:
    return None if room is None else room_named(room)
