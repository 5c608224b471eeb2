#!lua
-- The books: what every script that moves money may use; store/script.c puts it behind common.lua in those.
-- Amounts are whole milli-CPT up to SUPPLY, which a double holds exactly; as text by int(), never by
-- tostring(). A script first asks ledger_refusal() for all that it will move, then writes, ledger_post()
-- before anything else.

local SUPPLY = 1000000000000000
local HOLD_MOVES_MAX = 10000 -- that a task's own statement has; they go with the task
local INVALID_ARGUMENT = 3
local CLASSES = {'treasury', 'users', 'pending', 'holds', 'projects'}
-- Where the money of user:ID lies: class, key before ID, field.
local PLACES = {
	user = {'users', 'account:', 'balance'},
	pending = {'pending', 'account:', 'pending'},
	hold = {'holds', 'submission:', 'hold'},
	project = {'projects', 'project:', 'balance'},
}

-- A whole number from 0 to SUPPLY, or nil.
local function amount(text)
	local n = string.find(text, '^%d+$') and #text <= 16 and tonumber(text)
	return n and n <= SUPPLY and n or nil
end

-- 12500 -> '12.5', for people.
local function cpt(n)
	local text = string.format('%.0f.%03.0f', math.floor(n / 1000), n % 1000)
	return (string.gsub(text, '%.?0*$', ''))
end

local function place(account)
	local kind, id = string.match(account, '^(%a+):(.+)$')
	local class = PLACES[kind]
	return class[1], class[2] .. id, class[3]
end

-- The end of the ledger and the sums of its classes, once a script has asked for it.
local head

local function ledger_freeze(why)
	redis.call('HSETNX', 'ledger:head', 'frozen', why)
	head.frozen = head.frozen or why
end

-- Frozen when the sums are not the supply.
local function ledger_open()
	if head then
		return head
	end
	local now = redis.call('HMGET', 'ledger:head', 'seq', 'chain', 'frozen', unpack(CLASSES))
	head = {seq = tonumber(now[1] or '0'), chain = now[2] or string.rep('0', 40), frozen = now[3]}
	local sum, least = 0, 0
	for i, class in ipairs(CLASSES) do
		head[class] = amount(now[3 + i] or (not now[1] and class == 'treasury' and int(SUPPLY) or '0')) or -1
		sum = sum + head[class]
		least = math.min(least, head[class])
	end
	if sum ~= SUPPLY or least < 0 then
		ledger_freeze('the sums of its classes add up to ' .. int(sum) .. ', not ' .. int(SUPPLY))
	end
	return head
end

-- What an account holds, or nil when that is no amount.
local function ledger_has(account)
	if account == 'treasury' then
		return head.treasury
	end
	local _, key, field = place(account)
	return amount(redis.call('HGET', key, field) or '0')
end

-- Legs are {debit, credit, amount, debit, ...}; nothing is moved by no leg.
local function leg(legs, debit, credit, n)
	if n > 0 then
		local at = #legs
		legs[at + 1], legs[at + 2], legs[at + 3] = debit, credit, n
	end
end

-- Why these legs cannot be moved, one after the other, as an answer; or nil. Scripts have seen to it that
-- there is enough: that it is not so is a fault of the books, which freezes them.
local function ledger_refusal(legs)
	local left = {}
	ledger_open()
	for i = 1, #legs, 3 do
		local debit, credit, n = legs[i], legs[i + 1], legs[i + 2]
		left[debit] = left[debit] or ledger_has(debit)
		left[credit] = left[credit] or ledger_has(credit)
		if not left[debit] or not left[credit] or left[debit] < n then
			ledger_freeze(debit .. ' cannot give ' .. int(n) .. ' to ' .. credit)
			break
		end
		left[debit] = left[debit] - n
		left[credit] = left[credit] + n
	end
	if head.frozen then
		return {FAILED_PRECONDITION, 'the ledger is frozen: ' .. head.frozen}
	end
	return nil
end

local function move(account, n)
	if account == 'treasury' then
		head.treasury = head.treasury + n
		return
	end
	local class, key, field = place(account)
	head[class] = head[class] + n
	redis.call('HINCRBY', key, field, int(n))
end

-- One record: {id, kind, task, epoch, wall_ms, rate, start, charge, grant, legs, payer}, all but id, kind and
-- legs optional, and what it says. It stands in the statements of all users, projects and holds that it
-- names, and the payer's. XADD comes first: it alone could fail, when head and stream are not of one piece.
local function ledger_post(record, now)
	local legs = record.legs
	local words = {int(head.seq + 1), record.id, record.kind, now, record.task or '-', record.epoch or '0',
		record.wall_ms or '0', record.rate or '0', record.start or '0', int(record.charge or 0), int(record.grant or 0),
		int(#legs / 3)}
	for i = 1, #legs do
		words[#words + 1] = i % 3 == 0 and int(legs[i]) or legs[i]
	end
	local text = table.concat(words, ' ')
	head.seq = head.seq + 1
	head.chain = redis.sha1hex(head.chain .. ' ' .. text)
	redis.call('XADD', 'ledger', int(head.seq) .. '-0', 'r', text, 'c', head.chain)
	local named = {[record.payer or 'treasury'] = true}
	for i = 1, #legs, 3 do
		move(legs[i], -legs[i + 2])
		move(legs[i + 1], legs[i + 2])
		named[legs[i]], named[legs[i + 1]] = true, true
	end
	local sums = {'seq', int(head.seq), 'chain', head.chain}
	for _, class in ipairs(CLASSES) do
		sums[#sums + 1], sums[#sums + 2] = class, int(head[class])
	end
	redis.call('HSET', 'ledger:head', unpack(sums))
	for account in pairs(named) do
		local kind, id = string.match(account, '^(%a+):(.+)$')
		if kind == 'user' or kind == 'project' then
			redis.call('RPUSH', 'statement:' .. (kind == 'user' and id or account), int(head.seq))
		elseif kind == 'hold' and redis.call('RPUSH', 'statement:' .. account, int(head.seq)) > HOLD_MOVES_MAX then
			redis.call('LTRIM', 'statement:' .. account, 1, -1)
		end
	end
end

-- The money of a task that has not settled; nil when it costs nothing or has settled. `each` is what is left
-- for it when earlier attempts, with an exit status that is tried again, were charged.
local function task_money(task, owner, worker, paid, settled)
	if settled then
		return nil
	end
	local hold = redis.call('HMGET', submission_of(task), 'hold_mcpt', 'hold_grant')
	local charged = tonumber(redis.call('HGET', 'task:' .. task, 'charged_mcpt') or '0')
	local each = tonumber(hold[1] or '0') - charged
	if each == 0 then
		return nil
	end
	return {
		task = task, owner = owner, each = each, charged = charged, grant = tonumber(hold[2] or '0'), paid = tonumber(paid or '0'),
		hold = 'hold:' .. string.match(task, '^[^.]+'),
		payee = worker and worker ~= '' and redis.call('HGET', 'worker:' .. worker, 'account') or nil,
	}
end

-- The record that ends a task's money: charge to the payee, the rest to the owner. Nobody pays oneself, and
-- what pays for tasks only is used up first. Kind 'again' settles one attempt and leaves the rest where it
-- is.
local function settlement(money, kind, epoch, charge)
	if not money.payee or money.payee == money.owner then
		charge = 0
	end
	charge = math.min(charge, money.each)
	local again = kind == 'again'
	local back, pending, legs = again and 0 or money.each - charge, 'pending:' .. (money.payee or ''), {}
	money.again, money.charge, money.used = again, charge, math.min(money.grant, charge)
	kind = again and 'settle' or kind
	money.grant_back = math.min(back, money.grant - money.used)
	leg(legs, pending, money.hold, money.paid - charge)
	leg(legs, money.hold, 'user:' .. (money.payee or ''), charge - money.paid)
	leg(legs, pending, 'user:' .. (money.payee or ''), math.min(money.paid, charge))
	leg(legs, money.hold, 'user:' .. money.owner, back)
	return {
		id = kind .. ':' .. money.task .. (kind == 'settle' and ':' .. epoch or ''), kind = kind,
		task = money.task, epoch = epoch, charge = charge, grant = money.grant_back, legs = legs,
		payer = 'user:' .. money.owner,
	}
end

-- Give a task's money where its settlement says.
local function settle(money, record, now)
	local submission, account = submission_of(money.task), 'account:' .. money.owner
	if #record.legs > 0 then
		ledger_post(record, now)
	end
	redis.call('HINCRBY', submission, 'hold_grant', int(-(money.used + money.grant_back)))
	redis.call('HINCRBY', account, 'grant', int(money.grant_back))
	redis.call('HINCRBY', account, 'spent', int(money.charge))
	redis.call('HINCRBY', account, 'held', int(-(money.again and money.charge or money.each)))
	if money.payee then
		redis.call('HINCRBY', 'account:' .. money.payee, 'earned', int(money.charge))
		redis.call('ZREM', 'earning:' .. money.payee, money.task)
	end
	if redis.call('HGET', submission, 'hold') == '0' then
		redis.call('ZREM', 'holds', string.match(money.task, '^[^.]+'))
	end
	redis.call('ZREM', 'unsettled', money.task)
	local task, charged = 'task:' .. money.task, int(money.charged + money.charge)
	if money.again then
		redis.call('HSET', task, 'charged_mcpt', charged, 'paid_mcpt', 0)
	else
		redis.call('HSET', task, 'settled', 1, 'charged_mcpt', charged, 'paid_mcpt', 0)
	end
end

local refunding

-- Get ready to give all of a task's money back to its owner: why it cannot be, as an answer, or nil.
local function refund_refusal(task, owner, worker, paid, settled, epoch)
	local money = task_money(task, owner, worker, paid, settled)
	local record = money and settlement(money, 'refund', epoch, 0)
	refunding = money and {money, record}
	return money and ledger_refusal(record.legs)
end

-- What refund_refusal() made ready; nothing when there was nothing.
local function refund(now)
	if refunding then
		settle(refunding[1], refunding[2], now)
	end
end
