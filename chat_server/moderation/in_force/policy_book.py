"""The rules of all rooms: in memory, where they are asked for, and in the store."""

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import Act, StoredPolicy
from chat_server.moderation.in_force.bans import seconds_left
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.policy import (
    NO_POLICY,
    Freeze,
    Guest,
    Lock,
    PersonKey,
    RoomPolicy,
    TopicRule,
)
from chat_server.rooms.room import Draft, Room
from chat_server.runtime.clock import Clock
from protocol.messages import FreezeChange

_TOPIC_RULES: dict[str, TopicRule] = {"moderators": "moderators", "everybody": "everybody"}

EVERYWHERE = ""
"""The room that stands for all of them."""


class PolicyBook:
    """The rules. Any thread may call any method."""

    def __init__(
        self, people: PeopleStore, clock: Clock, floor: Callable[[str], frozenset[PersonKey]]
    ) -> None:
        """
        Args:
            people: keeps the rules, and has those of earlier runs.
            clock: what they end by.
            floor: returns the names of who has the floor in a room, who may speak in a freeze.

        Raises:
            StoreError: they could not be read.
        """
        self._people = people
        self._clock = clock
        self._floor = floor
        # Held while a policy is changed, first in the store and then in memory, so that both change
        # in the same order. Above all locks.
        self._changing = threading.Lock()
        # Guards _policies. A leaf, taken with a room's lock held.
        self._lock = threading.Lock()
        self._policies = {each.room: _read(each, clock) for each in people.policies()}

    def of(self, room: str) -> RoomPolicy | None:
        """Return all that holds in a room, or None if there is nothing."""
        with self._lock:
            policy = self._policies.get(room, NO_POLICY)
            server_freeze = self._policies.get(EVERYWHERE, NO_POLICY).freeze
        if server_freeze is not None:
            policy = replace(policy, server_freeze=server_freeze)
        if policy.has_freeze:
            policy = replace(policy, floor=self._floor(room))
        return None if policy == NO_POLICY else policy

    def own(self, room: str) -> RoomPolicy:
        """Return a room's own rules, or those of all rooms for EVERYWHERE."""
        with self._lock:
            return self._policies.get(room, NO_POLICY)

    def freezes(self) -> list[tuple[str, Freeze]]:
        """Return the freezes, each with its room or EVERYWHERE."""
        with self._lock:
            found = [(room, policy.freeze) for room, policy in self._policies.items()]
        return [(room, freeze) for room, freeze in found if freeze is not None]

    def rooms_of_guest(self, key: PersonKey) -> list[str]:
        """Return the rooms to which somebody is invited by this name."""
        with self._lock:
            policies = list(self._policies.items())
        return [room for room, policy in policies if key in policy.invited]

    def change(
        self, room: str, change: Callable[[RoomPolicy], RoomPolicy], act: Act | None
    ) -> None:
        """Keep other rules of a room's own, and let them hold.

        Args:
            room: its name, or EVERYWHERE.
            change: makes them of those it has.
            act: the line in the audit log, if it is to have one.

        Raises:
            StoreError: all is as it was.
        """
        self._people.decided(lambda: self._change(room, change, act))

    def _change(
        self, room: str, change: Callable[[RoomPolicy], RoomPolicy], act: Act | None
    ) -> None:
        with self._changing:
            before = self.own(room)
            self._put(room, before, change(before), act)

    def change_insiders(
        self, room: str, change: Callable[[frozenset[PersonKey]], frozenset[PersonKey]]
    ) -> None:
        """Let others back into a room if it is locked.

        Args:
            room: its name.
            change: makes those who may of those who might until now.

        Raises:
            StoreError: all is as it was.
        """
        self._people.decided(lambda: self._change_insiders(room, change))

    def _change_insiders(
        self, room: str, change: Callable[[frozenset[PersonKey]], frozenset[PersonKey]]
    ) -> None:
        with self._changing:
            policy = self.own(room)
            if policy.lock is None:
                return
            insiders = change(policy.lock.insiders)
            if insiders != policy.lock.insiders:
                lock = replace(policy.lock, insiders=insiders)
                self._put(room, policy, replace(policy, lock=lock), None)

    def forget_insiders(self, names: frozenset[PersonKey]) -> list[str]:
        """Let nobody with one of these names back into any locked room, nor by an invitation.

        Returns:
            The rooms that have other rules now, which are to be imposed.

        Raises:
            StoreError: they may still come back into some.
        """
        with self._lock:
            rooms = [
                room
                for room, policy in self._policies.items()
                if policy.invited & names or (policy.lock and policy.lock.insiders & names)
            ]
        for room in rooms:
            self.change(room, lambda policy: policy.without(names), None)
        return rooms

    def forget(self, room: str) -> None:
        """Keep no rules of a room's own.

        Raises:
            StoreError: all is as it was.
        """
        self._people.decided(lambda: self._change(room, lambda _: NO_POLICY, None))

    def follow(self, kept: StoredPolicy) -> tuple[RoomPolicy, RoomPolicy]:
        """Let rules hold that another server has kept. Return those before, and those now."""
        policy = _read(kept, self._clock)
        with self._changing, self._lock:
            before = self._policies.get(kept.room, NO_POLICY)
            if policy.freeze is not None and _is_same(policy.freeze, before.freeze):
                policy = replace(policy, freeze=before.freeze)
            self._note(kept.room, policy)
        return before, policy

    def follow_all(self) -> list[str]:
        """Let hold whatever is kept. Return the rooms that have, or had, rules.

        Raises:
            StoreError: it could not be read; all is as it was.
        """
        kept = {each.room: each for each in self._people.policies()}
        with self._lock:
            rooms = {**self._policies, **kept}
        for room in rooms:
            self.follow(kept.get(room, StoredPolicy(room)))
        return list(rooms)

    def impose(self, room: Room, notice: Draft | None = None) -> None:
        """Let what is kept of a room hold in it, together with the notice that says so.

        Of two who do so one may let the other's rules hold as well. So whoever it is that freezes
        a room by this, or thaws it, tells those who are in it.
        """
        before = room.impose(partial(self.of, room.name), notice)
        _tell_of_freeze(room, before)

    def end(self, room: str, freeze: Freeze) -> bool:
        """Drop a freeze that is over from memory; what the store has of it ends by its date.

        Returns: whether it was there: it may have been lifted, or be another.
        """
        with self._lock:
            policy = self._policies.get(room, NO_POLICY)
            if policy.freeze is not freeze:
                return False
            self._policies[room] = replace(policy, freeze=None)
            return True

    def _put(self, room: str, before: RoomPolicy, policy: RoomPolicy, act: Act | None) -> None:
        """With `_changing` held: store a policy that was made of the one before, and apply it."""
        assert self._changing.locked()
        self._people.put_policy(_kept(room, policy), act)
        with self._lock:
            if policy.freeze is before.freeze:  # it may have ended by itself meanwhile
                policy = replace(policy, freeze=self._policies.get(room, NO_POLICY).freeze)
            self._note(room, policy)

    def _note(self, room: str, policy: RoomPolicy) -> None:
        """With `_lock` held: let rules hold."""
        assert self._lock.locked()
        if policy == NO_POLICY:
            self._policies.pop(room, None)
        else:
            self._policies[room] = policy


def _is_same(freeze: Freeze, other: Freeze | None) -> bool:
    """Whether two are one, though the clock by which they end was read at another moment."""
    return other is not None and replace(freeze, ends=other.ends) == other


def _read(kept: StoredPolicy, clock: Clock) -> RoomPolicy:
    lock = Lock(kept.locked_by, frozenset(kept.insiders)) if kept.locked else None
    freeze = _read_freeze(kept, clock) if kept.frozen else None
    return RoomPolicy(
        slow=kept.slow,
        lock=lock,
        freeze=freeze,
        topic=_TOPIC_RULES.get(kept.topic, ""),
        read_only=kept.read_only,
        invite_by=kept.invite_by,
        guests=tuple(Guest(key, shown) for key, shown in kept.guests),
        forget=kept.forget,
        images=kept.images,
    )


def _read_freeze(kept: StoredPolicy, clock: Clock) -> Freeze | None:
    ends = None
    if kept.frozen_until is not None:
        ends = clock.monotonic() + seconds_left(kept.frozen_at, kept.frozen_until, clock)
    freeze = Freeze(
        by=kept.frozen_by,
        since=kept.frozen_at,
        until=kept.frozen_until,
        ends=ends,
        speakers=frozenset(kept.speakers),
        everywhere=kept.room == EVERYWHERE,
    )
    return freeze if freeze.holds(clock.monotonic()) else None


def _tell_of_freeze(room: Room, before: RoomPolicy | None) -> None:
    """Tell those in a room whether it is frozen now, if that is new."""
    frozen = _has_freeze(room)
    if frozen is (before or NO_POLICY).has_freeze:
        return
    told = None
    while told is not frozen:  # it may have changed on the way, and that been told ahead of this
        change = Broadcast(FreezeChange(room=room.name, frozen=frozen))
        for member in room.members():
            member.outbox.put_if_short(change)
        told, frozen = frozen, _has_freeze(room)


def _has_freeze(room: Room) -> bool:
    return (room.policy or NO_POLICY).has_freeze


def _kept(room: str, policy: RoomPolicy) -> StoredPolicy:
    freeze, lock = policy.freeze, policy.lock
    kept = StoredPolicy(
        room,
        slow=policy.slow,
        topic=policy.topic,
        read_only=policy.read_only,
        invite_by=policy.invite_by,
        guests=policy.guests,
        forget=policy.forget,
        images=policy.images,
    )
    if lock is not None:
        kept = kept._replace(locked=True, locked_by=lock.by, insiders=tuple(sorted(lock.insiders)))
    if freeze is not None:
        kept = kept._replace(
            frozen=True,
            frozen_until=freeze.until,
            frozen_by=freeze.by,
            speakers=tuple(sorted(freeze.speakers)),
            frozen_at=freeze.since,
        )
    return kept
