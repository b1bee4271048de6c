#!lua flags=allow-oom
-- take (worker): crops of the streams that are ready, in turn, and the worker's hand on these streams.
-- args: worker, nonce, room, per_stream, lease_ms, ahead_ms, alone_ok, held {stream -> {hand, cursor}}
-- Returns {now, streams that wait to be tried alone, {{stream, hand, alone, attempts,
-- entries {id, age_ms now, meta, image, age_ms at enqueue}, max_age_ms (0: recorded)}, ...}, lost}.
local taken, listed, later, waiting, lost = {}, {}, {}, {}, {}
local due, DUE_AT_MOST = {}, 1000  -- deadlines of hands, written together
-- As text once: Redis would print each number anew for each stream.
local deadline, EXPIRES = digits(now + args.lease_ms), '86400000'
local room = args.room
local alone_waits, hands = 0, 0
local DROP_AT_MOST, VISIT_AT_MOST = 4096, 512
local dropped = 0
note_clock()

local function keep_deadlines()
  if #due > 0 then
    redis.call('ZADD', key.hands, unpack(due))
    due = {}
  end
end

-- Renews or takes a hand; further arguments are fields of it that change.
local function keep_hand(stream, ...)
  local hand = key.hand(stream)
  redis.call('HSET', hand, 'deadline', deadline, ...)
  redis.call('PEXPIRE', hand, EXPIRES)
  due[#due + 1], due[#due + 2] = deadline, stream
  if #due >= DUE_AT_MOST then
    keep_deadlines()
  end
end

for stream, mine in pairs(args.held) do
  if holds_hand(stream, mine[1]) then
    keep_hand(stream)
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

-- Returns hand, cursor, and whether the hand is a new one; nil when another worker has its hand on the stream.
local function hand_for(stream)
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
  hands = hands + 1
  return args.worker .. ':' .. args.nonce .. ':' .. hands, '0-0', true
end

-- What was left of another hand.
local function let_go(stream)
  redis.call('DEL', key.hand(stream))
  redis.call('ZREM', key.hands, stream)
  args.held[stream] = nil
end

-- Live crops that outlived max_age are dropped here, before anybody computes anything for them.
-- So are those that would do so until their event is written, which takes about `ahead_ms`.
local function read_fresh(stream, cursor, limit, max_age)
  local oldest = max_age and max_age - math.min(args.ahead_ms, max_age / 2)
  local fresh = {}
  while #fresh < limit and dropped < DROP_AT_MOST do
    local entries = redis.call('XRANGE', key.queue(stream), '(' .. cursor, '+', 'COUNT', limit - #fresh)
    for _, entry in ipairs(entries) do
      cursor = entry[1]
      local fields = fields_of(entry[2])
      local age = age_of(entry[1], fields)
      if oldest and age > oldest then
        drop_entry(stream, entry[1], fields, 'stale')
        dropped = dropped + 1
      else
        -- Whole numbers, which a reply holds as they are.
        fresh[#fresh + 1] = {entry[1], floor(age + 0.5), fields.meta or '', fields.image or '',
          floor((number(fields.age) or 0) + 0.5)}
      end
    end
    if #entries == 0 then
      return fresh, false
    end
  end
  return fresh, true
end

-- Returns 'none', 'alone' or 'wait' for the next crop of a stream after `cursor`.
local function suspicion(stream, cursor, suspect)
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
  local hand, cursor, is_new = hand_for(stream)
  if not hand then
    return
  end
  local info = redis.call('HMGET', key.info(stream), 'suspect', 'recorded', 'max_age_ms')
  local state = suspicion(stream, cursor, info[1])
  if state == 'wait' then
    alone_waits = alone_waits + 1
    waiting[#waiting + 1] = stream
    if is_new then
      let_go(stream)
    end
    return
  end
  local limit = state == 'alone' and 1 or math.min(args.per_stream, room)
  local max_age = info[2] == '0' and tonumber(info[3]) or nil
  local entries, more = read_fresh(stream, cursor, limit, max_age)
  if #entries == 0 then
    if is_new then
      let_go(stream)
    end
    if more then
      later[#later + 1] = stream
    end
    return
  end
  -- The last one that the worker gets to see: by it a commit tells whether a take has gone on meanwhile.
  local last = entries[#entries][1]
  if is_new then
    keep_hand(stream, 'holder', hand, 'worker', args.worker, 'cursor', last)
  else
    redis.call('HSET', key.hand(stream), 'cursor', last)
  end
  -- The same take may come to this stream again: it goes on under this hand, from where it came to.
  args.held[stream] = {hand, last}
  if more then
    listed[#listed + 1] = stream
  end
  local attempts = 0
  if state == 'alone' then
    attempts = count_attempt(stream, entries[1][1])
    room = 0
  end
  room = room - #entries
  taken[#taken + 1] = {stream, hand, state == 'alone' and 1 or 0, attempts, entries, digits(max_age or 0)}
end

local visits = 0

local function may_go_on()
  return room > 0 and visits < VISIT_AT_MOST and dropped < DROP_AT_MOST
end

-- Takes from streams that were taken off the list together, and puts back whose turn has not come.
local function take_in_turn(turn)
  local i = 1
  while i <= #turn and may_go_on() do
    visits = visits + 1
    take_from(turn[i])
    i = i + 2
  end
  local back = {}
  for left = i, #turn, 2 do
    back[#back + 1], back[#back + 2] = turn[left + 1], turn[left]
  end
  if #back > 0 then
    redis.call('ZADD', key.ready, 'NX', unpack(back))
  end
end

while may_go_on() do
  local turn = redis.call('ZPOPMIN', key.ready, math.min(room, VISIT_AT_MOST - visits))
  if #turn == 0 then
    break
  end
  take_in_turn(turn)
  if #listed > 0 then
    -- At the end of the list: the other streams have their turn before the next crops of these.
    list_ready(unpack(listed))
    listed = {}
  end
end
if #later > 0 then
  list_ready(unpack(later))
end
-- At the head: behind streams that always have more, a suspect would never come first.
for _, stream in ipairs(waiting) do
  redis.call('ZADD', key.ready, 'NX', 0, stream)
  ring(1)
end
keep_deadlines()
return {digits(wall), alone_waits, taken, lost}
