"""Redis hangs, is full, may not write or cannot: calls are refused with what is wrong, nothing is lost, and all goes on by itself."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import grpc
import pytest

import hive
from hive import until
from stock import Client, Pool, Worker, call_id, pb, spec, tar

UNAVAILABLE, EXHAUSTED = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED


class Hang:
    """Stopped for 5 s: what is asked meanwhile has an outcome that nobody knows."""
    code = UNAVAILABLE

    def begin(self, redis):
        os.kill(redis.process.pid, signal.SIGSTOP)
        self.until = time.monotonic() + 5

    def end(self, redis):
        time.sleep(max(0, self.until - time.monotonic()))
        os.kill(redis.process.pid, signal.SIGCONT)


class FullMemory:
    code = EXHAUSTED

    def begin(self, redis):
        assert redis.cli("CONFIG", "SET", "maxmemory", "1") == "OK"

    def end(self, redis):
        redis.cli("CONFIG", "SET", "maxmemory", "0")


class Replica:
    """As after a failover that made another one the master."""
    code = UNAVAILABLE

    def begin(self, redis):
        assert redis.cli("REPLICAOF", "127.0.0.1", "1") == "OK"

    def end(self, redis):
        redis.cli("REPLICAOF", "NO", "ONE")


class Cut:
    """Dead for 5 s, then there again with all it had."""
    code = UNAVAILABLE

    def begin(self, redis):
        redis.kill()

    def end(self, redis):
        time.sleep(5)
        redis.start()


@pytest.fixture
def world(redis):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-rf-"))
    pool = Pool(path, "--redis", redis.url)
    client = Client(pool)
    client.register("ann")
    yield pool, client
    client.close()
    assert pool.end() == 0
    shutil.rmtree(path)


def submission(data, the_call):
    return pb.SubmitRequest(spec=spec("t"), bundle_sha256=data[1], bundle_size=len(data[0]), call_id=the_call)


@pytest.mark.parametrize("fault", [Hang(), FullMemory(), Replica(), Cut()], ids=lambda f: type(f).__name__)
def test_refused_cleanly_and_resumed(world, redis, fault):
    """A running task goes on in its first attempt, its end is kept by the worker, a submission is made once."""
    pool, client = world
    data, the_call = tar({"run.sh": "echo hi"}), call_id()
    worker = Worker(client)
    worker.expect("welcome")
    task = client.submit(data).id + ".1"
    lease = worker.expect("lease")
    worker.progress(lease, pb.EXECUTING)
    until("it to run", lambda: client.get(task).phase == pb.EXECUTING)
    fault.begin(redis)
    with pytest.raises(grpc.RpcError) as caught:
        client.tasks.Submit(submission(data, the_call), **client.auth)
    assert caught.value.code() == fault.code, caught.value
    assert "edis" in caught.value.details(), "it says whose fault it is"
    worker.done(lease, failure=pb.NO_FAILURE)
    acks = worker.acks
    until("heartbeats to go on", lambda: worker.acks > acks, 5)
    fault.end(redis)
    worker.expect("stored", 20)
    until("it to be known", lambda: answer(lambda: client.get(task).state) == pb.COMPLETED, 20)
    assert client.get(task).epoch == 1
    first = until("the submission", lambda: answer(lambda: client.tasks.Submit(submission(data, the_call), **client.auth)), 20)
    again = client.tasks.Submit(submission(data, the_call), **client.auth)
    assert again.id == first.id and again.duplicate
    assert worker.expect("lease", 20).task == first.id + ".1"
    assert worker.hears_nothing(0.5)
    assert pool.process.alive() and redis.cli("HGET", "pool:leader", "epoch") == "1"


def answer(call):
    try:
        return call()
    except grpc.RpcError:
        return None


@pytest.fixture
def small_redis():
    """A redis-server on a file system of 8 MiB."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-aof-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", path], check=True)
    server = hive.Redis(path)
    server.start()
    yield server
    if server.process.alive():
        server.process.end()
    subprocess.run(["umount", path], check=True)
    path.rmdir()


def test_a_full_disk_under_redis(small_redis):
    """With appendfsync always Redis ends rather than acknowledge; started again with room it has all it had acknowledged."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-rf-"))
    pool = Pool(path, "--redis", small_redis.url)
    client = Client(pool)
    client.register("ann")
    data = tar({"run.sh": "echo hi"})
    known = [client.submit(data).id for _ in range(3)]
    ballast = small_redis.path / "ballast"
    ballast.write_bytes(b"x" * (os.statvfs(small_redis.path).f_bavail * 4096))
    refused = None
    for _ in range(200):
        try:
            known.append(client.tasks.Submit(submission(data, call_id()), **client.auth).id)
        except grpc.RpcError as error:
            refused = error
            break
    assert refused is not None and refused.code() in (UNAVAILABLE, EXHAUSTED), refused
    ballast.unlink()

    def served():
        if not small_redis.process.alive():  # it may have been about to end when its answer came
            small_redis.start()
        return answer(lambda: client.submit(data).id)

    until("the pool to serve", served, 20)
    have = {task.id for task in client.tasks.List(pb.ListTasksRequest(limit=500), **client.auth).tasks}
    assert {task + ".1" for task in known} <= have
    client.close()
    assert pool.end() == 0
    shutil.rmtree(path)
