#!lua flags=no-writes
-- A page of an account's tasks, newest first.
-- KEYS tasks: or live:   ARGV limit, after, with spec   -> {0, next, fields, fields, ...}
local limit = tonumber(ARGV[1])
local from = ARGV[2] == '0' and '+inf' or '(' .. ARGV[2]
local tasks = redis.call('ZREVRANGEBYSCORE', KEYS[1], from, '-inf', 'LIMIT', 0, limit + 1)
local reply = {0, '0'}
for i = 1, math.min(#tasks, limit) do
	reply[i + 2] = task_fields(tasks[i], ARGV[3] == '1')
end
if #tasks > limit then
	reply[2] = redis.call('ZSCORE', KEYS[1], tasks[limit])
end
return reply
