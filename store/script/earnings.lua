#!lua flags=no-writes
-- Tasks that run on the account's workers and have earned, by id.
-- KEYS account, earning:   ARGV limit, after   -> {0, next, task, pending, task, pending, ...}
local limit = tonumber(ARGV[1])
local from = ARGV[2] == '' and '-' or '(' .. ARGV[2]
local tasks = redis.call('ZRANGEBYLEX', KEYS[2], from, '+', 'LIMIT', 0, limit + 1)
local reply = {0, #tasks > limit and tasks[limit] or ''}
for i = 1, math.min(#tasks, limit) do
	reply[#reply + 1] = tasks[i]
	reply[#reply + 1] = redis.call('HGET', 'task:' .. tasks[i], 'paid_mcpt') or '0'
end
return reply
