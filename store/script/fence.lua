#!lua
-- Only the pool that leads writes. store/script.c puts this behind common.lua in every script that may write;
-- the last word of its ARGV is the fence that the caller got when it took the lead ('' = nobody ever led
-- here).
if (redis.call('HGET', 'pool:leader', 'fence') or '') ~= ARGV[#ARGV] then
	return {FENCED_OFF, redis.call('HGET', 'pool:leader', 'name') or ''}
end
