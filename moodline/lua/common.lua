-- Shared by all scripts: arguments, time, and the few things that several of them do.
-- A script's only argument is one MessagePack map; KEYS[1] names the partition.
local args = cmsgpack.unpack(ARGV[1])

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local time_us = now_us()
local now = math.floor(time_us / 1000)

-- Lua 5.1 prints large numbers as 1.7e+15; Redis wants every digit.
local function digits(number)
  return string.format('%.0f', number)
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

local function age_of(entry_id, fields)
  local queued_at = split_id(entry_id)
  return math.max(0, tonumber(fields.age) or 0) + math.max(0, now - queued_at)
end

local function ring()
  if redis.call('LLEN', key.bell) < 8 then
    redis.call('LPUSH', key.bell, '1')
  end
end

-- Puts a stream at the end of the ready list, unless it stands there already.
local function list_ready(stream)
  local turn = redis.call('HINCRBY', key.state, 'turn', 1)
  if redis.call('ZADD', key.ready, 'NX', turn, stream) == 1 then
    ring()
  end
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

-- A deadline further away than the whole lease was set before the server's clock was put back.
local function in_time(deadline, lease)
  local left = tonumber(deadline) - now
  return left > 0 and left <= (tonumber(lease) or left)
end

-- The last entry in a worker's hand, or nil when no worker has its hand on the stream.
local function hand_cursor(stream)
  local hand = redis.call('HMGET', key.hand(stream), 'cursor', 'deadline', 'lease')
  if hand[1] and in_time(hand[2], hand[3]) then
    return hand[1]
  end
  return nil
end

local function holds_hand(stream, hand)
  return redis.call('HGET', key.hand(stream), 'holder') == hand
end

local function release_hand(stream)
  redis.call('DEL', key.hand(stream))
  redis.call('ZREM', key.hands, stream)
  if redis.call('XLEN', key.queue(stream)) > 0 then
    list_ready(stream)
  end
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

-- Published last of all and through pcall: who may not publish, or has nobody listening, loses nothing.
local published = {}
local epoch

-- Writes one event to the feed. `body` is a JSON object without its last brace.
local function feed_event(stream, body)
  epoch = epoch or cjson.encode(redis.call('HGET', key.state, 'epoch') or '')
  local sequence = redis.call('HINCRBY', key.state, 'sequence', 1)
  local event = body .. ',"sequence":' .. digits(sequence) .. ',"epoch":' .. epoch .. '}'
  redis.call('XADD', key.feed, 'MAXLEN', '~', args.feed_max, '*', 'event', event)
  published[#published + 1] = {channel(stream), event}
end

local function publish_all()
  if args.quiet then  -- a trial
    return
  end
  for _, message in ipairs(published) do
    redis.pcall('PUBLISH', message[1], message[2])
  end
end

-- The part of an event that tells of a track's smoothed state; `head` is what the worker wrote of its last crop.
local function track_event(stream, track, state, kind, ordinal, more)
  local id = cjson.encode(stream .. '/' .. track .. '/' .. kind .. '/' .. digits(ordinal))
  local smoothed = string.format('{"emotion":"%s","confidence":%.4f}', state.label, state.confidence)
  feed_event(stream, '{"schema":1,"id":' .. id .. ',"kind":"' .. kind .. '",' .. state.head
    .. string.format(',"emotion":"%s","confidence":%.4f', state.label, state.confidence)
    .. ',"smoothed":' .. smoothed .. (more or ''))
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
