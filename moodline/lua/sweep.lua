#!lua flags=allow-oom
-- sweep (any worker, once a second): what no lease, commit or drop will do any more.
-- args: feed_max, streams (how many to look at), tracks (how many to end)
-- Returns {streams whose hand had expired, tracks ended, crops dropped}.
note_clock()
local expired = redis.call('ZRANGEBYSCORE', key.hands, '-inf', now, 'LIMIT', 0, args.streams)
for _, stream in ipairs(expired) do
  redis.call('ZREM', key.hands, stream)
  if redis.call('XLEN', key.queue(stream)) > 0 then
    list_ready(stream)
  else
    redis.call('DEL', key.hand(stream))
  end
end

local dropped = 0
for _, stream in ipairs(redis.call('ZRANGE', key.streams, 0, args.streams - 1)) do
  dropped = dropped + look_after(stream)
  redis.call('ZADD', key.streams, now, stream)
end

local ended = 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', key.deadlines, '-inf', now, 'LIMIT', 0, args.tracks)) do
  local stream, track = string.match(member, '^([^/]*)/(.*)$')
  if (tonumber(redis.call('HGET', key.pending(stream), track)) or 0) > 0 then
    redis.call('ZADD', key.deadlines, now + 500, member)
  else
    end_track(stream, track)
    ended = ended + 1
  end
end
publish_all()
return {#expired, ended, dropped}
