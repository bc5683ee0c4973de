"""The other servers on the same Redis: whose nick is whose, and who tells whom.

Each process has a lease, a key that goes by itself unless it is renewed. A nick is claimed by a
process for a session, under what the nick looks like, and the claim counts as long as the lease
does. So the nicks of a process that died, or stood still for too long, are free for all.
"""

from collections.abc import Mapping

from msgspec import json

from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.scripts import CLAIM_NICK, DROP_NICK, PREFIX, PROCESSES
from protocol.messages import Direct
from protocol.text import nick_key, nick_skeleton

LEASE = 15_000
"""Milliseconds after which a process that does not renew its lease counts as dead."""

PORTION = 500
"""Nicks that are claimed in one go."""

_LIVING = f"{PREFIX}process:"

_directs = json.Decoder(Direct)


class RedisNeighbours:
    """The other servers, as the registry knows them. Any thread may call any method."""

    def __init__(self, connections: Connections, process: str) -> None:
        """
        Args:
            connections: to Redis.
            process: what the others know this process by.
        """
        self._connections = connections
        self._process = process

    def claim_nick(self, nick: str, token: bytes) -> str | None:
        """Have a nick for a session. See `Neighbours.claim_nick`."""
        (found,) = self._connections.ask_all([self._claim(nick, token)])
        return found.decode() if found else None

    def drop_nick(self, nick: str, token: bytes | None, held: float) -> None:
        """Let others have a nick. See `Neighbours.drop_nick`."""
        arguments = (self._process, token.hex() if token else "", int(held * 1000))
        self._connections.ask_all([Call(DROP_NICK, (_nick_key(nick), self._claims), arguments)])

    def take_over(self, token: bytes) -> None:
        """Tell the others that a session is here now. See `Neighbours.take_over`."""
        self._connections.ask("PUBLISH", PROCESSES, f"{self._process} session {token.hex()}")

    def tell(self, direct: Direct) -> str | None:
        """Send somebody on another server a message. See `Neighbours.tell`."""
        process, nick = self._connections.ask("HMGET", _nick_key(direct.to), "process", "nick")
        if not process or process == self._process.encode():
            return None
        name: str = nick.decode()
        if nick_key(name) != nick_key(direct.to):
            return None
        if not self._connections.ask("EXISTS", f"{_LIVING}{process.decode()}"):
            return None
        told = f"{process.decode()} {json.encode(direct).decode()}"
        self._connections.ask("PUBLISH", PROCESSES, f"{self._process} direct {told}")
        return name

    # -- the watcher's

    def renew_lease(self) -> bool:
        """Renew the lease. Return whether it had not ended meanwhile.

        Raises:
            StoreError: Redis could not be asked.
        """
        key = f"{_LIVING}{self._process}"
        was_there, _ = self._connections.ask_all([("EXISTS", key), ("SET", key, "", "PX", LEASE)])
        return bool(was_there)

    def end_lease(self) -> None:
        """Let others have all nicks of this process at once.

        Raises:
            StoreError: Redis could not be asked. They have them when the lease ends.
        """
        self._connections.ask("DEL", f"{_LIVING}{self._process}", self._claims)

    def claim_all(self, nicks: Mapping[str, bytes]) -> list[bytes]:
        """Claim the nicks of everybody who is here, and drop all others of this process.

        Args:
            nicks: which session has which, by its hash.

        Returns: the sessions whose nick somebody on another server has by now.

        Raises:
            StoreError: Redis could not be asked.
        """
        looks = {nick_skeleton(nick) for nick in nicks}
        for look in self._connections.ask("SMEMBERS", self._claims):
            if look.decode() not in looks:
                keys = (f"{PREFIX}nick:{look.decode()}", self._claims)
                self._connections.ask_all([Call(DROP_NICK, keys, (self._process, "", 0))])
        lost: list[bytes] = []
        all_nicks = list(nicks.items())
        for start in range(0, len(all_nicks), PORTION):
            some = all_nicks[start : start + PORTION]
            found = self._connections.ask_all([self._claim(*each) for each in some])
            lost += [token for (_, token), holder in zip(some, found, strict=True) if holder]
        return lost

    def _claim(self, nick: str, token: bytes) -> Call:
        keys = (_nick_key(nick), self._claims)
        return Call(CLAIM_NICK, keys, (self._process, token.hex(), nick, _LIVING))

    @property
    def _claims(self) -> str:
        """The set of what the nicks look like that this process has claimed."""
        return f"{PREFIX}nicks:{self._process}"


def read_direct(told: str, process: str) -> Direct | None:
    """Return a message that is for somebody on a process; None if it is for another process."""
    to, _, written = told.partition(" ")
    return _directs.decode(written.encode()) if to == process else None


def _nick_key(nick: str) -> str:
    return f"{PREFIX}nick:{nick_skeleton(nick)}"
