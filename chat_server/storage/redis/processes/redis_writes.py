"""The order of writes to what all servers know of people: see storage/shared_writes.py.

A stream has the writes; the id of an entry is its number. Each server notes which writes it has
made, and a server whose lease has ended counts no more. A server without a lease adds nothing.
"""

import secrets
from collections.abc import Callable
from typing import Any

from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.scripts import LEASES, PREFIX, PROCESSES, Script
from chat_server.storage.shared_writes import LapsedError, Position, SharedWrite, WrittenDown

WRITES_KEPT = 1000
"""Writes that are part of what is written down, and are kept for servers that are behind."""

_STATE = f"{PREFIX}{{people}}:end"
_LOG = f"{PREFIX}{{people}}:writes"
_KEPT = f"{PREFIX}{{people}}:kept"
_MADE = f"{PREFIX}{{people}}:made"

APPEND_WRITE = Script(
    f"""
-- KEYS: the end, the writes. ARGV: this process, the history, the number and the tip that it is at,
-- the next tip, the data.
local process, history, number, tip = unpack(ARGV)
if redis.call('EXISTS', '{LEASES}' .. process) == 0 then return 'lapsed' end
local found = redis.call('HMGET', KEYS[1], 'history', 'number', 'tip')
if found[1] ~= history or found[2] ~= number or found[3] ~= tip then return 'behind' end
local next = string.format('%.0f', tonumber(number) + 1)
redis.call('XADD', KEYS[2], next .. '-0', 'p', tip, 't', ARGV[5], 'd', ARGV[6])
redis.call('HSET', KEYS[1], 'number', next, 'tip', ARGV[5])
redis.call('PUBLISH', '{PROCESSES}', process .. ' write ' .. next)
return 'done'
"""
)
"""Adds a write, if the order ends where the process that decided upon it is."""

READ_WRITES = Script(
    """
-- KEYS: the end, the writes. ARGV: the history, the number and the tip to read behind, how many.
local history, number, tip = unpack(ARGV)
local found = redis.call('HMGET', KEYS[1], 'history', 'number', 'tip')
if found[1] ~= history or tonumber(found[2]) < tonumber(number) then return false end
if found[2] == number then return found[3] == tip and {} or false end
local next = string.format('%.0f', tonumber(number) + 1)
local entries = redis.call('XRANGE', KEYS[2], next .. '-0', '+', 'COUNT', ARGV[4])
local first = entries[1]
if not first or first[1] ~= next .. '-0' or first[2][2] ~= tip then return false end
local writes = {}
for at, entry in ipairs(entries) do writes[at] = {entry[1], entry[2][4], entry[2][6]} end
return writes
"""
)
"""Returns the next writes, each as its id, its tip and its data; false if the order is another."""

BEGIN_WRITES = Script(
    f"""
-- KEYS: the end, the writes, what is kept. ARGV: this process; the history, number and tip
-- that there are, or three times ''; those that are to be, and what is kept.
local found = redis.call('HMGET', KEYS[1], 'history', 'number', 'tip')
for at = 1, 3 do if (found[at] or '') ~= ARGV[at + 1] then return 0 end end
redis.call('DEL', KEYS[2])
for _, key in ipairs({{KEYS[1], KEYS[3]}}) do
  redis.call('HSET', key, 'history', ARGV[5], 'number', ARGV[6], 'tip', ARGV[7])
end
redis.call('HSET', KEYS[3], 'data', ARGV[8])
redis.call('PUBLISH', '{PROCESSES}', ARGV[1] .. ' write ' .. ARGV[6])
return 1
"""
)
"""Begins the order anew, if it ends where the process thinks that it does."""

KEEP_WRITES = Script(
    f"""
-- KEYS: the end, the writes, what is kept. ARGV: the history, the number and the tip, the data.
if redis.call('HGET', KEYS[1], 'history') ~= ARGV[1] then return end
local before = redis.call('HGET', KEYS[3], 'number')
if tonumber(before or 0) >= tonumber(ARGV[2]) then return end
redis.call('HSET', KEYS[3], 'history', ARGV[1], 'number', ARGV[2], 'tip', ARGV[3], 'data', ARGV[4])
local oldest = math.max(1, tonumber(ARGV[2]) - {WRITES_KEPT})
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', oldest) .. '-0')
"""
)
"""Keeps everything up to a number, and forgets older writes."""

COUNT_BEHIND = Script(
    f"""
-- KEYS: what is made. ARGV: a number.
local made, count = redis.call('HGETALL', KEYS[1]), 0
for at = 1, #made, 2 do
  if redis.call('EXISTS', '{LEASES}' .. made[at]) == 0 then
    redis.call('HDEL', KEYS[1], made[at])
  elseif tonumber(made[at + 1]) < tonumber(ARGV[1]) then
    count = count + 1
  end
end
return count
"""
)
"""Returns how many living servers have not made all writes up to a number."""


WRITES_KEYS = (_STATE, _MADE)
"""What tells whether a process is behind."""


class RedisWrites:
    """The order. Any thread may call any method. See `SharedWrites`."""

    def __init__(self, connections: Connections, process: str) -> None:
        """
        Args:
            connections: to Redis.
            process: what the others know this process by.
        """
        self._connections = connections
        self._process = process
        self._written: Callable[[], None] | None = None
        self._others_made: Callable[[], None] | None = None

    def watch(self, written: Callable[[], None], made: Callable[[], None]) -> None:
        """Tell from now on what the others do."""
        self._written, self._others_made = written, made

    def heard(self, word: str) -> None:
        """On the watcher's thread: another process tells something, or Redis is back."""
        if word in ("write", "back") and self._written is not None:
            self._written()
        elif word == "made" and self._others_made is not None:
            self._others_made()

    def end(self) -> Position | None:
        """Return where the order ends; None if there is none yet."""
        return _position(self._connections.ask("HMGET", _STATE, "history", "number", "tip"))

    def append(self, after: Position, data: bytes) -> Position | None:
        """Add a write behind a position. Return where it stands; None if others are there."""
        tip = secrets.token_hex(8)
        call = Call(APPEND_WRITE, (_STATE, _LOG), (self._process, *after, tip, data))
        (reply,) = self._connections.ask_all([call])
        if reply == b"lapsed":
            raise LapsedError("the other servers take this one for dead: its lease has ended")
        return after._replace(number=after.number + 1, tip=tip) if reply == b"done" else None

    def after(self, position: Position, limit: int) -> list[SharedWrite] | None:
        """Return up to `limit` writes behind a position; None if the order has none such."""
        call = Call(READ_WRITES, (_STATE, _LOG), (*position, limit))
        (reply,) = self._connections.ask_all([call])
        if reply is None:
            return None
        return [
            SharedWrite(Position(position.history, _number(entry), tip.decode()), data)
            for entry, tip, data in reply
        ]

    def kept(self) -> WrittenDown | None:
        """Return what was written down last of everything; None if nothing was."""
        *place, data = self._connections.ask("HMGET", _KEPT, "history", "number", "tip", "data")
        position = _position(place)
        return None if position is None else WrittenDown(position, data)

    def begin(self, kept: WrittenDown, instead_of: Position | None) -> bool:
        """Begin the order anew with what this process has, if it ends at `instead_of`."""
        before = ("", "", "") if instead_of is None else instead_of
        arguments = (self._process, *before, *kept.position, kept.data)
        call = Call(BEGIN_WRITES, (_STATE, _LOG, _KEPT), arguments)
        return bool(self._connections.ask_all([call])[0])

    def keep(self, kept: WrittenDown) -> None:
        """Write everything down, and forget old writes that are part of it."""
        call = Call(KEEP_WRITES, (_STATE, _LOG, _KEPT), (*kept.position, kept.data))
        self._connections.ask_all([call])

    def note_made(self, position: Position) -> None:
        """Tell the others that this process has made all writes up to a position."""
        self._connections.ask_all(
            [
                ("HSET", _MADE, self._process, position.number),
                ("PUBLISH", PROCESSES, f"{self._process} made {position.number}"),
            ]
        )

    def count_behind(self, number: int) -> int:
        """Return how many living servers have not made all writes up to a number yet."""
        return int(self._connections.ask_all([Call(COUNT_BEHIND, (_MADE,), (number,))])[0])

    def leave(self) -> None:
        """Let nobody wait for this process any more."""
        self._connections.ask_all(
            [
                ("HDEL", _MADE, self._process),
                ("PUBLISH", PROCESSES, f"{self._process} made 0"),
            ]
        )


def _position(found: list[Any]) -> Position | None:
    history, number, tip = found
    return None if number is None else Position(history.decode(), int(number), tip.decode())


def _number(entry: bytes) -> int:
    return int(entry.partition(b"-")[0])
