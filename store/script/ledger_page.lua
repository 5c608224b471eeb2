#!lua flags=no-writes
-- Records from one on.
-- KEYS ledger, ledger:head   ARGV from, limit   -> {0, head, record, chain, record, chain, ...}
local reply = {0, redis.call('HGETALL', KEYS[2])}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])) do
	reply[#reply + 1] = entry[2][2]
	reply[#reply + 1] = entry[2][4]
end
return reply
