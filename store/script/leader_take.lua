#!lua flags=allow-oom
-- A pool takes the lead, when the one that it has seen lead has said nothing since: every other is fenced off from now on.
-- The fence names epoch and run, so that it is unique also where Redis came back older.
-- KEYS pool:leader   ARGV fence and beat that it has seen, its run, name, data directory, holds its lock ("1")
-- -> {0, epoch, fence}
local now = redis.call('HMGET', KEYS[1], 'fence', 'beat', 'run', 'epoch')
if now[3] == ARGV[3] then
	return {0, now[4], now[1]}
end
if (now[1] or '') ~= ARGV[1] or (now[2] or '') ~= ARGV[2] then
	return {ABORTED, 'another pool was faster'}
end
local epoch = int(redis.call('HINCRBY', KEYS[1], 'epoch', 1))
local fence = epoch .. '.' .. ARGV[3]
redis.call('HSET', KEYS[1], 'fence', fence, 'beat', 0, 'run', ARGV[3], 'name', ARGV[4], 'data', ARGV[5], 'locked', ARGV[6])
return {0, epoch, fence}
