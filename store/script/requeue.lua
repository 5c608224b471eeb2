#!lua
-- RUNNING -> PENDING at its old place in the queue, or FAILED(infra): after too many losses, or because
-- workers of two owners were lost while they had it (it is quarantined). What the attempt has earned goes
-- back to the hold; what ends, or was stopped, gives all of its money back.
-- KEYS queue, task, task, ...
-- ARGV now, how many workers are remembered, then for each: task, epoch, reason, loss (enum loss), most
-- losses, most when they are
--      all of one owner's workers   -> {0, outcome, ...}
local LOSS_OF_WORKER = '1'

local function give_back(money, task, epoch)
	local legs = {}
	leg(legs, 'pending:' .. (money.payee or ''), money.hold, money.paid)
	if #legs == 0 then
		return nil
	end
	return {id = 'return:' .. task .. ':' .. epoch, kind = 'return', task = task, epoch = epoch, legs = legs},
		ledger_refusal(legs)
end

-- Who has lost it, with this worker: the field lost_by, how many owners, and a worker of each owner that it
-- may have taken down: one that had begun it.
local function blame(lost_by, worker, phase, loss)
	local all, how = {}, loss == LOSS_OF_WORKER and tonumber(phase) > ASSIGNED and 'r' or 'a'
	for id, owner, before in string.gmatch(lost_by or '', '(%w+):(%w*):(%a)') do
		if id ~= worker then
			all[#all + 1] = {id, owner, before}
		elseif before == 'r' then
			how = before
		end
	end
	all[#all + 1] = {worker, redis.call('HGET', 'worker:' .. worker, 'account') or '', how}
	while #all > tonumber(ARGV[2]) do
		table.remove(all, 1)
	end
	local words, owners, seen, begun, suspects = {}, 0, {}, {}, {}
	for i, one in ipairs(all) do
		words[i] = table.concat(one, ':')
		owners = owners + (seen[one[2]] and 0 or 1)
		seen[one[2]] = true
		if one[3] == 'r' and not begun[one[2]] then
			begun[one[2]] = true
			suspects[#suspects + 1] = one[1]
		end
	end
	return table.concat(words, ' '), owners, suspects
end

local function quarantine_reason(suspects)
	local names = {}
	for i, worker in ipairs(suspects) do
		names[i] = redis.call('HGET', 'worker:' .. worker, 'name') or worker
	end
	return 'quarantined: workers of ' .. #suspects .. ' owners (' .. table.concat(names, ', ') ..
		') were lost while they had it; it is not tried again'
end

-- Does this loss end it, and why?
local function verdict(now, item)
	local losses = tonumber(now[4] or '0') + 1
	local lost_by, owners, suspects = blame(now[12], now[3], now[11], item.loss)
	local most = tonumber(owners > 1 and item.most or item.most_one_owner)
	local loss = {losses = losses, lost_by = lost_by}
	if #suspects > 1 then
		loss.ends = quarantine_reason(suspects)
	elseif losses > most then
		loss.ends = item.reason .. ' (' .. losses .. (losses == 1 and ' attempt' or ' attempts') ..
			' lost; it is not tried again)'
	end
	return loss
end

-- The attempt is over and the task is not: what it was is written down.
local function remember(key, task, epoch, reason)
	local names = {'worker', 'worker_name', 'assigned_ms', 'started_ms', 'exited_ms'}
	local was, words = redis.call('HMGET', key, unpack(names)), {'epoch', epoch, 'ended_ms', ARGV[1], 'reason', reason}
	for i, name in ipairs(names) do
		if was[i] then
			words[#words + 1], words[#words + 2] = name, was[i]
		end
	end
	redis.call('HSET', attempt_key(task, epoch), unpack(words))
	redis.call('DEL', attempt_key(task, epoch - ATTEMPTS_KEPT))
end

local function requeue(key, task, epoch, item)
	local now = redis.call('HMGET', key, 'state', 'epoch', 'worker', 'losses', 'seq', 'account', 'failure',
		'keep_s', 'paid_mcpt', 'settled', 'phase', 'lost_by')
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
	local loss = item.loss ~= '0' and state == RUNNING and verdict(now, item) or {}
	local money, record, refusal
	if state == STOPPED or loss.ends then
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

	if state == STOPPED or loss.ends then
		refund(ARGV[1])
	end
	if state == STOPPED then
		redis.call('ZREM', 'ending', task)
		return FENCED
	end
	if loss.ends then
		end_task(task, now[6], now[3], now[8], FAILED, ARGV[1],
			{'failure', INFRA, 'losses', loss.losses, 'lost_by', loss.lost_by, 'reason', loss.ends})
		return GAVE_UP
	end
	if record then
		ledger_post(record, ARGV[1])
		redis.call('HDEL', key, 'paid_mcpt')
		redis.call('ZREM', 'earning:' .. money.payee, task)
	end
	remember(key, task, epoch, item.reason)
	redis.call('HSET', key, 'state', PENDING, 'phase', QUEUED, 'reason', item.reason)
	if loss.losses then
		redis.call('HSET', key, 'losses', loss.losses, 'lost_by', loss.lost_by)
	end
	redis.call('ZADD', KEYS[1], now[5], task)
	redis.call('SREM', 'leases:' .. now[3], task)
	redis.call('HINCRBY', 'counters', 'requeued', 1)
	return DONE
end

local reply = {0}
for i = 2, #KEYS do
	local at = (i - 2) * 6 + 2
	local outcome = requeue(KEYS[i], ARGV[at + 1], ARGV[at + 2], {reason = ARGV[at + 3], loss = ARGV[at + 4],
		most = ARGV[at + 5], most_one_owner = ARGV[at + 6]})
	if type(outcome) == 'table' then
		return outcome
	end
	reply[i] = outcome
end
return reply
