#!lua flags=no-writes
-- Which tokens were ended since?   KEYS revoked, revoked:seq   ARGV place ("" = only say where we are), limit
-- -> {0, next place, sha256, ...}
local seq = redis.call('GET', KEYS[2]) or '0'
local reply = {0, seq}
if ARGV[1] == '' then
	return reply
end
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #found, 2 do
	reply[#reply + 1] = found[i]
	if #found == 2 * tonumber(ARGV[2]) then
		reply[2] = found[i + 1]
	end
end
return reply
