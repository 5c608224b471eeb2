"""A pool that starts with many tasks in Redis serves soon."""
import os
import pathlib
import shutil
import tempfile

import hive
from stock import Client, Pool, pb

TASKS = 20000
MICROSECONDS = 20  # of CPU for each task, in the pool and in Redis; 4 and 11 when this was written

# Copies of a task that costs nothing, as submit.lua makes them.
COPY = """
local submission, task = redis.call('HGETALL', 'submission:' .. ARGV[1]), redis.call('HGETALL', 'task:' .. ARGV[1] .. '.1')
local account = redis.call('HGET', 'task:' .. ARGV[1] .. '.1', 'account')
for i = 1, tonumber(ARGV[3]) do
	local id, seq = string.format('%016d', tonumber(ARGV[2]) + i), redis.call('INCR', 'seq')
	redis.call('HSET', 'submission:' .. id, unpack(submission))
	redis.call('HSET', 'task:' .. id .. '.1', unpack(task))
	redis.call('HSET', 'task:' .. id .. '.1', 'seq', seq)
	for _, key in ipairs({'tasks:' .. account, 'live:' .. account, 'live', 'queue'}) do
		redis.call('ZADD', key, seq, id .. '.1')
	end
	redis.call('ZADD', 'ids:' .. account, 0, id .. '.1')
end
return 1"""


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def pool_with_waiting(path, redis, count):
    """A pool in which one more task than count waits."""
    prices = path / "prices"
    prices.write_text("start = 0\ncore-second = 0\ngib-second = 0\ngpu-second = 0\n")
    pool = Pool(path, "--redis", redis.url, "--prices", prices)
    client = Client(pool)
    client.register("ann")
    task = client.submit().id
    for at in range(0, count, 2000):
        assert redis.cli("EVAL", COPY, "0", task, str(at), "2000").endswith("1")
    client.close()
    return pool


def test_a_start_with_many_tasks_is_cheap(redis):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-index-"))
    pool = pool_with_waiting(path, redis, TASKS)
    pool.kill()
    before = cpu_s(redis.process.pid)
    pool.start()
    ours, theirs = cpu_s(pool.process.pid), cpu_s(redis.process.pid) - before
    print(f"{TASKS} tasks: pool {ours:.2f} s, Redis {theirs:.2f} s of CPU")
    client = Client(pool)
    assert client.pool.Info(pb.InfoRequest()).pending == TASKS + 1
    assert ours < 0.2 * hive.SLOW + TASKS * MICROSECONDS / 1e6 * hive.SLOW
    assert theirs < 0.2 + TASKS * MICROSECONDS / 1e6
    client.close()
    pool.kill()  # a clean end is quick too, but that is another test's
    shutil.rmtree(path)
