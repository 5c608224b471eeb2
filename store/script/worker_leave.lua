#!lua
-- KEYS worker, workers   ARGV id, now   -> {0}
if redis.call('SREM', KEYS[2], ARGV[1]) == 1 then
	redis.call('HSET', KEYS[1], 'left_ms', ARGV[2])
end
return {0}
