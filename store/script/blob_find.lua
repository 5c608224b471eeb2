#!lua flags=no-writes
-- May the account name this blob?   KEYS blob, uploads, named   ARGV sha256, now   -> {0, size}
local size = redis.call('HGET', KEYS[1], 'size')
if not size or not may_name(KEYS[2], KEYS[3], ARGV[1], ARGV[2]) then
	return {NOT_FOUND, 'this blob is not here'}
end
return {0, size}
