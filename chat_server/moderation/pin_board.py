"""What stands at the top of each room: up to five messages, in memory and in the store.

A pin is a place in the log. What is told of it to clients is the start of the message, so that
those who join need not look it up. It goes with its message.
"""

import logging
import threading
from collections.abc import Callable, Iterable

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
        # Guards the next two. A leaf. What is in _pins is replaced, never changed.
        self._lock = threading.Lock()
        self._pins: dict[str, tuple[PinEntry, ...]] = {}
        self._stale: set[str] = set()  # rooms in which something pinned was edited or deleted
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
            pins = self.of(room.name)
            if any(pin.seq == seq for pin in pins):
                return
            if len(pins) >= PINS_LIMIT:
                raise ProtocolError(
                    Code.FORBIDDEN,
                    f"{PINS_LIMIT} messages are pinned in {room.name}, the most there may be: "
                    "unpin one first",
                )
            entry = self._entry(room.name, seq, actor.nick)
            if entry is None:
                raise ProtocolError(
                    Code.NO_SUCH_MESSAGE, f"there is no message {seq} in {room.name}"
                )
            act = actor.did("pin", self._clock.time(), f"{room.name} {seq}")
            self._people.add_pin(KeptPin(room.name, seq, actor.nick, act.time), act)
            self._put(room.name, sorted((*pins, entry), key=lambda pin: pin.seq))
        self.refresh(room.name)  # it may have been changed meanwhile, which nobody noted yet

    def unpin(self, actor: Actor, room: Room, seq: int) -> None:
        """Keep a message at the top of a room no longer.

        Raises:
            ProtocolError: `no_such_message`: it does not stand there.
            StoreError: it could not be kept; nothing has changed.
        """
        with self._claims.of(room.name):
            pins = self.of(room.name)
            left = [pin for pin in pins if pin.seq != seq]
            if len(left) == len(pins):
                raise ProtocolError(
                    Code.NO_SUCH_MESSAGE, f"message {seq} is not pinned in {room.name}"
                )
            act = actor.did("unpin", self._clock.time(), f"{room.name} {seq}")
            self._people.remove_pins(room.name, [seq], act)
            self._put(room.name, left)

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
            before = self.of(room)
            found = [(pin, self._entry(room, pin.seq, pin.by)) for pin in before]
            gone = [pin.seq for pin, entry in found if entry is None]
            left = [entry for _, entry in found if entry is not None]
            if tuple(left) == before:
                return
            if gone:
                self._people.remove_pins(room, gone)
            self._put(room, left)

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
            pins = self.of(room)
            if pins:
                self._people.remove_pins(room, [pin.seq for pin in pins])
                self._put(room, ())

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
