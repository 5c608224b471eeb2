"""A worker that runs what it is given: by hand, without an engine, in threads of its own."""
import threading

import grpc

import hive
from stock import Worker, pb, tar

RESULT = {"out/answer.txt": "42\n", "out/plot.png": bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000200000002080200000" "0fdd49a730000001649444154789c63646068f8cf80040c0c0c0c0c0c0c0c000d0c0301f5d8a2" "b60000000049454e44ae426082")}


class Runner(Worker):
    """Takes each lease, says what `script` says of it and ends it; a task whose name begins with "hold" runs until it is stopped,
    "fail" fails. The manner of one task can be set by its name: manners["name"] = f(runner, lease)."""

    def __init__(self, client, **options):
        self.manners, self.stops, self.leases = {}, {}, {}
        super().__init__(client, **options)
        self.expect("welcome")
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while (message := self.heard.get()) is not None:
            kind = message.WhichOneof("kind")
            if kind == "lease":
                self.stops[message.lease.task] = threading.Event()
                self.leases[message.lease.spec.name] = message.lease
                threading.Thread(target=self.attempt, args=(message.lease,), daemon=True).start()
            elif kind == "stop":
                self.stops[message.stop.task].set()

    def attempt(self, lease):
        try:
            self.progress(lease, pb.STAGING)
            self.progress(lease, pb.EXECUTING)
            self.manner(lease.spec.name)(self, lease)
        except grpc.RpcError:
            pass  # the pool has gone

    def manner(self, name):
        if name in self.manners:
            return self.manners[name]
        return hold if name.startswith("hold") else fail if name.startswith("fail") else finish


def usage(cpu=1.2, wall=2, memory=48):
    return pb.Usage(cpu_us=int(cpu * 1e6), wall_us=int(wall * 1e6), peak_memory=memory << 20)


def finish(w, lease):
    w.prints(lease, "hello from the worker\n", 0)
    w.done(lease, result=tar(RESULT), usage=usage())


def fail(w, lease):
    w.prints(lease, "cannot go on\n", 0, stream=2)
    w.done(lease, failure=pb.USER_EXIT, exit_code=3, usage=usage())


def hold(w, lease):
    w.prints(lease, "holding\n", 0)
    w.stops[lease.task].wait(600 * hive.SLOW)
    w.done(lease, result=tar({"out/part.txt": "half\n"}))
