"""The attendance of all servers in Redis: see storage/shared_stays.py.

One stream has what is told, an entry for each. A hash has each run that lives: which process that
is, and up to when its stays are known to last. Whoever finds that the lease of a process has ended
ends its run, in one step, so that it is done once.
"""

from collections.abc import Sequence

from msgspec import json

from chat_server.storage.redis.connections import Call, Connections
from chat_server.storage.redis.reach.redis_wire import RedisCommand
from chat_server.storage.redis.scripts import LEASES, PREFIX, Script
from chat_server.storage.shared_stays import FollowedStays, StayNews

MOST = 200_000
"""Entries that are kept at most, roughly: the begin and the end of 100,000 stays, some 30 MB."""

_LOG = f"{PREFIX}{{stays}}:news"
"""Not `log`, as a room may be called `stays`, and has a key of that name."""
_RUNS = f"{PREFIX}{{stays}}:runs"
_LATEST = f"{PREFIX}{{stays}}:run"

_BEGINNING = "0-0"

BEGIN_RUN = Script(
    """
-- KEYS: the latest run. ARGV: a run that it is to be above.
local run = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1])) + 1
redis.call('SET', KEYS[1], string.format('%.0f', run))
return run
"""
)
"""Returns the number of a new run."""

TELL_STAYS = Script(
    """
-- KEYS: the log, the runs, the latest run. ARGV: the run, its process and the moment up to which
-- all is known, how many entries are kept, what is told.
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
if tonumber(redis.call('GET', KEYS[3]) or '0') < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[3], ARGV[1])  -- Redis has lost it
end
for at = 4, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'd', ARGV[at]) end
"""
)
"""Adds what a run tells."""

FOLLOW_STAYS = Script(
    f"""
-- KEYS: the log, the runs. ARGV: the entry to read behind, how many.
local runs, living = redis.call('HGETALL', KEYS[2]), {{}}
for at = 1, #runs, 2 do
  local process, moment = string.match(runs[at + 1], '^(%S+) (%S+)$')
  if redis.call('EXISTS', '{LEASES}' .. process) == 1 then
    living[#living + 1] = runs[at]
  else
    redis.call('XADD', KEYS[1], '*', 'd', '["end",' .. runs[at] .. ',' .. moment .. ']')
    redis.call('HDEL', KEYS[2], runs[at])
  end
end
return {{living, redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])}}
"""
)
"""Ends the runs whose server has died. Returns the others, and the next entries of the log."""

_news = json.Decoder(StayNews)


class RedisStays:
    """The order. Any thread may call any method. See `SharedStays`."""

    def __init__(self, connections: Connections, process: str) -> None:
        """
        Args:
            connections: to Redis.
            process: what the others know this process by.
        """
        self._connections = connections
        self._process = process

    def begin_run(self, above: int) -> int:
        """Return the number of a new run. See `SharedStays.begin_run`."""
        return int(self._connections.ask_all([Call(BEGIN_RUN, (_LATEST,), (above,))])[0])

    def tell(self, run: int, moment: float, news: Sequence[StayNews]) -> None:
        """Add news to the order. See `SharedStays.tell`."""
        head: RedisCommand = (run, f"{self._process} {moment!r}", MOST)
        arguments: RedisCommand = (*head, *(json.encode(each) for each in news))
        self._connections.ask_all([Call(TELL_STAYS, (_LOG, _RUNS, _LATEST), arguments)])

    def follow(self, place: str, limit: int) -> FollowedStays:
        """Return the next news. See `SharedStays.follow`."""
        call = Call(FOLLOW_STAYS, (_LOG, _RUNS), (place or _BEGINNING, limit))
        ((runs, entries),) = self._connections.ask_all([call])
        return FollowedStays(
            [_news.decode(fields[1]) for _, fields in entries],
            entries[-1][0].decode() if entries else place,
            frozenset(map(int, runs)) if len(entries) < limit else None,
        )

    def prune(self, before: float) -> None:
        """Forget what was told before a time. See `SharedStays.prune`."""
        self._connections.ask("XTRIM", _LOG, "MINID", max(0, int(before * 1000)))

    def leave(self, run: int) -> None:
        """Note that a run has ended. See `SharedStays.leave`."""
        self._connections.ask("HDEL", _RUNS, run)
