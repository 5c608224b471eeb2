#!lua
-- A token that vanishes by itself. A repeat (same call) keeps its id and gives it the new secret: the first
-- one was never seen.
-- KEYS token, account, tokens:, [call]
-- ARGV account, scopes, expires_ms, ms until then, id, name, now, by, sha256, most, make room ("1": the first
-- to
--      expire goes), digest, call ttl   -> {0, id}
if redis.call('EXISTS', KEYS[2]) == 0 then
	return {NOT_FOUND, 'no such account'}
end
if tonumber(ARGV[4]) <= 0 then
	return {FAILED_PRECONDITION, 'the token has expired already'}
end
local earlier, other = earlier_call(KEYS[4], ARGV[12])
if other then
	return {ABORTED, 'this call_id was used for another token'}
end
local id = earlier and string.sub(earlier, 1, 16) or ARGV[5]
if earlier and not redis.call('ZSCORE', KEYS[3], earlier) then
	return {FAILED_PRECONDITION, 'the token that this call made has been revoked or has expired'}
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[7])
local count = redis.call('ZCARD', KEYS[3])
if count >= tonumber(ARGV[10]) and ARGV[11] ~= '1' and not earlier then
	return {RESOURCE_EXHAUSTED, 'the account has ' .. int(count) .. ' tokens already: revoke some'}
end
if earlier then
	token_end(KEYS[3], earlier)
elseif count >= tonumber(ARGV[10]) then
	token_end(KEYS[3], redis.call('ZRANGE', KEYS[3], 0, 0)[1])
end

redis.call('HSET', KEYS[1], 'account', ARGV[1], 'scopes', ARGV[2], 'expires_ms', ARGV[3], 'id', id, 'name', ARGV[6],
	'created_ms', ARGV[7], 'by', ARGV[8])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[3], ARGV[3], id .. ARGV[9])
remember_call(KEYS[4], ARGV[12], id .. ARGV[9], ARGV[13])
return {0, id}
