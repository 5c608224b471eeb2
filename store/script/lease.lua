#!lua
-- PENDING -> RUNNING(ASSIGNED), the next epoch.
-- KEYS queue, task, task, ...
-- ARGV now, then for each: task, epoch, worker, worker_name   -> {0, outcome, ...}
local function lease(key, task, epoch, worker, name)
	local now = redis.call('HMGET', key, 'state', 'epoch', 'worker')
	local state, current = tonumber(now[1]), tonumber(now[2])
	if not state then
		return GONE
	end
	if state == RUNNING and current == epoch + 1 and now[3] == worker then
		return DONE
	end
	if state ~= PENDING or current ~= epoch then
		return FENCED
	end
	redis.call('HSET', key, 'state', RUNNING, 'phase', ASSIGNED, 'epoch', epoch + 1, 'worker', worker,
		'worker_name', name, 'assigned_ms', ARGV[1])
	redis.call('HDEL', key, 'reason', 'started_ms', 'exited_ms', 'log_size', 'delivered')
	redis.call('ZREM', KEYS[1], task)
	redis.call('SADD', 'leases:' .. worker, task)
	return DONE
end

local reply = {0}
for i = 2, #KEYS do
	local at = (i - 2) * 4 + 1
	reply[i] = lease(KEYS[i], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4])
end
return reply
