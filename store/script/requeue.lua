#!lua
-- RUNNING -> PENDING at its old place in the queue, or FAILED(infra) after too many losses.
-- KEYS queue, task, task, ...
-- ARGV now, most losses, then for each: task, epoch, reason, loss   -> {0, outcome, ...}
local function requeue(key, task, epoch, reason, loss)
	local now = redis.call('HMGET', key, 'state', 'epoch', 'worker', 'losses', 'seq', 'account', 'failure',
		'keep_s')
	local state = tonumber(now[1])
	if not state then
		return GONE
	end
	if tonumber(now[2]) ~= epoch then
		return FENCED
	end
	if state == PENDING then
		return DONE
	end
	if state == FAILED and tonumber(now[7]) == INFRA then
		return GAVE_UP
	end
	if state ~= RUNNING then
		return FENCED
	end

	local losses = (tonumber(now[4]) or 0) + (loss == '1' and 1 or 0)
	if loss == '1' and losses >= tonumber(ARGV[2]) then
		end_task(task, now[6], now[3], now[8], FAILED, ARGV[1],
			{'failure', INFRA, 'losses', losses, 'reason', reason})
		return GAVE_UP
	end
	redis.call('HSET', key, 'state', PENDING, 'phase', QUEUED, 'losses', losses, 'reason', reason)
	redis.call('ZADD', KEYS[1], now[5], task)
	redis.call('SREM', 'leases:' .. now[3], task)
	redis.call('HINCRBY', 'counters', 'requeued', 1)
	return DONE
end

local reply = {0}
for i = 2, #KEYS do
	local at = (i - 2) * 4 + 2
	reply[i] = requeue(KEYS[i], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4])
end
return reply
