#!lua
-- An attempt has ended: RUNNING -> COMPLETED or FAILED. A STOPPED task of the same epoch gets what came late
-- and stays STOPPED. `delivered` is the failure and result that were taken, to know a repeat.
-- KEYS task, ...
-- ARGV now, then for each: task, worker, epoch, failure, result_sha256, reason, count of words,
--      name, value, ...
-- -> {0, outcome, ...}
local function done(key, task, worker, epoch, failure, result, reason, fields)
	local now = redis.call('HMGET', key, 'state', 'epoch', 'worker', 'delivered', 'account', 'keep_s')
	local state = tonumber(now[1])
	local delivered = failure .. ' ' .. result
	if not state then
		return GONE
	end
	if tonumber(now[2]) ~= epoch or now[3] ~= worker then
		return FENCED
	end
	if now[4] then
		return now[4] == delivered and DONE or FENCED
	end
	if state ~= RUNNING and state ~= STOPPED then
		return FENCED
	end
	if result ~= '' and redis.call('EXISTS', 'blob:' .. result) == 0 then
		return MISSING
	end

	local n = #fields
	fields[n + 1], fields[n + 2] = 'delivered', delivered
	if result ~= '' then
		fields[n + 3], fields[n + 4] = 'result_sha256', result
		blob_take(result)
	end
	if state == STOPPED then
		redis.call('HSET', key, unpack(fields))
		return DONE
	end
	n = #fields
	fields[n + 1], fields[n + 2] = 'failure', failure
	fields[n + 3], fields[n + 4] = 'reason', reason
	end_task(task, now[5], worker, now[6], failure == '0' and COMPLETED or FAILED, ARGV[1], fields)
	return DONE
end

local reply, at = {0}, 1
for i = 1, #KEYS do
	local words, fields = tonumber(ARGV[at + 7]), {}
	for j = 1, words do
		fields[j] = ARGV[at + 7 + j]
	end
	reply[i + 1] = done(KEYS[i], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5],
		ARGV[at + 6], fields)
	at = at + 7 + words
end
return reply
