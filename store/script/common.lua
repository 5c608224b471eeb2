#!lua
-- What every script may use; store/script.c puts it behind the first line of each.

-- Numbers of proto/task.h, proto/status.h and store.h's enum outcome.
local PENDING, RUNNING, COMPLETED, FAILED, STOPPED = 1, 2, 3, 4, 5
local QUEUED, ASSIGNED, STAGING, EXECUTING, COLLECTING, ENDED = 1, 2, 3, 4, 5, 6
local INFRA = 8
local NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED = 5, 6, 7
local RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED = 8, 9, 10
local FENCED_OFF = 100 -- store/call.h
local DONE, FENCED, GONE, GAVE_UP, MISSING, SPENT, CONFLICT, AGAIN = 0, 1, 2, 3, 4, 5, 6, 7

-- A whole number below 2^53 as text; tostring() would round it. + 0 makes 0 of -0, which Redis takes for no
-- number.
local function int(n)
	return string.format('%.0f', n + 0)
end

local function submission_of(task)
	return 'submission:' .. string.match(task, '^[^.]+')
end

local OF_SUBMISSION = {'spec', 'bundle_sha256', 'bundle_size', 'hold_mcpt', 'start_mcpt', 'rate_ncpt'}

-- Fields of a task as names and values; with_spec adds what its submission holds.
local function task_fields(task, with_spec)
	local fields = redis.call('HGETALL', 'task:' .. task)
	fields[#fields + 1] = 'id'
	fields[#fields + 1] = task
	if with_spec then
		local n, values = #fields, redis.call('HMGET', submission_of(task), unpack(OF_SUBMISSION))
		for i, name in ipairs(OF_SUBMISSION) do
			fields[n + 2 * i - 1], fields[n + 2 * i] = name, values[i] or ''
		end
	end
	return fields
end

-- Attempts that are over are kept beside their task, the last ATTEMPTS_KEPT of them.
local ATTEMPTS_KEPT = 16

local function attempt_key(task, epoch)
	return 'attempt:' .. task .. ':' .. int(epoch)
end

-- The call was made before: its answer, or false; and whether its content was another. key nil: it has no id.
local function earlier_call(key, digest)
	if not key then
		return false, false
	end
	local call = redis.call('HMGET', key, 'digest', 'answer')
	return call[2], call[1] and call[1] ~= digest
end

local function remember_call(key, digest, answer, ttl_ms)
	if key then
		redis.call('HSET', key, 'digest', digest, 'answer', answer)
		redis.call('PEXPIRE', key, ttl_ms)
	end
end

local OTHER_CONTENT = {ABORTED, 'this call_id was used with other content'}

local function blob_take(sha256)
	redis.call('HINCRBY', 'blob:' .. sha256, 'refs', 1)
	redis.call('ZREM', 'unused', sha256)
end

local function blob_drop(sha256)
	local key = 'blob:' .. sha256
	if redis.call('EXISTS', key) == 1 and redis.call('HINCRBY', key, 'refs', -1) <= 0 then
		redis.call('ZADD', 'unused', redis.call('HGET', key, 'added_ms'), sha256)
	end
end

-- May the account name this blob: it brought it within the last day, or a submission of its own names it?
local function may_name(uploads, named, sha256, now)
	local till = redis.call('ZSCORE', uploads, sha256)
	return (till and tonumber(till) >= tonumber(now)) or redis.call('HEXISTS', named, sha256) == 1
end

-- The task reaches a final state, with these names and values besides: out of every list of live ones, into
-- the list of what is kept. One HSET for all of it.
local function end_task(task, account, worker, keep_s, state, now, fields)
	local keep_until = int(tonumber(now) + (tonumber(keep_s) or 0) * 1000)
	local n = #fields
	fields[n + 1], fields[n + 2] = 'state', state
	fields[n + 3], fields[n + 4] = 'phase', ENDED
	fields[n + 5], fields[n + 6] = 'ended_ms', now
	fields[n + 7], fields[n + 8] = 'keep_until_ms', keep_until
	redis.call('HSET', 'task:' .. task, unpack(fields))
	redis.call('ZREM', 'queue', task)
	redis.call('ZREM', 'live', task)
	redis.call('ZREM', 'live:' .. account, task)
	if worker and worker ~= '' then
		redis.call('SREM', 'leases:' .. worker, task)
	end
	redis.call('ZADD', 'keep', keep_until, task)
	redis.call('HINCRBY', 'counters', 'finished', 1)
end

-- A token is no more: `member` of tokens:ACCOUNT is its id and its SHA-256. Every pool hears of it
-- (revoked.lua).
local function token_end(tokens, member)
	local sha256 = string.sub(member, 17)
	redis.call('DEL', 'token:' .. sha256)
	redis.call('ZREM', tokens, member)
	redis.call('ZADD', 'revoked', redis.call('INCR', 'revoked:seq'), sha256)
	redis.call('ZREMRANGEBYRANK', 'revoked', 0, -10001)
end
