#!lua flags=no-writes
-- Records that changed what an account can spend, newest first.
-- KEYS statement   ARGV limit, after (a place in the list; 0 = the end), since, id of the account
-- -> {0, next, record, name of the other account in it, record, ...}
local function other_name(text)
	for id in string.gmatch(text, ' user:(%S+)') do
		if id ~= ARGV[4] then
			return redis.call('HGET', 'account:' .. id, 'name') or ''
		end
	end
	return ''
end

local last = tonumber(ARGV[2])
if last == 0 then
	last = redis.call('LLEN', KEYS[1])
end
local first = math.max(last - tonumber(ARGV[1]), 0)
local reply = {0, int(first)}
if last == 0 then
	return reply
end
local seqs = redis.call('LRANGE', KEYS[1], int(first), int(last - 1))
for i = #seqs, 1, -1 do
	local entry = redis.call('XRANGE', 'ledger', seqs[i] .. '-0', seqs[i] .. '-0')
	local text = entry[1] and entry[1][2][2] or ''
	if tonumber(string.match(text, '^%d+ %S+ %S+ (%d+) ') or '0') < tonumber(ARGV[3]) then
		reply[2] = '0'
		break
	end
	reply[#reply + 1] = text
	reply[#reply + 1] = other_name(text)
end
return reply
