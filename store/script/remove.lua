#!lua
-- Forget an ended task; with its last member the submission goes too.
-- KEYS task, submission, [call]   ARGV task, account, content of the call, call ttl   -> {0, task}
local answer, other = earlier_call(KEYS[3], ARGV[3])
if other then
	return OTHER_CONTENT
end
if answer then
	return {0, answer}
end
local now = redis.call('HMGET', KEYS[1], 'state', 'account', 'result_sha256')
if not now[1] or (ARGV[2] ~= '' and now[2] ~= ARGV[2]) then
	return {NOT_FOUND, 'no such task'}
end
if tonumber(now[1]) <= RUNNING then
	return {FAILED_PRECONDITION, 'the task has not ended: stop it first'}
end
if redis.call('ZSCORE', 'unsettled', ARGV[1]) then
	return {FAILED_PRECONDITION, 'the task is still being ended and paid for: try again when its worker has stopped'}
end
local bundle = redis.call('HGET', KEYS[2], 'bundle_sha256')

remember_call(KEYS[3], ARGV[3], ARGV[1], ARGV[4])
local last = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
for epoch = math.max(1, last - ATTEMPTS_KEPT), last do
	redis.call('DEL', attempt_key(ARGV[1], epoch))
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', 'ending', ARGV[1])
redis.call('ZREM', 'tasks:' .. now[2], ARGV[1])
redis.call('ZREM', 'ids:' .. now[2], ARGV[1])
redis.call('ZREM', 'keep', ARGV[1])
if now[3] and now[3] ~= '' then
	blob_drop(now[3])
end
if bundle and redis.call('HINCRBY', KEYS[2], 'members', -1) <= 0 then
	redis.call('DEL', KEYS[2], 'statement:hold:' .. string.match(ARGV[1], '^[^.]+'))
	blob_drop(bundle)
	if redis.call('HINCRBY', 'named:' .. now[2], bundle, -1) <= 0 then
		redis.call('HDEL', 'named:' .. now[2], bundle)
	end
end
return {0, ARGV[1]}
