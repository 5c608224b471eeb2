#!lua
-- What running attempts have earned so far moves from hold to pending. `due` is the whole price so far, so
-- that a repeat moves nothing.
-- KEYS task, ...   ARGV now, then for each: task, epoch, worker, due   -> {0, outcome, ...}
local function tick(key, task, epoch, worker, due)
	local now = redis.call('HMGET', key, 'state', 'epoch', 'worker', 'account', 'paid_mcpt', 'settled', 'ticks')
	if not now[1] then
		return GONE
	end
	if tonumber(now[1]) ~= RUNNING or now[2] ~= epoch or now[3] ~= worker then
		return FENCED
	end
	local money = task_money(task, now[4], worker, now[5], now[6])
	if not money or not money.payee or money.payee == money.owner then
		return DONE
	end
	local outcome, legs = due >= money.each and SPENT or DONE, {}
	leg(legs, money.hold, 'pending:' .. money.payee, math.min(due, money.each) - money.paid)
	if #legs == 0 then
		return outcome
	end
	local refusal = ledger_refusal(legs)
	if refusal then
		return refusal
	end

	local n = int((tonumber(now[7] or '0')) + 1)
	ledger_post({id = 'tick:' .. task .. ':' .. epoch .. ':' .. n, kind = 'tick', task = task, epoch = epoch,
		legs = legs}, ARGV[1])
	redis.call('HSET', key, 'paid_mcpt', int(money.paid + legs[3]), 'ticks', n)
	redis.call('ZADD', 'earning:' .. money.payee, 0, task)
	return outcome
end

for i = 1, #KEYS do
	if not amount(ARGV[i * 4 + 1]) then
		return {INVALID_ARGUMENT, 'what is due is no amount'}
	end
end
local reply = {0}
for i = 1, #KEYS do
	local at = (i - 1) * 4 + 1
	local outcome = tick(KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], amount(ARGV[at + 4]))
	if type(outcome) == 'table' then
		return outcome
	end
	reply[i + 1] = outcome
end
return reply
