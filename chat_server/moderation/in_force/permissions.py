"""What holds because of bans, mutes, roles and rules: who may come in, speak, be called what.

Who comes in registers first and asks second (`check_person`); who bans does it the other way
round: first the ban is there, then those are looked for whom it means. So of the two one sees the
other.
"""

from chat_server.identity.accounts import Accounts
from chat_server.identity.participant import Participant
from chat_server.identity.roles import Role
from chat_server.identity.store.records import Sanction
from chat_server.moderation.in_force.bans import IpAddress, Person, Sanctions
from chat_server.network.addresses import host_address
from chat_server.rooms.policy import NO_POLICY, RoomPolicy, person_key, person_keys, shown_rest
from chat_server.rooms.room import Room
from chat_server.runtime.clock import Clock
from protocol.common.durations import show_duration
from protocol.errors import Code, ProtocolError
from protocol.text import nick_key, nick_skeleton


class Permissions:
    """The checks. Any thread may call any method."""

    def __init__(self, clock: Clock, accounts: Accounts, sanctions: Sanctions) -> None:
        """
        Args:
            clock: what freezes and slow mode go by.
            accounts: who has which role.
            sanctions: who is banned and muted.
        """
        self._clock = clock
        self._accounts = accounts
        self._sanctions = sanctions

    # -- who may be here

    def check_person(self, session: Participant, host: str) -> None:
        """See that somebody who is here, or comes in, is not banned.

        Owners never are, or a mistake would lock everybody out; and moderators not by an address or
        the looks of a nick alone, which they may share with others.

        Raises:
            ProtocolError: `banned`.
        """
        refusal = self.refuse_person(session, host)
        if refusal is not None:
            raise refusal

    def refuse_person(self, session: Participant, host: str) -> ProtocolError | None:
        """Return why somebody who is here may not stay (`banned`), or None if they may.

        Args:
            session: who it is.
            host: the address that they are connected from, without a port.
        """
        role = self._accounts.role_of(session)
        if role is Role.OWNER:
            return None
        return self._refuse_banned(_person(session, host), exactly=role is Role.MODERATOR)

    def check_stranger(self, nick: str, host: str) -> None:
        """See that somebody may come in of whom nothing is known but nick and address.

        Raises:
            ProtocolError: `banned`.
        """
        refusal = self._refuse_banned(_stranger(nick, host_address(host)), exactly=False)
        if refusal is not None:
            raise refusal

    def check_nick(self, session: Participant, nick: str) -> None:
        """See that somebody may take another nick.

        Raises:
            ProtocolError: `forbidden`.
        """
        ban = self._sanctions.find("ban", _stranger(nick, None))
        if ban is not None and not self.is_moderator(session):
            raise ProtocolError(
                Code.FORBIDDEN, f"{nick!r} is banned{self._rest(ban)}: choose another nick"
            )

    def check_entry(self, policy: RoomPolicy, session: Participant) -> None:
        """See that somebody may come into a room.

        Raises:
            ProtocolError: `forbidden`.
        """
        if not self.is_moderator(session):
            policy.check_entry(person_keys(session))

    def may_enter(self, policy: RoomPolicy, session: Participant) -> bool:
        """Return whether somebody might come into a room of these rules."""
        return self.is_moderator(session) or not policy.closed_by(person_keys(session))

    def hides(self, room: Room, session: Participant) -> bool:
        """Return whether somebody is not to learn that there is a room, in which they are not."""
        policy = room.policy
        return (
            policy is not None
            and bool(policy.invite_by)
            and not self.is_moderator(session)
            and policy.hides_from(person_keys(session))
        )

    # -- who may speak

    def check_topic(self, room: Room, policy: RoomPolicy | None, session: Participant) -> None:
        """See that somebody may set the topic of a room.

        Raises:
            ProtocolError: `forbidden`.
        """
        rule = (policy or NO_POLICY).topic
        if rule == "everybody" or self.is_moderator(session):
            return
        if rule == "moderators" or has_owner(room):
            raise ProtocolError(Code.FORBIDDEN, "only moderators set the topic of this room")

    def mute_of(self, session: Participant, host: str) -> Sanction | None:
        """Return the mute that binds somebody."""
        mute = self._sanctions.find("mute", _person(session, host))
        return None if mute is None or self.is_moderator(session) else mute

    def check_voice(self, session: Participant, host: str) -> bool:
        """See that somebody is not muted.

        Returns: whether no mute means them at all. A moderator may talk in spite of one, as long
            as they are one.

        Raises:
            ProtocolError: `muted`.
        """
        mute = self._sanctions.find("mute", _person(session, host))
        if mute is not None and not self.is_moderator(session):
            raise self._muted(mute)
        return mute is None

    def is_muted(self, session: Participant, host: str) -> bool:
        """Return whether somebody is muted, and no moderator. See `check_voice`."""
        mute = self._sanctions.find("mute", _person(session, host))
        return mute is not None and not self.is_moderator(session)

    def check_returning_nick(self, session: Participant, host: str, nick: str) -> None:
        """See that somebody who takes up a session is not muted, if they want another nick.

        Every room reads a new nick, as if it had been said. The session of somebody who was away
        for long may not remember its nick; the mute that names the session does.

        Args:
            session: as the registry found it, before it is taken up.
            host: the address that they are connected from, without a port.
            nick: what they want to be called, as normalize_nick returned it.

        Raises:
            ProtocolError: `muted`.
        """
        mute = self._sanctions.find("mute", _person(session, host))
        if mute is None or self.is_moderator(session):
            return
        had, shown = session.key, session.nick
        if mute.key is not None and mute.token == session.token:
            had, shown = mute.key, mute.who
        if nick_key(nick) != had:
            raise self._muted(mute, f"; keep your nick, {shown!r}")

    def admit_message(self, room: Room, policy: RoomPolicy, session: Participant) -> None:
        """See that somebody may say something in a room, and count it.

        Raises:
            ProtocolError: `muted`, or `rate_limited` by slow mode.
        """
        if self.is_moderator(session):
            return
        now = self._clock.monotonic()
        policy.check_speaker(person_keys(session), now)
        wait = 0.0
        if policy.slow:
            wait = room.slow_mode.take(person_key(session), policy.slow, now, session.key)
        if wait:
            raise ProtocolError(
                Code.RATE_LIMITED,
                f"slow mode: you may say something every {show_duration(policy.slow)}; wait "
                f"{show_duration(wait)}",
                retry_after=wait,
            )

    def withdraw_message(self, room: Room, session: Participant) -> None:
        """Take `admit_message` back: nothing was said after all."""
        room.slow_mode.give_back(person_key(session))

    # -- how it is

    def is_moderator(self, session: Participant) -> bool:
        """Whether somebody is a moderator or more."""
        return self._accounts.role_of(session) >= Role.MODERATOR

    def is_frozen(self, room: Room) -> bool:
        """Whether only moderators and speakers speak in a room."""
        policy = room.policy
        return policy is not None and policy.frozen(self._clock.monotonic()) is not None

    # -- below

    def _muted(self, mute: Sanction, advice: str = "") -> ProtocolError:
        return ProtocolError(
            Code.MUTED,
            f"you are muted by {self._why(mute)}{advice}",
            retry_after=self._sanctions.left(mute),
        )

    def _refuse_banned(self, person: Person, *, exactly: bool) -> ProtocolError | None:
        ban = self._sanctions.find("ban", person, exactly=exactly)
        if ban is None:
            return None
        return ProtocolError(
            Code.BANNED,
            f"you are banned by {self._why(ban)}",
            retry_after=self._sanctions.left(ban),
        )

    def _why(self, sanction: Sanction) -> str:
        reason = f": {sanction.reason}" if sanction.reason else ""
        return f"{sanction.by}{self._rest(sanction)}{reason}"

    def _rest(self, sanction: Sanction) -> str:
        return shown_rest(self._sanctions.left(sanction))


def has_owner(room: Room) -> bool:
    """Return whether an owner is in a room."""
    return any(member.role is Role.OWNER for member in room.members())


def _person(session: Participant, host: str) -> Person:
    """All that somebody can be recognised by."""
    return Person(
        key=session.key,
        looks=session.skeleton,
        token=session.token,
        account=session.account,
        address=host_address(host),
    )


def _stranger(nick: str, address: IpAddress | None) -> Person:
    return Person(nick_key(nick), nick_skeleton(nick), b"", None, address)
