"""A worker that dies at any moment and is started again goes on: the same container, the same epoch, the whole log, no loss."""
import contextlib
import hashlib
import json
import os
import pathlib
import signal
import tempfile
import time

import pytest

import hive
from hive import script, until


class Guest:
    """The only worker of a hive that has an engine; killed and started as a test likes."""

    def __init__(self, h, engine):
        self.h, self.engine = h, engine
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="hm-g-"))
        self.starts = 0

    def start(self, **env):
        self.starts += 1
        log = self.path / f"log-{self.starts}"
        self.process = hive.Process(
            hive.WRAP + [hive.BIN, "worker", "--join", self.h.env["HIVEMIND_POOL"], "--data", self.path / "w", "--name", "guest",
                         "--docker", f"unix:{self.engine.socket}"], log, self.h.env | env)
        return self

    def ready(self):
        until("the guest to be ready", lambda: "guest ready:" in self.process.log.read_text(), 30)
        return self

    def kill(self):
        self.process.popen.kill()
        self.process.popen.wait()

    def died(self):
        """It has killed itself at a crash point."""
        until("it to die", lambda: not self.process.alive(), 30)
        assert self.process.popen.returncode == -signal.SIGKILL, self.process.log.read_text()

    def log(self):
        return "".join(p.read_text() for p in sorted(self.path.glob("log-*")))

    def left(self):
        return [str(p) for folder in ("attempts", "scratch", "transit") for p in (self.path / "w" / folder).iterdir()]

    def end(self):
        if self.process.alive():
            self.ready()  # before that it does not hear SIGTERM
            assert self.process.end() == 0, self.log()
        hive.remove(self.path)


@pytest.fixture(scope="module")
def pool(workdir, docker):
    """A pool whose own worker has no engine."""
    with hive.Hive(workdir / "adopt", docker, workers=1, options=["--docker", f"unix:{workdir}/nothing.sock"]) as h:
        yield h


@contextlib.contextmanager
def guest_of(h, engine):
    g = Guest(h, engine)
    try:
        yield g
    finally:
        g.end()


@pytest.fixture
def guest(pool, docker):
    with guest_of(pool, docker) as g:
        yield g


def container(engine, task):
    """Its id and when it was started."""
    found = json.loads(engine.get("/v1.40/containers/json?all=1")[1])
    ids = [c["Id"] for c in found if any(task in name for name in c["Names"])]
    return ids[0] if ids else None


def executing(h, task):
    until("it to run", lambda: h.status(task)["phase"] == "EXECUTING", 20)


def assert_undisturbed(h, task, out, code=0):
    """It ended as if nothing had happened, and only once."""
    assert h("wait", task, timeout=60).code == (0 if code == 0 else 1)
    told = h.status(task)
    assert told["epoch"] == 1, told
    assert told["exit_code"] == code, told
    assert h.ok("logs", task).out == out


def result(h, task, path):
    """Its files."""
    h.ok("get", task, "-o", path / "result")
    return {p.name: p.read_text() for p in (path / "result").rglob("*") if p.is_file()}


COUNT = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; sleep 0.2; done; echo result > out/x"
COUNTED = "".join(f"line {i}\n" for i in range(1, 13))


def test_killed_while_a_task_runs_it_goes_on_in_the_same_container(pool, guest, docker, tmp_path):
    guest.start().ready()
    task = pool.submit(script(tmp_path / "b", COUNT))
    executing(pool, task)
    until("a line", lambda: "line 2" in pool.ok("logs", task).out, 10)
    before = container(docker, task)
    guest.kill()
    time.sleep(0.5)  # lines that nobody hears
    guest.start()
    until("it to be adopted", lambda: "goes on task" in guest.process.log.read_text(), 10)
    assert container(docker, task) == before
    assert_undisturbed(pool, task, COUNTED)
    assert result(pool, task, tmp_path) == {"x": "result\n"}
    until("nothing of it", lambda: not guest.left() and not docker.containers(), 10)


def test_ended_while_the_worker_was_away_it_is_collected_and_never_run_again(pool, guest, docker, tmp_path):
    guest.start().ready()
    task = pool.submit(script(tmp_path / "b", "echo once; sleep 1; echo twice >&2; exit 3"))
    executing(pool, task)
    guest.kill()
    until("it to end", lambda: b'"exited"' in docker.get(f"/v1.40/containers/{container(docker, task)}/json")[1], 10)
    guest.start()
    assert_undisturbed(pool, task, "once\n", 3)
    assert pool.status(task)["failure"] == "user_exit"
    until("nothing of it", lambda: not guest.left() and not docker.containers(), 10)


# The points of exec/ are passed by the canary first.
POINTS = ["worker.lease.begun:1", "worker.files.put:1", "worker.image.asked:2", "worker.create.asked:2", "worker.created:2",
          "worker.attached:2", "worker.start.asked:2", "worker.started:2", "worker.output:1", "worker.exited:2", "worker.packing:1",
          "worker.packed:1", "worker.result.sent:1", "worker.done.sent:1", "worker.done.stored:1",
          "worker.remove.asked:2", "worker.files.removed:1"]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(point, pool, guest, docker, tmp_path):
    guest.start(HIVEMIND_CRASH=point).ready()
    task = pool.submit(script(tmp_path / "b", "echo run >> runs; echo out; cp runs out/runs"))
    guest.died()
    guest.start()
    assert_undisturbed(pool, task, "out\n")
    assert result(pool, task, tmp_path)["runs"] == "run\n"
    until("nothing of it", lambda: not guest.left() and not docker.containers(), 10)


def test_killed_on_podman(pool, podman, tmp_path):
    with guest_of(pool, podman) as guest:
        guest.start().ready()
        task = pool.submit(script(tmp_path / "b", COUNT))
        executing(pool, task)
        until("a line", lambda: "line 2" in pool.ok("logs", task).out, 10)
        before = container(podman, task)
        guest.kill()
        guest.start()
        until("it to be adopted", lambda: "goes on task" in guest.process.log.read_text(), 10)
        assert container(podman, task) == before
        assert_undisturbed(pool, task, COUNTED)
        until("nothing of it", lambda: not guest.left() and not podman.containers(), 20)


def test_a_result_outlives_worker_and_pool_being_away(pool, guest, docker, tmp_path):
    guest.start().ready()
    task = pool.submit(script(tmp_path / "b", "echo out; sleep 1; echo late; echo result > out/x"))
    executing(pool, task)
    until("a line", lambda: "out" in pool.ok("logs", task).out, 10)
    os.kill(pool.pid("pool"), signal.SIGSTOP)
    try:
        until("a result", lambda: list((guest.path / "w" / "transit").glob("*.result")), 10)
        until("its container to be gone", lambda: not docker.containers(), 10)
        guest.kill()
        guest.start()
        until("the result to be taken up", lambda: "recorded=4" in guest.process.log.read_text(), 20)
    finally:
        os.kill(pool.pid("pool"), signal.SIGCONT)
    assert_undisturbed(pool, task, "out\nlate\n")
    assert result(pool, task, tmp_path) == {"x": "result\n"}
    until("nothing of it", lambda: not guest.left(), 10)


def test_after_another_boot_what_ran_is_lost_and_said_so_at_once(pool, guest, docker, tmp_path):
    guest.start().ready()
    task = pool.submit(script(tmp_path / "b", "[ $HIVEMIND_ATTEMPT -gt 1 ] || sleep 600; echo attempt $HIVEMIND_ATTEMPT"))
    executing(pool, task)
    guest.kill()
    record, = (p for p in (guest.path / "w" / "attempts").iterdir() if p.suffix != ".log")
    head, message = record.read_bytes().split(b"\n", 1)
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    message = message.replace(boot, b"0" * len(boot))
    head = head.rsplit(b" ", 1)[0] + b" " + hashlib.sha256(message).hexdigest().encode()
    record.write_bytes(head + b"\n" + message)
    began = time.monotonic()
    guest.start()
    assert pool("wait", task, timeout=60).code == 0
    assert pool.status(task)["epoch"] == 2
    assert pool.ok("logs", task).out == "attempt 2\n"
    assert time.monotonic() - began < 10 * hive.SLOW
    until("nothing of it", lambda: not guest.left() and not docker.containers(), 10)


class RestartableDockerd(hive.Dockerd):
    """Killed and started again on the same files, beside a containerd that stays, as on any machine."""
    options = []

    def __enter__(self):
        address = self.path / "containerd.sock"
        self.containerd = hive.Process(["containerd", "--address", address, "--root", self.path / "cd", "--state", self.path / "cs"],
                                       self.path / "containerd-log")
        until("containerd", address.exists, 30)
        self.argv = ["dockerd", "--data-root", self.path / "data", "--exec-root", self.path / "exec", "-H", self.host,
                     "--pidfile", self.path / "pid", "--iptables=false", "--ip6tables=false", "--bridge=none",
                     "--containerd", address, *self.options]
        return self.start()

    def start(self):
        (self.path / "pid").unlink(missing_ok=True)
        self.process = hive.Process(self.argv, self.path / "log")
        until("dockerd", self.answers, 60)
        return self

    def kill(self):
        self.process.popen.kill()
        self.process.popen.wait()

    def __exit__(self, *_):
        super().__exit__()
        self.containerd.end()


@pytest.mark.parametrize("live_restore, both", [(True, False), (False, False), (False, True)])
def test_an_engine_that_is_killed_and_started_again(pool, tmp_path, live_restore, both):
    """With live-restore the task goes on, and all of its output is there. Without it dockerd ends the task as it starts: that
    is a loss of the machine, and another attempt follows; also when the worker died with it and sees only what it left."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-dk-"))
    engine = RestartableDockerd(path)
    engine.options = ["--live-restore"] if live_restore else []
    with engine, guest_of(pool, engine) as guest:
        guest.start().ready()
        task = pool.submit(script(tmp_path / "b", COUNT))
        executing(pool, task)
        until("a line", lambda: "line 2" in pool.ok("logs", task).out, 10)
        if both:
            guest.kill()
        engine.kill()
        engine.start()
        if both:
            until("it to be ended", lambda: b'"exited"' in engine.get(f"/v1.40/containers/{container(engine, task)}/json")[1], 30)
            guest.start()
        if live_restore:
            assert_undisturbed(pool, task, COUNTED)
        else:
            assert pool("wait", task, timeout=60).code == 0
            assert pool.status(task)["epoch"] == 2
            assert pool.ok("logs", task).out == COUNTED
        until("nothing of it", lambda: not guest.left() and not engine.containers(), 30)
    hive.remove(path)
