#!lua
-- A submission with its one member.
-- KEYS submission, task, blob, uploads, named, tasks:, ids:, live:, live, queue, seq, counters, [call]
-- ARGV id, account, spec, name, bundle_sha256, bundle_size, keep_s, now, digest, most live tasks, call ttl,
--      hold, start, rate
-- -> {0, id, duplicate}
local answer, other = earlier_call(KEYS[13], ARGV[9])
if other then
	return OTHER_CONTENT
end
if answer then
	return {0, answer, 1}
end
local hold, legs = amount(ARGV[12]), {}
if not hold or not amount(ARGV[13]) or not amount(ARGV[14]) then
	return {INVALID_ARGUMENT, 'a hold is a whole number of thousandths of a CPT'}
end
local has = redis.call('HMGET', 'account:' .. ARGV[2], 'balance', 'grant')
local balance = tonumber(has[1] or '0')
if balance < hold then
	return {RESOURCE_EXHAUSTED, 'this can cost up to ' .. cpt(hold) .. ' CPT and you have ' .. cpt(balance) ..
		': ' .. cpt(hold - balance) .. ' are missing'}
end
local grant = math.min(tonumber(has[2] or '0'), hold)
leg(legs, 'user:' .. ARGV[2], 'hold:' .. ARGV[1], hold)
local size = redis.call('HGET', KEYS[3], 'size')
if not size or not may_name(KEYS[4], KEYS[5], ARGV[5], ARGV[8]) then
	return {FAILED_PRECONDITION, 'the bundle ' .. ARGV[5] .. ' is not here: upload it first'}
end
if size ~= ARGV[6] then
	return {FAILED_PRECONDITION, 'the bundle has ' .. size .. ' bytes, not ' .. ARGV[6]}
end
if redis.call('ZCARD', KEYS[9]) >= tonumber(ARGV[10]) then
	return {RESOURCE_EXHAUSTED, 'the pool has as many unfinished tasks as it takes'}
end
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then
	return {ABORTED, 'the id is taken, ask again'}
end

local refusal = hold > 0 and ledger_refusal(legs)
if refusal then
	return refusal
end

local task = ARGV[1] .. '.1'
if hold > 0 then
	ledger_post({id = 'hold:' .. ARGV[1], kind = 'hold', rate = ARGV[14], start = ARGV[13], grant = grant, legs = legs},
		ARGV[8])
	redis.call('HINCRBY', 'account:' .. ARGV[2], 'grant', int(-grant))
	redis.call('HINCRBY', 'account:' .. ARGV[2], 'held', int(hold))
end
local seq = int(redis.call('INCR', KEYS[11]))
redis.call('HSET', KEYS[1], 'account', ARGV[2], 'spec', ARGV[3], 'bundle_sha256', ARGV[5], 'bundle_size', ARGV[6],
	'created_ms', ARGV[8], 'members', 1)
if hold > 0 then
	redis.call('HSET', KEYS[1], 'hold_mcpt', int(hold), 'hold_grant', int(grant), 'start_mcpt', ARGV[13], 'rate_ncpt',
		ARGV[14])
	redis.call('ZADD', 'holds', seq, ARGV[1])
end
redis.call('HSET', KEYS[2], 'account', ARGV[2], 'name', ARGV[4], 'state', PENDING, 'phase', QUEUED,
	'epoch', 0, 'losses', 0, 'created_ms', ARGV[8], 'seq', seq, 'keep_s', ARGV[7])
redis.call('ZADD', KEYS[6], seq, task)
redis.call('ZADD', KEYS[7], 0, task)
redis.call('ZADD', KEYS[8], seq, task)
redis.call('ZADD', KEYS[9], seq, task)
redis.call('ZADD', KEYS[10], seq, task)
redis.call('HINCRBY', KEYS[5], ARGV[5], 1)
redis.call('HINCRBY', KEYS[12], 'submitted', 1)
blob_take(ARGV[5])
remember_call(KEYS[13], ARGV[9], ARGV[1], ARGV[11])
return {0, ARGV[1], 0}
