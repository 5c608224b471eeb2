#!lua
-- New account.
-- KEYS account, account-name, [call]   ARGV id, name, password, now, digest, call ttl
-- -> {0, fields, duplicate}
local answer, other = false, false
if KEYS[3] then
	answer, other = earlier_call(KEYS[3], ARGV[5])
end
if other then
	return {ABORTED, 'this call_id was used for another registration'}
end
if answer then
	local fields = redis.call('HGETALL', 'account:' .. answer)
	fields[#fields + 1] = 'id'
	fields[#fields + 1] = answer
	return {0, fields, 1}
end
if redis.call('EXISTS', KEYS[2]) == 1 then
	return {ALREADY_EXISTS, 'the name ' .. ARGV[2] .. ' is taken'}
end
if redis.call('EXISTS', KEYS[1]) == 1 then
	return {ABORTED, 'the id is taken, ask again'}
end

redis.call('HSET', KEYS[1], 'name', ARGV[2], 'password', ARGV[3], 'created_ms', ARGV[4])
redis.call('SET', KEYS[2], ARGV[1])
if KEYS[3] then
	remember_call(KEYS[3], ARGV[5], ARGV[1], ARGV[6])
end
return {0, {'id', ARGV[1], 'name', ARGV[2], 'password', ARGV[3], 'created_ms', ARGV[4]}, 0}
