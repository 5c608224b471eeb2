#!lua
-- PENDING -> FAILED by the pool itself; its money goes back.
-- KEYS task   ARGV task, failure, reason, now   -> {0, outcome}
local now = redis.call('HMGET', KEYS[1], 'state', 'account', 'failure', 'keep_s', 'epoch', 'settled')
local state = tonumber(now[1])
if not state then
	return {0, GONE}
end
if state == FAILED and now[3] == ARGV[2] then
	return {0, DONE}
end
if state ~= PENDING then
	return {0, FENCED}
end
local refusal = refund_refusal(ARGV[1], now[2], nil, nil, now[6], now[5])
if refusal then
	return refusal
end

refund(ARGV[4])
end_task(ARGV[1], now[2], nil, now[4], FAILED, ARGV[4], {'failure', ARGV[2], 'reason', ARGV[3]})
return {0, DONE}
