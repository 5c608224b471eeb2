#!lua
-- A blob is on disk; this account may name it until `till`. A few rights that are over go on the way.
-- KEYS blob, uploads, unused   ARGV sha256, size, now, till   -> {0}
local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[3], 'LIMIT', 0, 16)
redis.call('HSET', KEYS[1], 'size', ARGV[2], 'added_ms', ARGV[3])
if redis.call('HINCRBY', KEYS[1], 'refs', 0) == 0 then
	redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
end
for _, sha256 in ipairs(over) do
	redis.call('ZREM', KEYS[2], sha256)
end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
return {0}
