#!lua flags=no-writes
-- Whose token is it?   KEYS token   -> {0, fields of the account, fields of the token}
local token = redis.call('HGETALL', KEYS[1])
local account = redis.call('HGET', KEYS[1], 'account')
if not account then
	return {NOT_FOUND, 'this token is unknown or has expired'}
end
local fields = redis.call('HGETALL', 'account:' .. account)
fields[#fields + 1] = 'id'
fields[#fields + 1] = account
return {0, fields, token}
