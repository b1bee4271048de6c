#!lua flags=allow-oom
-- commit (worker): turns up to 32 crops of one stream into events; refused whole when the hand is lost.
-- args: stream, hand, release, feed_max, labels {name}, model, tau_ms, hysteresis, resolutions {{step_s, keep_s}},
--       crops {{entry, track, at_ms, size, event, head from, head to, probabilities {p}, label index}}
-- `event` is a JSON object without its last brace, written by the worker; whatever depends on order is added here. Its
-- members from `head from` to `head to` tell of the frame and face, and stand in the track's own events, too.
-- Returns {'done', number of new events, whether the hand was given back} or {'lost'}.
local stream = args.stream
if not holds_hand(stream, args.hand) then
  return {'lost'}
end

note_clock()
reconcile(stream)

-- Deletes come first: what is not there any more belongs to somebody else.
local mine, ended, bytes, pending = {}, {}, 0, {}
for _, crop in ipairs(args.crops) do
  if redis.call('XDEL', key.queue(stream), crop[1]) == 1 then
    mine[#mine + 1], ended[#ended + 1] = crop, crop[1]
    bytes = bytes + crop[4]
    pending[crop[2]] = (pending[crop[2]] or 0) + 1
  end
end

local exp, log, max = math.exp, math.log, math.max
local labels, label_count, resolutions = args.labels, #args.labels, args.resolutions
local tracks, newest, buckets = {}, {}, {}

local function head_of(crop)
  return string.sub(crop[5], crop[6], crop[7])
end

local function read_tracks()
  local names = {}
  for name in pairs(pending) do
    names[#names + 1] = name
  end
  local known = #names > 0 and redis.call('HMGET', key.tracks(stream), unpack(names)) or {}
  for i, name in ipairs(names) do
    tracks[name] = known[i] and cmsgpack.unpack(known[i]) or {events = 0, changes = 0, buckets = {}}
  end
end

local function keep_tracks()
  local written, due = {}, {}
  for name, state in pairs(tracks) do
    state.head = head_of(newest[name])
    written[#written + 1], written[#written + 2] = name, cmsgpack.pack(state)
    due[#due + 1], due[#due + 2] = now, stream .. '/' .. name
  end
  if #written > 0 then
    redis.call('HSET', key.tracks(stream), unpack(written))
    redis.call('ZADD', key.deadlines, 'NX', unpack(due))  -- an open track always has a deadline
  end
end

-- Averages of other labels must not meet, either.
local judge = args.model .. ' ' .. table.concat(labels, ' ')

-- Moves the average of log-probabilities towards this crop by 1 - exp(-dt / tau): no frame rate enters.
-- Puts each label's share, unscaled, into `shares` and returns their total.
local shares = {}

local function smooth(state, crop)
  local weight, logs = 1, state.logs
  if logs and state.model == judge then
    -- tau 0 smooths nothing; 0 / 0 would be NaN, which is no JSON.
    weight = args.tau_ms > 0 and 1 - exp(-max(0, crop[3] - state.last) / args.tau_ms) or 1
  else
    logs = {}
    state.logs, state.label, state.model = logs, nil, judge
  end
  local highest, probabilities = -math.huge, crop[8]
  for i = 1, label_count do
    local probability = probabilities[i]
    local fresh = log(probability > 1e-6 and probability or 1e-6)
    local before = logs[i] or fresh
    local after = before + weight * (fresh - before)
    logs[i] = after
    if after > highest then
      highest = after
    end
  end
  local total = 0
  for i = 1, label_count do
    local share = exp(logs[i] - highest)
    shares[i], total = share, total + share
  end
  return total
end

local number_of = {}
for i, label in ipairs(labels) do
  number_of[label] = i
end

-- The label changes only when another one leads by the hysteresis, so that it does not flicker.
local function update_label(state, crop)
  local total = smooth(state, crop)
  local best, current = 1, number_of[state.label or '']
  for i = 2, label_count do
    if shares[i] > shares[best] then
      best = i
    end
  end
  local before = state.label
  if not current or (shares[best] - shares[current]) / total > args.hysteresis then
    current = best
  end
  state.label, state.confidence = labels[current], shares[current] / total
  return before
end

-- What one call brings to a bucket of the resolution number `i`.
local function bucket_of(i, index)
  local resolution = resolutions[i]
  local name = key.sum(stream) .. ':' .. digits(resolution[1]) .. ':' .. digits(index)
  local found = buckets[name]
  if not found then
    found = {keep = resolution[2], faces = 0, tracks = 0, entered = 0, count = {}, sum = {}}
    buckets[name] = found
  end
  return found
end

-- Each resolution's step is a multiple of the one before, so only the finest counts crop by crop: see fold_buckets.
local finest, finest_index

local function count_in_finest(crop, entered)
  local at_ms, label, probabilities = crop[3], crop[9], crop[8]
  local index = floor(at_ms / (resolutions[1][1] * 1000))
  if index ~= finest_index then
    finest, finest_index = bucket_of(1, index), index
    finest.index = index
  end
  finest.first, finest.last = finest.first or at_ms, at_ms
  finest.faces = finest.faces + 1
  if entered then
    finest.entered = finest.entered + 1
  end
  finest.count[label] = (finest.count[label] or 0) + 1
  local sum = finest.sum
  for i = 1, label_count do
    sum[i] = (sum[i] or 0) + floor(probabilities[i] * 10000 + 0.5)
  end
end

-- A track counts once in each bucket in which it is seen.
local function count_track(crop, state)
  local index = floor(crop[3] / (resolutions[1][1] * 1000))
  if state.buckets[1] == index then
    return
  end
  for i, resolution in ipairs(resolutions) do
    local of_this = floor(crop[3] / (resolution[1] * 1000))
    if state.buckets[i] ~= of_this then
      local bucket = bucket_of(i, of_this)
      bucket.tracks, state.buckets[i] = bucket.tracks + 1, of_this
    end
  end
end

local function add_to(coarser, finer)
  coarser.first, coarser.last = coarser.first or finer.first, finer.last
  coarser.faces, coarser.entered = coarser.faces + finer.faces, coarser.entered + finer.entered
  for label, count in pairs(finer.count) do
    coarser.count[label] = (coarser.count[label] or 0) + count
  end
  for i, sum in pairs(finer.sum) do
    coarser.sum[i] = (coarser.sum[i] or 0) + sum
  end
end

local function fold_buckets()
  local fine = {}
  for _, bucket in pairs(buckets) do
    if bucket.index then
      fine[#fine + 1] = bucket
    end
  end
  table.sort(fine, function(left, right) return left.index < right.index end)
  for _, bucket in ipairs(fine) do
    local begins_s = bucket.index * resolutions[1][1]
    for i = 2, #resolutions do
      add_to(bucket_of(i, floor(begins_s / resolutions[i][1])), bucket)
    end
  end
end

local count_name, sum_name = {}, {}
for i, label in ipairs(labels) do
  count_name[i], sum_name[i] = 'count:' .. label, 'sum:' .. label
end

-- One read and one write: nobody else touches the bucket while the script runs.
local function keep_bucket(name, bucket)
  local fields, more = {'first', 'faces', 'tracks', 'entered'}, {0, bucket.faces, bucket.tracks, bucket.entered}
  local size = 4
  for label, count in pairs(bucket.count) do
    size = size + 1
    fields[size], more[size] = count_name[label], count
  end
  for label, sum in pairs(bucket.sum) do
    size = size + 1
    fields[size], more[size] = sum_name[label], sum
  end
  local known = redis.call('HMGET', name, unpack(fields))
  local written = {'last', digits(bucket.last), 'first', known[1] or digits(bucket.first)}
  for i = 2, size do
    written[2 * i + 1], written[2 * i + 2] = fields[i], digits((tonumber(known[i]) or 0) + more[i])
  end
  redis.call('HSET', name, unpack(written))
  redis.call('EXPIRE', name, math.ceil(bucket.keep))
end

local function publish_crop(crop, state)
  feed_event(stream, crop[5], format(',"smoothed":{"emotion":"%s","confidence":%.4f}', state.label, state.confidence))
end

read_tracks()
local last_ms = 0
for _, crop in ipairs(mine) do
  local state = tracks[crop[2]]
  newest[crop[2]] = crop
  local entered = state.first == nil
  local before = update_label(state, crop)
  if entered then
    state.first = crop[3]
  end
  state.last, state.events = crop[3], state.events + 1
  last_ms = max(last_ms, crop[3])
  if entered then
    state.head = head_of(crop)
    track_event(stream, crop[2], state, 'face_entered', state.first)
  end
  publish_crop(crop, state)
  if before and before ~= state.label then
    state.changes, state.head = state.changes + 1, head_of(crop)
    track_event(stream, crop[2], state, 'emotion_changed', crop[3], ',"previous":"' .. before .. '"')
  end
  count_in_finest(crop, entered)
  count_track(crop, state)
end

fold_buckets()
for name, bucket in pairs(buckets) do
  keep_bucket(name, bucket)
end
keep_tracks()
for name, count in pairs(pending) do
  no_longer_pending(stream, name, count)
end
if #mine > 0 then
  redis.call('HDEL', key.attempts(stream), unpack(ended))
  count_ended(stream, #mine, bytes)
  redis.call('HINCRBY', key.ledger(stream), 'events', #mine)
  redis.call('HSET', key.info(stream), 'last_event_ms', last_ms)
end
local released = release_hand(stream)
publish_all()
return {'done', #mine, released}
