"""What other servers write of people, and how it comes to hold here.

Each server has a copy of what all know (identity/store/replica.py). A write of another one is made
in that copy first; then what is in memory changes by it, and those are told who are connected here.
Both is done by one thread at a time, in the order of the writes.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from chat_server.identity.roles import Role
from chat_server.identity.store.records import (
    Account,
    Act,
    Asked,
    KeptDirect,
    KeptKick,
    KeptPin,
    KeptPoll,
    KeptVote,
    Pupil,
    Sanction,
    StoredPolicy,
)
from chat_server.requests.account_requests import tell_role
from chat_server.requests.context import Context
from chat_server.rooms.policy import PersonKey
from protocol.errors import Code

Later = Sequence[Callable[[], None]]
"""What is to be written because of it: see Follower."""

NOTHING: Later = ()


class NeighbourActs:
    """Lets them hold. See `Follower`."""

    def __init__(self, parts: Context) -> None:
        """`parts` are the server's."""
        self._parts = parts

    def follow(self, name: str, arguments: Sequence[Any], result: Any) -> Later:
        """Let a write hold that another server made."""
        follow = _FOLLOW.get(name)
        return NOTHING if follow is None else follow(self, result, *arguments)

    def follow_all(self) -> None:
        """Let hold whatever is kept: it may all be other than before."""
        parts = self._parts
        with parts.accounts.changing:
            parts.accounts.follow_all()
        for token in parts.registry.tokens():
            self.membership(None, token)
        parts.acts_on_people.follow_all()
        parts.acts_on_rooms.follow_all()
        parts.polls.follow_all(parts.rooms.find)
        parts.late.follow_all()
        for room in parts.pins.note_all_written():
            parts.people.soon(partial(parts.pins.show, room))
        parts.hands.note_written()
        parts.people.soon(self._show_hands)

    # -- accounts

    def account(self, number: int, account: Account, token: bytes, _: Act) -> Later:
        """Somebody has registered."""
        with self._parts.accounts.changing:
            self._parts.accounts.follow_account(account._replace(number=number))
            self._parts.registry.follow_membership(token)
        return NOTHING

    def class_list(
        self, numbers: list[int], _: Sequence[Pupil], accounts: Sequence[Account], __: Act
    ) -> Later:
        """A class has accounts."""
        with self._parts.accounts.changing:
            for number, account in zip(numbers, accounts, strict=True):
                self._parts.accounts.follow_account(account._replace(number=number))
        return NOTHING

    def account_role(self, _: None, number: int, role: Role, act: Act) -> Later:
        """An account has another role."""
        with self._parts.accounts.changing:
            self._parts.accounts.follow_role(number, role)
        tell_role(self._parts, self._parts.registry.sessions_of(number), role, act.who)
        return NOTHING

    def account_hash(self, _: None, number: int, password_hash: str) -> Later:
        """A password was hashed anew."""
        with self._parts.accounts.changing:
            self._parts.accounts.follow_hash(number, password_hash)
        return NOTHING

    def password(self, _: None, number: int, password_hash: str, token: bytes, __: Act) -> Later:
        """An account has another password: who is logged in to it here is out."""
        accounts, registry = self._parts.accounts, self._parts.registry
        with accounts.changing:
            accounts.follow_password(number, password_hash)
            ended = registry.log_out_all_but(number, token)
        for connection in ended:
            connection.close(
                Code.REPLACED,
                "The password of your account was changed on another connection: log in with the "
                "new one.",
            )
        return NOTHING

    def removal(self, _: None, number: int, act: Act) -> Later:
        """An account is gone: who is logged in to it here stays, without it."""
        parts = self._parts
        with parts.accounts.changing:
            account = parts.accounts.follow_removal(number)
            sessions = parts.registry.leave_account(number)
        parts.acts_on_people.forget_account(number)
        if parts.accounts.role_of_account(account) is not Role.MEMBER:
            tell_role(parts, sessions, Role.MEMBER, act.who)
        return NOTHING

    # -- sessions

    def membership(self, _: None, token: bytes, *__: object) -> Later:
        """A session was logged in or out."""
        with self._parts.accounts.changing:
            session = self._parts.registry.follow_membership(token)
        if session is not None:
            self._parts.standings.renew(session)
        return NOTHING

    def session_role(self, _: None, token: bytes, role: Role, act: Act) -> Later:
        """A session has another role."""
        with self._parts.accounts.changing:
            session = self._parts.registry.follow_membership(token)
        if session is not None:
            tell_role(self._parts, [session], role, act.who)
        return NOTHING

    # -- keeping order

    def sanction(self, kept: Sanction, _: Sanction, __: Act) -> Later:
        """Somebody is banned or muted."""
        return self._parts.acts_on_people.follow_sanction(kept)

    def lift(self, _: None, numbers: Sequence[int], __: Act | None) -> Later:
        """Bans or mutes are over."""
        self._parts.acts_on_people.follow_lift(numbers)
        return NOTHING

    def kick(self, _: None, kick: KeptKick, __: Act) -> Later:
        """Somebody is thrown out."""
        return self._parts.acts_on_people.follow_kick(kick)

    def policy(self, _: None, policy: StoredPolicy, act: Act | None) -> Later:
        """A room has other rules, or all rooms have."""
        by = act.who if act is not None and act.act == "invite" else ""
        tell = self._parts.guests.follow(policy, by)
        later = self._parts.acts_on_rooms.follow(policy)
        tell()
        return later

    # -- direct messages that wait

    def direct(self, number: int, kept: KeptDirect) -> Later:
        """A message waits for somebody who is away."""
        self._parts.late.follow_kept(kept._replace(number=number))
        return NOTHING

    def directs_gone(self, _: None, numbers: Sequence[int]) -> Later:
        """Messages wait no more."""
        self._parts.late.follow_removed(numbers)
        return NOTHING

    def directs_refused(self, _: None, who: PersonKey, __: float) -> Later:
        """Somebody wants none kept."""
        self._parts.late.follow_refusal(who, wanted=False)
        return NOTHING

    def directs_wanted(self, _: None, who: PersonKey) -> Later:
        """Somebody wants messages kept again."""
        self._parts.late.follow_refusal(who, wanted=True)
        return NOTHING

    # -- raised hands

    def hands(self, *_: object) -> Later:
        """A hand was raised, or is down, or somebody has the floor."""
        self._parts.hands.note_written()
        return [self._show_hands]

    def _show_hands(self) -> None:
        for room in self._parts.hands.show_news(self._parts.rooms.find):
            self._parts.standings.tell_room(room)

    # -- what stands at the top of rooms

    def pin(self, _: None, pin: KeptPin, __: Act) -> Later:
        """A message stands at the top of its room."""
        return self._pins(pin.room)

    def unpin(self, _: None, room: str, *__: object) -> Later:
        """Messages stand at the top of a room no longer."""
        return self._pins(room)

    def _pins(self, room: str) -> Later:
        self._parts.pins.note_written(room)
        return [partial(self._parts.pins.show, room)]

    # -- polls

    def poll(self, number: int, poll: KeptPoll, _: Asked, __: Act | None) -> Later:
        """Somebody asks a room something."""
        self._parts.polls.follow_poll(poll._replace(number=number), self._parts.rooms.find)
        return NOTHING

    def votes(self, kept: list[bool], votes: Sequence[KeptVote], _: Sequence[KeptVote]) -> Later:
        """Some have voted."""
        counted = [vote for vote, is_kept in zip(votes, kept, strict=True) if is_kept]
        self._parts.polls.follow_votes(counted, self._parts.rooms.find)
        return NOTHING

    def poll_end(self, _: None, poll: KeptPoll, *__: object) -> Later:
        """A poll has ended."""
        self._parts.polls.follow_end(poll.room, self._parts.rooms.find)
        return NOTHING

    def poll_gone(self, _: None, room: str) -> Later:
        """The poll of a room is forgotten."""
        self._parts.polls.follow_end(room, self._parts.rooms.find)
        return NOTHING


_FOLLOW: dict[str, Callable[..., Later]] = {
    "PeopleStore.add_account": NeighbourActs.account,
    "ClassStore.add": NeighbourActs.class_list,
    "PeopleStore.set_account_role": NeighbourActs.account_role,
    "PeopleStore.set_account_hash": NeighbourActs.account_hash,
    "PeopleStore.change_password": NeighbourActs.password,
    "PeopleStore.remove_account": NeighbourActs.removal,
    "PeopleStore.log_in": NeighbourActs.membership,
    "PeopleStore.log_out": NeighbourActs.membership,
    "PeopleStore.set_session_role": NeighbourActs.session_role,
    "PeopleStore.add_sanction": NeighbourActs.sanction,
    "PeopleStore.remove_sanctions": NeighbourActs.lift,
    "PeopleStore.note_kick": NeighbourActs.kick,
    "PeopleStore.put_policy": NeighbourActs.policy,
    "LateStore.add": NeighbourActs.direct,
    "LateStore.remove": NeighbourActs.directs_gone,
    "LateStore.refuse": NeighbourActs.directs_refused,
    "LateStore.accept": NeighbourActs.directs_wanted,
    "PeopleStore.add_hand": NeighbourActs.hands,
    "PeopleStore.change_question": NeighbourActs.hands,
    "PeopleStore.move_floor": NeighbourActs.hands,
    "PeopleStore.remove_hands": NeighbourActs.hands,
    "PeopleStore.call_hands": NeighbourActs.hands,
    "PeopleStore.rename_hands": NeighbourActs.hands,
    "PeopleStore.add_pin": NeighbourActs.pin,
    "PeopleStore.remove_pins": NeighbourActs.unpin,
    "PollStore.add": NeighbourActs.poll,
    "PollStore.vote": NeighbourActs.votes,
    "PollStore.end": NeighbourActs.poll_end,
    "PollStore.forget": NeighbourActs.poll_gone,
}
"""How each write comes to hold here; those that are read from the copy alone need nothing."""
