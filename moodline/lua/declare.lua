#!lua flags=allow-oom
-- declare (api, cli): adds a stream at run time, or changes it.
-- args: stream, text (its settings, JSON), expected (the text that it replaces; none where the stream is new)
-- Returns 'done', or 'changed' where somebody was faster.
if (redis.call('HGET', key.declared, args.stream) or '') ~= (args.expected or '') then
  return {'changed'}
end
redis.call('HSET', key.declared, args.stream, args.text)
return {'done'}
