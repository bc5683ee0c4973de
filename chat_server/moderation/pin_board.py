"""What stands at the top of each room: up to five messages, in memory and in the store.

A pin is a place in the log. What is told of it to clients is the start of the message, so that
those who join need not look it up. It goes with its message.

Where several servers share the pins, whatever is decided is decided upon what all have written
(`PeopleStore.decided`): what others wrote is looked at first.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial

from chat_server.identity.store.people_store import PeopleStore
from chat_server.identity.store.records import KeptPin
from chat_server.moderation.targets import Actor
from chat_server.rooms.codec import Broadcast
from chat_server.rooms.room import Member, Room
from chat_server.runtime.claims import Claims
from chat_server.runtime.clock import Clock
from chat_server.runtime.errors import StoreError
from chat_server.storage.interface import RoomLog
from protocol.errors import Code, ProtocolError
from protocol.messages import PinEntry, PinsChange

log = logging.getLogger(__name__)

PINS_LIMIT = 5
"""How many messages may stand at the top of a room."""

SHOWN_LIMIT = 200
"""Characters of a message that are told with its pin: five of them fit a frame."""

_NOTHING: tuple[PinEntry, ...] = ()


class PinBoard:
    """The pins. Any thread may call any method."""

    def __init__(
        self,
        clock: Clock,
        store: RoomLog,
        people: PeopleStore,
        find_room: Callable[[str], Room | None],
    ) -> None:
        """
        Args:
            clock: for when a message was pinned.
            store: has the messages.
            people: keeps the pins, and has those of earlier runs.
            find_room: returns the room of a name.

        Raises:
            StoreError: they could not be read.
        """
        self._clock = clock
        self._store = store
        self._people = people
        self._find_room = find_room
        self._claims = Claims()  # rooms whose pins are changed, in the store, here and for members
        # Guards the next three. A leaf. What is in _pins is replaced, never changed.
        self._lock = threading.Lock()
        self._pins: dict[str, tuple[PinEntry, ...]] = {}
        self._stale: set[str] = set()  # rooms in which something pinned was edited or deleted
        self._written: set[str] = set()  # rooms in which another server has changed the pins
        for kept in people.pins():
            entry = self._entry(kept.room, kept.seq, kept.by)
            if entry is not None:
                self._pins[kept.room] = (*self._pins.get(kept.room, ()), entry)

    def of(self, room: str) -> tuple[PinEntry, ...]:
        """Return what stands at the top of a room, the oldest message first."""
        with self._lock:
            return self._pins.get(room, _NOTHING)

    def pin(self, actor: Actor, room: Room, seq: int) -> None:
        """Keep a message at the top of a room. One that stands there already stays.

        Raises:
            ProtocolError: `no_such_message`; `forbidden`: there are as many as may be.
            StoreError: it could not be kept; nothing has changed.
        """
        with self._claims.of(room.name):
            self._people.decided(partial(self._pin, actor, room.name, seq))
        self.refresh(room.name)  # it may have been changed meanwhile, which nobody noted yet

    def _pin(self, actor: Actor, room: str, seq: int) -> None:
        self._look(room)
        pins = self.of(room)
        if any(pin.seq == seq for pin in pins):
            return
        if len(pins) >= PINS_LIMIT:
            raise ProtocolError(
                Code.FORBIDDEN,
                f"{PINS_LIMIT} messages are pinned in {room}, the most there may be: unpin one "
                "first",
            )
        entry = self._entry(room, seq, actor.nick)
        if entry is None:
            raise ProtocolError(Code.NO_SUCH_MESSAGE, f"there is no message {seq} in {room}")
        act = actor.did("pin", self._clock.time(), f"{room} {seq}")
        self._people.add_pin(KeptPin(room, seq, actor.nick, act.time), act)
        self._put(room, sorted((*pins, entry), key=lambda pin: pin.seq))

    def unpin(self, actor: Actor, room: Room, seq: int) -> None:
        """Keep a message at the top of a room no longer.

        Raises:
            ProtocolError: `no_such_message`: it does not stand there.
            StoreError: it could not be kept; nothing has changed.
        """
        with self._claims.of(room.name):
            self._people.decided(partial(self._unpin, actor, room.name, seq))

    def _unpin(self, actor: Actor, room: str, seq: int) -> None:
        self._look(room)
        pins = self.of(room)
        left = [pin for pin in pins if pin.seq != seq]
        if len(left) == len(pins):
            raise ProtocolError(Code.NO_SUCH_MESSAGE, f"message {seq} is not pinned in {room}")
        act = actor.did("unpin", self._clock.time(), f"{room} {seq}")
        self._people.remove_pins(room, [seq], act)
        self._put(room, left)

    def tell(self, member: Member) -> None:
        """Tell a member who has come in what stands at the top of the room, if anything does."""
        told = _NOTHING
        pins = self.of(member.room.name)
        while pins is not told:  # they may have changed on the way, and that been told ahead
            member.outbox.put_if_short(Broadcast(PinsChange(member.room.name, pins)))
            told, pins = pins, self.of(member.room.name)

    def refresh(self, room: str) -> None:
        """Look at the pinned messages of a room again: what is gone is unpinned."""
        with self._claims.of(room):
            self._people.decided(partial(self._refresh, room))

    def _refresh(self, room: str) -> None:
        self._look(room)
        before = self.of(room)
        found = [(pin, self._entry(room, pin.seq, pin.by)) for pin in before]
        gone = [pin.seq for pin, entry in found if entry is None]
        left = [entry for _, entry in found if entry is not None]
        if tuple(left) == before:
            return
        if gone:
            self._people.remove_pins(room, gone)
        self._put(room, left)

    def note_written(self, room: str) -> None:
        """Note that another server has changed what stands at the top of a room."""
        with self._lock:
            self._written.add(room)

    def show(self, room: str) -> None:
        """Tell those in a room what stands at its top since another server has changed it.

        Raises:
            StoreError: it could not be read; it is read when somebody asks the next time.
        """
        with self._claims.of(room):
            self._people.decided(partial(self._look, room))

    def note_all_written(self) -> list[str]:
        """Note that all may be other than before. Return the rooms that have, or had, pins."""
        kept = {pin.room for pin in self._people.pins()}
        with self._lock:
            self._written |= kept | self._pins.keys()
            return list(self._written)

    def note_change(self, room: str, seq: int) -> bool:
        """Note that a message was edited or deleted. Return whether `tidy` has something to do."""
        with self._lock:
            pinned = any(pin.seq == seq for pin in self._pins.get(room, _NOTHING))
            if pinned:
                self._stale.add(room)
            return pinned

    def tidy(self) -> None:
        """Unpin what was deleted, and tell what pinned messages that were edited say now."""
        with self._lock:
            pins = list(self._pins.items())
            stale, self._stale = self._stale, set()
        for room, entries in pins:
            oldest = self._store.oldest(room)
            if room in stale or (oldest is not None and entries[0].seq < oldest):
                try:
                    self.refresh(room)
                except StoreError as error:
                    log.error("what is pinned in %s was not looked at: %s", room, error)

    def forget(self, room: str) -> None:
        """Forget the pins of a room that is removed.

        Raises:
            StoreError: they could not be forgotten.
        """
        with self._claims.of(room):
            self._people.decided(partial(self._forget, room))

    def _forget(self, room: str) -> None:
        self._look(room)
        pins = self.of(room)
        if pins:
            self._people.remove_pins(room, [pin.seq for pin in pins])
            self._put(room, ())

    def _look(self, room: str) -> None:
        """With the room claimed: know what other servers have pinned and unpinned there."""
        with self._lock:
            if room not in self._written:
                return
            self._written.discard(room)
        try:
            kept = [pin for pin in self._people.pins() if pin.room == room]
            entries = [self._entry(room, pin.seq, pin.by) for pin in kept]
        except StoreError:
            self.note_written(room)
            raise
        self._put(room, [entry for entry in entries if entry is not None])

    def _entry(self, room: str, seq: int, by: str) -> PinEntry | None:
        """What is told of a pinned message; None if there is no such message."""
        found = self._store.after(room, seq - 1, 1) if seq > 0 else []
        if not found or found[0].seq != seq or found[0].deleted:
            return None
        message = found[0]
        return PinEntry(seq, message.time, message.from_, message.text[:SHOWN_LIMIT], by)

    def _put(self, name: str, pins: Iterable[PinEntry]) -> None:
        """With the room claimed: let other pins hold, and tell those in the room."""
        assert self._claims.has(name)
        new = tuple(pins)
        with self._lock:
            if new:
                self._pins[name] = new
            else:
                self._pins.pop(name, None)
        room = self._find_room(name)
        change = Broadcast(PinsChange(name, new))
        for member in room.members() if room else ():
            member.outbox.put_if_short(change)
