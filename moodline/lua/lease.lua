#!lua flags=allow-oom
-- lease (ingest): takes, renews or releases the reader's lease of a stream.
-- args: op, stream, owner, nonce, lease_ms, key (of a recording); acquire: run (recorded only), declared (the stream as
-- it was added at run time, if it was), began_ms (a recording of this key that ended since then is not begun again);
-- renew/release: token, status (JSON, optional); release: ended.
-- The token only grows, whatever the clock does; a missing or other token is refused by `enqueue`.
local stream = args.stream
local reader = key.reader(stream)
local info = key.info(stream)

-- What an earlier reader saw is over: its tracks are due now, and the sweep writes their `face_left`.
local function end_tracks()
  -- A track whose first crop is still in the queue is known by that crop alone.
  for _, known in ipairs({key.tracks(stream), key.pending(stream)}) do
    for _, track in ipairs(redis.call('HKEYS', known)) do
      redis.call('ZADD', key.deadlines, now, stream .. '/' .. track)
    end
  end
end

local function next_run()
  local known = redis.call('HMGET', info, 'run', 'run_number', 'run_ended', 'run_frame')
  local number = tonumber(known[2]) or 0
  if known[1] == args.run and known[3] ~= '1' and number > 0 then
    return number, tonumber(known[4]) or -1
  end
  number = number + 1
  redis.call('HSET', info, 'run', args.run, 'run_number', number, 'run_ended', '0', 'run_frame', -1)
  return number, -1
end

-- The key's own time to live is the server's affair: where its clock was put back, it is too long.
local function keep_lease()
  redis.call('HSET', reader, 'deadline', now + args.lease_ms)
  redis.call('PEXPIRE', reader, args.lease_ms)
end

note_clock()
if args.op == 'acquire' then
  local held = redis.call('HMGET', reader, 'owner', 'deadline')
  if held[1] and held[1] ~= args.owner and (tonumber(held[2]) or math.huge) > now then
    return {'held', held[1]}
  end
  if args.declared and redis.call('HGET', key.declared, stream) ~= args.declared then
    return {'changed'}  -- or removed: nobody may bring back what is gone
  end
  local past = redis.call('HMGET', info, 'ended_key', 'ended_ms')
  if args.key and past[1] == args.key and tonumber(past[2]) >= args.began_ms then
    return {'ended'}
  end
  local last = tonumber(redis.call('HGET', info, 'token') or '0')
  local token = digits(math.max(last + 1, time_us))
  redis.call('HSET', info, 'token', token)
  redis.call('HDEL', info, 'status')  -- what the last reader said is not true of this one
  redis.call('HSETNX', key.state, 'epoch', args.nonce)
  redis.call('ZADD', key.streams, 'NX', 0, stream)
  end_tracks()
  redis.call('DEL', reader)
  redis.call('HSET', reader, 'token', token, 'nonce', args.nonce, 'owner', args.owner, 'frame', -1)
  keep_lease()
  local run_number, run_frame = 0, -1
  if args.run then
    run_number, run_frame = next_run()
  end
  return {'held by you', token, run_number, run_frame}
end

local held = redis.call('HMGET', reader, 'token', 'nonce')
if held[1] ~= args.token or held[2] ~= args.nonce then
  -- A release whose reply was lost is sent again: nobody has read the stream since.
  if args.op == 'release' and not held[1] and redis.call('HGET', info, 'token') == args.token then
    return {'done'}
  end
  return {'lost'}
end
if args.status then
  redis.call('HSET', info, 'status', args.status)
end
if args.op == 'renew' then
  keep_lease()
  -- Where no worker sweeps, its reader still ends what has outlived its time: no crop stays for long.
  look_after(stream)
else
  if args.ended then
    redis.call('HSET', info, 'run_ended', '1', 'ended_key', args.key or '', 'ended_ms', wall)
  end
  end_tracks()
  redis.call('DEL', reader)
end
return {'done'}
