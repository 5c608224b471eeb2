#!lua
-- New account, with a gift from the treasury as long as it has one.
-- KEYS account, account-name, [call]
-- ARGV id, name, password, now, digest, call ttl, gift, the gift pays for tasks only (1 or 0)
-- -> {0, fields, duplicate, gift}
local answer, other = earlier_call(KEYS[3], ARGV[5])
if other then
	return {ABORTED, 'this call_id was used for another registration'}
end
if answer then
	local fields = redis.call('HGETALL', 'account:' .. answer)
	fields[#fields + 1] = 'id'
	fields[#fields + 1] = answer
	return {0, fields, 1, redis.call('HGET', 'account:' .. answer, 'gift') or '0'}
end
if redis.call('EXISTS', KEYS[2]) == 1 then
	return {ALREADY_EXISTS, 'the name ' .. ARGV[2] .. ' is taken'}
end
if redis.call('EXISTS', KEYS[1]) == 1 then
	return {ABORTED, 'the id is taken, ask again'}
end
local gift, legs = amount(ARGV[7]), {}
if not gift then
	return {INVALID_ARGUMENT, 'a gift is a whole number of thousandths of a CPT'}
end
if gift > 0 then
	gift = ledger_open().treasury >= gift and gift or 0
	leg(legs, 'treasury', 'user:' .. ARGV[1], gift)
	local refusal = ledger_refusal(legs)
	if refusal then
		return refusal
	end
end
local bound = ARGV[8] == '1' and gift or 0

if gift > 0 then
	ledger_post({id = 'grant:' .. ARGV[1], kind = 'grant', grant = bound, legs = legs}, ARGV[4])
end
redis.call('HSET', KEYS[1], 'name', ARGV[2], 'password', ARGV[3], 'created_ms', ARGV[4], 'gift', int(gift),
	'grant', int(bound))
redis.call('SET', KEYS[2], ARGV[1])
redis.call('RPUSH', 'accounts', ARGV[1])
remember_call(KEYS[3], ARGV[5], ARGV[1], ARGV[6])
return {0, {'id', ARGV[1], 'name', ARGV[2], 'password', ARGV[3], 'created_ms', ARGV[4]}, 0, int(gift)}
