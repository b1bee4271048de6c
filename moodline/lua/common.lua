-- Shared by all scripts: arguments, time, and the few things that several of them do.
-- A script's only argument is one MessagePack map; KEYS[1] names the partition.
local args = cmsgpack.unpack(ARGV[1])

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local time_us = now_us()
local wall = math.floor(time_us / 1000)

-- The server's clock may be put back, the partition's own never is: ages, leases and deadlines are measured by it. It
-- runs ahead of the server's by all that this has been put back. (Put forward, it looks as if that time had passed.)
local CLOCK_NOTED_MS = 100
local clock = redis.call('HMGET', key.state, 'clock_noted', 'clock_ahead')
local clock_noted, clock_ahead = tonumber(clock[1]) or 0, tonumber(clock[2]) or 0
if wall < clock_noted then
  clock_ahead = clock_ahead + clock_noted - wall
end
local now = wall + clock_ahead

-- A server that has started anew, or a replica that has taken over, may lack the last writes of the one before. Its
-- events have another epoch, so that subscribers can tell.
local function note_server()
  local said = redis.pcall('INFO', 'replication')
  local server = type(said) == 'string' and string.match(said, 'master_replid:(%x+)')
  local known = redis.call('HGET', key.state, 'server')
  if server and server ~= known then
    redis.call('HSET', key.state, 'server', server)
    if known then
      redis.call('HSET', key.state, 'epoch', string.sub(server, 1, 32))
    end
  end
end

-- Each script that writes calls this.
local function note_clock()
  if math.abs(wall - clock_noted) >= CLOCK_NOTED_MS then
    redis.call('HSET', key.state, 'clock_noted', wall, 'clock_ahead', clock_ahead)
    note_server()
  end
end

local floor, format = math.floor, string.format

-- Lua 5.1 prints large numbers as 1.7e+15; Redis wants every digit.
local function digits(number)
  return format('%d', floor(number + 0.5))
end

-- A queue entry's id is <milliseconds of the server>-<number>.
local function split_id(id)
  local ms, number = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(number)
end

local function not_after(left, right)
  local left_ms, left_number = split_id(left)
  local right_ms, right_number = split_id(right)
  return left_ms < right_ms or (left_ms == right_ms and left_number <= right_number)
end

local function fields_of(flat)
  local fields = {}
  for i = 1, #flat, 2 do
    fields[flat[i]] = flat[i + 1]
  end
  return fields
end

local function size_of(fields)
  return #(fields.meta or '') + #(fields.image or '')
end

local function number(text)
  local value = tonumber(text)
  return value == value and value or nil  -- what somebody pushed may be a NaN
end

-- Milliseconds since capture. An entry's id tells its time by the server's clock, and not even that where this was put
-- back: Redis lets ids only grow.
local function age_of(entry_id, fields)
  local queued_at = number(fields.at) or split_id(entry_id) + clock_ahead
  return math.max(0, number(fields.age) or 0) + math.max(0, now - queued_at)
end

local BELL_AT_MOST = 8
local rung

local function ring(times)
  rung = rung or redis.call('LLEN', key.bell)
  for _ = 1, math.min(times, BELL_AT_MOST - rung) do
    rung = redis.call('LPUSH', key.bell, '1')
  end
end

-- Puts streams at the end of the ready list in this order, unless they stand there already.
local function list_ready(...)
  local streams = {...}
  local turn = redis.call('HINCRBY', key.state, 'turn', #streams) - #streams
  local members = {}
  for i, stream in ipairs(streams) do
    members[2 * i - 1], members[2 * i] = turn + i, stream
  end
  ring(redis.call('ZADD', key.ready, 'NX', unpack(members)))
end

local function count_bytes(stream, bytes)
  if bytes ~= 0 then
    redis.call('HINCRBY', key.ledger(stream), 'bytes', bytes)
    redis.call('HINCRBY', key.state, 'bytes', bytes)
  end
end

local function no_longer_pending(stream, track, count)
  if track and redis.call('HINCRBY', key.pending(stream), track, -count) <= 0 then
    redis.call('HDEL', key.pending(stream), track)
    if redis.call('HEXISTS', key.tracks(stream), track) == 0 then
      redis.call('ZREM', key.deadlines, stream .. '/' .. track)
    end
  end
end

-- The ledger's `queued` is what the scripts have put there. What somebody pushed or deleted past them is counted before
-- anything else happens, by number alone: entries are not told apart by their fields, which anybody can copy.
local function reconcile(stream)
  local more = redis.call('XLEN', key.queue(stream)) - (tonumber(redis.call('HGET', key.ledger(stream), 'queued')) or 0)
  if more ~= 0 then
    redis.call('HINCRBY', key.ledger(stream), more > 0 and 'accepted' or 'dropped:removed', math.abs(more))
    redis.call('HINCRBY', key.ledger(stream), 'queued', more)
  end
end

-- Takes ended crops off the books; an empty queue holds no bytes, whatever was counted.
local function count_ended(stream, crops, bytes)
  if redis.call('HINCRBY', key.ledger(stream), 'queued', -crops) == 0 then
    bytes = tonumber(redis.call('HGET', key.ledger(stream), 'bytes') or '0')
  end
  count_bytes(stream, -bytes)
end

-- Ends an accepted crop without an event. Returns whether it was still there to be ended.
local function drop_entry(stream, entry_id, fields, reason)
  if redis.call('XDEL', key.queue(stream), entry_id) ~= 1 then
    return false
  end
  count_ended(stream, 1, size_of(fields))
  no_longer_pending(stream, fields.track, 1)
  redis.call('HDEL', key.attempts(stream), entry_id)
  redis.call('HINCRBY', key.ledger(stream), 'dropped:' .. reason, 1)
  return true
end

-- The last entry in a worker's hand, or nil when no worker has its hand on the stream.
local function hand_cursor(stream)
  local hand = redis.call('HMGET', key.hand(stream), 'cursor', 'deadline')
  if hand[1] and tonumber(hand[2]) > now then
    return hand[1]
  end
  return nil
end

local function holds_hand(stream, hand)
  return redis.call('HGET', key.hand(stream), 'holder') == hand
end

-- Gives the hand back if `args.release` says so; where that is an entry's id, only if no take has gone past this entry
-- in the meantime. Returns 1 or 0.
local function release_hand(stream)
  local release = args.release
  if not release or (release ~= true and redis.call('HGET', key.hand(stream), 'cursor') ~= release) then
    return 0
  end
  redis.call('DEL', key.hand(stream))
  redis.call('ZREM', key.hands, stream)
  if redis.call('XLEN', key.queue(stream)) > 0 then
    list_ready(stream)
  end
  return 1
end

-- A stream that waits although nobody has it in hand is listed; live crops past their time are dropped.
local function look_after(stream)
  local dropped = 0
  reconcile(stream)
  local cursor = hand_cursor(stream)
  local bounds = redis.call('HMGET', key.info(stream), 'recorded', 'max_age_ms')
  if bounds[1] == '0' then
    local entries = redis.call('XRANGE', key.queue(stream), cursor and ('(' .. cursor) or '-', '+', 'COUNT', 256)
    for _, entry in ipairs(entries) do
      local fields = fields_of(entry[2])
      if age_of(entry[1], fields) <= tonumber(bounds[2]) then
        break
      end
      drop_entry(stream, entry[1], fields, 'stale')
      dropped = dropped + 1
    end
  end
  if not cursor and redis.call('XLEN', key.queue(stream)) > 0 then
    list_ready(stream)
  end
  return dropped
end

-- Events of this call: {stream, JSON object without its last brace, in two parts that are joined once}.
local told = {}

local function feed_event(stream, body, more)
  told[#told + 1] = {stream, body, more}
end

-- Writes the events to the feed. Published last of all and through pcall: who may not publish, or has nobody listening,
-- loses nothing.
local function publish_all()
  if #told == 0 then
    return
  end
  local epoch = cjson.encode(redis.call('HGET', key.state, 'epoch') or '')
  local sequence = redis.call('HINCRBY', key.state, 'sequence', #told) - #told
  local feed, feed_max, last = key.feed, digits(args.feed_max), ',"epoch":' .. epoch .. '}'
  for i, event in ipairs(told) do
    event[2] = event[2] .. event[3] .. ',"sequence":' .. digits(sequence + i) .. last
    redis.call('XADD', feed, 'MAXLEN', '~', feed_max, '*', 'event', event[2])
  end
  if args.quiet then  -- a trial
    return
  end
  for _, event in ipairs(told) do
    redis.pcall('PUBLISH', channel(event[1]), event[2])
  end
end

-- The part of an event that tells of a track's smoothed state; `head` is what the worker wrote of its last crop.
local function track_event(stream, track, state, kind, ordinal, more)
  local id = cjson.encode(stream .. '/' .. track .. '/' .. kind .. '/' .. digits(ordinal))
  local smoothed = format('"emotion":"%s","confidence":%.4f', state.label, state.confidence)
  feed_event(stream, '{"schema":1,"id":' .. id .. ',"kind":"' .. kind .. '",' .. state.head,
    ',' .. smoothed .. ',"smoothed":{' .. smoothed .. '}' .. (more or ''))
end

-- Ends a track that has been announced: its `face_left` names how long and in how many events it was seen.
local function end_track(stream, track)
  local packed = redis.call('HGET', key.tracks(stream), track)
  if packed then
    local state = cmsgpack.unpack(packed)
    redis.call('HDEL', key.tracks(stream), track)
    track_event(stream, track, state, 'face_left', state.first,
      ',"seen_ms":' .. digits(state.last - state.first) .. ',"events":' .. digits(state.events))
  end
  redis.call('ZREM', key.deadlines, stream .. '/' .. track)
end
