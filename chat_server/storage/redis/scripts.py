"""What Redis does in one step: scripts in Lua, and the keys that they use.

All keys of a room share its name as their hash tag, so that they are in one place in a cluster:

- `log`, a stream: one entry for a batch. Its id is the `seq` of the first message; `n` is how many
  there are, `d` a JSON array with a row for each (rows.py), `k` their request keys with spaces
  between them.
- `meta`, a hash: `last`, the seq of the last message; `topic`; `time`, when the last one was said;
  `oldest`, the first that is kept; `cleaned`, the first of which anything is stored yet.
- `requests`, a hash: the seq of each stored request. `gone`, a hash: the highest request of each
  session whose message is deleted.
- `changed`, a hash: what a message says after its last change: its text as JSON, or `-` once it is
  deleted. `edits`, a hash: the seqs of the entries that changed it, with an `x` before a deletion.

A stream entry is never altered. What reads the log puts `changed` in place of what a row says.
"""

import hashlib
import re
from functools import cached_property

PREFIX = "backchannel:"
PROCESSES = f"{PREFIX}processes"
"""The channel that tells every process in which rooms there is something new."""

LEASES = f"{PREFIX}process:"
"""The lease of a process, whose name stands behind it. Who has none adds nothing."""

SESSION_COUNTER = f"{PREFIX}{{sessions}}:next"
"""The number that was given to a session last."""

ROOMS = f"{PREFIX}rooms"
"""The set of the rooms in which something was ever said, or was about to be."""

CHUNK = 100
"""Messages of one entry of a stream, at most."""

REPLY_SIZE = 1024 * 1024
"""Bytes of rows that a reading script returns at once, roughly."""


FENCE = "<until when>"
"""Stands for the last argument of a fenced script: until when a node may run it, in milliseconds by
its own clock. Whoever sends the script puts it in.
"""

_HOME = "{backchannel}:"
_ROOM_KEY = re.compile(rf"{PREFIX}\{{[^}}]*\}}:(log|meta|requests|changed|edits|gone)")


def clustered_key(key: str) -> str:
    """Return what a key is called in a cluster: all that are no room's share one hash tag."""
    return key if _ROOM_KEY.fullmatch(key) else _HOME + key.removeprefix(PREFIX)


class Script:
    """A script, and the hash by which Redis knows it.

    Attributes:
        text: the script.
        sha: the hash.
        is_fenced: whether its last argument is a FENCE.
    """

    def __init__(self, text: str, fenced: str | None = None) -> None:
        """
        Args:
            text: the script.
            fenced: what it is in a cluster, with a FENCE, if it is another there.
        """
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._fenced = fenced

    @cached_property
    def in_cluster(self) -> "Script":
        """What it is in a cluster, where keys that it names by itself are called otherwise."""
        return Script((self._fenced or self.text).replace(f"'{PREFIX}", f"'{_HOME}"))

    @property
    def is_fenced(self) -> bool:
        """Whether its last argument in a cluster is a FENCE."""
        return self._fenced is not None


def room_key(room: str, what: str) -> str:
    """Return the key of something that is kept of a room."""
    return f"{PREFIX}{{{room}}}:{what}"


def room_keys(room: str) -> list[str]:
    """Return the keys of a room in the order in which every script has them."""
    return [
        room_key(room, what) for what in ("log", "meta", "requests", "changed", "edits", "gone")
    ]


_KEYS = """
local log, meta, requests, changed, edits, gone = unpack(KEYS)
local function id(seq) return string.format('%.0f', seq) end
local function number(field) return tonumber(redis.call('HGET', meta, field)) end
"""

_APPEND = (
    _KEYS
    + f"""
-- ARGV: whom to tell of what, the time, then for each message: its request key, its row, what it
-- does ('', 'topic', 'edit', 'delete'), a topic or the seq that it changes, and the new text.
local last, oldest = number('last') or 0, number('oldest') or 1
local begun, told, seqs, known = last, ARGV[1], {{}}, {{}}
if @lapsed then return redis.error_reply('LAPSED the lease of this server has ended') end
local rows, keys, memory = {{}}, {{}}, {{}}

local function write()
  if #rows == 0 then return end
  redis.call('XADD', log, id(last - #rows + 1) .. '-0', 'n', #rows,
    'd', '[' .. table.concat(rows, ',') .. ']', 'k', table.concat(keys, ' '))
  redis.call('HSET', requests, unpack(memory))
  rows, keys, memory = {{}}, {{}}, {{}}
end

local function change(kind, target, text)
  if target < oldest or target >= last then return end
  local field = id(target)
  if redis.call('HGET', changed, field) == '-' then
    if kind == 'edit' then redis.call('HSET', changed, id(last), '-') end
    return
  end
  local state = kind == 'delete' and '-' or text
  local earlier = redis.call('HGET', edits, field) or ''
  redis.call('HSET', changed, field, state)
  for seq in string.gmatch(earlier, '%d+') do redis.call('HSET', changed, seq, state) end
  local mark = (kind == 'edit' and '' or 'x') .. id(last)
  redis.call('HSET', edits, field, earlier == '' and mark or earlier .. ' ' .. mark)
end

local has_gone = redis.call('EXISTS', gone) == 1
local function was_deleted(key)
  local session, request = string.match(key, '^(n?%d+):(%d+)$')
  if not session then return false end
  local highest = redis.call('HGET', gone, session)
  return highest and tonumber(highest) >= tonumber(request)
end

for at = 3, @last, 5 do
  local key = ARGV[at]
  local seq = known[key] or redis.call('HGET', requests, key)
  if seq then
    seqs[#seqs + 1] = tonumber(seq)
  elseif has_gone and was_deleted(key) then
    seqs[#seqs + 1] = 0
  else
    last = last + 1
    known[key] = last
    seqs[#seqs + 1] = last
    rows[#rows + 1] = ARGV[at + 1]
    keys[#keys + 1] = key
    memory[#memory + 1] = key
    memory[#memory + 1] = id(last)
    local act = ARGV[at + 2]
    if act == 'topic' then redis.call('HSET', meta, 'topic', ARGV[at + 3])
    elseif act ~= '' then change(act, tonumber(ARGV[at + 3]), ARGV[at + 4]) end
    if #rows == {CHUNK} then write() end
  end
end
write()
if last > begun then
  redis.call('HSET', meta, 'last', id(last), 'time', ARGV[2])
  redis.call('PUBLISH', '{PROCESSES}', told)
end
return seqs
"""
)


def _append(lapsed: str, last: str) -> str:
    return _APPEND.replace("@lapsed", lapsed).replace("@last", last)


APPEND = Script(
    _append(f"redis.call('EXISTS', '{LEASES}' .. string.match(told, '^%S+')) == 0", "#ARGV"),
    fenced="local now = redis.call('TIME')"
    + _append("now[1] * 1000 + now[2] / 1000 >= tonumber(ARGV[#ARGV])", "#ARGV - 1"),
)
"""Adds a batch to the log of a room, but for what it has already. Returns the seq of each message;
0 for one whose request was stored once, and is deleted.

Sent again it adds nothing and returns the same: that is how an unknown outcome is settled.
"""

READ = Script(
    _KEYS
    + f"""
-- ARGV: 'after' or 'before', a seq, how many messages.
local last, oldest = number('last') or 0, number('oldest') or 1
local seq, wanted = tonumber(ARGV[2]), tonumber(ARGV[3])
local entries, changes, count, size = {{}}, {{}}, 0, 0
local has_changes = redis.call('EXISTS', changed) == 1

local function take(entry)
  local first = tonumber(string.match(entry[1], '^%d+'))
  local fields = {{}}
  for at = 1, #entry[2], 2 do fields[entry[2][at]] = entry[2][at + 1] end
  local stop = first + tonumber(fields.n) - 1
  entries[#entries + 1] = {{first, fields.d}}
  local from, to = math.max(first, oldest), stop
  if ARGV[1] == 'after' then from = math.max(from, seq + 1) else to = math.min(to, seq - 1) end
  count = count + to - from + 1
  size = size + #fields.d
  if has_changes and from <= to then
    local asked = {{}}
    for each = from, to do asked[#asked + 1] = id(each) end
    for place, state in ipairs(redis.call('HMGET', changed, unpack(asked))) do
      if state then changes[#changes + 1] = {{from + place - 1, state}} end
    end
  end
end

local function full() return count >= wanted or size >= {REPLY_SIZE} end

if ARGV[1] == 'after' then
  local from = math.max(seq + 1, oldest)
  if from <= last then
    local head = redis.call('XREVRANGE', log, id(from), '-', 'COUNT', 1)
    local place = head[1] and head[1][1] or '-'
    while place and not full() do
      local found = redis.call('XRANGE', log, place, '+', 'COUNT', 8)
      place = nil
      for _, entry in ipairs(found) do
        if full() then break end
        take(entry)
        place = '(' .. entry[1]
      end
    end
  end
else
  local to = math.min(seq - 1, last)
  local place = to >= oldest and id(to) or nil
  while place and not full() do
    local found = redis.call('XREVRANGE', log, place, '-', 'COUNT', 8)
    place = nil
    for _, entry in ipairs(found) do
      if full() then break end
      local first = tonumber(string.match(entry[1], '^%d+'))
      take(entry)
      place = first > oldest and '(' .. entry[1] or nil
      if not place then break end
    end
  end
end
return {{last, oldest, entries, changes}}
"""
)
"""Reads the messages behind a seq, or before it with the newest first.

Returns the last seq, the oldest one that is kept, the stream entries as first seq and rows, and the
changes as seq and state. The entries at both ends may hold more than was asked for.
"""

SAID = Script(
    _KEYS
    + """
local seq = tonumber(ARGV[1])
if seq < (number('oldest') or 1) or seq > (number('last') or 0) then return false end
local entry = redis.call('XREVRANGE', log, id(seq), '-', 'COUNT', 1)[1]
if not entry then return false end
local marks = redis.call('HGET', edits, id(seq)) or ''
local _, count = string.gsub(marks, '%S+', '')
return {entry[1], entry[2], redis.call('HGET', changed, id(seq)) or '', count}
"""
)
"""Returns the stream entry that holds a message, the message's state, and how often it changed."""

RETIRE = Script(
    _KEYS
    + f"""
-- ARGV: the first seq that is to be kept, or '+' for none; whom to tell of what.
local last, oldest = number('last') or 0, number('oldest') or 1
local kept = last + 1
if ARGV[1] ~= '+' then kept = math.min(kept, tonumber(ARGV[1])) else
  redis.call('HDEL', meta, 'topic')
end
if kept > oldest then redis.call('HSET', meta, 'oldest', id(kept)) end
if kept > oldest or ARGV[1] == '+' then redis.call('PUBLISH', '{PROCESSES}', ARGV[2]) end
return math.max(0, kept - oldest)
"""
)
"""Lets the messages of a room before a seq be gone. Returns how many; `CLEAN` deletes them."""

CLEAN = Script(
    _KEYS
    + """
-- ARGV: how many stream entries.
local oldest, cleaned = number('oldest') or 1, number('cleaned') or 1
if cleaned >= oldest then return 0 end
local highest = {}
local found = redis.call('XRANGE', log, '-', '+', 'COUNT', ARGV[1])
for _, entry in ipairs(found) do
  local first, fields = tonumber(string.match(entry[1], '^%d+')), {}
  for at = 1, #entry[2], 2 do fields[entry[2][at]] = entry[2][at + 1] end
  if first >= oldest then break end
  local seq = first
  for key in string.gmatch(fields.k, '%S+') do
    if seq >= cleaned and seq < oldest then
      local session, request = string.match(key, '^(n?%d+):(%d+)$')
      if session then highest[session] = math.max(highest[session] or 0, tonumber(request)) end
      redis.call('HDEL', requests, key)
      redis.call('HDEL', changed, id(seq))
      redis.call('HDEL', edits, id(seq))
    end
    seq = seq + 1
  end
  if seq <= oldest then redis.call('XDEL', log, entry[1]) end
  cleaned = math.min(seq, oldest)
end
for session, request in pairs(highest) do
  local before = tonumber(redis.call('HGET', gone, session)) or 0
  if request > before then redis.call('HSET', gone, session, id(request)) end
end
local next = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
if not next or tonumber(string.match(next[1], '^%d+')) >= oldest then cleaned = oldest end
redis.call('HSET', meta, 'cleaned', id(cleaned))
return cleaned < oldest and 1 or 0
"""
)
"""Deletes what is stored of messages that are gone, some at a time. Returns whether more is left.

It notes which requests were stored, so that one that comes again is not stored again.
"""

NEWEST = Script(
    """
local newest, quiet = KEYS[1], KEYS[2]
for at = 1, #ARGV, 2 do
  local before = tonumber(redis.call('HGET', newest, ARGV[at])) or 0
  if tonumber(ARGV[at + 1]) > before then
    redis.call('HSET', newest, ARGV[at], ARGV[at + 1])
    redis.call('ZREM', quiet, ARGV[at])
  end
end
"""
)
"""Notes the highest request of sessions, given as number and request."""

KEEP_SESSIONS = Script(
    """
-- KEYS: the numbers by token, the tokens by number, when each was seen, those that said nothing.
-- ARGV: Unix seconds, the first new number, how many are new, their tokens, the resumed numbers.
local numbers, tokens, seen, quiet = unpack(KEYS)
local number, count = tonumber(ARGV[2]), tonumber(ARGV[3])
for at = 4, 3 + count do
  local name = string.format('%.0f', number)
  redis.call('HSET', numbers, ARGV[at], name)
  redis.call('HSET', tokens, name, ARGV[at])
  redis.call('ZADD', seen, ARGV[1], name)
  redis.call('ZADD', quiet, number, name)
  number = number + 1
end
for at = 4 + count, #ARGV do
  if redis.call('HEXISTS', tokens, ARGV[at]) == 1 then
    redis.call('ZADD', seen, 'GT', ARGV[1], ARGV[at])
  end
end
"""
)
"""Keeps new sessions, and that others were taken up again."""

DROP_SESSIONS = Script(
    """
local numbers, tokens, seen, quiet, newest = unpack(KEYS)
for _, number in ipairs(ARGV) do
  local token = redis.call('HGET', tokens, number)
  if token then redis.call('HDEL', numbers, token) end
  redis.call('HDEL', tokens, number)
  redis.call('ZREM', seen, number)
  redis.call('ZREM', quiet, number)
  redis.call('HDEL', newest, number)
end
"""
)
"""Forgets sessions, by their numbers."""

BEGIN_LOG = Script(
    """
-- KEYS: the names, where the rooms ended, where they ended under the present name.
-- ARGV: the present name or '', the next one, how many are kept.
local names, ends, forks = unpack(KEYS)
local present = redis.call('LINDEX', names, -1)
if (present or '') ~= ARGV[1] then return present end
if present then
  redis.call('DEL', forks)
  if redis.call('EXISTS', ends) == 1 then redis.call('COPY', ends, forks) end
end
redis.call('RPUSH', names, ARGV[2])
redis.call('LTRIM', names, -tonumber(ARGV[3]), -1)
return ARGV[2]
"""
)
"""Gives the log another name, unless somebody else has done so. Returns the name that it has."""

CLAIM_NICK = Script(
    f"""
-- KEYS: the nick's, the claims of this process. ARGV: this process, the session, the nick.
local process, token, nick = unpack(redis.call('HMGET', KEYS[1], 'process', 'token', 'nick'))
if process and process ~= ARGV[1] and token ~= ARGV[2] then
  if process == '' or redis.call('EXISTS', '{LEASES}' .. process) == 1 then return nick end
end
redis.call('HSET', KEYS[1], 'process', ARGV[1], 'token', ARGV[2], 'nick', ARGV[3])
redis.call('PERSIST', KEYS[1])
redis.call('SADD', KEYS[2], string.match(KEYS[1], 'nick:(.*)$'))
return false
"""
)
"""Gives a session a nick, unless another one on another process has it, or is to have it still.

Within a process its registry says whose a nick is. Returns the nick of who has it.
"""

DROP_NICK = Script(
    """
-- ARGV: this process, the session or '', for how many milliseconds it is kept for that.
redis.call('SREM', KEYS[2], string.match(KEYS[1], 'nick:(.*)$'))
local process, token = unpack(redis.call('HMGET', KEYS[1], 'process', 'token'))
if process ~= ARGV[1] or (ARGV[2] ~= '' and token ~= ARGV[2]) then return end
if tonumber(ARGV[3]) > 0 then
  redis.call('HSET', KEYS[1], 'process', '')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
else
  redis.call('DEL', KEYS[1])
end
"""
)
"""Lets others have a nick that a session on this process has, at once or after a while."""

BURY = Script(
    f"""
-- KEYS: the lease of a process, its claims, the set of processes. ARGV: the process, how many
-- nicks.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local looks = redis.call('SPOP', KEYS[2], ARGV[2])
for _, look in ipairs(looks) do
  local key = '{PREFIX}nick:' .. look
  if redis.call('HGET', key, 'process') == ARGV[1] then redis.call('DEL', key) end
end
if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
redis.call('SREM', KEYS[3], ARGV[1])
return 0
"""
)
"""Deletes what a dead process has left behind, some nicks at a time. Returns whether more is left.

One that lives, as it only stood still, is left alone.
"""

SHOW_MEMBERS = Script(
    f"""
-- KEYS: who is in the rooms of a process. ARGV: for how many milliseconds that holds, a version,
-- whether all is told anew (1), whom to tell of what, then field and value of each; '-' for one who
-- is gone.
local version = tonumber(ARGV[2])
if ARGV[3] == '1' then redis.call('DEL', KEYS[1])
elseif tonumber(redis.call('HGET', KEYS[1], 'version')) ~= version - 1 then return 0 end
for at = 5, #ARGV, 2 do
  if ARGV[at + 1] == '-' then redis.call('HDEL', KEYS[1], ARGV[at])
  else redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
redis.call('HSET', KEYS[1], 'version', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PUBLISH', '{PROCESSES}', ARGV[4])
return 1
"""
)
"""Writes who came into the rooms of a process and who went, and tells the others.

Returns 0, having done nothing, if what was written before has gone: all has to be told anew then.
"""
