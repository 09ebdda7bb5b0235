"""Streams of a namespace, and Lua scripts for atomic operations on them."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from paigeant.transports.redis.connection import RedisConnection
from paigeant.transports.redis.failures import GroupExists

GROUP: Final = "workers"
"""Name of the consumer group of each stream."""

DEAD_LETTERS: Final = 100_000
"""Dead-letter limit of a namespace; the newest are kept."""

PUT: Final = """
local said = {}
for number, key in ipairs(KEYS) do
  local answer = redis.pcall('XADD', key, '*', 'i', ARGV[2 * number - 1], 'b', ARGV[2 * number])
  said[number] = type(answer) == 'table' and answer.err or ''
end
return said
"""
"""Publish: adds a message to each of the streams; returns an error text for each, or an empty text.

``pcall`` and not ``call``: with ``call`` one message too large for the remaining memory would abort the batch in its
middle, and a retry of the batch would publish the messages before it again.
"""

TAKE: Final = """
local group, consumer, most, idle = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local taken = {}
local function keep(key, entries)
  for _, entry in ipairs(entries) do taken[#taken + 1] = {key, entry[1], entry[2]} end
end
if idle > 0 then
  for _, key in ipairs(KEYS) do
    local cursor = '0-0'
    repeat
      if #taken >= most then return {1, taken} end
      local page = redis.call('XAUTOCLAIM', key, group, consumer, idle, cursor, 'COUNT', most - #taken)
      cursor = page[1]
      keep(key, page[2])
    until cursor == '0-0'
  end
end
local left = #taken > 0 and 1 or 0
for _, key in ipairs(KEYS) do
  if #taken >= most then break end
  local read = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most - #taken, 'STREAMS', key, '>')
  if read then keep(key, read[1][2]) end
end
return {left, taken}
"""
"""Read: takes entries of several streams, first those pending for too long (if requested), then the next ones.

Returns whether more such pending entries may remain, and the entries. A plain XREADGROUP takes this many of *each*
stream: a subscriber of ten topics with one free slot would hold ten messages, and nine of them would wait for it while
other workers are idle. XAUTOCLAIM continues from its cursor until it wraps: a page may contain only deleted entries,
and stopping there would leave the entries after it with their dead consumer.
"""

GIVE_BACK: Final = """
local group, consumer, leaving, kept = ARGV[1], ARGV[2], ARGV[3] == 'leave', {}
for i = 4, #ARGV do kept[ARGV[i]] = true end
for _, key in ipairs(KEYS) do
  local pending = redis.pcall('XPENDING', key, group, '-', '+', 100000, consumer)
  if not pending.err then
    for _, entry in ipairs(pending) do
      local id = entry[1]
      if not kept[key .. ' ' .. id] then
        local found = redis.call('XRANGE', key, id, id)[1]
        if found then redis.call('XADD', key, '*', unpack(found[2])) end
        redis.call('XDEL', key, id)
        redis.call('XACK', key, group, id)
      end
    end
    if leaving then redis.call('XGROUP', 'DELCONSUMER', key, group, consumer) end
  end
end
"""
"""Give back: requeues the pending entries of a consumer, except those it keeps; a leaving consumer is deleted.

A delivered entry can only reach another consumer by a claim, after its idle time. So it is copied to the end of its
stream and the original is removed: others get it at once. The copy comes first: if there is no memory for it the script
ends there, and the entry stays pending, to be claimed. Deleting a consumer drops its pending entries for good, and
therefore comes last.
"""

TIDY: Final = """
local group, longest = ARGV[1], tonumber(ARGV[2])
for _, key in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', key, group)
  if not consumers.err then
    for _, facts in ipairs(consumers) do
      local of = {}
      for i = 1, #facts, 2 do of[facts[i]] = facts[i + 1] end
      if of['pending'] == 0 and of['idle'] > longest then
        redis.call('XGROUP', 'DELCONSUMER', key, group, of['name'])
      end
    end
  end
end
"""
"""Tidy: deletes long silent consumers, only without pending entries, which would be lost with them.

Each subscription is a consumer with a name of its own, so that a stream would collect all past ones.
A living consumer that was only idle is recreated by its next read.
"""


def queue_of(namespace: str, topic: str) -> str:
    """Return the key of a topic's stream. The braces keep a namespace in one hash slot of a cluster."""
    return f"pg:{{{namespace}}}:q:{topic}"


def dead_letters_of(namespace: str) -> str:
    """Return the key of the stream of rejected messages."""
    return f"pg:{{{namespace}}}:dead"


async def make_group(connection: RedisConnection, key: str) -> None:
    """Create a stream and its group unless they exist. The group starts at the first message, however late it is."""
    with suppress(GroupExists):
        await connection.ask("XGROUP", "CREATE", key, GROUP, "0", "MKSTREAM")
