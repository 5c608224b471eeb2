#!lua
-- Money by hand: transfer (account to account), tip (account to project), withdraw (project to its owner).
-- KEYS account, account-name or project, transfer   ARGV kind, account, name of the other side, amount,
-- call_id, now
-- -> {0, seq, amount, duplicate}
local kind, account, name, n = ARGV[1], ARGV[2], ARGV[3], amount(ARGV[4])
local digest = kind .. ' ' .. name .. ' ' .. ARGV[4]
local earlier = redis.call('HMGET', KEYS[3], 'digest', 'seq')
if earlier[1] and earlier[1] ~= digest then
	return {ABORTED, 'this call_id was used for another transfer'}
end
if earlier[1] then
	return {0, earlier[2], ARGV[4], 1}
end
if not n or n == 0 then
	return {INVALID_ARGUMENT, 'an amount is more than nothing and not more than there is'}
end
if #ARGV[5] > 64 or not string.find(ARGV[5], '^[%w_.-]+$') then
	return {INVALID_ARGUMENT, 'a call_id of a transfer has 1 to 64 of A-Z a-z 0-9 _ . -'}
end
local mine = redis.call('HMGET', KEYS[1], 'name', 'balance', 'grant')
if not mine[1] then
	return {NOT_FOUND, 'no such account'}
end
local from, to, has, bound = 'user:' .. account, 'project:' .. name, tonumber(mine[2] or '0'), tonumber(mine[3] or '0')
if kind == 'transfer' then
	local id = redis.call('GET', KEYS[2])
	if not id then
		return {NOT_FOUND, 'no account has the name ' .. name}
	end
	if id == account then
		return {INVALID_ARGUMENT, 'that is your own account'}
	end
	to = 'user:' .. id
else
	local project = redis.call('HMGET', KEYS[2], 'name', 'owner', 'balance')
	if not project[1] then
		return {NOT_FOUND, 'there is no project ' .. name}
	end
	if kind == 'withdraw' then
		if project[2] ~= account then
			return {PERMISSION_DENIED, 'only who has claimed the project ' .. name .. ' can take its CPT'}
		end
		from, to, has, bound = to, from, tonumber(project[3] or '0'), 0
	end
end
if has - bound < n then
	return {RESOURCE_EXHAUSTED, 'there are ' .. cpt(has - bound) .. ' CPT: ' .. cpt(n - (has - bound)) .. ' are missing' ..
		(bound > 0 and ' (' .. cpt(bound) .. ' of the balance are a gift that pays for tasks only)' or '')}
end
local legs = {}
leg(legs, from, to, n)
local refusal = ledger_refusal(legs)
if refusal then
	return refusal
end

ledger_post({id = kind .. ':' .. account .. ':' .. ARGV[5], kind = kind, legs = legs}, ARGV[6])
local seq = int(head.seq)
redis.call('HSET', KEYS[3], 'digest', digest, 'seq', seq)
return {0, seq, int(n), 0}
