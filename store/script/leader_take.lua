#!lua flags=allow-oom
-- A pool takes the lead, when the one that it has seen lead has said nothing since: every other is fenced off
-- from now on. The fence names epoch and run, so that it is unique also where Redis came back older. The id
-- is that of the pool, whoever leads it: within it workers believe no epoch below one that they have seen.
-- Where a Redis that came back older is accepted, its epochs may be below those, so that it gets another id.
-- KEYS pool:leader   ARGV fence and beat that it has seen, its run, name, data directory, holds its lock
-- ("1"), another id ("1")   -> {0, epoch, fence, id}
local now = redis.call('HMGET', KEYS[1], 'fence', 'beat', 'run', 'epoch', 'id')
if now[3] == ARGV[3] then
	return {0, now[4], now[1], now[5]}
end
if (now[1] or '') ~= ARGV[1] or (now[2] or '') ~= ARGV[2] then
	return {ABORTED, 'another pool was faster'}
end
local epoch = int(redis.call('HINCRBY', KEYS[1], 'epoch', 1))
local fence = epoch .. '.' .. ARGV[3]
local id = ARGV[7] ~= '1' and now[5] or ARGV[3]
redis.call('HSET', KEYS[1], 'fence', fence, 'beat', 0, 'run', ARGV[3], 'name', ARGV[4], 'data', ARGV[5],
	'locked', ARGV[6], 'id', id)
return {0, epoch, fence, id}
