#!lua
-- A worker belongs to the account that brought it first.
-- KEYS worker, workers   ARGV id, account, name, host, now   -> {0}
local owner = redis.call('HGET', KEYS[1], 'account')
if owner and owner ~= ARGV[2] then
	return {PERMISSION_DENIED, 'this worker belongs to another account'}
end
redis.call('HSET', KEYS[1], 'account', ARGV[2], 'name', ARGV[3], 'host', ARGV[4], 'joined_ms', ARGV[5])
redis.call('HDEL', KEYS[1], 'left_ms')
redis.call('SADD', KEYS[2], ARGV[1])
return {0}
