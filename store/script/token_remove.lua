#!lua
-- End a session; ending it twice is as good as once.   KEYS token   -> {0}
redis.call('DEL', KEYS[1])
return {0}
