#!lua
-- -> STOPPED, unless it has ended.   KEYS task   ARGV task, account, reason, now   -> {0, fields}
local now = redis.call('HMGET', KEYS[1], 'state', 'account', 'worker', 'keep_s')
if not now[1] or (ARGV[2] ~= '' and now[2] ~= ARGV[2]) then
	return {NOT_FOUND, 'no such task'}
end
if tonumber(now[1]) <= RUNNING then
	end_task(ARGV[1], now[2], now[3], now[4], STOPPED, ARGV[4], {'reason', ARGV[3]})
end
return {0, task_fields(ARGV[1], false)}
