#!lua
-- The phase of running tasks; phases of one epoch only go forward, an older one is old news.
-- KEYS task, ...   ARGV for each: epoch, phase, time   -> {0, outcome, ...}
local function phase(key, epoch, to, time)
	local now = redis.call('HMGET', key, 'state', 'epoch', 'phase')
	local state = tonumber(now[1])
	if not state then
		return GONE
	end
	if state ~= RUNNING or tonumber(now[2]) ~= epoch or to < STAGING or to > COLLECTING then
		return FENCED
	end
	if to <= tonumber(now[3]) then
		return DONE
	end
	redis.call('HSET', key, 'phase', to)
	if to == EXECUTING then
		redis.call('HSET', key, 'started_ms', time)
	elseif to == COLLECTING then
		redis.call('HSET', key, 'exited_ms', time)
	end
	return DONE
end

local reply = {0}
for i = 1, #KEYS do
	local at = (i - 1) * 3
	reply[i + 1] = phase(KEYS[i], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3])
end
return reply
