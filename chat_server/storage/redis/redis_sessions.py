"""The sessions in Redis: what makes those who come back the same, on whatever process.

Their numbers come from a counter and are never given out twice.
"""

from collections.abc import Iterator, Sequence

from chat_server.storage.interface import StoredSession
from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.log_names import CONFIRMED
from chat_server.storage.redis.reach.redis_wire import RedisCommand
from chat_server.storage.redis.scripts import (
    DROP_SESSIONS,
    KEEP_SESSIONS,
    NEWEST,
    PREFIX,
    ROOMS,
    SESSION_COUNTER,
    room_key,
)

PORTION = 500
"""Sessions that are looked at or forgotten at once."""

_NUMBERS = f"{PREFIX}{{sessions}}:numbers"
_TOKENS = f"{PREFIX}{{sessions}}:tokens"
_SEEN = f"{PREFIX}{{sessions}}:seen"
_QUIET = f"{PREFIX}{{sessions}}:quiet"
_NEWEST = f"{PREFIX}{{sessions}}:newest"

SESSION_KEYS = (_NUMBERS, _TOKENS, _SEEN, _QUIET)
"""The keys that the script KEEP_SESSIONS uses."""


def note_newest(requests: dict[int, int]) -> Call:
    """Return what notes the highest request of each session. It is to be sent ahead of them.

    So the number may be too high, never too low: a client that lost count goes on above it.
    """
    return Call(NEWEST, (_NEWEST, _QUIET), [part for pair in requests.items() for part in pair])


class RedisSessions:
    """What is kept of them. Any thread may call any method."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def keep(self, new: Sequence[bytes], resumed: Sequence[int], now: float) -> list[int]:
        """Keep new sessions, and that others were taken up again. Return the new ones' numbers."""
        end = int(self._connections.ask("INCRBY", SESSION_COUNTER, len(new))) if new else 0
        numbers = list(range(end - len(new) + 1, end + 1))
        # A clock that was set back makes no session older than what is known to be past.
        now = max(now, float(self._connections.ask("GET", CONFIRMED) or 0))
        tokens = [token.hex() for token in new]
        arguments: RedisCommand = (now, numbers[0] if numbers else 0, len(new), *tokens, *resumed)
        self._connections.ask_all([Call(KEEP_SESSIONS, SESSION_KEYS, arguments)])
        return numbers

    def forget(self, seen_before: float) -> None:
        """Forget the sessions that nobody has taken up since a time, in Unix seconds."""
        while found := self._connections.ask(
            "ZRANGEBYSCORE", _SEEN, "-inf", f"({seen_before}", "LIMIT", 0, PORTION
        ):
            self.drop([int(number) for number in found])

    def unused(self, behind: int, seen_before: float) -> list[tuple[int, bytes]]:
        """Return the next sessions that stored nothing, as numbers and hashes of secrets."""
        while numbers := self._connections.ask(
            "ZRANGEBYSCORE", _QUIET, f"({behind}", "+inf", "LIMIT", 0, PORTION
        ):
            behind = int(numbers[-1])
            times = self._connections.ask("ZMSCORE", _SEEN, *numbers)
            tokens = self._connections.ask("HMGET", _TOKENS, *numbers)
            found = [
                (int(number), bytes.fromhex(token.decode()))
                for number, seen, token in zip(numbers, times, tokens, strict=True)
                if token is not None and seen is not None and float(seen) < seen_before
            ]
            if found:
                return found
        return []

    def drop(self, numbers: Sequence[int]) -> None:
        """Forget sessions, and which of their requests were stored and are deleted."""
        keys = (_NUMBERS, _TOKENS, _SEEN, _QUIET, _NEWEST)
        self._connections.ask_all([Call(DROP_SESSIONS, keys, numbers)])
        marks = [name for number in numbers for name in (f"{number}", f"n{number}")]
        rooms = [room.decode() for room in self._connections.ask("SMEMBERS", ROOMS)]
        self._connections.ask_all([("HDEL", room_key(room, "gone"), *marks) for room in rooms])

    def token(self, number: int) -> bytes | None:
        """Return the hash of the secret of a session; None if it is forgotten."""
        found = self._connections.ask("HGET", _TOKENS, number)
        return None if found is None else bytes.fromhex(found.decode())

    def find(self, token: bytes) -> StoredSession | None:
        """Return the session whose secret has this hash, if there is one."""
        number = self._connections.ask("HGET", _NUMBERS, token.hex())
        if number is None:
            return None
        newest = self._connections.ask("HGET", _NEWEST, number)
        return StoredSession(int(number), int(newest or 0))


def read_sessions(connections: Connections) -> Iterator[tuple[int, bytes, float, int]]:
    """Give all sessions: number, hash of the secret, when it was seen, its highest request.

    Nobody may begin one meanwhile.

    Raises:
        StoreError: Redis could not be asked.
    """
    numbers = connections.ask("HKEYS", _TOKENS)
    for start in range(0, len(numbers), PORTION):
        some = numbers[start : start + PORTION]
        tokens, times, newest = connections.ask_all(
            [("HMGET", _TOKENS, *some), ("ZMSCORE", _SEEN, *some), ("HMGET", _NEWEST, *some)]
        )
        for number, token, seen, request in zip(some, tokens, times, newest, strict=True):
            yield int(number), bytes.fromhex(token.decode()), float(seen or 0), int(request or 0)
