"""Clients that note what they were told: `ask` before a call leaves, `told` after it was answered, until it is answered.

What client and task do is a pure function of the seed and the task's number, so that the checker knows what must come out."""
import itertools
import json
import random
import threading
import time

import world
from world import grpc, pb, stubs
from stock import tar

ASK_AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED,
             grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
LIVE_MAX = 1000


class Plan:
    """What task n is to do."""

    def __init__(self, seed, n):
        random_ = random.Random(f"{seed}/{n}")
        shape = random_.random()
        self.ms = random_.randint(*((50, 1500) if shape < 0.70 else (1500, 5000) if shape < 0.95 else (8000, 14000)))
        self.exit = 3 if random_.random() < 0.06 else 0
        self.stop_after = random_.uniform(0, 3) if random_.random() < 0.02 else None
        self.ask_twice = random_.random() < 0.05
        self.ask_other = random_.random() < 0.02
        self.token = f"{seed:x}-{n}"
        self.call_id = f"call-{seed:x}-{n}"

    def command(self, real=False):
        if real:
            return ["sh", "-c", f"echo {self.token} $HIVEMIND_ATTEMPT; sleep {self.ms / 1000:.2f}; "
                                f"echo {self.token} $HIVEMIND_ATTEMPT > out/result; exit {self.exit}"]
        return ["stub", f"ms={self.ms}", f"exit={self.exit}", f"out={self.token}", f"say={self.token}"]

    def spec(self, name="chaos", real=False):
        return pb.TaskSpec(name=name, command=self.command(real), max_output=1 << 20, time_limit_s=120, grace_s=1, keep_s=86400,
                           resources=pb.Resources(milli_cpus=100, memory=16 << 20, disk=1 << 20))


class Clients:
    """So many threads that submit tasks 0 to count - 1 between them."""

    def __init__(self, w, seed, count, rate):
        self.world, self.seed, self.count, self.pause = w, seed, count, w.client_count / rate
        self.bundle, self.sha256 = tar({"data": f"chaos {seed}"})
        self.journal = open(w.path / "journal", "a")
        self.lock, self.wrong, self.over = threading.Lock(), [], threading.Event()
        self.told, self.stopped, self.asked, self.numbers, self.last_error = {}, {}, 0, itertools.count(), ""
        self.upload()
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(w.client_count)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def busy(self):
        return any(thread.is_alive() for thread in self.threads)

    def note(self, what, n, **fields):
        with self.lock:
            self.journal.write(json.dumps({"t": world.now(), "what": what, "n": n, **fields}) + "\n")
            self.journal.flush()

    @property
    def metadata(self):
        return [("authorization", f"Bearer {self.world.tokens['owner']}")]

    def upload(self):
        def chunks():
            yield pb.UploadChunk(header=pb.UploadHeader(sha256=self.sha256, size=len(self.bundle)))
            yield pb.UploadChunk(data=self.bundle)
        with self.world.channel(f"127.0.0.1:{self.world.port}") as channel:
            stubs.BlobsStub(channel).Upload(chunks(), metadata=self.metadata, timeout=20)

    def until_answered(self, call, request):
        """The answer, however often the question must be asked; None when the run is over. (A call that does not wait for
        the channel fails at once and so never lets grpcio connect it.)"""
        while not self.over.is_set():
            self.asked += 1
            try:
                return call(request, metadata=self.metadata, timeout=4, wait_for_ready=True)
            except grpc.RpcError as error:
                self.last_error = f"{error.code().name} {error.details()}"
                if error.code() not in ASK_AGAIN:
                    self.wrong.append(f"{error.code().name} {error.details()}")
                self.over.wait(0.05 + random.random() * 0.2)

    def request(self, plan, name="chaos"):
        return pb.SubmitRequest(spec=plan.spec(name, self.world.real), bundle_sha256=self.sha256, bundle_size=len(self.bundle),
                                call_id=plan.call_id)

    def submit(self, tasks, n, plan):
        self.note("ask", n)
        reply = self.until_answered(tasks.Submit, self.request(plan))
        if reply is None:
            return None
        self.told[n] = reply.id
        self.note("told", n, id=reply.id, hold=reply.hold_mcpt)
        if plan.ask_twice:
            again = self.until_answered(tasks.Submit, self.request(plan))
            if again is not None and (again.id != reply.id or not again.duplicate):
                self.wrong.append(f"asked twice with {plan.call_id}: {reply.id}, then {again.id} duplicate={again.duplicate}")
        if plan.ask_other:
            self.ask_other(tasks, plan)
        return reply.id

    def ask_other(self, tasks, plan):
        """The same call_id with other content must be refused."""
        while not self.over.is_set():
            try:
                other = tasks.Submit(self.request(plan, "other"), metadata=self.metadata, timeout=4, wait_for_ready=True)
                self.wrong.append(f"{plan.call_id} was taken with other content: {other.id}")
                return
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.ABORTED:
                    return
                self.over.wait(0.1)

    def stop(self, tasks, n, id_, plan):
        self.over.wait(plan.stop_after)
        self.note("ask stop", n)
        task = self.until_answered(tasks.Stop, pb.StopTaskRequest(id=f"{id_}.1", call_id=f"stop-{plan.call_id}"))
        if task is not None:
            self.stopped[n] = task.state
            self.note("told stop", n, state=task.state)

    def run(self, i):
        stoppers = []
        with self.world.channel(self.world.address_of_client(i)) as channel:
            tasks = stubs.TasksStub(channel)
            while not self.over.is_set():
                with self.lock:
                    n = next(self.numbers)
                if n >= self.count:
                    break
                plan = Plan(self.seed, n)
                id_ = self.submit(tasks, n, plan)
                if id_ is not None and plan.stop_after is not None:
                    stoppers.append(threading.Thread(target=self.stop, args=(tasks, n, id_, plan), daemon=True))
                    stoppers[-1].start()
                self.over.wait(self.pause)
                while not self.over.is_set() and self.too_many():
                    time.sleep(0.2)
            for thread in stoppers:
                thread.join()

    def too_many(self):
        """So that waiting tasks do not make a run longer than its faults."""
        try:
            with self.lock:
                return self.world.live() > LIVE_MAX
        except (OSError, RuntimeError):
            return False
