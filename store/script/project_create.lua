#!lua
-- A project that can be tipped.   KEYS project, projects   ARGV name, url, account, now   -> {0, fields}
local now = redis.call('HMGET', KEYS[1], 'creator', 'url')
if now[1] and (now[1] ~= ARGV[3] or now[2] ~= ARGV[2]) then
	return {ALREADY_EXISTS, 'there is a project ' .. ARGV[1] .. ' already'}
end
if not now[1] then
	redis.call('HSET', KEYS[1], 'name', ARGV[1], 'url', ARGV[2], 'creator', ARGV[3], 'created_ms', ARGV[4])
	redis.call('ZADD', KEYS[2], 0, ARGV[1])
end
return {0, redis.call('HGETALL', KEYS[1])}
