#!/usr/bin/python3
"""How long a pool takes from exec to its first answered call, with 100,000 tasks waiting in Redis. Prints the median of five."""
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1] / "e2e")  # beside us lies a grpc.py
import grpc
import hive
from stock import pb
from test_index import cpu_s, pool_with_waiting

TASKS, TIMES = 100000, 5


def answered(pool):
    """Seconds from the start of the process to the answer."""
    began = time.monotonic()
    pool.process = hive.Process([hive.BIN, "pool", "--data", pool.path / "data", "--listen", f"127.0.0.1:{pool.port}",
                                 *pool.options], pool.path / "log")
    while True:
        with grpc.insecure_channel(f"127.0.0.1:{pool.port}") as channel:
            ask = channel.unary_unary("/hivemind.v1.Pool/Info", pb.InfoRequest.SerializeToString, pb.InfoReply.FromString)
            try:
                told = ask(pb.InfoRequest(), timeout=30)
            except grpc.RpcError:
                time.sleep(0.005)
                continue
        assert told.pending == TASKS + 1, told
        return time.monotonic() - began


def main():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-start-"))
    with hive.Redis(path) as redis:
        pool = pool_with_waiting(path, redis, TASKS)
        took = []
        for _ in range(TIMES):
            pool.kill()
            before = cpu_s(redis.process.pid)
            took.append(answered(pool))
            ours, theirs = cpu_s(pool.process.pid), cpu_s(redis.process.pid) - before
        pool.kill()
    shutil.rmtree(path)
    print(f"start of a pool, {TASKS} tasks waiting   exec to first answer {statistics.median(took):.2f} s "
          f"(best {min(took):.2f}, worst {max(took):.2f}; of CPU: pool {ours:.2f} s, Redis {theirs:.2f} s)")


if __name__ == "__main__":
    main()
