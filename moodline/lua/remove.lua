#!lua flags=allow-oom
-- remove (purge, api, cli): ends a stream in chunks. Its reader's token is revoked, its crops are dropped as `removed`, its
-- tracks leave, its ledger is folded into the partition's total, its keys go. Its summaries stay until their time to live.
-- args: stream, limit, feed_max, undeclare (also what was added at run time). Returns the number of crops that are still queued; 0 means that all is gone.
local stream = args.stream
if args.undeclare then
  redis.call('HDEL', key.declared, stream)
end
redis.call('DEL', key.reader(stream))
reconcile(stream)
for _, entry in ipairs(redis.call('XRANGE', key.queue(stream), '-', '+', 'COUNT', args.limit)) do
  local fields = fields_of(entry[2])
  drop_entry(stream, entry[1], fields, 'removed')
end
local left = redis.call('XLEN', key.queue(stream))
if left == 0 then
  for _, track in ipairs(redis.call('HKEYS', key.tracks(stream))) do
    end_track(stream, track)
  end
  local ledger = redis.call('HGETALL', key.ledger(stream))
  for i = 1, #ledger, 2 do
    if ledger[i] ~= 'bytes' and ledger[i] ~= 'queued' then
      redis.call('HINCRBY', key.state, 'removed:' .. ledger[i], ledger[i + 1])
    end
  end
  for _, name in ipairs({'queue', 'hand', 'ledger', 'info', 'pending', 'tracks', 'attempts'}) do
    redis.call('DEL', key[name](stream))
  end
  for _, name in ipairs({'ready', 'hands', 'streams'}) do
    redis.call('ZREM', key[name], stream)
  end
end
publish_all()
return left
