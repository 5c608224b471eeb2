#!lua
-- -> STOPPED, unless it has ended. What waits gets its money back; what runs settles when its attempt has
-- ended.
-- KEYS task, [call]   ARGV task, account, reason, now, content of the call, call ttl   -> {0, fields}
local answer, other = earlier_call(KEYS[2], ARGV[5])
if other then
	return OTHER_CONTENT
end
if answer and redis.call('EXISTS', 'task:' .. answer) == 1 then
	return {0, task_fields(answer, false)}
end
local now = redis.call('HMGET', KEYS[1], 'state', 'account', 'worker', 'keep_s', 'epoch', 'settled', 'seq')
if not now[1] or (ARGV[2] ~= '' and now[2] ~= ARGV[2]) then
	return {NOT_FOUND, 'no such task'}
end
local state = tonumber(now[1])
if state > RUNNING then
	remember_call(KEYS[2], ARGV[5], ARGV[1], ARGV[6])
	return {0, task_fields(ARGV[1], false)}
end
local refusal = state == PENDING and refund_refusal(ARGV[1], now[2], nil, nil, now[6], now[5])
if refusal then
	return refusal
end

remember_call(KEYS[2], ARGV[5], ARGV[1], ARGV[6])
if state == RUNNING then
	redis.call('ZADD', 'ending', now[7], ARGV[1])
end
if state == PENDING then
	refund(ARGV[4])
elseif task_money(ARGV[1], now[2], nil, nil, now[6]) then
	redis.call('ZADD', 'unsettled', ARGV[4], ARGV[1])
end
end_task(ARGV[1], now[2], now[3], now[4], STOPPED, ARGV[4], {'reason', ARGV[3]})
return {0, task_fields(ARGV[1], false)}
