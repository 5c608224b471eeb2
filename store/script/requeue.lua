#!lua
-- RUNNING -> PENDING at its old place in the queue, or FAILED(infra) after too many losses. What the attempt has
-- earned goes back to the hold; what ends, or was stopped, gives all of its money back.
-- KEYS queue, task, task, ...
-- ARGV now, most losses, then for each: task, epoch, reason, loss   -> {0, outcome, ...}
local function give_back(money, task, epoch)
	local legs = {}
	leg(legs, 'pending:' .. (money.payee or ''), money.hold, money.paid)
	if #legs == 0 then
		return nil
	end
	return {id = 'return:' .. task .. ':' .. epoch, kind = 'return', task = task, epoch = epoch, legs = legs},
		ledger_refusal(legs)
end

local function requeue(key, task, epoch, reason, loss)
	local now = redis.call('HMGET', key, 'state', 'epoch', 'worker', 'losses', 'seq', 'account', 'failure',
		'keep_s', 'paid_mcpt', 'settled', 'delivered')
	local state = tonumber(now[1])
	if not state then
		return GONE
	end
	if now[2] ~= epoch then
		return FENCED
	end
	if state == PENDING then
		return DONE
	end
	if state == FAILED and tonumber(now[7]) == INFRA then
		return GAVE_UP
	end
	if state ~= RUNNING and state ~= STOPPED then
		return FENCED
	end
	local losses = tonumber(now[4] or '0') + (loss == '1' and 1 or 0)
	local gives_up = loss == '1' and losses >= tonumber(ARGV[2])
	local money, record, refusal
	if state == STOPPED or gives_up then
		refusal = refund_refusal(task, now[6], now[3], now[9], now[10], epoch)
	else
		money = task_money(task, now[6], now[3], now[9], now[10])
		if money then
			record, refusal = give_back(money, task, epoch)
		end
	end
	if refusal then
		return refusal
	end

	if state == STOPPED or gives_up then
		refund(ARGV[1])
	end
	if state == STOPPED then
		return FENCED
	end
	if gives_up then
		end_task(task, now[6], now[3], now[8], FAILED, ARGV[1],
			{'failure', INFRA, 'losses', losses, 'reason', reason})
		return GAVE_UP
	end
	if record then
		ledger_post(record, ARGV[1])
		redis.call('HDEL', key, 'paid_mcpt')
		redis.call('ZREM', 'earning:' .. money.payee, task)
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
	local outcome = requeue(KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
	if type(outcome) == 'table' then
		return outcome
	end
	reply[i] = outcome
end
return reply
