#!lua
-- End tokens of an account whose id begins so, and with `made` those that were made with them, and so on.
-- Only tokens that can do no more than `scopes`, or the caller's own.
-- KEYS tokens:, [call]
-- ARGV id or its beginning, scopes (bit set), id of the caller's token, made ("1"), content of the call, call
-- ttl
-- -> {0, how many}
local answer, other = earlier_call(KEYS[2], ARGV[5])
if other then
	return OTHER_CONTENT
end
if answer then
	return {0, answer}
end
local tokens, ended, more = redis.call('ZRANGE', KEYS[1], 0, -1), {}, true
local first, count = nil, 0
for _, member in ipairs(tokens) do
	if string.sub(member, 1, #ARGV[1]) == ARGV[1] then
		if first then
			return {FAILED_PRECONDITION, 'several tokens begin with ' .. ARGV[1]}
		end
		first = member
	end
end
local key = first and 'token:' .. string.sub(first, 17)
if not first or redis.call('EXISTS', key) == 0 then
	return {NOT_FOUND, 'no token of yours begins with ' .. ARGV[1]}
end
local scopes = tonumber(redis.call('HGET', key, 'scopes'))
if string.sub(first, 1, 16) ~= ARGV[3] and bit.bor(scopes, tonumber(ARGV[2])) ~= tonumber(ARGV[2]) then
	return {PERMISSION_DENIED, 'that token can do more than the one you use'}
end
ended[string.sub(first, 1, 16)] = first
while more and ARGV[4] == '1' do
	more = false
	for _, member in ipairs(tokens) do
		local id = string.sub(member, 1, 16)
		if not ended[id] and ended[redis.call('HGET', 'token:' .. string.sub(member, 17), 'by') or ''] then
			ended[id] = member
			more = true
		end
	end
end

for _, member in pairs(ended) do
	token_end(KEYS[1], member)
	count = count + 1
end
remember_call(KEYS[2], ARGV[5], int(count), ARGV[6])
return {0, int(count)}
