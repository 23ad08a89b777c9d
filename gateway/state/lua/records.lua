-- A record is written, taken or dropped, and room is made: who ends first goes first.
--
-- KEYS: the record; sizes of all in bytes, by key ('' is their sum); when each ends, in ms.
-- ARGV: deed, value, ttl in ms, room for all in bytes.
-- Returns what stands in the way of a `take`.

local record, sizes, ends = unpack(KEYS)
local deed, value, ttl, room = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function drop(key)
  redis.call('UNLINK', key)
  redis.call('ZREM', ends, key)
  local size = redis.call('HGET', sizes, key)
  if size then
    redis.call('HDEL', sizes, key)
    redis.call('HINCRBY', sizes, '', -size)
  end
end

if deed == 'take' then
  local found = redis.call('GET', record)
  if found then return found end
end
drop(record)
local size = #record + #value + 200
if deed == 'drop' or size > room then return nil end

-- Some of what has ended by itself, so that no write is long.
for _, key in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 100)) do drop(key) end
redis.call('SET', record, value, 'PX', ttl)
redis.call('ZADD', ends, now + ttl, record)
redis.call('HSET', sizes, record, size)
local sum = redis.call('HINCRBY', sizes, '', size)
while sum > room do
  local first = redis.call('ZRANGE', ends, 0, 1)
  drop(first[1] == record and first[2] or first[1])
  sum = tonumber(redis.call('HGET', sizes, ''))
end
return nil
