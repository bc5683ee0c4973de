"""What holds for each person in each room, and telling them when that changes.

Whoever is muted, frozen out or slowed, and whoever may talk again, is told at once by the event
`rules`; and those in a room are told who of them has another role. Two threads may tell somebody
at once: each looks again, after it has told, whether that still holds, so the last word is right.
"""

from functools import partial

from msgspec import UNSET
from msgspec.structs import replace

from chat_server.identity.accounts import Accounts
from chat_server.identity.store.records import Sanction
from chat_server.moderation.in_force.bans import Sanctions
from chat_server.moderation.in_force.permissions import Permissions
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.people.registry import Registry
from chat_server.rooms.people.session import Session
from chat_server.rooms.policy import (
    NO_POLICY,
    READ_ONLY_TEXT,
    Freeze,
    person_keys,
    shown_freeze,
)
from chat_server.rooms.room import Member, Room
from chat_server.runtime.clock import Clock
from chat_server.runtime.timers import Timers
from protocol.messages import RulesChange

LONGEST_WAIT = 600.0
"""Seconds until a mute is looked at again, to see whether it has ended."""


class Standings:
    """What holds for whom. Any thread may call any method, with no lock held."""

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        accounts: Accounts,
        registry: Registry,
        sanctions: Sanctions,
        permissions: Permissions,
    ) -> None:
        """
        Args:
            clock: what freezes end by.
            timers: says when a mute has ended, beginning with those of earlier runs.
            accounts: who has which role.
            registry: who is here.
            sanctions: who is muted, and until when.
            permissions: whom a mute binds.
        """
        self._clock = clock
        self._timers = timers
        self._accounts = accounts
        self._registry = registry
        self._sanctions = sanctions
        self._permissions = permissions
        for sanction in sanctions.all():
            self.await_end(sanction)

    def renew(self, session: Session) -> None:
        """Tell of somebody whose role, nick or account may be another now: them and their rooms."""
        connection = session.connection
        for member in connection.outbox.members() if connection is not None else ():
            self.renew_member(member)

    def renew_member(self, member: Member) -> None:
        """Tell a room of the role of somebody in it, and them what holds for them there."""
        role = self._accounts.role_of(member.session)
        while role is not member.role and member.room.appoint(member, role):
            role = self._accounts.role_of(member.session)
        self._tell(member, {})

    def tell_room(self, room: Room) -> None:
        """Tell those in a room what holds there, as far as that is new to them."""
        shared: dict[RulesChange, Broadcast] = {}
        for member in room.members():
            self._tell(member, shared)

    def tell_all(self) -> None:
        """Tell everybody, after a mute has begun or ended."""
        for session in self._registry.sessions():
            connection = session.connection
            for member in connection.outbox.members() if connection is not None else ():
                self._tell(member, {})

    def await_end(self, sanction: Sanction) -> None:
        """Tell everybody when a mute ends by itself."""
        left = self._sanctions.left(sanction)
        if sanction.act == "mute" and left is not None:
            self._timers.call_later(min(left, LONGEST_WAIT), partial(self._mute_ended, sanction))

    def _mute_ended(self, mute: Sanction) -> None:
        """On the timers' thread: a mute has ended, or it is time to look again."""
        if self._sanctions.left(mute):
            self.await_end(mute)
        else:
            self.tell_all()

    def _tell(self, member: Member, shared: dict[RulesChange, Broadcast]) -> None:
        """Tell a member what holds for them, if they were told otherwise before.

        Args:
            member: whom.
            shared: what others are told as well, written once.
        """
        now = self._standing(member)
        while now != (member.told or RulesChange(member.room.name, speak=True)):
            if not member.outbox.put_if_short(shared.setdefault(now, Broadcast(now))):
                return
            member.told = now
            now = self._standing(member)

    def _standing(self, member: Member) -> RulesChange:
        """What holds for a member at this moment."""
        session, policy = member.session, member.room.policy or NO_POLICY
        shown = RulesChange(
            member.room.name,
            speak=True,
            read_only=policy.read_only,
            invite_only=bool(policy.invite_by),
            locked=policy.lock is not None,
            topic=policy.topic,
            images=policy.images,
        )
        if self._permissions.is_moderator(session):
            return shown
        shown = replace(shown, slow=policy.slow or UNSET)
        mute = self._permissions.mute_of(session, member.host)
        if mute is not None:
            return _muted(shown, mute)
        names, now = person_keys(session), self._clock.monotonic()
        freeze = policy.stopping(names, now)
        if freeze is not None:
            return _frozen(shown, freeze)
        if policy.is_read_only_for(names, now):
            return replace(shown, speak=False, why="read_only", text=READ_ONLY_TEXT)
        return shown


def _muted(shown: RulesChange, mute: Sanction) -> RulesChange:
    reason = f": {mute.reason}" if mute.reason else ""
    text, until = f"you are muted by {mute.by}{reason}", mute.until
    return _silenced(shown, "muted", text, until)


def _frozen(shown: RulesChange, freeze: Freeze) -> RulesChange:
    return _silenced(shown, "frozen", shown_freeze(freeze), freeze.until)


def _silenced(shown: RulesChange, why: str, text: str, until: float | None) -> RulesChange:
    end = UNSET if until is None else until
    return replace(shown, speak=False, why=why, text=text, until=end)
