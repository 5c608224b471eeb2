#!lua flags=no-writes
-- One task by id or by the beginning of one.
-- KEYS ids:   ARGV account, prefix, whole id ("" = prefix is none)   -> {0, fields}
local function found(task)
	local owner = redis.call('HGET', 'task:' .. task, 'account')
	return owner and (ARGV[1] == '' or owner == ARGV[1])
end

if ARGV[3] ~= '' and found(ARGV[3]) then
	return {0, task_fields(ARGV[3], true)}
end
local none = {NOT_FOUND, 'no task of yours begins with ' .. ARGV[2]}
if ARGV[1] == '' then
	return none
end
-- "7kq2.1" names member 1 of what begins with 7kq2.
local begin, member = string.match(ARGV[2], '^([^.]+)%.?(%d*)$')
if not begin then
	return none
end
local matches = {}
local near = redis.call('ZRANGEBYLEX', KEYS[1], '[' .. begin, '(' .. begin .. '\255', 'LIMIT', 0, 128)
for _, task in ipairs(near) do
	if member == '' or string.match(task, '%.(%d+)$') == member then
		matches[#matches + 1] = task
	end
end
if #matches == 0 then
	return none
end
if #matches > 1 then
	return {FAILED_PRECONDITION, 'several tasks begin with ' .. ARGV[2] .. ': ' .. matches[1] .. ', ' .. matches[2]}
end
return {0, task_fields(matches[1], true)}
