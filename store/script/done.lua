#!lua
-- An attempt has ended: RUNNING -> COMPLETED or FAILED. A STOPPED task of the same epoch gets what came late
-- and stays STOPPED. Both settle. `delivered` is the failure and result that were taken, to know a repeat:
-- another answer for the same attempt is a CONFLICT. An exit status that may be tried again: back to PENDING,
-- and only this attempt settles.
-- KEYS queue, task, ...
-- ARGV now, then for each: task, worker, epoch, failure, result_sha256, reason, charge, wall_ms, start, rate,
--      exit code, attempts that may follow it, count of words, name, value, ...
-- -> {0, outcome, ...}
local USER_EXIT = '1'

-- The money of the attempt and the record that settles it, or why it cannot be moved.
local function money_of(task, now, worker, epoch, item, again)
	local money = task_money(task, now[5], worker, now[7], now[8])
	if not money then
		return nil
	end
	local record = settlement(money, again and 'again' or 'settle', epoch, item.charge)
	record.wall_ms, record.start, record.rate = item.wall_ms, item.start, item.rate
	return money, record, ledger_refusal(record.legs)
end

-- Its exit status is one that another attempt follows, and there are some left.
local function may_again(key, state, item)
	return state == RUNNING and item.failure == USER_EXIT and item.again > 0 and
		tonumber(redis.call('HGET', key, 'again_' .. item.exit_code) or '0') < item.again
end

local function wait_again(key, task, worker, seq, item, delivered)
	redis.call('HINCRBY', key, 'again_' .. item.exit_code, 1)
	redis.call('HINCRBY', key, 'exits', 1)
	redis.call('HSET', key, 'state', PENDING, 'phase', QUEUED, 'delivered', delivered, 'reason',
		'ended with exit status ' .. item.exit_code .. ', and is tried again')
	redis.call('ZADD', KEYS[1], seq, task)
	redis.call('SREM', 'leases:' .. worker, task)
	redis.call('HINCRBY', 'counters', 'requeued', 1)
end

local function done(key, task, worker, epoch, item, fields)
	local now = redis.call('HMGET', key, 'state', 'epoch', 'worker', 'delivered', 'account', 'keep_s', 'paid_mcpt',
		'settled', 'seq')
	local state, result = tonumber(now[1]), item.result
	local delivered = item.failure .. ' ' .. result
	if not state then
		return GONE
	end
	if now[2] ~= epoch or now[3] ~= worker then
		return FENCED
	end
	if now[4] then
		return now[4] ~= delivered and CONFLICT or state == PENDING and AGAIN or DONE
	end
	if state ~= RUNNING and state ~= STOPPED then
		return FENCED
	end
	if result ~= '' and redis.call('EXISTS', 'blob:' .. result) == 0 then
		return MISSING
	end
	local again = may_again(key, state, item)
	local money, record, refusal = money_of(task, now, worker, epoch, item, again)
	if refusal then
		return refusal
	end

	if money then
		settle(money, record, ARGV[1])
	end
	if again then
		wait_again(key, task, worker, now[9], item, delivered)
		return AGAIN
	end
	local n = #fields
	fields[n + 1], fields[n + 2] = 'delivered', delivered
	if result ~= '' then
		fields[n + 3], fields[n + 4] = 'result_sha256', result
		blob_take(result)
	end
	if state == STOPPED then
		redis.call('HSET', key, unpack(fields))
		redis.call('ZREM', 'ending', task)
		return DONE
	end
	n = #fields
	fields[n + 1], fields[n + 2] = 'failure', item.failure
	fields[n + 3], fields[n + 4] = 'reason', item.reason
	end_task(task, now[5], worker, now[6], item.failure == '0' and COMPLETED or FAILED, ARGV[1], fields)
	return DONE
end

local items, at = {}, 1
for i = 2, #KEYS do
	local words, fields = tonumber(ARGV[at + 13]), {}
	for j = 1, words do
		fields[j] = ARGV[at + 13 + j]
	end
	items[i - 1] = {at = at, fields = fields, failure = ARGV[at + 4], result = ARGV[at + 5], reason = ARGV[at + 6],
		charge = amount(ARGV[at + 7]), wall_ms = ARGV[at + 8], start = ARGV[at + 9], rate = ARGV[at + 10],
		exit_code = ARGV[at + 11], again = tonumber(ARGV[at + 12])}
	if not items[i - 1].charge or not amount(ARGV[at + 8]) or not amount(ARGV[at + 9]) or not amount(ARGV[at + 10]) then
		return {INVALID_ARGUMENT, 'a charge is no amount'}
	end
	at = at + 13 + words
end
local reply = {0}
for i, item in ipairs(items) do
	local outcome = done(KEYS[i + 1], ARGV[item.at + 1], ARGV[item.at + 2], ARGV[item.at + 3], item, item.fields)
	if type(outcome) == 'table' then
		return outcome
	end
	reply[i + 1] = outcome
end
return reply
