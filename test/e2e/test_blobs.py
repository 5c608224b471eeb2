"""What lies on the pool's disk: what nobody wants goes, what was promised stays, and a full disk is refused in time."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import grpc
import pytest

import hive
from hive import until
from stock import Client, Pool, Worker, call_id, pb, tar

HOUR = 3600


class Disk:
    """A pool with a worker, and a look at its disk and its Redis from outside."""

    def __init__(self, path, data=None):
        self.pool = Pool(path)
        self.data = path / "data"
        self.client = Client(self.pool)
        self.client.register("ann")

    def redis(self, *words):
        done = subprocess.run(["redis-cli", "-s", self.data / "redis/redis.sock", *map(str, words)], capture_output=True, text=True)
        return done.stdout.strip()

    def path(self, sha256):
        return self.data / "blobs" / sha256[:2] / sha256

    def sweep(self):
        """Rounds come each minute; a removal brings one within a second."""
        task = self.client.submit(tar({"run.sh": call_id()})).id + ".1"
        self.client.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **self.client.auth)
        self.client.tasks.Remove(pb.RemoveTaskRequest(id=task, call_id=call_id()), **self.client.auth)

    def ended(self, result, keep_s=3600):
        worker = Worker(self.client)
        worker.expect("welcome")
        task = self.client.submit(tar({"run.sh": call_id()}), keep_s=keep_s).id + ".1"
        worker.done(worker.expect("lease"), result)
        worker.expect("stored")
        worker.say(leave=pb.Leave())
        return task

    def end(self):
        self.client.close()
        return self.pool.end()


@pytest.fixture
def disk(tmp_path):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-blobs-"))
    d = Disk(path)
    yield d
    assert d.end() == 0
    shutil.rmtree(path)


def early(age_s, disk):
    """A file of a blob that nobody recorded, in a directory that the first look goes through."""
    while True:
        content = os.urandom(100)
        sha256 = hashlib.sha256(content).hexdigest()
        if int(sha256[:2], 16) < 32:
            break
    disk.path(sha256).write_bytes(content)
    os.utime(disk.path(sha256), (time.time() - age_s,) * 2)
    return disk.path(sha256)


def test_what_nobody_wants_goes_and_the_rest_stays(disk):
    bundle, uncommitted = tar({"run.sh": "a" + call_id()}), tar({"run.sh": "b" * 300000})
    result = tar({"out/x": call_id()})
    over, kept = disk.ended(tar({"out/x": call_id()})), disk.ended(result)
    gone = disk.client.get(over).result_sha256
    disk.client.upload(*bundle)
    with pytest.raises(grpc.RpcError):
        disk.client.upload(*uncommitted, stop_after=130000)
    (upload,) = until("the upload", lambda: list((disk.data / "uploads").iterdir()))
    orphan, young = early(HOUR, disk), early(0, disk)
    # An hour later.
    os.utime(upload, (time.time() - HOUR,) * 2)
    for sha256 in (bundle[1], gone, result[1]):
        disk.redis("HSET", f"blob:{sha256}", "added_ms", 1)
        os.utime(disk.path(sha256), (time.time() - HOUR,) * 2)
    disk.redis("ZADD", "unused", 1, bundle[1])
    disk.redis("ZADD", "keep", 1, over)
    disk.sweep()
    until("the result whose time is over to go", lambda: not disk.path(gone).exists())
    until("the bundle without a submit to go", lambda: not disk.path(bundle[1]).exists())
    until("the unfinished upload to go", lambda: not upload.exists())
    until("the file that Redis does not know to go", lambda: not orphan.exists())
    assert young.exists(), "it may be being recorded"
    assert disk.client.download(kept, pb.RESULT)[0] == result[0], "the result that is wanted stays"
    with pytest.raises(grpc.RpcError) as caught:
        disk.client.get(over)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert not disk.client.blobs.Offset(pb.UploadHeader(sha256=bundle[1], size=len(bundle[0])), **disk.client.auth).complete
    disk.client.upload(*bundle)  # it can come again
    assert disk.client.submit(bundle).id


@pytest.fixture
def small_disk():
    """A pool on a file system of 16 MiB, its Redis elsewhere."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-small-"))
    (path / "data").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", path / "data"], check=True)
    yield path
    subprocess.run(["umount", path / "data"], check=True)
    shutil.rmtree(path)


def test_a_disk_that_fills_takes_results_to_the_end_and_keeps_workers_waiting_then(small_disk, redis):
    pool = Pool(small_disk, "--redis", redis.url)
    client = Client(pool)
    client.register("ann")
    worker = Worker(client)
    worker.expect("welcome")
    client.submit()
    lease = worker.expect("lease")
    with pytest.raises(grpc.RpcError) as caught:
        client.upload(*tar({"run.sh": "", "data": os.urandom(15 << 20)}))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "no room on its disk" in caught.value.details()
    ballast = small_disk / "data" / "ballast"
    free = os.statvfs(small_disk / "data").f_bavail * 4096
    ballast.write_bytes(bytes(free - (1 << 20)))
    bundle = tar({"run.sh": call_id()})
    with pytest.raises(grpc.RpcError) as caught:
        client.upload(*bundle)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, "bundles leave room for results"
    small = tar({"out/x": os.urandom(100 << 10)})
    assert client.upload(*small, task=lease.task, epoch=lease.epoch).complete, "a result still fits"
    large = tar({"out/x": os.urandom(2 << 20)})
    with pytest.raises(grpc.RpcError) as caught:
        client.upload(*large, task=lease.task, epoch=lease.epoch)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE, "its worker keeps it and asks again"
    ballast.unlink()
    worker.done(lease, large)
    worker.expect("stored")
    assert client.download(lease.task, pb.RESULT)[0] == large[0]
    assert client.upload(*bundle).complete
    client.close()
    assert pool.end() == 0


def test_a_disk_that_fails_ends_the_pool_and_nothing_is_lost(tmp_path):
    """fsync says EIO: what was not acknowledged is asked for again after the next start."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-eio-"))
    pool = Pool(path)
    client = Client(pool)
    client.register("ann")
    first, second = tar({"run.sh": "first"}), tar({"run.sh": "second"})
    client.upload(*first)
    tracer = hive.Process(["strace", "-f", "-p", str(pool.process.pid), "-e", "trace=fsync", "-e", "inject=fsync:error=EIO",
                           "-o", "/dev/null"], path / "strace.log")
    try:
        until("strace", lambda: "attached" in (path / "strace.log").read_text() or not tracer.alive(), 20)
        with pytest.raises(grpc.RpcError) as caught:
            client.upload(*second)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        until("the pool to end", lambda: not pool.process.alive())
        assert pool.process.popen.wait() == 8
        assert "the disk under" in pool.process.log.read_text()
    finally:
        tracer.end()
    pool.start()
    client.close()
    client = Client(pool, client.token)
    assert client.blobs.Offset(pb.UploadHeader(sha256=first[1], size=len(first[0])), **client.auth).complete
    assert not client.blobs.Offset(pb.UploadHeader(sha256=second[1], size=len(second[0])), **client.auth).complete
    assert client.upload(*second).complete
    client.close()
    assert pool.end() == 0
    shutil.rmtree(path)


def test_a_bit_that_flipped_on_the_disk_is_noticed_by_who_fetches(disk, tmp_path):
    """The pool sends what it has; the other end knows what it must be, and leaves no file that is not."""
    task = disk.ended(tar({"out/x": "a" * 5000}))
    path = disk.path(disk.client.get(task).result_sha256)
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    env = hive.environment(HOME=tmp_path, HIVEMIND_POOL=f"127.0.0.1:{disk.pool.port}", HIVEMIND_TOKEN=disk.client.token)
    fetched = hive.command("get", task, "-o", tmp_path / "r", env=env, timeout=30)
    assert fetched.code != 0 and "SHA-256" in fetched.err, fetched
    left = [p for p in (tmp_path / "r").rglob("*") if p.is_file() and p.stat().st_size] if (tmp_path / "r").exists() else []
    assert not left, left
