#!lua
-- All money of a stopped task whose attempt nobody brought to its end goes back to its owner.
-- KEYS task   ARGV task, now   -> {0, outcome}
local now = redis.call('HMGET', KEYS[1], 'state', 'account', 'worker', 'paid_mcpt', 'settled', 'epoch')
if not now[1] then
	return {0, GONE}
end
if tonumber(now[1]) ~= STOPPED then
	return {0, FENCED}
end
local refusal = refund_refusal(ARGV[1], now[2], now[3], now[4], now[5], now[6])
if refusal then
	return refusal
end

refund(ARGV[2])
redis.call('ZREM', 'ending', ARGV[1])
return {0, DONE}
