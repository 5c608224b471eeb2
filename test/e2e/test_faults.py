"""Things go away in mid-flight, and come back."""
import os
import pathlib
import signal
import subprocess
import socket
import tempfile
import time

import pytest

import hive
from hive import script, until


def test_redis_gone_in_mid_flight(redis, docker, own_hive, tmp_path):
    h = own_hive(workers=1, options=["--redis", redis.url])
    task = h.submit(script(tmp_path / "b", "for i in $(seq 40); do echo $i; sleep 0.1; done; echo end > out/x"))
    until("it to run", lambda: h("logs", task).out.startswith("1"), 20)
    redis.kill()
    refused = until("a call to be refused", lambda: (lambda r: r if r.code != 0 else None)(h("ps", timeout=30)), 10)
    assert refused.code == 6, refused
    assert "Redis" in refused.err
    redis.start()
    until("the pool to have Redis again", lambda: h("ps").code == 0, 20)
    assert h("wait", task, timeout=60).code == 0
    told = h.status(task)
    assert told["epoch"] == 1, "an outage of Redis is no reason to run a task again"
    h.ok("get", task, "-o", tmp_path / "r")


def test_weak_durability_is_refused_with_the_line_to_change(tmp_path):
    path = hive.pathlib.Path(tempfile.mkdtemp(prefix="hm-weak-"))
    with hive.Redis(path, "--appendonly", "yes", "--appendfsync", "everysec") as weak:
        process = hive.Process([hive.BIN, "pool", "--redis", weak.url, "--listen", "127.0.0.1:0", "--data", path / "d"],
                               path / "pool.log", hive.environment(HOME=path))
        try:
            until("the refusal", lambda: "appendfsync" in process.log.read_text() or not process.alive(), 10)
            assert "appendfsync always" in process.log.read_text()
        finally:
            process.end()


def test_a_worker_that_hangs_loses_its_task_to_another(own_hive, docker, tmp_path):
    h = own_hive(workers=2)
    task = h.submit(script(tmp_path / "b", "echo attempt $HIVEMIND_ATTEMPT; [ $HIVEMIND_ATTEMPT -gt 1 ] || sleep 600"))
    until("it to run", lambda: "attempt 1" in h("logs", task).out, 20)
    name = h.status(task)["worker"]["name"]
    index = name.rsplit("-", 1)[1]
    began = time.monotonic()
    worker = h.pid(f"worker-{index}")
    os.kill(worker, signal.SIGSTOP)
    try:
        assert h("wait", task, timeout=60).code == 0
        seconds = time.monotonic() - began
    finally:
        os.kill(worker, signal.SIGCONT)
    told = h.status(task)
    assert told["epoch"] == 2, told
    assert seconds < 16 * hive.SLOW
    until("the engine to be clean", lambda: not docker.containers(), 30)


def test_the_pool_killed_and_back_keeps_running_tasks(own_hive, tmp_path):
    h = own_hive(workers=1)
    task = h.submit(script(tmp_path / "b", "sleep 4; echo done > out/x"))
    until("it to run", lambda: h.status(task)["phase"] == "EXECUTING", 20)
    os.kill(h.pid("pool"), signal.SIGKILL)
    until("the pool to be back", lambda: h("info").code == 0, 30)
    assert h("wait", task, timeout=60).code == 0
    assert h.status(task)["epoch"] == 1


def test_a_worker_that_leaves_gives_its_task_back_at_once(own_hive, tmp_path):
    h = own_hive(workers=2)
    task = h.submit(script(tmp_path / "b", "echo attempt $HIVEMIND_ATTEMPT; [ $HIVEMIND_ATTEMPT -gt 1 ] || sleep 600"))
    until("it to run", lambda: "attempt 1" in h("logs", task).out, 20)
    index = h.status(task)["worker"]["name"].rsplit("-", 1)[1]
    os.kill(h.pid(f"worker-{index}"), signal.SIGTERM)
    until("attempt 2", lambda: "attempt 2" in h("logs", task).out, 9)
    assert h("wait", task, timeout=60).code == 0


def test_ctrl_c_ends_and_removes_everything(own_hive, docker, tmp_path):
    h = own_hive(workers=2)
    h.submit(script(tmp_path / "b", "sleep 600"))
    pids = [h.pid(name) for name in ("pool", "worker-1", "worker-2")]
    until("a container", docker.containers, 20)
    h.process.popen.send_signal(signal.SIGINT)
    assert h.process.popen.wait(40) == 0
    assert not docker.containers()
    assert not h.data.exists()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_pool_with_its_port_in_use_says_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = hive.command("pool", "--listen", f"127.0.0.1:{port}", "--data", tmp_path / "p",
                            env=hive.environment(HOME=tmp_path), timeout=20)
    assert done.code != 0
    assert "in use" in done.err and str(port) in done.err


def test_no_pool_says_what_to_do(tmp_path):
    env = hive.environment(HOME=tmp_path, HIVEMIND_POOL=f"127.0.0.1:{hive.free_port()}", HIVEMIND_TOKEN="x")
    done = hive.command("ps", env=env, timeout=20)
    assert done.code == 6
    assert "cannot reach" in done.err and "hivemind pool" in done.err


@pytest.fixture
def small_disk():
    """A file system of 16 MiB."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-small-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)
    path.rmdir()


def test_a_pool_with_a_full_disk_refuses_and_recovers(small_disk, redis, own_hive, tmp_path):
    h = own_hive(workers=1, options=["--redis", redis.url], env={"XDG_STATE_HOME": str(tmp_path)}, data=small_disk / "dev")
    source = hive.bundle(tmp_path / "b", {"run.sh": "true", "data": os.urandom(24 << 20)}, {"command": ["sh", "run.sh"]})
    refused = h("submit", source)
    assert refused.code == 5, refused
    assert "no room on its disk" in refused.err, refused
    h.ok("submit", hive.bundle(tmp_path / "s", {"run.sh": "true", "data": os.urandom(4 << 20)}))  # a smaller one fits


def test_a_full_disk_at_the_client_is_said(shared_hive, small_disk, tmp_path):
    source = hive.bundle(tmp_path / "b", {"run.sh": "true", "data": os.urandom(24 << 20)}, {"command": ["sh", "run.sh"]})
    packing = shared_hive("submit", source, env=shared_hive.env | {"TMPDIR": str(small_disk)})
    assert packing.code == 5 and "No space left" in packing.err, packing
    task = shared_hive.submit(hive.script(tmp_path / "t", "head -c 24000000 /dev/urandom > out/x"))
    shared_hive.ok("wait", task)
    fetching = shared_hive("get", task, "-o", small_disk / "r")
    assert fetching.code == 5 and "No space left" in fetching.err, fetching
    shared_hive.ok("get", task, "-o", tmp_path / "r")
