#!lua flags=no-writes
-- What an account has.   KEYS account   -> {0, balance, grant, pending, held, earned, spent}
local now = redis.call('HMGET', KEYS[1], 'name', 'balance', 'grant', 'pending', 'held', 'earned', 'spent')
if not now[1] then
	return {NOT_FOUND, 'no such account'}
end
local reply = {0}
for i = 2, 7 do
	reply[i] = now[i] or '0'
end
return reply
