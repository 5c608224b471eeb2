#!lua flags=no-writes
-- KEYS project   ARGV name   -> {0, fields}
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then
	return {NOT_FOUND, 'there is no project ' .. ARGV[1]}
end
return {0, fields}
