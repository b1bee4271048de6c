#!lua flags=allow-oom
-- commit (worker): turns up to 32 crops of one stream into events; refused whole when the hand is lost.
-- args: stream, hand, release, feed_max, labels {name}, model, tau_ms, hysteresis, resolutions {{step_s, keep_s}},
--       crops {{entry, id, track, at_ms, size, head, tail, probabilities {p}, label index}}
-- `head` and `tail` are JSON members written by the worker; whatever depends on order is added here.
-- Returns {'done', number of new events} or {'lost'}.
local stream = args.stream
if not holds_hand(stream, args.hand) then
  return {'lost'}
end

-- Deletes come first: what is not there any more belongs to somebody else.
local mine, bytes, pending = {}, 0, {}
for _, crop in ipairs(args.crops) do
  if redis.call('XDEL', key.queue(stream), crop[1]) == 1 then
    mine[#mine + 1] = crop
    bytes = bytes + crop[5]
    pending[crop[3]] = (pending[crop[3]] or 0) + 1
  end
end

local tracks, buckets = {}, {}

local function track_of(name)
  if not tracks[name] then
    local packed = redis.call('HGET', key.tracks(stream), name)
    tracks[name] = packed and cmsgpack.unpack(packed) or {events = 0, changes = 0, first = -1, buckets = {}}
  end
  return tracks[name]
end

-- Moves the average of log-probabilities towards this crop by 1 - exp(-dt / tau): no frame rate enters.
local function smooth(state, crop)
  local weight = 1
  if state.logs and state.model == args.model then
    weight = 1 - math.exp(-math.max(0, crop[4] - state.last) / args.tau_ms)
  else
    state.logs, state.label, state.model = {}, nil, args.model
  end
  local total, highest = 0, -math.huge
  for i, probability in ipairs(crop[8]) do
    local log = math.log(math.max(probability, 1e-6))
    state.logs[i] = state.logs[i] and state.logs[i] + weight * (log - state.logs[i]) or log
    highest = math.max(highest, state.logs[i])
  end
  local shares = {}
  for i, log in ipairs(state.logs) do
    shares[i] = math.exp(log - highest)
    total = total + shares[i]
  end
  return shares, total
end

-- The label changes only when another one leads by the hysteresis, so that it does not flicker.
local function update_label(state, crop)
  local shares, total = smooth(state, crop)
  local best, current = 1, nil
  for i, share in ipairs(shares) do
    if share > shares[best] then
      best = i
    end
    if args.labels[i] == state.label then
      current = i
    end
  end
  local before = state.label
  if not current or (shares[best] - shares[current]) / total > args.hysteresis then
    current = best
  end
  state.label, state.confidence = args.labels[current], shares[current] / total
  return before
end

local function count_in_buckets(crop, state, entered)
  for i, resolution in ipairs(args.resolutions) do
    local index = math.floor(crop[4] / (resolution[1] * 1000))
    local name = key.sum(stream) .. ':' .. digits(resolution[1]) .. ':' .. digits(index)
    local bucket = buckets[name]
    if not bucket then
      bucket = {keep = resolution[2], faces = 0, tracks = 0, entered = 0, first = crop[4], count = {}, sum = {}}
      buckets[name] = bucket
    end
    bucket.faces, bucket.last = bucket.faces + 1, crop[4]
    bucket.entered = bucket.entered + (entered and 1 or 0)
    bucket.tracks = bucket.tracks + (state.buckets[i] ~= index and 1 or 0)
    state.buckets[i] = index
    bucket.count[crop[9]] = (bucket.count[crop[9]] or 0) + 1
    for label, probability in ipairs(crop[8]) do
      bucket.sum[label] = (bucket.sum[label] or 0) + math.floor(probability * 10000 + 0.5)
    end
  end
end

local function publish_crop(crop, state)
  local smoothed = string.format(',"smoothed":{"emotion":"%s","confidence":%.4f}', state.label, state.confidence)
  feed_event(stream, '{"schema":1,"id":' .. cjson.encode(crop[2]) .. ',"kind":"emotion",' .. crop[6] .. ','
    .. crop[7] .. smoothed)
end

local last_ms = 0
for _, crop in ipairs(mine) do
  local state = track_of(crop[3])
  local entered = state.first < 0
  local before = update_label(state, crop)
  if entered then
    state.first = crop[4]
  end
  state.last, state.head, state.events = crop[4], crop[6], state.events + 1
  last_ms = math.max(last_ms, crop[4])
  if entered then
    track_event(stream, crop[3], state, 'face_entered', 1)
  end
  publish_crop(crop, state)
  if before and before ~= state.label then
    state.changes = state.changes + 1
    track_event(stream, crop[3], state, 'emotion_changed', state.changes, ',"previous":"' .. before .. '"')
  end
  count_in_buckets(crop, state, entered)
  redis.call('HDEL', key.attempts(stream), crop[1])
end

for name, bucket in pairs(buckets) do
  redis.call('HSETNX', name, 'first', bucket.first)
  redis.call('HSET', name, 'last', bucket.last)
  redis.call('HINCRBY', name, 'faces', bucket.faces)
  redis.call('HINCRBY', name, 'tracks', bucket.tracks)
  redis.call('HINCRBY', name, 'entered', bucket.entered)
  for label, count in pairs(bucket.count) do
    redis.call('HINCRBY', name, 'count:' .. args.labels[label], count)
  end
  for label, sum in pairs(bucket.sum) do
    redis.call('HINCRBY', name, 'sum:' .. args.labels[label], sum)
  end
  redis.call('EXPIRE', name, bucket.keep)
end
for name, state in pairs(tracks) do
  redis.call('HSET', key.tracks(stream), name, cmsgpack.pack(state))
end
for name, count in pairs(pending) do
  no_longer_pending(stream, name, count)
end
if #mine > 0 then
  count_bytes(stream, -bytes)
  redis.call('HINCRBY', key.ledger(stream), 'events', #mine)
  redis.call('HSET', key.info(stream), 'last_event_ms', last_ms)
end
if args.release then
  release_hand(stream)
end
publish_all()
return {'done', #mine}
