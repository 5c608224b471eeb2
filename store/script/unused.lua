#!lua
-- Forget blobs that nobody names and that came before a time.
-- KEYS unused   ARGV before, limit   -> {0, sha256, ...}
local blobs = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
local reply = {0}
for _, sha256 in ipairs(blobs) do
	redis.call('ZREM', KEYS[1], sha256)
	redis.call('DEL', 'blob:' .. sha256)
	reply[#reply + 1] = sha256
end
return reply
