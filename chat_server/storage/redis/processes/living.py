"""Which processes live, and what each says of itself.

Each process has a lease, a key that goes by itself unless it is renewed. The key holds what the
process says of itself. A set names all processes that were ever seen, so that the others can tell
which of them have died, and delete what those have left behind.
"""

from msgspec import DecodeError, json

from chat_server.storage.interface import ProcessFacts
from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.scripts import BURY, PREFIX, PROCESSES

LEASE = 15_000
"""Milliseconds after which a process that does not renew its lease counts as dead."""

PORTION = 500
"""Nicks of a dead process that are freed in one step."""

LEASES = f"{PREFIX}process:"
"""What the keys of leases begin with."""

_ALL = f"{PREFIX}seen"
"""The set of the processes that were not buried yet."""

_facts = json.Decoder(ProcessFacts)


def claims_key(process: str) -> str:
    """Return the key of the set of what the nicks look like that a process has claimed."""
    return f"{PREFIX}nicks:{process}"


def members_key(process: str) -> str:
    """Return the key of the hash of who is in the rooms of a process."""
    return f"{PREFIX}members:{process}"


class Living:
    """The processes on one Redis. Any thread may call any method."""

    def __init__(self, connections: Connections, process: str) -> None:
        """
        Args:
            connections: to Redis.
            process: what the others know this process by.
        """
        self._connections = connections
        self._process = process

    def renew(self, facts: ProcessFacts) -> bool:
        """Renew the lease. Return whether it had not ended meanwhile.

        Args:
            facts: what this process says of itself.

        Raises:
            StoreError: Redis could not be asked.
        """
        key = f"{LEASES}{self._process}"
        was_there, *_ = self._connections.ask_all(
            [
                ("EXISTS", key),
                ("SET", key, json.encode(facts), "PX", LEASE),
                ("PEXPIRE", members_key(self._process), LEASE),
                ("SADD", _ALL, self._process),
            ]
        )
        return bool(was_there)

    def end(self) -> None:
        """End the lease: let others have all nicks of this process at once.

        Raises:
            StoreError: Redis could not be asked. They have them when the lease ends.
        """
        self._connections.ask_all(
            [
                ("DEL", f"{LEASES}{self._process}", members_key(self._process)),
                ("PUBLISH", PROCESSES, f"{self._process} ended -"),
            ]
        )
        self._bury(self._process)

    def others(self) -> dict[str, ProcessFacts]:
        """Return the other processes that live, and what each says of itself.

        Raises:
            StoreError: Redis could not be asked.
        """
        names = sorted(self._seen())
        if not names:
            return {}
        found = self._connections.ask("MGET", *(f"{LEASES}{name}" for name in names))
        return {
            name: facts
            for name, written in zip(names, found, strict=True)
            if written is not None and (facts := _read(written)) is not None
        }

    def bury(self) -> None:
        """Delete what dead processes have left behind: the nicks that they had claimed.

        Raises:
            StoreError: Redis could not be asked.
        """
        for name in self._seen():
            self._bury(name)

    def _bury(self, name: str) -> None:
        keys = (f"{LEASES}{name}", claims_key(name), _ALL)
        arguments = (name, f"{PREFIX}nick:", PORTION)
        while self._connections.ask_all([Call(BURY, keys, arguments)])[0]:
            pass

    def _seen(self) -> set[str]:
        """The other processes, dead ones too."""
        found = {name.decode() for name in self._connections.ask("SMEMBERS", _ALL)}
        return found - {self._process}


def _read(written: bytes) -> ProcessFacts | None:
    """What a process says of itself; None if another version wrote it in another way."""
    try:
        return _facts.decode(written)
    except DecodeError:
        return None
