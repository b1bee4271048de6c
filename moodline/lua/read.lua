#!lua flags=no-writes
-- read (api, up): ledger, state and summaries of one stream at one instant.
-- args: stream; window (optional): {step_s, count, size, align, factors, ends}: `count` groups of `size` buckets of
-- `step_s`, the last of which ends before bucket number `ends`, or without it with the newest bucket, rounded up to
-- `align` buckets; a recording's newest is that of its last event. `factors`: how many steps the buckets of each kept
-- resolution have, from coarse to fine; the last is 1.
-- Returns {now, info, ledger, queued, open tracks, {{group number, fields}, ...}, number of the bucket after the last,
-- who reads it}.
local stream = args.stream
local groups, order = {}, {}

local function merge(group, fields)
  for name, value in pairs(fields) do
    local number = tonumber(value)
    if name == 'first' then
      group[name] = math.min(group[name] or number, number)
    elseif name == 'last' then
      group[name] = math.max(group[name] or number, number)
    elseif name == 'tracks' then
      -- A track that goes on from an earlier bucket of the group has been counted there already.
      group.tracks = group.tracks and group.tracks + tonumber(fields.entered) or number
    else
      group[name] = (group[name] or 0) + number
    end
  end
end

local ends = 0
if args.window then
  local step, count, size, align, factors, given = unpack(args.window)
  local known = redis.call('HMGET', key.info(stream), 'recorded', 'last_event_ms')
  local newest = known[1] == '1' and tonumber(known[2]) or wall
  ends = given or (math.floor(newest / (step * 1000 * align)) + 1) * align
  local name = key.sum(stream) .. ':'

  local function add(number, flat)
    if not groups[number] then
      groups[number] = {}
      order[#order + 1] = number
    end
    merge(groups[number], fields_of(flat))
  end

  -- One bucket of a coarser resolution holds what all the finer ones in it hold. Where it is empty these are looked at
  -- all the same: they may be older than the resolution.
  local function collect(number, index, to, level)
    local factor = factors[level]
    while index < to do
      local last = math.min((math.floor(index / factor) + 1) * factor, to)
      local flat = last - index == factor
        and redis.call('HGETALL', name .. digits(step * factor) .. ':' .. digits(index / factor)) or {}
      if #flat > 0 then
        add(number, flat)
      elseif factor > 1 then
        collect(number, index, last, level + 1)
      end
      index = last
    end
  end

  local first = ends - count * size
  for number = 0, count - 1 do
    collect(number, first + number * size, first + (number + 1) * size, 1)
  end
end

local merged = {}
for _, number in ipairs(order) do
  local flat = {}
  for name, value in pairs(groups[number]) do
    flat[#flat + 1] = name
    flat[#flat + 1] = digits(value)
  end
  merged[#merged + 1] = {number, flat}
end
-- As the next script will count it: what was pushed or deleted by hand belongs to this instant, too.
local ledger, queued = fields_of(redis.call('HGETALL', key.ledger(stream))), redis.call('XLEN', key.queue(stream))
local more = queued - (tonumber(ledger.queued) or 0)
local side = more > 0 and 'accepted' or 'dropped:removed'
ledger[side] = digits((tonumber(ledger[side]) or 0) + math.abs(more))
local counted = {}
for name, value in pairs(ledger) do
  counted[#counted + 1], counted[#counted + 2] = name, value
end
return {digits(wall), redis.call('HGETALL', key.info(stream)), counted,
  queued, redis.call('HLEN', key.tracks(stream)), merged, ends,
  redis.call('HMGET', key.reader(stream), 'owner')[1] or ''}
