#!lua
-- Money stands still, or moves again when the sums are right.
-- KEYS ledger:head   ARGV why ('' = moves again)   -> {0}
if ARGV[1] ~= '' then
	redis.call('HSETNX', KEYS[1], 'frozen', ARGV[1])
	return {0}
end
local sum = 0
local now = redis.call('HMGET', KEYS[1], 'seq', unpack(CLASSES))
for i, class in ipairs(CLASSES) do
	sum = sum + (amount(now[i + 1] or (not now[1] and class == 'treasury' and int(SUPPLY) or '0')) or -SUPPLY)
end
if sum ~= SUPPLY then
	return {FAILED_PRECONDITION, 'the sums of the classes add up to ' .. int(sum) .. ', not ' .. int(SUPPLY)}
end
redis.call('HDEL', KEYS[1], 'frozen')
return {0}
