-- What one process asks and tells, in its order; for everybody else all of it happens at once.
--
-- KEYS: processes (when each was last heard of), this process's own hash ('' is the number of its
-- joining, else calls that run, by subject), running (the same of all), turns.
-- ARGV: MessagePack of {prefix, process, number, now, lease, ops}; now and lease in µs, now 0 for
-- the time here. Each op is a deed's name and its arguments.
-- Returns MessagePack of what each op came to; `false` where this process has to join (again).
--
-- Not every key is declared. All carry the prefix's one hash tag, so that a cluster keeps them
-- together.

local processes, mine, running, turns = unpack(KEYS)
local prefix, me, number, now, lease, ops = unpack(cmsgpack.unpack(ARGV[1]))
local PERIOD, ROUNDING = 60e6, 1  -- µs; see rates.py

if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1e6 + time[2]
end

-- Calls at once --------------------------------------------------------------------------------

local function count(hash, subject, more)
  if redis.call('HINCRBY', hash, subject, more) <= 0 then redis.call('HDEL', hash, subject) end
end

local function forget(process)
  local own = prefix .. 'process:' .. process
  local fields = redis.call('HGETALL', own)
  for i = 1, #fields, 2 do
    if fields[i] ~= '' then count(running, fields[i], -fields[i + 1]) end
  end
  redis.call('DEL', own)
  redis.call('ZREM', processes, process)
end

-- Limits a minute: GCRA, as in rates.py ----------------------------------------------------------

local function used(key, name)
  local found = redis.call('HMGET', key, name, name .. '_at')
  if not found[1] then return 0, 0 end
  local whole = tonumber(found[1])
  return math.max(whole - (now - tonumber(found[2])), 0), whole
end

local function put_used(key, name, whole, at)
  redis.call('HSET', key, name, string.format('%.17g', whole))
  if at then redis.call('HSET', key, name .. '_at', string.format('%.0f', at)) end
  local left = string.format('%.0f', whole / 1000 + 60000)
  if redis.call('PTTL', key) < tonumber(left) then redis.call('PEXPIRE', key, left) end
end

local function wait(already, amount, limit)
  local free = PERIOD - math.min(amount / limit, 1) * PERIOD
  return already - free > ROUNDING and already - free or 0
end

local function correct(key, name, more, limit)
  local left, whole = used(key, name)
  put_used(key, name, whole + math.max(more * PERIOD / limit, -left))
end

-- Budgets: three amounts (USD, tokens, requests) in a field --------------------------------------

local function amounts(key, field)
  local text = redis.call('HGET', key, field)
  if not text then return nil end
  local usd, tokens, requests = string.match(text, '(%S+) (%S+) (%S+)')
  return {tonumber(usd), tonumber(tokens), tonumber(requests)}
end

local function put(key, field, of)
  redis.call('HSET', key, field, string.format('%.0f %.0f %.0f', of[1], of[2], of[3]))
end

local function plus(left, right, sign)
  sign = sign or 1
  return {left[1] + sign * right[1], left[2] + sign * right[2], left[3] + sign * right[3]}
end

local NOTHING = {0, 0, 0}

local function charge(key, more)
  local total = amounts(key, 'total')
  if total then  -- else its period is long over
    put(key, 'total', plus(total, more))
    put(key, me, plus(amounts(key, me) or NOTHING, more))
  end
end

-- The first budget without room, as {place of its share, place in it, what is spent}. A share that
-- is not there any more is `false`: this process has to state it again.
local function spent(wanted, payers)
  for place, payer in ipairs(payers) do
    local total = amounts(payer[1], 'total')
    if not total then return false end
    for index, budget in ipairs(payer[2]) do
      local unit, allowed = budget[1], budget[2]
      if wanted[unit] > 0 and total[unit] + wanted[unit] > allowed then
        return {place - 1, index - 1, total[unit]}
      end
    end
  end
  return nil
end

-- What can be asked and told ---------------------------------------------------------------------

local deeds = {}

function deeds.join(counts)
  forget(me)
  redis.call('HSET', mine, '', number)
  redis.call('ZADD', processes, now, me)
  for subject, calls in pairs(counts) do
    redis.call('HSET', mine, subject, calls)
    count(running, subject, calls)
  end
end

function deeds.leave()
  forget(me)
end

function deeds.beat() end

function deeds.claim(subject, at_once, rpm, tpm, tokens, wanted, payers)
  local refused = spent(wanted, payers)
  if refused then return {'budget', unpack(refused)} end
  if refused == false then return nil, true end
  local key = prefix .. 'rate:' .. subject
  local requests_used = rpm > 0 and used(key, 'requests') or 0
  local tokens_used = tpm > 0 and used(key, 'tokens') or 0
  local function refuse(name, wait_us)
    return {name, wait_us, requests_used, tokens_used}
  end
  if at_once > 0 and tonumber(redis.call('HGET', running, subject) or 0) >= at_once then
    return refuse('concurrency', 0)
  end
  local wait_us = rpm > 0 and wait(requests_used, 1, rpm) or 0
  if wait_us > 0 then return refuse('requests', wait_us) end
  wait_us = tpm > 0 and wait(tokens_used, tokens, tpm) or 0
  if wait_us > 0 then return refuse('tokens', wait_us) end
  -- From here on nothing refuses: all of it is taken.
  if rpm > 0 then
    requests_used = requests_used + PERIOD / rpm
    put_used(key, 'requests', requests_used, now)
  end
  if tpm > 0 then
    tokens_used = tokens_used + tokens * PERIOD / tpm
    put_used(key, 'tokens', tokens_used, now)
  end
  count(running, subject, 1)
  count(mine, subject, 1)
  for _, payer in ipairs(payers) do charge(payer[1], wanted) end
  return {'', 0, requests_used, tokens_used}
end

function deeds.cover(more, payers)
  local refused = spent(more, payers)
  if refused then return refused end
  if refused == false then return nil, true end
  for _, payer in ipairs(payers) do charge(payer[1], more) end
end

function deeds.charge(more, keys)
  for _, key in ipairs(keys) do charge(key, more) end
end

function deeds.settle(subject, tpm, more_tokens, more, keys)
  if redis.call('HEXISTS', mine, subject) == 1 then
    count(running, subject, -1)
    count(mine, subject, -1)
  end
  if tpm > 0 and more_tokens ~= 0 then
    correct(prefix .. 'rate:' .. subject, 'tokens', more_tokens, tpm)
  end
  for _, key in ipairs(keys) do charge(key, more) end
end

-- What this process has had granted of a share, less what it has given back, since the log's sums
-- `logged`; `known` of it is in them. Returns whether that had to be left out: what Redis knew of
-- this process's is gone.
function deeds.state(key, logged, granted, known, joins, ttl_ms)
  local total, before = amounts(key, 'total'), amounts(key, me)
  if before then
    local more, raised = plus(granted, before, -1), amounts(key, 'raised') or NOTHING
    local met = {}  -- the log has told of a part of it meanwhile
    for unit = 1, 3 do met[unit] = math.max(math.min(more[unit], raised[unit]), 0) end
    put(key, 'raised', plus(raised, met, -1))
    put(key, 'total', plus(total, plus(more, met, -1)))
    put(key, me, granted)
    return false
  end
  granted = plus(granted, known, -1)
  if total and joins then  -- others have stated theirs by another reading of the log
    local base, lift = amounts(key, 'base') or NOTHING, {}
    for unit = 1, 3 do lift[unit] = math.max(logged[unit] - base[unit], 0) end
    put(key, 'base', plus(base, lift))
    total = plus(total, lift)
  elseif not total then
    total = logged
    put(key, 'base', logged)
    redis.call('PEXPIRE', key, ttl_ms)
  end
  put(key, 'total', plus(total, granted))
  put(key, me, granted)
  return true
end

-- The log never holds more than is spent: where it does, somebody died who had not told.
function deeds.raise(key, logged)
  local total = amounts(key, 'total')
  if not total then return nil, true end
  local lift = {}
  for unit = 1, 3 do lift[unit] = math.max(logged[unit] - total[unit], 0) end
  if lift[1] + lift[2] + lift[3] > 0 then
    put(key, 'total', plus(total, lift))
    put(key, 'raised', plus(amounts(key, 'raised') or NOTHING, lift))
  end
end

function deeds.turn(names, step)
  local counted = {}
  for place, name in ipairs(names) do
    counted[place] = redis.call('HINCRBY', turns, name, step) - step
  end
  return counted
end

function deeds.tell(channel, data)
  redis.call('PUBLISH', channel, data)
end

-- ------------------------------------------------------------------------------------------------

local joined = tonumber(redis.call('HGET', mine, ''))
if ops[1][1] == 'join' then
  if joined and joined > number then return cmsgpack.pack(false) end
elseif joined ~= number then
  return cmsgpack.pack(false)
else
  redis.call('ZADD', processes, now, me)
end
for _, process in ipairs(redis.call('ZRANGEBYSCORE', processes, '-inf', '(' .. string.format('%.0f', now - lease))) do
  forget(process)
end

local results = {}
for place, op in ipairs(ops) do
  local result, lost = deeds[op[1]](unpack(op, 2))
  if lost then return cmsgpack.pack(false) end
  results[place] = result or false
end
return cmsgpack.pack(results)
