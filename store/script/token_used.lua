#!lua
-- A token was used.   KEYS token   ARGV now   -> {0}
if redis.call('EXISTS', KEYS[1]) == 1 then
	redis.call('HSET', KEYS[1], 'last_used_ms', ARGV[1])
end
return {0}
