#!lua flags=no-writes
-- Ended tasks whose keep time has come.   KEYS keep   ARGV now, limit   -> {0, id, ...}
local reply = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
table.insert(reply, 1, 0)
return reply
