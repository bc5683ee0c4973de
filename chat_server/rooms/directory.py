"""The rooms: which there are, who made them, and when one is given up."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from chat_server.network.addresses import neighbourhood
from chat_server.rooms.room import Member, Room
from chat_server.runtime.config.settings import LiveSettings
from chat_server.storage.interface import MembersChange, StoredRoom
from protocol.errors import Code, ProtocolError

RETRY_AFTER = 60.0
"""Seconds after which a room may have been given up."""

LEAVING_RETRY_AFTER = 0.2
"""Seconds after which the last ones may have left a temporary room."""


class RoomDirectory:
    """The one list of rooms. Any thread may call any method."""

    def __init__(
        self,
        settings: LiveSettings,
        kept: Iterable[StoredRoom],
        make_room: Callable[[str, str, int], Room],
        left: Callable[[Member, bool], None],
        gone: Callable[[str], None],
        look_up: Callable[[str], StoredRoom | None],
    ) -> None:
        """
        Args:
            settings: for the limits.
            kept: the rooms of earlier runs.
            make_room: makes a room of a name, a topic and the seq of its last message.
            left: called, with no lock held, after a member has left, and told whether the same
                person is expected back in the room (the connection was lost).
            gone: called after that, with the name of a room that has gone with its last member.
            look_up: returns what is kept of a room that another process may have made.
        """
        self._settings = settings
        self._make_room = make_room
        self._left = left
        self._gone = gone
        self._look_up = look_up
        # Guards all below. Order: RoomDirectory._lock, Room._lock, Outbox._lock.
        self._lock = threading.Lock()
        self._rooms: dict[str, Room] = {}
        # Where `seq` goes on in a room of which nothing was kept: it was removed, or all was old.
        self._ended: dict[str, int] = {}
        for name, topic, last, is_empty in kept:
            if is_empty:
                self._ended[name] = last
            else:
                self._rooms[name] = make_room(name, topic, last)
        # From which neighbourhood the rooms are that were made since the start; how many each made.
        self._makers: dict[Room, str] = {}
        self._made: Counter[str] = Counter()
        # Names that were forgotten on request, and whose they were. The name and its seq are kept
        # for good, so these go on counting as made: else one client could make any number.
        self._forgotten: dict[str, str] = {}
        self._delivered = 0  # messages, in rooms that were removed

    def enter(self, name: str, host: str, *, temporary: bool = False) -> Room:
        """Return the room of that name, and make it if there is none.

        Args:
            name: as normalize_room returned it.
            host: from where somebody asks for it.
            temporary: whether it may be forgotten, if it is made.

        Raises:
            ProtocolError: `too_many_rooms`.
            StoreError: there is none, and the store could not be asked for it.
        """
        if name not in self._rooms:
            self.adopt(self._look_up(name))
        with self._lock:
            room = self._rooms.get(name)
            if room is None:
                maker = neighbourhood(host)
                self._check_space(maker)
                self._take_back(name)
                room = self._make_room(name, "", self._ended.get(name, 0))
                room.temporary = temporary
                self._rooms[name] = room
                self._makers[room] = maker
                self._made[maker] += 1
            return room

    def adopt(self, kept: StoredRoom | None) -> None:
        """Make a room that another process has made, unless it is here or empty.

        One that is empty goes, unless somebody is in it.
        """
        if kept is None:
            return
        with self._lock:
            room = self._rooms.get(kept.name)
            if kept.is_empty:
                self._ended[kept.name] = max(self._ended.get(kept.name, 0), kept.last_seq)
            elif room is None:
                self._rooms[kept.name] = self._make_room(kept.name, kept.topic, kept.last_seq)
        if room is not None and kept.is_empty:
            self._let_go(room)

    def drop_removed(self, name: str) -> bool:
        """Let a room go that another process has removed. Return whether there is none any more.

        Where somebody is in it, it stays, and goes with its last member.
        """
        with self._lock:
            room = self._rooms.get(name)
            if room is None:
                return True
            self._ended[name] = max(self._ended.get(name, 0), room.last)
        return self._let_go(room)

    def note_elsewhere(self, server: str, rooms: Mapping[str, MembersChange], whole: bool) -> None:
        """Note who came into rooms on another server, and who left.

        A room that there is not here is made if somebody is in it there.

        Args:
            server: what it is known by.
            rooms: what has changed, by room.
            whole: whether these are all who are in rooms there.
        """
        with self._lock:
            for name, change in rooms.items():
                if change.present and name not in self._rooms:
                    self._rooms[name] = self._make_room(name, "", self._ended.get(name, 0))
            found = [
                room
                for name, room in self._rooms.items()
                if name in rooms or (whole and room.elsewhere)
            ]
        for room in found:
            change = rooms.get(room.name, MembersChange())
            room.note_elsewhere(server, change, whole=whole)
            self._let_go(room)

    def _take_back(self, name: str) -> None:
        """With the lock held: stop counting a forgotten name, which is about to be used again."""
        assert self._lock.locked()
        maker = self._forgotten.pop(name, None)
        if maker is not None:
            self._count_off(maker)

    def _check_space(self, maker: str) -> None:
        """With the lock held: see that there may be another room, and of that maker's."""
        assert self._lock.locked()
        settings = self._settings.now
        allowed, allowed_here = settings.rooms, settings.rooms_per_address
        rule = f"there may be {allowed} rooms"
        if len(self._rooms) < allowed:
            if allowed_here is None or self._made[maker] < allowed_here:
                return
            rule = f"from one address {allowed_here} rooms may be made"
        raise ProtocolError(
            Code.TOO_MANY_ROOMS,
            f"{rule}, and they are: join one of those, or try again when one is given up",
            retry_after=RETRY_AFTER,
        )

    def leave(self, member: Member, *, comes_back: bool = False) -> None:
        """Take a member out of its room. A room with an empty log goes with its last member.

        Args:
            member: who leaves.
            comes_back: the connection was lost, so the person is expected back in the room.
        """
        room = member.room
        room.remove(member)
        is_gone = self._give_up(room)
        self._left(member, comes_back)
        if is_gone:
            self._gone(room.name)

    def drop_empty(self) -> None:
        """Let all rooms go in which nobody is and nothing was said: some were busy at that time."""
        for room in self.all():
            self._let_go(room)

    def _let_go(self, room: Room) -> bool:
        """Let a room go in which nobody is and nothing was said. Return whether it is gone."""
        is_gone = not room.count and self._give_up(room)
        if is_gone:
            self._gone(room.name)
        return is_gone

    def _give_up(self, room: Room) -> bool:
        """Let a room go if nobody is in and its log is empty. Return whether."""
        with self._lock:
            is_room = self._rooms.get(room.name) is room
            is_gone = is_room and room.give_up(self._ended.get(room.name, 0))
            if is_gone:
                self._drop(room)
            return is_gone

    @contextmanager
    def removing(self, room: Room, *, on_request: bool = False) -> Iterator[None]:
        """Keep everybody out of a room while the block deletes it, then drop it.

        Who wants to come in waits, and gets another room of that name, whose `seq` goes on. If the
        block raises, the room is as it was.

        Args:
            room: which.
            on_request: a client asks for it, who may remove none but temporary ones.

        Raises:
            ProtocolError: `forbidden`: somebody is in it, or it is not temporary;
                `no_such_room`: it was given up.
        """
        if on_request:
            _check_temporary(room)
        members = room.close()
        if members is None:
            raise ProtocolError(Code.NO_SUCH_ROOM, f"there is no room {room.name}")
        if members:
            who = "1 person is" if members == 1 else f"{members} people are"
            raise ProtocolError(
                Code.FORBIDDEN,
                f"{who} in {room.name}: kick them, or wait until they have left",
                retry_after=LEAVING_RETRY_AFTER if on_request else None,
            )
        removed = False
        try:
            if on_request:  # somebody may have come and gone meanwhile
                _check_temporary(room)
            yield
            with self._lock:
                maker = self._makers.get(room)
                self._drop(room)
                if on_request and maker is not None:
                    self._forgotten[room.name] = maker
                    self._made[maker] += 1
                self._ended[room.name] = room.last
                self._delivered += room.delivered
            removed = True
        finally:
            room.end_closing(removed=removed)

    def _drop(self, room: Room) -> None:
        """With the lock held: let another be made of that name."""
        assert self._lock.locked()
        del self._rooms[room.name]
        maker = self._makers.pop(room, None)
        if maker is not None:
            self._count_off(maker)

    def _count_off(self, maker: str) -> None:
        """With the lock held: let a maker make one more."""
        assert self._lock.locked()
        self._made[maker] -= 1
        if not self._made[maker]:
            del self._made[maker]

    def find(self, name: str) -> Room | None:
        """Return the room of that name."""
        with self._lock:
            return self._rooms.get(name)

    @property
    def delivered(self) -> int:
        """How many messages were handed to members so far, one for each member."""
        with self._lock:
            rooms, removed = list(self._rooms.values()), self._delivered
        return removed + sum(room.delivered for room in rooms)

    @property
    def count(self) -> int:
        """How many rooms there are."""
        with self._lock:
            return len(self._rooms)

    def all(self) -> list[Room]:
        """Return all rooms, in the order of their names."""
        with self._lock:
            return sorted(self._rooms.values(), key=_name)


def _check_temporary(room: Room) -> None:
    if not room.temporary:
        raise ProtocolError(
            Code.FORBIDDEN,
            f"{room.name} is not temporary: somebody made or joined it who wants to keep it. The "
            "operator of the server can remove it",
        )


def _name(room: Room) -> str:
    return room.name
