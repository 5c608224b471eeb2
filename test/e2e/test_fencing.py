"""A worker and its pool that cannot hear each other, a worker that is dead or stuck, an engine that hangs: what runs is
paused at 7 s and dead before 10 s, or goes on as if nothing had been. All of it at once, each worker in a trouble of its own."""
import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

import pytest

import hive
from hive import script, until
from stock import PoolByHand, pb, spec, tar

GRACE_S = 15  # a pool that has just started loses no worker before that
LOOP = "i=0; while [ $i -lt {ticks} ]; do i=$((i+1)); sleep 0.1; done"
SLEEP = "echo attempt $HIVEMIND_ATTEMPT; [ $HIVEMIND_ATTEMPT -gt 1 ] || sleep 100"


def supervisors(data):
    """Pids of supervisors of the worker in that directory."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"worker-supervisor" in words and str(data).encode() in words:
            found.append(int(entry.parent.name))
    return found


class Guest:
    """A worker that reaches the pool through a relay, with room for one task."""

    def __init__(self, h, engine, path, name, cpus):
        self.h, self.engine, self.name = h, engine, name
        self.data, self.log = path / name, path / f"{name}.log"
        port = hive.free_port()
        self.relay = hive.Process([sys.executable, pathlib.Path(__file__).with_name("relay.py"), port,
                                   h.env["HIVEMIND_POOL"].rsplit(":", 1)[1]], path / f"{name}.relay")
        until("the relay", lambda: "relaying" in self.relay.log.read_text(), 10)
        self.words = [hive.BIN, "worker", "--join", f"127.0.0.1:{port}", "--data", self.data, "--name", name, "--cpus", cpus,
                      "--max-tasks", "1", "--docker", f"unix:{engine.socket}"]
        self.start()

    def start(self):
        self.process = hive.Process(hive.WRAP + self.words, self.log, self.h.env)

    def ready(self):
        return "ready:" in self.log.read_text()

    def signal(self, process, number):
        os.kill(process.pid, number)

    def end(self):
        self.signal(self.relay, signal.SIGCONT)
        self.signal(self.process, signal.SIGCONT)
        self.process.end()
        self.relay.popen.kill()
        self.relay.popen.wait()


class Watch:
    """When a container was first seen paused, and first seen dead: seconds since the trouble began, None = never."""

    def __init__(self, engine, names):
        self.engine, self.paused, self.dead, self.began = engine, {}, {}, time.monotonic()
        self.names = names

    def look(self):
        for name in self.names:
            status, body = self.engine.get(f"/v1.40/containers/{name}/json")
            state = json.loads(body)["State"] if status == 200 else {"Running": False}
            if state["Running"] and state["Paused"]:
                self.paused.setdefault(name, self.seconds())
            if not state["Running"]:
                self.dead.setdefault(name, self.seconds())

    def seconds(self):
        return time.monotonic() - self.began

    def until(self, seconds):
        while self.seconds() < seconds:
            self.look()
            time.sleep(0.03)


@pytest.fixture
def guests(own_hive, docker):
    """Make a hive whose own worker is busy until its blocker is stopped, and guests, named, with so many cores."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-f-"))
    made = {}

    def make(cpus):
        h = own_hive(workers=1)
        patient_until = time.monotonic() + GRACE_S - 10 + 1
        h.blocker = h.submit(script(path / "blocker", "sleep 600", resources={"cpus": os.cpu_count()}))
        until("the blocker to run", lambda: h.status(h.blocker)["phase"] == "EXECUTING", 20)
        made.update({name: Guest(h, docker, path, name, each) for name, each in cpus.items()})
        until("the guests", lambda: all(g.ready() for g in made.values()), 60)
        time.sleep(max(0, patient_until - time.monotonic()))
        return h, path, made

    yield make
    for guest in made.values():
        guest.end()
    hive.remove(path)


def run_on_guests(h, path, texts, cpus, **manifest):
    """Start these tasks on the guests that have so many cores: {name of the guest: task}."""
    tasks = [h.submit(script(path / f"b{cpus}{i}", text, resources={"cpus": cpus}, **manifest)) for i, text in enumerate(texts)]
    until("all to run", lambda: all(h.status(t)["phase"] == "EXECUTING" for t in tasks), 30)
    return {h.status(t)["worker"]["name"]: t for t in tasks}


def test_nothing_is_lost_and_nothing_runs_twice(guests, docker):
    """5 s, 7 s and 12 s without the pool; a task that ends inside 12 s, one that is waited for; a connection that is forgotten; a
    worker that dies, one that is stuck."""
    names = ["five", "seven", "twelve", "dies", "stuck"]
    kept = ("five", "seven", "waits", "forgotten")
    h, path, by_name = guests({name: 0.3 for name in names} | {"waits": 0.2, "late": 0.1, "forgotten": 0.15})
    first = "if [ $HIVEMIND_ATTEMPT = 1 ]; then " + LOOP + "; fi; echo attempt $HIVEMIND_ATTEMPT | tee out/x"
    tasks = run_on_guests(h, path, [first.format(ticks=160)] * len(names), 0.3)
    tasks |= run_on_guests(h, path, [first.format(ticks=160)], 0.2, on_disconnect="wait:1m")
    tasks |= run_on_guests(h, path, [first.format(ticks=160)], 0.15)
    tasks |= run_on_guests(h, path, [first.replace(LOOP, "until [ -e go ]; do sleep 0.1; done")], 0.1)
    container = {name: f"hm-{task}.1-1" for name, task in tasks.items()}
    watch = Watch(docker, container.values())
    for name in ("five", "seven", "twelve", "waits", "late"):
        by_name[name].signal(by_name[name].relay, signal.SIGSTOP)
    by_name["forgotten"].signal(by_name["forgotten"].relay, signal.SIGUSR1)
    by_name["dies"].process.popen.kill()
    by_name["stuck"].signal(by_name["stuck"].process, signal.SIGSTOP)
    next(by_name["late"].data.glob("scratch/**/run.sh")).with_name("go").touch()
    h.ok("stop", h.blocker)
    for seconds, heard in ((5, ["five"]), (7.2, ["seven"]), (12, ["twelve", "waits", "late"])):
        watch.until(seconds)
        for name in heard:
            by_name[name].signal(by_name[name].relay, signal.SIGCONT)
    by_name["stuck"].signal(by_name["stuck"].process, signal.SIGCONT)
    heard = time.monotonic()
    assert watch.dead.get(container["late"], 99) < 6.5, "it was to end by itself, before it is paused"
    until("a late result to be refused", lambda: "no longer ours" in by_name["late"].log.read_text(), 20)
    told = time.monotonic() - heard
    print(f"the late one was told after {told:.2f} s")
    assert told < 2 * hive.SLOW

    seen = {name: (watch.paused.get(container[name]), watch.dead.get(container[name])) for name in [*names, "waits", "forgotten"]}
    print("paused, dead:", seen)
    assert seen["five"] == seen["waits"] == seen["forgotten"] == (None, None)
    assert seen["seven"][0] is not None and seen["seven"][1] is None
    for name in ("twelve", "dies", "stuck"):
        paused, dead = seen[name]
        assert paused is not None and 5.5 < paused < 8.5, name
        assert dead is not None and 7.5 < dead < 10, f"{name} must be dead before another may run it"
    until("no supervisor without a worker", lambda: not supervisors(by_name["dies"].data), 10)
    for name, task in tasks.items():
        assert h("wait", task, timeout=60).code == 0
        epoch = 1 if name in kept else 2
        assert h.status(task)["epoch"] == epoch, name
        assert h.ok("logs", task).out == f"attempt {epoch}\n", name
        h.ok("get", task, "-o", path / f"r{name}")
        assert (path / f"r{name}" / "out" / "x").read_text() == f"attempt {epoch}\n", name
    seven = h.status(tasks["seven"])
    from_start_to_end = (hive.milliseconds(seven["exited"]) - hive.milliseconds(seven["started"])) / 1000
    assert seven["usage"]["wall"] < from_start_to_end - (7.2 - seen["seven"][0]) + 0.1, "paused time is no run time"
    by_name["dies"].start()
    until("what it left to be swept", lambda: not any(container["dies"] in name for name in docker.containers()), 20)


def test_an_engine_that_hangs_is_lost_after_ten_seconds():
    """Unschedulable within 2 s; short: nothing happens; long: another worker has the task; then it is back and clean."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-g-"))
    with hive.Dockerd(path / "e") as engine, hive.Dockerd(path / "e2") as other, hive.Hive(path / "h", engine, workers=1) as h:
        def state():
            return h.ok("workers", "--json").json["workers"][0]
        task = h.submit(script(path / "b", f"echo attempt $HIVEMIND_ATTEMPT; {LOOP.format(ticks=60)}"))
        long = h.submit(script(path / "c", SLEEP))
        until("both to run", lambda: all(h.status(t)["phase"] == "EXECUTING" for t in (task, long)), 20)
        stopped = time.monotonic()
        engine.process.popen.send_signal(signal.SIGSTOP)
        try:
            until("not ready", lambda: state()["state"] == "not ready", 5)
            seconds = time.monotonic() - stopped
            time.sleep(1)
        finally:
            engine.process.popen.send_signal(signal.SIGCONT)
        until("ready", lambda: state()["state"] != "not ready", 5)
        print(f"unschedulable after {seconds:.2f} s")
        assert seconds < 2.5 * hive.SLOW
        assert h("wait", task, timeout=30).code == 0 and h.status(task)["epoch"] == 1
        guest = hive.Process([hive.BIN, "worker", "--join", h.env["HIVEMIND_POOL"], "--data", path / "w", "--name", "guest",
                              "--docker", f"unix:{other.socket}"], path / "guest.log", h.env)
        until("the guest", lambda: "guest ready:" in guest.log.read_text(), 30)
        inspected = json.loads(engine.get(f"/v1.40/containers/hm-{long}.1-1/json")[1])
        first_process = pathlib.Path(f"/proc/{inspected['State']['Pid']}")
        assert first_process.exists()
        engine.process.popen.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            until("attempt 2", lambda: h.status(long)["epoch"] == 2, 20)
            print(f"given to another after {time.monotonic() - stopped:.2f} s")
            until("the end of the first, which needs no engine", lambda: not first_process.exists(), 1)
            assert h("wait", long, timeout=30).code == 0
        finally:
            engine.process.popen.send_signal(signal.SIGCONT)
        until("what was given up to be gone", lambda: not engine.containers(), 20)
        until("ready", lambda: all(w["state"] != "not ready" for w in h.ok("workers", "--json").json["workers"]), 20)
        assert guest.end() == 0
    hive.remove(path)


def test_what_somebody_else_kills_is_tried_again(own_hive, docker, tmp_path):
    h = own_hive(workers=1)
    task = h.submit(script(tmp_path / "b", SLEEP))
    until("it to run", lambda: h.status(task)["phase"] == "EXECUTING", 20)
    connection = hive.UnixHTTP(docker.socket)
    connection.request("POST", f"/v1.40/containers/hm-{task}.1-1/kill")
    assert connection.getresponse().status == 204
    connection.close()
    assert h("wait", task, timeout=30).code == 0
    assert h.status(task)["epoch"] == 2
    assert h.ok("logs", task).out == "attempt 2\n"


@contextlib.contextmanager
def sleeping(docker, path):
    """A worker that runs a task of a pool by hand: (pool, task, container). The task's epoch is 3."""
    bundle, sha256 = tar({"run.sh": "sleep 1000"})
    pool, task = PoolByHand(bundle), "0" * 16 + ".1"
    env = hive.environment(HOME=path, HIVEMIND_TOKEN="hm_" + "0" * 52)
    worker = hive.Process(hive.WRAP + [hive.BIN, "worker", "--join", f"127.0.0.1:{pool.port}", "--data", path / "data",
                                       "--docker", f"unix:{docker.socket}", "--cpus", "2"], path / "log", env)
    container = f"/hm-{task}-3"
    until("the worker to be ready", lambda: pool.linked.is_set() and not pool.hello.not_ready and pool.links[-1]["beats"], 60)
    lease = pb.Lease(task=task, epoch=3, spec=spec("sleeps", grace_s=30), bundle_sha256=sha256, bundle_size=len(bundle))
    pool.say.put(pb.PoolMessage(lease=lease))
    until("it to run", lambda: container in docker.containers() and (task, 3) in pool.links[-1]["attempts"], 60)
    yield pool, task, container
    assert not list((path / "data" / "scratch").iterdir()) and not list((path / "data" / "attempts").iterdir())
    assert worker.end() == 0
    pool.server.stop(0)


def test_what_is_no_longer_its_own_is_ended_at_once(docker, tmp_path):
    """The worker hears the pool all the time, so nothing but the verdict tells it so."""
    with sleeping(docker, tmp_path) as (pool, task, container):
        for epoch in (2, 4, 3):  # of others it takes no notice
            assert container in docker.containers()
            pool.say.put(pb.PoolMessage(verdict=pb.Verdict(task=task, epoch=epoch, word=pb.Verdict.KILL)))
        until("it to be ended", lambda: container not in docker.containers() and not pool.links[-1]["attempts"], 10)


def test_what_is_given_up_while_the_pool_takes_its_time_is_not_named_for_ever(docker, tmp_path):
    """Hello names it, it is killed for the pool's silence, then Welcome comes: the pool must hear that it is gone."""
    with sleeping(docker, tmp_path) as (pool, task, container):
        pool.welcomes.clear()
        pool.is_now()
        until("it to be named", lambda: [a.task for a in pool.hello.attempts] == [task], 5)
        until("it to be killed", lambda: container not in docker.containers(), 15)
        assert [a.task for a in pool.hello.attempts] == [task]
        pool.welcomes.set()
        until("another Hello, without it", lambda: not pool.hello.attempts, 10)


def test_a_supervisor_has_nothing_of_the_worker_and_is_replaced(own_hive):
    h = own_hive(workers=1)
    data = h.data / "worker-1"
    pid = until("a supervisor", lambda: supervisors(data), 10)[0]
    links = [os.readlink(entry) for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
    assert sum("socket:" in link for link in links) <= 1, links  # the pipe that tells of the worker's end
    assert os.getsid(pid) == pid
    assert "HIVEMIND_TOKEN" not in pathlib.Path(f"/proc/{pid}/environ").read_text()
    os.kill(pid, signal.SIGKILL)
    until("another", lambda: [p for p in supervisors(data) if p != pid], 10)
    worker = h.pid("worker-1")
    os.kill(worker, signal.SIGTERM)
    until("the worker to end", lambda: not os.path.exists(f"/proc/{worker}"), 20)
    assert h.process.end(40) == 0
    assert not supervisors(data)
