"""Compares three accounts of one run: what clients were told (clients.py), what the store holds, what the engines recorded.

Each check returns a list of what is wrong, in words; an empty list is what everybody wants."""
import collections
import tarfile
import io

from clients import Plan
from world import pb, stubs

COMPLETED, FAILED, STOPPED = 3, 4, 5
USER_EXIT, INFRA = 1, 8
LOSSES_MAX = 5
BEFORE_S = 4.0     # an engine that was away so shortly before could not carry out what it was told


class Attempt:
    """One container, as its engine has recorded it."""

    def __init__(self, engine, name):
        self.engine, self.name = engine, name
        self.task, _, epoch = name[3:].rpartition("-")
        self.epoch = int(epoch)
        self.runs, self.began, self.starts, self.restarts = [], None, 0, 0
        self.exit_code, self.ended, self.removed = None, None, False

    def event(self, t, what, words):
        if what in ("start", "restart", "unpause"):
            self.starts += what != "unpause"
            self.restarts += what == "restart"
            self.began = t
        elif what in ("pause", "exit") and self.began is not None:
            self.runs.append((self.began, t))
            self.began = None
        if what == "exit":
            self.exit_code, self.ended = int(words[0].split("=")[1]), t
        self.removed = what == "remove"


class Checker:
    def __init__(self, w, clients, seed, faults):
        self.world, self.clients, self.seed = w, clients, seed
        self.faults = [f for f in faults if f.began is not None]
        self.logs_dropped = 0
        self.read_record()
        self.read_store()

    # --- the three accounts ----------------------------------------------------------------------

    def read_record(self):
        self.attempts = {}
        for engine, t, what, name, words in self.world.records():
            if not name.startswith("hm-") or name.startswith("hm-canary"):
                continue
            key = (engine, name)
            if key not in self.attempts:
                self.attempts[key] = Attempt(engine, name)
            self.attempts[key].event(t, what, words)
        self.by_task = collections.defaultdict(list)
        for attempt in self.attempts.values():
            self.by_task[attempt.task].append(attempt)

    def read_store(self):
        ids = list(self.clients.told.values())
        self.tasks = {}
        for at in range(0, len(ids), 500):
            page = ids[at:at + 500]
            for id_, flat in zip(page, self.world.store.ask(*(["HGETALL", f"task:{i}.1"] for i in page))):
                self.tasks[id_] = {k.decode(): v.decode(errors="replace") for k, v in zip(flat[::2], flat[1::2]) if k != b"usage"}

    def ledger(self):
        at, page = "-", True
        while page:
            page = self.world.store("XRANGE", "ledger", at, "+", "COUNT", "5000")
            for id_, fields in page:
                yield fields[1].decode().split()
            at = "(" + page[-1][0].decode() if page else at

    # --- the checks ------------------------------------------------------------------------------

    def acknowledged(self):
        """No acknowledged submit is missing; no submit made two."""
        wrong = [f"{id_} was acknowledged and is not there" for id_, task in self.tasks.items() if not task]
        wrong += [f"a client got a wrong answer: {words}" for words in self.clients.wrong]
        ids = collections.Counter(self.clients.told.values())
        wrong += [f"{id_} was the answer to {n} different calls" for id_, n in ids.items() if n > 1]
        submitted = int(self.world.store("HGET", "counters", "submitted") or 0)
        if not self.clients.over.is_set() and submitted != len(ids):
            wrong.append(f"clients know of {len(ids)} tasks and the pool has {submitted}")
        return wrong

    def final(self):
        """Everything reached a final state, the one that its plan leads to."""
        wrong = []
        for n, id_ in self.clients.told.items():
            task, plan = self.tasks[id_], Plan(self.seed, n)
            if task:
                wrong += self.final_of(n, id_, task, plan)
        return wrong

    def final_of(self, n, id_, task, plan):
        state, failure = int(task.get("state", 0)), int(task.get("failure", 0) or 0)
        if state == STOPPED:
            return [] if plan.stop_after is not None else [f"{id_} is STOPPED and nobody asked for it"]
        if self.clients.stopped.get(n) == STOPPED:
            return [f"{id_} was stopped, its owner was told so, and it is now {state}"]
        if state == FAILED and failure == INFRA:
            losses = int(task.get("losses", 0))
            return [] if losses >= LOSSES_MAX or "quarantine" in task.get("reason", "") else [
                f"{id_} FAILED infra after {losses} losses: {task.get('reason')}"]
        if plan.exit != 0:
            good = state == FAILED and failure == USER_EXIT and int(task.get("exit_code", 0)) == plan.exit
        else:
            good = state == COMPLETED
        return [] if good else [f"{id_} should exit with {plan.exit} and has state {state} failure {failure}: {task.get('reason')}"]

    def results(self, sample=None):
        """The bytes of each result are those that the current attempt wrote, at the end of a whole run."""
        wrong, checked = [], 0
        with self.world.channel(f"127.0.0.1:{self.world.port}") as channel:
            blobs, tasks = stubs.BlobsStub(channel), stubs.TasksStub(channel)
            for n, id_ in list(self.clients.told.items())[:sample]:
                task = self.tasks[id_]
                if task.get("state") == str(COMPLETED) or task.get("result_sha256"):
                    checked += 1
                    wrong += self.result_of(blobs, id_, task, Plan(self.seed, n))
                    wrong += self.log_of(tasks, id_, task, Plan(self.seed, n))
        self.results_checked = checked
        return wrong

    def result_of(self, blobs, id_, task, plan):
        epoch = int(task["epoch"])
        ran = [a for a in self.by_task[f"{id_}.1"] if a.epoch == epoch]
        if task["state"] == str(COMPLETED) and not self.world.real and not any(a.exit_code == 0 for a in ran):
            return [f"{id_} is COMPLETED by attempt {epoch}, which no engine has seen end well"]
        if not task.get("result_sha256"):
            return [] if task["state"] != str(COMPLETED) else [f"{id_} is COMPLETED and has no result"]
        request = pb.DownloadRequest(task=f"{id_}.1", kind=pb.RESULT)
        data = b"".join(c.data for c in blobs.Download(request, metadata=self.clients.metadata, timeout=20))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            files = {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}
        expected = f"{plan.token} {epoch}\n".encode()
        return [] if files.get("out/result", files.get("result")) == expected else [f"{id_} has {files}, not {expected}"]

    def log_of(self, tasks, id_, task, plan):
        """What that attempt has printed, once. A pool whose disk is full says so in its own log and drops what tasks print."""
        chunks = tasks.Logs(pb.LogsRequest(id=f"{id_}.1"), metadata=self.clients.metadata, timeout=20)
        printed = b"".join(c.data for c in chunks if c.stream == 1)
        expected = f"{plan.token} {task['epoch']}\n".encode()
        if printed == b"" and any(self.printed_on_full_disk(a) for a in self.by_task[f"{id_}.1"]):
            self.logs_dropped += 1
            return []
        return [] if printed == expected or task["state"] != str(COMPLETED) else [f"{id_} has printed {printed}, not {expected}"]

    def printed_on_full_disk(self, attempt):
        return any(f.kind == "full disk" and a < (f.ended or b) + 2 and b > f.began for f in self.faults for a, b in attempt.runs)

    def concurrent(self):
        """No two attempts of a task run at once. An engine that was away cannot kill; such pairs are counted apart."""
        wrong, self.excused = [], 0
        for task, attempts in self.by_task.items():
            runs = sorted((a, b, attempt) for attempt in attempts for a, b in attempt.runs)
            for (a, b, one), (c, d, other) in ((x, y) for i, x in enumerate(runs) for y in runs[i + 1:]):
                if c >= b or one is other:
                    continue
                first = one if one.epoch < other.epoch else other
                if self.could_not_be_killed(first, c):
                    self.excused += 1
                else:
                    wrong.append(f"{one.name} and {other.name} ran at once for {min(b, d) - c:.2f} s at {c:.2f}")
        return wrong

    def could_not_be_killed(self, attempt, t):
        """Its engine was away, or nobody was left who could have told it."""
        worker = self.worker_of(attempt)
        for f in self.faults:
            ended = (f.ended or t) + 1
            if "engine" in f.kind and f.victim == attempt.engine and f.began < t and ended > t - BEFORE_S:
                return True
            if f.kind == "kill worker and supervisor" and f.victim == worker and f.began < t and ended + 5 > t:
                return True
        return False

    def worker_of(self, attempt):
        return self.worker_numbers().get(attempt.name)

    def worker_numbers(self):
        """Which worker made a container: its scratch directory is below that worker's."""
        if not hasattr(self, "numbers"):
            self.numbers = {}
            for _, _, what, name, words in self.world.records():
                if what == "create":
                    work = dict(w.split("=", 1) for w in words if "=" in w)["work"]
                    self.numbers[name] = int(work[len(str(self.world.path)) + 2:].split("/")[0])
        return self.numbers

    def started_once(self):
        """A container runs once; what has ended is never started."""
        return [f"{a.name} was started {a.starts} times" for a in self.attempts.values() if a.starts > 1]

    def epochs(self):
        """No attempt that the store does not know of."""
        return [f"{a.name} ran and the task's epoch is {self.tasks[id_]['epoch']}" for id_ in self.tasks
                for a in self.by_task.get(f"{id_}.1", []) if self.tasks[id_] and a.epoch > int(self.tasks[id_]["epoch"])]

    def undisturbed(self):
        """Without faults nothing is tried twice."""
        again = [id_ for id_, task in self.tasks.items() if task.get("epoch", "1") not in ("0", "1")]
        return [] if self.faults else [f"{id_} needed {self.tasks[id_]['epoch']} attempts although nothing happened" for id_ in again]

    def settled_once(self):
        """Each hold is emptied once, and all money is where it belongs."""
        ends, held = collections.Counter(), set()
        for words in self.ledger():
            kind = words[2]
            if kind == "hold":
                held.add(words[1].split(":")[1] + ".1")
            elif kind in ("settle", "refund"):
                ends[words[4]] += 1
        later = {task.decode() for task in self.world.store("ZRANGE", "unsettled", "0", "-1")}
        wrong = [f"the money of {task} was settled {n} times" for task, n in ends.items() if n > 1]
        wrong += [f"the hold of {task} was never emptied" for task in held if task not in ends and task not in later]
        right, said = self.world.verify()
        return wrong + ([] if right else [f"ledger verify: {said.strip()}"])

    def left_over(self):
        """Nothing of ours is left at an engine, nor in a worker's scratch."""
        wrong = [f"{a.name} is left at engine {a.engine}" for a in self.attempts.values() if not a.removed]
        for engine in self.world.engines if self.world.real else []:
            wrong += [f"{kind} are left at {engine.path.name}: {found}" for kind, found in engine.leftovers().items() if found]
            wrong += [f"still mounted: {line.split()[1]}" for line in open("/proc/mounts")
                      if line.split()[1].startswith(str(engine.path)) and ("/containers/" in line or "overlay" in line.split()[0])]
        for scratch in self.world.path.glob("w*/scratch/*"):
            wrong.append(f"{scratch.relative_to(self.world.path)} is left")
        return wrong

    CHECKS = ("acknowledged", "final", "results", "concurrent", "started_once", "epochs", "undisturbed", "settled_once", "left_over")

    def run(self, log):
        wrong = {}
        for name in self.CHECKS:
            try:
                found = getattr(self, name)()
            except Exception as error:  # a part that should answer does not
                found = [f"could not look: {error!r}"]
            if found:
                wrong[name] = found
            log(f"check {name:<14} {'right' if not found else f'{len(found)} wrong'}")
            for words in found[:8]:
                log(f"      {words}")
        return wrong
