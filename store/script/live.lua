#!lua flags=no-writes
-- A page of all tasks that have not ended, oldest first, with spec; or of those that were stopped while they ran and whose
-- attempt has not ended.
-- KEYS live or ending   ARGV after, limit   -> {0, next, fields, fields, ...}
local limit = tonumber(ARGV[2])
local tasks = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'LIMIT', 0, limit + 1)
local reply = {0, '0'}
for i = 1, math.min(#tasks, limit) do
	reply[i + 2] = task_fields(tasks[i], true)
end
if #tasks > limit then
	reply[2] = redis.call('ZSCORE', KEYS[1], tasks[limit])
end
return reply
