#!lua flags=no-writes
-- Projects by name.   KEYS projects   ARGV limit, after   -> {0, next, fields, fields, ...}
local limit = tonumber(ARGV[1])
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'LIMIT', 0, limit + 1)
local reply = {0, #names > limit and names[limit] or ''}
for i = 1, math.min(#names, limit) do
	reply[i + 2] = redis.call('HGETALL', 'project:' .. names[i])
end
return reply
