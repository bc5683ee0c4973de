"""Tells the other servers who is in the rooms here, on a thread of its own.

A room says when its members have been told who came and who left. The thread compares who is in
with what the others were told last, and tells them the difference.
"""

import logging
import threading
from collections.abc import Callable, Iterable

from chat_server.identity.roles import Role
from chat_server.rooms.room import Outlet, Room
from chat_server.runtime.errors import StoreError
from chat_server.runtime.threads import ServerThread
from chat_server.storage.interface import MembersChange, Neighbours

log = logging.getLogger(__name__)

RETRY_AFTER = 1.0
"""Seconds after which is told again what could not be told."""

_People = dict[Outlet, tuple[str, Role]]


class SharedMembers:
    """The thread and what it has told. Any thread may call any method."""

    def __init__(
        self,
        neighbours: Neighbours,
        rooms: Callable[[], Iterable[Room]],
        is_here: Callable[[str], bool],
    ) -> None:
        """
        Args:
            neighbours: the other servers.
            rooms: returns all rooms.
            is_here: returns whether somebody on this server has a nick and is not about to leave;
                it takes no lock.
        """
        self._neighbours = neighbours
        self._rooms = rooms
        self._is_here = is_here
        # Guards the next three, and wakes the thread. A leaf.
        self._changed = threading.Condition()
        self._due: dict[Room, None] = {}
        self._whole = False  # the others are to be told of all rooms anew
        self._stopping = False
        self._told: dict[str, _People] = {}  # by room; the thread's own
        self._complained = False  # the thread's own
        self._thread = ServerThread(self._run, "members")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread. What the others were not told yet goes with the lease."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def note(self, room: Room) -> None:
        """Tell the others soon who came into a room and who left."""
        with self._changed:
            self._due[room] = None
            self._changed.notify()

    def tell_all(self) -> None:
        """Tell the others of all rooms anew: they may have forgotten what they were told."""
        with self._changed:
            self._whole = True
            self._changed.notify()

    def _run(self) -> None:
        while self._tell_next():
            pass

    def _tell_next(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._due or self._whole or self._stopping)
            if self._stopping:
                return False
            due, self._due = list(self._due), {}
            whole, self._whole = self._whole, False
        if self._tell(list(self._rooms()) if whole else due, whole=whole):
            return True
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, RETRY_AFTER)
            self._whole = True
        return True

    def _tell(self, rooms: Iterable[Room], *, whole: bool) -> bool:
        """Tell the others of some rooms. Return whether that was done."""
        if whole:
            self._told.clear()
        changes = {room.name: change for room in rooms if (change := self._change_in(room))}
        if not changes and not whole:
            return True
        try:
            while not self._neighbours.show_members(changes, whole=whole):
                self._told.clear()
                whole = True
                changes = {
                    room.name: change for room in self._rooms() if (change := self._change_in(room))
                }
        except StoreError as error:
            if not self._complained:
                log.warning("other servers do not know who is here, until they are told: %s", error)
            self._complained = True
            return False
        self._complained = False
        return True

    def _change_in(self, room: Room) -> MembersChange | None:
        """Return what the others are to be told of a room; from now on it counts as told."""
        before = self._told.pop(room.name, {})
        now = {member.outbox: (member.known_as, member.role) for member in room.members()}
        if now:
            self._told[room.name] = now
        were, are = dict(before.values()), dict(now.values())
        renamed = {
            nick: before[outlet][0]
            for outlet, (nick, _) in now.items()
            if outlet in before and nick not in were and before[outlet][0] not in are
        }
        present = {nick: role.word for nick, role in are.items() if were.get(nick) is not role}
        gone = [nick for nick in were if nick not in are and nick not in renamed.values()]
        if not present and not gone:
            return None
        return MembersChange(present, gone, renamed, [nick for nick in gone if self._is_here(nick)])
