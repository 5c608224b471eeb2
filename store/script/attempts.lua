#!lua flags=no-writes
-- The attempts of a task, the first first: those that were lost or given back, as they ended, then the task
-- itself.
-- ARGV task, account   -> {0, '0', fields, fields, ...}
local key = 'task:' .. ARGV[1]
local now = redis.call('HMGET', key, 'account', 'epoch')
if not now[1] or now[1] ~= ARGV[2] then
	return {NOT_FOUND, 'no such task of yours'}
end
local reply, last = {0, '0'}, tonumber(now[2] or '0')
for epoch = math.max(1, last - ATTEMPTS_KEPT), last do
	local fields = redis.call('HGETALL', attempt_key(ARGV[1], epoch))
	if #fields > 0 then
		fields[#fields + 1], fields[#fields + 2] = 'id', ARGV[1]
		reply[#reply + 1] = fields
	elseif epoch == last then
		reply[#reply + 1] = task_fields(ARGV[1], false)
	end
end
return reply
