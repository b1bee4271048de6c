#!lua
-- enqueue (ingest): all crops of one frame, or nothing.
-- args: stream, token, nonce, recorded, frame, age_ms, crops {id, track, meta, image}, ended {track},
--       max_crops, max_bytes, max_age_ms, partition_max_bytes, track_timeout_ms
-- No allow-oom: a server at its memory limit refuses new crops, while take, commit and drop go on.
local stream = args.stream
local reader, info, queue, ledger = key.reader(stream), key.info(stream), key.queue(stream), key.ledger(stream)

local held = redis.call('HMGET', reader, 'token', 'nonce', 'frame')
if held[1] ~= args.token or held[2] ~= args.nonce then
  return {'lost'}
end
local last_frame = tonumber(held[3])
if args.recorded then
  last_frame = tonumber(redis.call('HGET', info, 'run_frame') or '-1')
end
if args.frame <= last_frame then
  return {'duplicate'}
end

local incoming = 0
for _, crop in ipairs(args.crops) do
  incoming = incoming + #crop.meta + #crop.image
end
local queued = redis.call('XLEN', queue)
local bytes = tonumber(redis.call('HGET', ledger, 'bytes') or '0')
local partition_bytes = tonumber(redis.call('HGET', key.state, 'bytes') or '0')

-- How many crops and bytes are too much if all of `count` crops with `more` bytes come in.
local function over(count, more)
  return queued + count > args.max_crops or bytes + more > args.max_bytes
    or partition_bytes + more > args.partition_max_bytes
end

if args.recorded and queued > 0 and #args.crops > 0 and over(#args.crops, incoming) then
  return {'full'}
end

-- How a live stream fares: its reader slows down when the workers do not keep up.
local function waited_ms()
  local oldest = redis.call('XRANGE', queue, '-', '+', 'COUNT', 1)[1]
  return oldest and math.max(0, now - split_id(oldest[1])) or 0
end

-- Everything is checked: from here on all writes happen.
local dropped, waited = 0, not args.recorded and waited_ms() or 0
note_clock()
reconcile(stream)

-- The freshest wins: the oldest crop that no worker has in its hand makes room.
local function make_room()
  local from = hand_cursor(stream)
  from = from and ('(' .. from) or '-'
  while over(#args.crops, incoming) do
    local oldest = redis.call('XRANGE', queue, from, '+', 'COUNT', 1)[1]
    if not oldest then
      return
    end
    local fields = fields_of(oldest[2])
    drop_entry(stream, oldest[1], fields, 'overflow')
    queued, dropped = queued - 1, dropped + 1
    bytes, partition_bytes = bytes - size_of(fields), partition_bytes - size_of(fields)
  end
end

local function add(crop)
  redis.call('HINCRBY', ledger, 'accepted', 1)
  if not args.recorded and over(1, #crop.meta + #crop.image) then
    redis.call('HINCRBY', ledger, 'dropped:overflow', 1)
    dropped = dropped + 1
    return
  end
  redis.call('XADD', queue, '*', 'id', crop.id, 'track', crop.track, 'age', args.age_ms,
    'at', now, 'meta', crop.meta, 'image', crop.image)
  redis.call('HINCRBY', key.pending(stream), crop.track, 1)
  redis.call('ZADD', key.deadlines, now + args.track_timeout_ms, stream .. '/' .. crop.track)
  local size = #crop.meta + #crop.image
  redis.call('HINCRBY', ledger, 'queued', 1)
  count_bytes(stream, size)
  queued, bytes, partition_bytes = queued + 1, bytes + size, partition_bytes + size
end

if not args.recorded then
  make_room()
end
for _, crop in ipairs(args.crops) do
  add(crop)
end
for _, track in ipairs(args.ended) do
  if redis.call('HEXISTS', key.tracks(stream), track) == 1
    or redis.call('HEXISTS', key.pending(stream), track) == 1 then
    redis.call('ZADD', key.deadlines, now, stream .. '/' .. track)
  end
end
redis.call('HSET', reader, 'frame', args.frame)
if args.recorded then
  redis.call('HSET', info, 'run_frame', args.frame)
end
redis.call('HSET', info, 'recorded', args.recorded and '1' or '0', 'max_age_ms', args.max_age_ms)
if queued > 0 then
  list_ready(stream)
end
local ended = redis.call('HMGET', ledger, 'events', 'dropped:stale', 'dropped:overflow')
local lost = (tonumber(ended[2]) or 0) + (tonumber(ended[3]) or 0)
return {'accepted', #args.crops, dropped, queued, waited, tonumber(ended[1]) or 0, lost}
