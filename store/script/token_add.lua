#!lua
-- A token that vanishes by itself.
-- KEYS token, account   ARGV account, scopes, expires_ms, ms until then   -> {0}
if redis.call('EXISTS', KEYS[2]) == 0 then
	return {NOT_FOUND, 'no such account'}
end
if tonumber(ARGV[4]) <= 0 then
	return {FAILED_PRECONDITION, 'the token has expired already'}
end
redis.call('HSET', KEYS[1], 'account', ARGV[1], 'scopes', ARGV[2], 'expires_ms', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {0}
