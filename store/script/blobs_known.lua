#!lua
-- Which of these blobs are known? What is not is deleted, so the answer is for the pool that leads
-- (fence.lua).
-- KEYS blob, ...   -> {0, outcome, ...}
local reply = {0}
for i = 1, #KEYS do
	reply[i + 1] = redis.call('EXISTS', KEYS[i]) == 1 and DONE or GONE
end
return reply
