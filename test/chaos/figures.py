"""Figures of the lease protocol, each a sub-command of test/chaos/run, each printed as a line of a table."""
import collections
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import tempfile
import time

import world
from world import World, hive, now, pb, stubs
from stock import tar

WORK_S = 3600
GRACE_S = 16 # so long after its start a pool loses nobody
LOSSY = "127.0.0.2" # where the pool is reached through a network that loses packets
CAUSES = ("kill -9", "DROP", "one way, up", "one way, down", "SIGSTOP", "engine gone")


class Bench:
    """A world for measuring: tasks as large as a worker, so that each has a worker of its own."""

    def __init__(self, workers, engines=4, **options):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="hm-chaos-", dir=os.environ.get("CHAOS_DIR")))
        self.world = World(self.path / "w", workers, engines=engines, clients=1, **options)
        self.world.disk, self.seen = None, [0] * engines
        self.records = {}
        self.bundle, self.sha256 = tar({"data": "chaos"})
        self.channel = self.world.channel(f"127.0.0.1:{self.world.port}")
        self.tasks = stubs.TasksStub(self.channel)
        self.count, self.born = 0, now()
        stubs.BlobsStub(self.channel).Upload(iter([
            pb.UploadChunk(header=pb.UploadHeader(sha256=self.sha256, size=len(self.bundle))),
            pb.UploadChunk(data=self.bundle)]), **self.auth)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.channel.close()
        self.world.kill() if kind is not None else self.world.end()
        if kind is None and not os.environ.get("CHAOS_KEEP"):
            hive.remove(self.path)
        else:
            print(f"kept: {self.path}")

    @property
    def auth(self):
        return {"metadata": [("authorization", f"Bearer {self.world.tokens['owner']}")], "timeout": 20, "wait_for_ready": True}

    def submit(self, seconds=WORK_S, cpus=2000):
        self.count += 1
        spec = pb.TaskSpec(name="figure", command=["stub", f"ms={int(seconds * 1000)}", f"out=f-{self.count}"], max_output=1 << 20,
                           time_limit_s=2 * WORK_S, grace_s=1, keep_s=86400,
                           resources=pb.Resources(milli_cpus=cpus, memory=16 << 20, disk=1 << 20))
        return self.tasks.Submit(pb.SubmitRequest(spec=spec, bundle_sha256=self.sha256, bundle_size=len(self.bundle),
                                                  call_id=f"figure-{self.count}"), **self.auth).id + ".1"

    def stop(self, task):
        self.tasks.Stop(pb.StopTaskRequest(id=task, call_id=f"stop-{task}"), **self.auth)

    def state(self, task):
        return self.world.store.hash(f"task:{task}")

    def follow(self):
        """What the engines have recorded since: name -> {event: time of the last such}."""
        for e, engine in enumerate(self.world.engines):
            with open(engine.record) as f:
                f.seek(self.seen[e])
                text = f.read()
            whole = text.rfind("\n") + 1
            self.seen[e] += whole
            for line in text[:whole].splitlines():
                t, event, name, *words = line.split()
                self.records.setdefault(name, {})[event] = int(t) / 1e6
                if event == "create":
                    work = next(w for w in words if w.startswith("work="))[5:]
                    self.records[name]["worker"] = int(work[len(str(self.world.path)) + 2:].split("/")[0])
        return self.records

    def began(self, task, epoch, event="start"):
        return self.records.get(f"hm-{task}-{epoch}", {}).get(event)

    def wait_started(self, wanted, seconds):
        """wanted: (task, epoch) pairs. True when all have started."""
        deadline = time.monotonic() + seconds * hive.SLOW
        while time.monotonic() < deadline:
            self.follow()
            if all(self.began(*pair) for pair in wanted):
                return True
            time.sleep(0.02)
        return False

    def worker_of(self, task, epoch):
        return self.records[f"hm-{task}-{epoch}"]["worker"]

    def ready(self, count):
        hive.until(f"{count} workers to be linked", lambda: self.linked() >= count, 60)

    def settle(self):
        self.ready(self.world.worker_count)
        time.sleep(max(0, self.born + GRACE_S - now()))

    def linked(self):
        for worker in self.world.workers:
            code = worker.process.popen.poll()
            assert code is None, f"{worker.name} ended by itself: {code}"
        reply = stubs.WorkersStub(self.channel).List(pb.ListWorkersRequest(), **self.auth)
        return sum(w.state in ("ready", "busy", "resting") and not w.tasks and w.heartbeat_age_ms < 3000 for w in reply.workers)


# --- last heartbeat to running elsewhere ---------------------------------------------------------

class Trial:
    def __init__(self, bench, task, cause):
        self.bench, self.task, self.cause = bench, task, cause
        self.world, self.worker = bench.world, bench.worker_of(task, 1)
        self.role = self.world.workers[self.worker]
        self.t = None

    def last_up(self):
        return self.world.proxy.last_up(self.worker)

    def strike(self):
        engine, i = self.world.engine_of[self.worker]
        if self.cause == "kill -9":
            self.role.kill()
            self.t = self.last_up()
        elif self.cause == "DROP":
            self.world.proxy.tell(self.worker, "hold both")
            self.t = self.last_up()
        elif self.cause == "one way, up":
            self.world.proxy.tell(self.worker, "hold up")
            self.t = self.last_up()
        elif self.cause == "one way, down":
            self.t = self.last_up()
            self.world.proxy.tell(self.worker, "hold down")
        elif self.cause == "SIGSTOP":
            self.role.signal(signal.SIGSTOP)
            self.t = self.last_up()
        elif self.cause == "engine gone":
            self.world.engines[engine].control("gone", i)
            self.t = now()

    def heal(self):
        engine, i = self.world.engine_of[self.worker]
        if self.cause == "kill -9":
            self.role.start()
        elif self.cause == "SIGSTOP":
            self.role.signal(signal.SIGCONT)
        elif self.cause == "engine gone":
            self.world.engines[engine].control("back", i)
        else:
            self.world.proxy.tell(self.worker, "free")

    def seconds(self):
        began = self.bench.began(self.task, 2)
        return began - self.t if began else None

    def overlap(self):
        """How long both ran, but where the engine itself was away."""
        first = self.bench.records[f"hm-{self.task}-1"]
        ended = min(first.get("exit", float("inf")), first.get("pause", float("inf")))
        return 0 if self.cause == "engine gone" else max(0, ended - self.bench.began(self.task, 2))


def explain(trial, trials):
    """Where a task went that did not run elsewhere in time."""
    if trial.seconds() is not None and trial.seconds() <= 11:
        return
    state = trial.bench.state(trial.task)
    name = state.get("worker_name", b"").decode()
    also = next((t.cause for t in trials if t.role.name == name), "nothing")
    print(f"  {trial.task} of {trial.role.name} ({trial.cause}, hit at {trial.t:.2f}) after {trial.seconds() or 0:.2f} s: "
          f"epoch {state.get('epoch')} at {name}, which suffers {also}; {state.get('reason', b'').decode()}")


def round_of_detection(bench, causes, dice):
    tasks = [bench.submit() for _ in causes]
    assert bench.wait_started([(task, 1) for task in tasks], 30), "not all tasks have started"
    time.sleep(1.5)
    trials = [Trial(bench, task, cause) for task, cause in zip(tasks, causes)]
    for trial in trials:
        time.sleep(dice.uniform(0, 0.1))
        trial.strike()
    bench.wait_started([(task, 2) for task in tasks], 25)
    bench.follow()
    for trial in trials:
        explain(trial, trials)
        trial.heal()
    for task in tasks:
        bench.stop(task)
    bench.ready(bench.world.worker_count)
    return trials


def detect(trials=200, workers=80):
    dice, done = random.Random(1), []
    with Bench(workers) as bench:
        bench.settle()
        wanted = [cause for cause in CAUSES for _ in range(trials if not cause.startswith("one way") else trials // 2)]
        dice.shuffle(wanted)
        for at in range(0, len(wanted), workers // 2):
            done += round_of_detection(bench, wanted[at:at + workers // 2], dice)
            bench.follow()
            print(f"  {len(done)} of {len(wanted)} trials", flush=True)
        return report_detection(bench, done)


def report_detection(bench, done):
    wrong = 0
    print(f"{'last heartbeat to running elsewhere':<38}{'trials':>7}{'median':>9}{'max':>9}{'never':>7}{'at once':>9}")
    for cause in CAUSES:
        mine = [t for t in done if t.cause == cause]
        times = sorted(t.seconds() for t in mine if t.seconds() is not None)
        never = len(mine) - len(times)
        overlaps = sum(t.overlap() > 0 for t in mine if t.seconds() is not None)
        bad = never > 0 or overlaps > 0 or statistics.median(times) > 10.5 or times[-1] > 11
        wrong += bad
        print(f"  {cause:<36}{len(mine):>7}{statistics.median(times):>8.2f}s{times[-1]:>8.2f}s{never:>7}{overlaps:>9}"
              f"{'   WRONG' if bad else ''}")
    return wrong


# --- a graceful stop -----------------------------------------------------------------------------

def drain(trials=40, workers=8):
    times = []
    with Bench(workers) as bench:
        bench.settle()
        while len(times) < trials:
            tasks = [bench.submit() for _ in range(workers // 2)]
            assert bench.wait_started([(task, 1) for task in tasks], 30)
            for task in tasks:
                role = bench.world.workers[bench.worker_of(task, 1)]
                at = now()
                role.tell_to_end()
                assert bench.wait_started([(task, 2)], 20), f"{task} did not go on elsewhere"
                times.append(bench.began(task, 2) - at)
                role.end()
                role.start()
            for task in tasks:
                bench.stop(task)
            bench.ready(workers)
    bad = max(times) > 1
    print(f"graceful stop to running elsewhere      {len(times)} trials, median {statistics.median(times):.3f} s, "
          f"max {max(times):.3f} s{'   WRONG' if bad else ''}")
    return bad


# --- partitions with a task that ends inside -----------------------------------------------------

def told(w, road, task, epoch):
    """Did the worker hear that this attempt is no longer its own, and has it let go of it?"""
    heard_it = rf"no longer ours task={re.escape(task)} epoch={epoch}"
    return (re.search(heard_it, w.workers[road].log.read_text(errors="replace"))
            and not (w.path / f"w{road}" / "scratch" / f"{task}-{epoch}").exists())


def partition(seconds, trials, workers, end_after, log=print):
    """Cut workers off while their tasks run and end; what becomes of them: (epochs, seconds until told, settled epochs)."""
    results = []
    with Bench(workers) as bench:
        bench.settle()
        while len(results) < trials:
            tasks = [bench.submit(seconds=2.5 + end_after) for _ in range(workers // 2)]
            assert bench.wait_started([(task, 1) for task in tasks], 30)
            roads = [bench.worker_of(task, 1) for task in tasks]
            time.sleep(max(0, max(bench.began(task, 1) for task in tasks) + 2.2 - now()))
            for road in roads:
                bench.world.proxy.tell(road, "hold both")
            time.sleep(seconds)
            for road in roads:
                bench.world.proxy.tell(road, "free")
            healed = now()
            late = {}
            deadline = time.monotonic() + 4
            while time.monotonic() < deadline and len(late) < len(tasks):
                for task, road in zip(tasks, roads):
                    if task not in late and told(bench.world, road, task, 1):
                        late[task] = now() - healed
                time.sleep(0.02)
            hive.until("the tasks to end", lambda: all(bench.state(t).get("state") == b"3" for t in tasks), 60)
            settled = [words for words in ledger(bench.world.store) if words[2] == "settle"]
            for task in tasks:
                mine = [int(words[5]) for words in settled if words[4] == task]
                results.append((int(bench.state(task)["epoch"]), late.get(task), mine))
            bench.ready(workers)
    return results


def ledger(store):
    at = "-"
    while page := store("XRANGE", "ledger", at, "+", "COUNT", "5000"):
        for _, fields in page:
            yield fields[1].decode().split()
        at = "(" + page[-1][0].decode()


def zombie(trials=50, workers=20):
    long = partition(12, trials, workers, 3)
    refused = sum(epoch == 2 and settled == [2] for epoch, _, settled in long)
    late = [seconds for _, seconds, _ in long if seconds is not None]
    bad = refused < len(long) or len(late) < len(long) or max(late) > 2
    print(f"12 s partition, task ends inside        {len(long)} trials, {refused} late results refused and unpaid, "
          f"{len(late)} workers told, after {max(late, default=0):.2f} s at most{'   WRONG' if bad else ''}")
    short = partition(5, trials, workers, 1.5)
    kept = sum(epoch == 1 and settled == [1] for epoch, _, settled in short)
    print(f" 5 s partition, task ends inside        {len(short)} trials, {kept} went on in the same epoch"
          f"{'   WRONG' if kept < len(short) else ''}")
    return bad or kept < len(short)


# --- many workers lose their pool at once --------------------------------------------------------

def herd(count=2000):
    with Bench(0, engines=0) as bench:
        w = bench.world
        out = w.path / "herd.out"
        process = hive.Process([os.environ.get("CHAOS_HERD", world.TOOLS / "herd"), w.join, count], out,
                               w.base | {"HIVEMIND_TOKEN": w.tokens["lender-a"]})
        try:
            return stampede(bench, out, count)
        finally:
            process.popen.kill()
            process.popen.wait()


def heard(out, what, since=0.0):
    """When such lines were said since then, in order."""
    lines = (line.split() for line in out.read_text(errors="replace").splitlines())
    return sorted(int(line[0]) / 1e6 for line in lines if len(line) == 2 and line[1] == what and int(line[0]) / 1e6 >= since)


def stampede(bench, out, count):
    w = bench.world
    hive.until("the herd to be linked", lambda: len(heard(out, "linked")) >= count, 120)
    tasks = [bench.submit(cpus=1000) for _ in range(count)]
    hive.until("every one to have a task", lambda: len(heard(out, "lease")) >= count, 60)
    idle = hive.rss_kib(w.pool.process.pid)[0]
    time.sleep(2)
    at = now()
    w.pool.kill()
    w.pool.start()
    hive.until("all to be back", lambda: len(heard(out, "linked", at)) >= count, 60)
    back = heard(out, "linked", at)[count - 1] - at
    time.sleep(25)  # the grace and more: who is to be lost would be by now
    moved = sum(w.store("HGET", f"task:{task}", "epoch") != b"1" or w.store("HGET", f"task:{task}", "state") != b"2" for task in tasks)
    peak, late, killed = hive.rss_kib(w.pool.process.pid)[1], len(heard(out, "late", at + back)), len(heard(out, "kill"))
    bad = back > 30 or moved or killed or peak >= 256 * 1024
    print(f"{count} TLS workers lose their pool          all back after {back:.1f} s, {moved} tasks reassigned, {killed} told to kill, "
          f"{late} acks later than 5 s; pool {idle / 1024:.0f} MiB before, {peak / 1024:.0f} MiB at most after{'   WRONG' if bad else ''}")
    return bad


# --- packet loss ---------------------------------------------------------------------------------

def loss(minutes=5, workers=24, percent=30):
    """No worker is lost to lost packets. In a network namespace of our own: begins itself again there."""
    if not os.environ.get("CHAOS_NETNS"):
        me = pathlib.Path(__file__).resolve().parent / "run"
        return subprocess.run(["unshare", "--net", "sh", "-c", "ip link set lo up && "
                               f"sysctl -qw net.ipv4.tcp_congestion_control={os.environ.get('CHAOS_TCP', 'reno')} && exec {me} loss {minutes} {workers} {percent}"],
                              env=os.environ | {"CHAOS_NETNS": "1"}).returncode
    with Bench(workers, direct=LOSSY) as bench:
        bench.settle()
        tasks = [bench.submit() for _ in range(workers)]
        assert bench.wait_started([(task, 1) for task in tasks], 30)
        for side in ("-d", "-s"):
            subprocess.run(["iptables", "-A", "INPUT", "-p", "tcp", side, LOSSY, "-m", "statistic", "--mode", "random",
                            "--probability", str(percent / 100), "-j", "DROP"], check=True)
        silences = listen(bench, minutes * 60)
        subprocess.run(["iptables", "-F", "INPUT"], check=True)
        return report_loss(bench, tasks, silences, percent, minutes * workers / 60)


def listen(bench, seconds):
    """How long each silence of a worker was, as the pool saw it, in whole seconds: those of one second and more."""
    silences, before, deadline = collections.Counter(), {}, time.monotonic() + seconds
    while time.monotonic() < deadline:
        for w in stubs.WorkersStub(bench.channel).List(pb.ListWorkersRequest(), **bench.auth).workers:
            if w.heartbeat_age_ms < before.get(w.id, 0):
                silences[before[w.id] // 1000] += 1
            before[w.id] = w.heartbeat_age_ms
        time.sleep(0.1)
    return silences


def report_loss(bench, tasks, silences, percent, hours):
    w = bench.world
    bench.follow()
    removed = w.pool.log.read_text().count("was not heard for 10 s")
    moved = sum(bench.state(task).get("epoch") != b"1" for task in tasks)
    paused = sum("pause" in record for record in bench.records.values())
    dialled = sum(worker.log.read_text(errors="replace").count("linked to the pool again") for worker in w.workers)
    bad = removed or moved
    print(f"{percent} % packet loss, {hours:.1f} worker-hours        {removed} workers removed, {moved} tasks moved, "
          f"{paused} paused, {dialled} links made anew{'   WRONG' if bad else ''}")
    print("  silences " + ", ".join(f"{s}+ s: {silences[s]}" for s in sorted(silences) if s > 0))
    return bad
