#!lua
-- The token by which an account can claim a project; a fresh one when it has none yet.
-- KEYS project, project-tokens   ARGV name, account, fresh   -> {0, fields, token}
local owner = redis.call('HMGET', KEYS[1], 'name', 'owner')
if not owner[1] then
	return {NOT_FOUND, 'there is no project ' .. ARGV[1]}
end
if owner[2] and owner[2] ~= ARGV[2] then
	return {ALREADY_EXISTS, 'the project ' .. ARGV[1] .. ' is claimed already'}
end
redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3])
return {0, redis.call('HGETALL', KEYS[1]), redis.call('HGET', KEYS[2], ARGV[2])}
