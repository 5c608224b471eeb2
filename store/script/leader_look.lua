#!lua flags=allow-oom
-- Who leads? A pool that stands by is counted, so that the one that leads knows of it.
-- KEYS pool:leader   ARGV stands by ("1")   -> {0, fields}
if ARGV[1] == '1' then
	redis.call('HINCRBY', KEYS[1], 'looks', 1)
end
return {0, redis.call('HGETALL', KEYS[1])}
