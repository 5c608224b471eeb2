#!lua flags=no-writes
-- KEYS counters   -> {0, finished}
return {0, redis.call('HGET', KEYS[1], 'finished') or '0'}
