#!lua flags=allow-oom
-- The pool that leads ends: nobody leads, and nobody writes, until another takes the lead.
-- KEYS pool:leader   -> {0}
redis.call('HSET', KEYS[1], 'fence', 'nobody', 'run', '', 'name', '')
return {0}
