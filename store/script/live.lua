#!lua flags=no-writes
-- A page of all tasks that have not ended, oldest first; or of those that were stopped while they ran and
-- whose attempt has not ended. What the index of a pool needs of each, names said once: this is read for
-- every task when a pool starts.
-- KEYS live or ending   ARGV after, limit, count of fields, field of a task, ..., field of its submission,
-- ...
-- -> {0, next, {value, value, ..., id}, ...}; a field that is not there is false
local limit, n = tonumber(ARGV[2]), tonumber(ARGV[3])
local tasks = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'LIMIT', 0, limit + 1)
local reply = {0, '0'}
for i = 1, math.min(#tasks, limit) do
	local values = redis.call('HMGET', 'task:' .. tasks[i], unpack(ARGV, 4, 3 + n))
	for j, value in ipairs(redis.call('HMGET', submission_of(tasks[i]), unpack(ARGV, 4 + n))) do
		values[n + j] = value
	end
	values[#values + 1] = tasks[i]
	reply[i + 2] = values
end
if #tasks > limit then
	reply[2] = redis.call('ZSCORE', KEYS[1], tasks[limit])
end
return reply
