#!lua flags=allow-oom
-- The pool that leads is alive.
-- KEYS pool:leader   ARGV holds the lock of its data directory ("1")   -> {0, looks}
redis.call('HINCRBY', KEYS[1], 'beat', 1)
redis.call('HSET', KEYS[1], 'locked', ARGV[1])
return {0, redis.call('HGET', KEYS[1], 'looks') or '0'}
