#!lua flags=no-writes
-- An account by its name.   KEYS account-name   -> {0, fields}
local id = redis.call('GET', KEYS[1])
if not id then
	return {NOT_FOUND, 'no account has this name'}
end
local fields = redis.call('HGETALL', 'account:' .. id)
fields[#fields + 1] = 'id'
fields[#fields + 1] = id
return {0, fields}
