#!lua flags=no-writes
-- The end of the ledger and the sums of its classes.   -> {0, fields}
return {0, redis.call('HGETALL', KEYS[1])}
