#!lua
-- The project is this account's from now on.
-- KEYS project, project-tokens   ARGV name, account, now   -> {0, fields}
local owner = redis.call('HMGET', KEYS[1], 'name', 'owner')
if not owner[1] then
	return {NOT_FOUND, 'there is no project ' .. ARGV[1]}
end
if owner[2] and owner[2] ~= ARGV[2] then
	return {ALREADY_EXISTS, 'the project ' .. ARGV[1] .. ' is claimed already'}
end
if not owner[2] and redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then
	return {FAILED_PRECONDITION, 'ask for a token first and publish it under the address of the project'}
end
if not owner[2] then
	redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'claimed_ms', ARGV[3])
end
return {0, redis.call('HGETALL', KEYS[1])}
