#!lua flags=allow-oom
-- take (worker): crops of the streams that are ready, in turn, and the worker's hand on these streams.
-- args: worker, nonce, room, per_stream, lease_ms, alone_ok, held {stream -> {hand, cursor}}
-- Returns {now, streams that wait to be tried alone, {{stream, hand, alone, attempts,
-- entries {id, age_ms now, meta, image, age_ms at enqueue}, max_age_ms (0: recorded)}, ...}, lost}.
local taken, later, waiting, lost = {}, {}, {}, {}
local room = args.room
local alone_waits = 0
local DROP_AT_MOST, VISIT_AT_MOST = 4096, 512
local dropped = 0
note_clock()

local function renew(stream)
  redis.call('HSET', key.hand(stream), 'deadline', now + args.lease_ms)
  redis.call('PEXPIRE', key.hand(stream), 86400000)
  redis.call('ZADD', key.hands, now + args.lease_ms, stream)
end

for stream, mine in pairs(args.held) do
  if holds_hand(stream, mine[1]) then
    renew(stream)
  else
    lost[#lost + 1] = stream
  end
end

-- Crops that were in a hand which was never given back saw their worker die: each runs alone.
local function remember_suspects(stream, cursor)
  local known = redis.call('HGET', key.info(stream), 'suspect')
  if cursor and cursor ~= '0-0' and not (known and not_after(cursor, known)) then
    redis.call('HSET', key.info(stream), 'suspect', cursor)
  end
end

-- Returns hand and cursor, or nil when another worker has its hand on the stream.
local function put_hand_on(stream)
  local hand = redis.call('HMGET', key.hand(stream), 'holder', 'worker', 'cursor', 'deadline')
  local mine = args.held[stream]
  if hand[1] and mine and hand[1] == mine[1] then
    return mine[1], mine[2], false
  end
  if hand[1] and hand[2] ~= args.worker then
    if tonumber(hand[4]) > now then
      return nil
    end
    remember_suspects(stream, hand[3])
  end
  local holder = args.worker .. ':' .. args.nonce .. ':' .. digits(redis.call('HINCRBY', key.state, 'hand', 1))
  redis.call('DEL', key.hand(stream))
  redis.call('HSET', key.hand(stream), 'holder', holder, 'worker', args.worker, 'cursor', '0-0')
  renew(stream)
  -- The same take may come to this stream again: it goes on under this hand, from where it came to.
  args.held[stream] = {holder, '0-0'}
  return holder, '0-0', true
end

local function let_go(stream)
  redis.call('DEL', key.hand(stream))
  redis.call('ZREM', key.hands, stream)
  args.held[stream] = nil
end

-- Live crops that outlived max_age are dropped here, before anybody computes anything for them.
local function read_fresh(stream, cursor, limit)
  local bounds = redis.call('HMGET', key.info(stream), 'recorded', 'max_age_ms')
  local max_age = bounds[1] == '0' and tonumber(bounds[2]) or nil
  local fresh = {}
  while #fresh < limit and dropped < DROP_AT_MOST do
    local entries = redis.call('XRANGE', key.queue(stream), '(' .. cursor, '+', 'COUNT', limit - #fresh)
    for _, entry in ipairs(entries) do
      cursor = entry[1]
      local fields = fields_of(entry[2])
      if max_age and age_of(entry[1], fields) > max_age then
        drop_entry(stream, entry[1], fields, 'stale')
        dropped = dropped + 1
      else
        fresh[#fresh + 1] = {entry[1], digits(age_of(entry[1], fields)), fields.meta or '', fields.image or '',
          digits(number(fields.age) or 0)}
      end
    end
    if #entries == 0 then
      return fresh, max_age or 0, false
    end
  end
  return fresh, max_age or 0, true
end

-- Returns 'none', 'alone' or 'wait' for the next crop of a stream after `cursor`.
local function suspicion(stream, cursor)
  local suspect = redis.call('HGET', key.info(stream), 'suspect')
  if not suspect then
    return 'none'
  end
  local first = redis.call('XRANGE', key.queue(stream), '(' .. cursor, '+', 'COUNT', 1)[1]
  if not first or not not_after(first[1], suspect) then
    redis.call('HDEL', key.info(stream), 'suspect')
    return 'none'
  end
  if args.alone_ok and #taken == 0 then
    return 'alone'
  end
  return 'wait'
end

-- A worker that takes the crop again (its reply was lost, its hand expired) is alive: that is no death.
local function count_attempt(stream, entry_id)
  local known = redis.call('HGET', key.attempts(stream), entry_id) or '0'
  local count, by = string.match(known, '^(%d+):?(.*)$')
  count = tonumber(count)
  if by ~= args.worker then
    count = count + 1
    redis.call('HSET', key.attempts(stream), entry_id, digits(count) .. ':' .. args.worker)
  end
  return count
end

local function take_from(stream)
  reconcile(stream)
  local hand, cursor, fresh_hand = put_hand_on(stream)
  if not hand then
    return
  end
  local state = suspicion(stream, cursor)
  if state == 'wait' then
    alone_waits = alone_waits + 1
    waiting[#waiting + 1] = stream
    if fresh_hand then
      let_go(stream)
    end
    return
  end
  local limit = state == 'alone' and 1 or math.min(args.per_stream, room)
  local entries, max_age, more = read_fresh(stream, cursor, limit)
  if #entries == 0 then
    if fresh_hand then
      let_go(stream)
    end
    if more then
      later[#later + 1] = stream
    end
    return
  end
  -- The last one that the worker gets to see: by it a commit tells whether a take has gone on meanwhile.
  local last = entries[#entries][1]
  redis.call('HSET', key.hand(stream), 'cursor', last)
  args.held[stream] = {hand, last}
  if more then
    -- At the end of the list: the other streams have their turn before this one's next crops.
    list_ready(stream)
  end
  local attempts = 0
  if state == 'alone' then
    attempts = count_attempt(stream, entries[1][1])
    room = 0
  end
  room = room - #entries
  taken[#taken + 1] = {stream, hand, state == 'alone' and 1 or 0, attempts, entries, digits(max_age)}
end

local visits = 0
while room > 0 and visits < VISIT_AT_MOST and dropped < DROP_AT_MOST do
  visits = visits + 1
  local next_stream = redis.call('ZPOPMIN', key.ready)[1]
  if not next_stream then
    break
  end
  take_from(next_stream)
end
for _, stream in ipairs(later) do
  list_ready(stream)
end
-- At the head: behind streams that always have more, a suspect would never come first.
for _, stream in ipairs(waiting) do
  redis.call('ZADD', key.ready, 'NX', 0, stream)
  ring()
end
return {digits(wall), alone_waits, taken, lost}
