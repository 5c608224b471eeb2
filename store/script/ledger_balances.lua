#!lua flags=no-writes
-- What a page of accounts holds, and the end of the ledger at that moment. Users and projects are counted by
-- their place in a list, holds by the place of their submission in the queue.
-- KEYS accounts, holds or projects, ledger:head   ARGV class, after, limit   -> {0, next, head, account,
-- amount, ...}
local after, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local reply, names, next_place = {0, '0', redis.call('HGETALL', KEYS[2])}, nil, nil

local function say(account, key, field)
	reply[#reply + 1] = account
	reply[#reply + 1] = redis.call('HGET', key, field) or '0'
end

if ARGV[1] == 'holds' then
	names = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[2], '+inf', 'LIMIT', 0, limit)
	next_place = #names > 0 and redis.call('ZSCORE', KEYS[1], names[#names])
else
	local command = ARGV[1] == 'users' and 'LRANGE' or 'ZRANGE'
	names = redis.call(command, KEYS[1], ARGV[2], int(after + limit - 1))
	next_place = int(after + #names)
end
for _, name in ipairs(names) do
	if ARGV[1] == 'users' then
		say('user:' .. name, 'account:' .. name, 'balance')
		say('pending:' .. name, 'account:' .. name, 'pending')
	elseif ARGV[1] == 'holds' then
		say('hold:' .. name, 'submission:' .. name, 'hold')
	else
		say('project:' .. name, 'project:' .. name, 'balance')
	end
end
if #names == limit then
	reply[2] = next_place
end
return reply
