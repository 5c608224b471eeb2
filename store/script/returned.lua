#!lua
-- A worker that was given up has come back with its attempt: that one was cut off, the task has not taken it
-- down.
-- KEYS task   ARGV worker   -> {0}
local lost_by = redis.call('HGET', KEYS[1], 'lost_by')
if lost_by then
	local cleared = string.gsub(lost_by, ARGV[1] .. ':(%w*):r', ARGV[1] .. ':%1:a')
	redis.call('HSET', KEYS[1], 'lost_by', cleared)
end
return {0}
