#!lua flags=no-writes
-- Whose token is it?   KEYS token   -> {0, fields of the account, scopes, expires_ms}
local token = redis.call('HMGET', KEYS[1], 'account', 'scopes', 'expires_ms')
if not token[1] then
	return {NOT_FOUND, 'this token is unknown or has expired'}
end
local fields = redis.call('HGETALL', 'account:' .. token[1])
fields[#fields + 1] = 'id'
fields[#fields + 1] = token[1]
return {0, fields, token[2], token[3]}
