"""Who is in the rooms of other processes, and of this one for them to know.

Each process keeps one hash: a field for each member, `room nick`, whose value is their role, and a
version. The hash goes with the lease of the process. Whoever changes it tells all others what has
changed and which version that makes; whoever misses a version reads the hash.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, json

from chat_server.storage.interface import MembersChange
from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.processes.living import LEASE, members_key
from chat_server.storage.redis.scripts import SHOW_MEMBERS

PORTION = 500
"""Members that are told of in one go."""

Hear = Callable[[str, Mapping[str, MembersChange], bool], None]
"""`NeighbourListener.members`."""

_VERSION = "version"
_GONE = "-"


class _Told(Struct, array_like=True):
    """What a process tells the others of its members."""

    version: int
    whole: bool
    rooms: dict[str, MembersChange]


_told = json.Decoder(_Told)


class MembersElsewhere:
    """Tells the others of the members here, and hears of theirs."""

    def __init__(self, connections: Connections, process: str) -> None:
        """
        Args:
            connections: to Redis.
            process: what the others know this process by.
        """
        self._connections = connections
        self._process = process
        self._version = 0  # of what was told; of the one thread that tells
        # Which version of which process is known here. Of the watcher's thread, as is all below it.
        self._known: dict[str, int] = {}

    def show(self, rooms: Mapping[str, MembersChange], *, whole: bool) -> bool:
        """Tell the others. See `Neighbours.show_members`."""
        portions = list(_portions(rooms))
        if whole and not portions:
            portions = [{}]
        for place, portion in enumerate(portions):
            if not self._show(portion, whole=whole and place == 0):
                return False
        return True

    def _show(self, rooms: Mapping[str, MembersChange], *, whole: bool) -> bool:
        self._version += 1
        told = json.encode(_Told(self._version, whole, dict(rooms))).decode()
        fields: list[str | bytes | int | float] = []
        for room, change in rooms.items():
            for nick in (*change.gone, *change.renamed.values()):
                fields += (f"{room} {nick}", _GONE)
            for nick, role in change.present.items():
                fields += (f"{room} {nick}", role)
        head = (LEASE, self._version, int(whole), f"{self._process} members {told}")
        keys = (members_key(self._process),)
        (done,) = self._connections.ask_all([Call(SHOW_MEMBERS, keys, (*head, *fields))])
        return bool(done)

    # -- the watcher's

    def heard(self, process: str, about: str, hear: Hear) -> None:
        """Take what another process tells.

        Raises:
            StoreError: something was missed, and Redis could not be asked.
        """
        told = _told.decode(about.encode())
        known = self._known.get(process, 0)
        if told.version == known + 1 or (told.whole and told.version > known):
            self._known[process] = told.version
            hear(process, told.rooms, told.whole)
        elif told.version > known:
            self._read(process, hear)

    def ended(self, process: str, hear: Hear) -> None:
        """Note that another process is dead."""
        if self._known.pop(process, None) is not None:
            hear(process, {}, True)

    def look(self, processes: Sequence[str], hear: Hear) -> None:
        """Note which other processes live: who is not among them is dead.

        Raises:
            StoreError: Redis could not be asked.
        """
        dead = self._known.keys() - set(processes)
        new = [process for process in processes if process not in self._known]
        for process in dead:
            self.ended(process, hear)
        for process in new:
            self._read(process, hear)

    def read_all(self, processes: Sequence[str], hear: Hear) -> None:
        """Learn of all members anew, as something may have been missed.

        Raises:
            StoreError: Redis could not be asked.
        """
        self.look(processes, hear)
        for process in processes:
            self._read(process, hear)

    def _read(self, process: str, hear: Hear) -> None:
        found: list[Any] = self._connections.ask("HGETALL", members_key(process))
        fields = {
            field.decode(): value.decode()
            for field, value in zip(found[::2], found[1::2], strict=True)
        }
        version = int(fields.pop(_VERSION, "0"))
        present: dict[str, dict[str, str]] = {}
        for field, role in fields.items():
            room, _, nick = field.partition(" ")
            present.setdefault(room, {})[nick] = role
        self._known[process] = version
        hear(process, {room: MembersChange(present=some) for room, some in present.items()}, True)


def _portions(rooms: Mapping[str, MembersChange]) -> "list[dict[str, MembersChange]]":
    """Divide changes into portions that are not too large."""
    portions: list[dict[str, MembersChange]] = []
    portion: dict[str, MembersChange] = {}
    count = 0
    for room, change in rooms.items():
        for part in _parts(change):
            size = len(part.present) + len(part.gone)
            if portion and (count + size > PORTION or room in portion):
                portions.append(portion)
                portion, count = {}, 0
            portion[room] = part
            count += size
    return [*portions, portion] if portion else portions


def _parts(change: MembersChange) -> list[MembersChange]:
    """Divide what changed in one room. Who is gone is told first."""
    nicks = list(change.present)
    if len(nicks) + len(change.gone) <= PORTION:
        return [change]
    parted = set(change.parted)
    parts = [
        MembersChange(gone=some, parted=[nick for nick in some if nick in parted])
        for start in range(0, len(change.gone), PORTION)
        for some in [change.gone[start : start + PORTION]]
    ]
    for start in range(0, len(nicks), PORTION):
        some = nicks[start : start + PORTION]
        renamed = {nick: change.renamed[nick] for nick in some if nick in change.renamed}
        parts.append(
            MembersChange(present={nick: change.present[nick] for nick in some}, renamed=renamed)
        )
    return parts
