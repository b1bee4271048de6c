#!lua flags=allow-oom
-- drop (worker): ends crops of one stream without an event, each with its reason; gated like `commit`.
-- args: stream, hand, release, dead_max, crops {{entry, reason, detail}}
-- Returns {'done', number dropped, whether the hand was given back} or {'lost'}.
local stream = args.stream
if not holds_hand(stream, args.hand) then
  return {'lost'}
end

-- The dead-letter feed tells what is wrong with a crop and never holds its pixels.
local function bury(entry_id, fields, detail)
  redis.call('XADD', key.dead, 'MAXLEN', '~', args.dead_max, '*', 'stream', stream, 'entry', entry_id,
    'id', fields.id or '', 'track', fields.track or '', 'reason', 'poison', 'detail', detail)
end

note_clock()
reconcile(stream)
local dropped = 0
for _, crop in ipairs(args.crops) do
  local entry = redis.call('XRANGE', key.queue(stream), crop[1], crop[1])[1]
  if entry then
    local fields = fields_of(entry[2])
    if drop_entry(stream, crop[1], fields, crop[2]) then
      dropped = dropped + 1
      if crop[2] == 'poison' then
        bury(crop[1], fields, crop[3])
      end
    end
  end
end
return {'done', dropped, release_hand(stream)}
