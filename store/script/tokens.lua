#!lua flags=no-writes
-- The tokens of an account, the first to expire first.   KEYS tokens:   -> {0, fields, fields, ...}
local reply = {0}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
	local fields = redis.call('HGETALL', 'token:' .. string.sub(member, 17))
	if #fields > 0 then
		reply[#reply + 1] = fields
	end
end
return reply
