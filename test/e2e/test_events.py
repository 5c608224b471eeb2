"""Pool.Events: one stream of everything that changes for an account."""
import queue
import threading

import grpc

import stock
from stock import Client, Worker, call_id, pb


class Listener:
    def __init__(self, client):
        self.heard, self.kept = queue.Queue(), []
        self.call = client.pool.Events(pb.EventsRequest(), metadata=client.auth["metadata"])
        threading.Thread(target=self.listen, daemon=True).start()
        assert self.next("start") is not None

    def listen(self):
        try:
            for event in self.call:
                self.heard.put(event)
        except grpc.RpcError:
            pass
        self.heard.put(None)

    def next(self, kind, right=lambda what: True, seconds=10):
        """The next of this kind that is right; others may come before it and are kept, since each kind has its own pace."""
        for event in self.kept:
            if event.WhichOneof("kind") == kind and right(getattr(event, kind)):
                self.kept.remove(event)
                return getattr(event, kind)
        while True:
            event = self.heard.get(timeout=seconds * stock.hive.SLOW)
            assert event is not None, f"the stream ended before {kind}"
            if event.WhichOneof("kind") == kind and right(getattr(event, kind)):
                return getattr(event, kind)
            self.kept.append(event)

    def task(self, id, state):
        return self.next("task", lambda t: t.id == id and pb.TaskState.Name(t.state) == state)


def test_a_tasks_whole_life_money_and_workers_are_told(pool):
    ann, bob = Client(pool), Client(pool)
    ann.register("ann")
    bob.register("bob")
    ears, others = Listener(ann), Listener(bob)
    before = ears.next("balance")
    assert before.balance_mcpt == 1_000_000_000

    task = ann.submit(name="watched").id + ".1"
    waiting = ears.task(task, "PENDING")
    assert waiting.name == "watched" and not waiting.HasField("spec") and waiting.reason
    held = ears.next("balance")
    assert held.held_mcpt > 0 and held.balance_mcpt + held.held_mcpt == before.balance_mcpt

    w = Worker(bob, name="atlas")
    assert w.expect("welcome")
    lease = w.expect("lease")
    assert ears.task(task, "RUNNING").worker == w.id
    assert ears.next("worker", lambda it: it.tasks == 1 and it.state == "busy").name == "atlas"
    w.progress(lease, pb.EXECUTING)
    ears.next("task", lambda t: t.phase == pb.EXECUTING)
    w.done(lease, failure=pb.NO_FAILURE)
    assert ears.task(task, "COMPLETED").has_exit_code
    after = ears.next("balance", lambda b: b.held_mcpt == 0)
    assert after.spent_mcpt == before.balance_mcpt - after.balance_mcpt

    ann.tasks.Remove(pb.RemoveTaskRequest(id=task, call_id=call_id()), **ann.auth)
    assert ears.next("removed") == task
    w.say(leave=pb.Leave())
    assert ears.next("left") == w.id

    # bob heard of the worker, and of nothing of ann's.
    kinds = set()
    while True:
        event = others.heard.get(timeout=10)
        kinds.add(event.WhichOneof("kind"))
        if event.WhichOneof("kind") == "left":
            break
    assert kinds == {"balance", "worker", "left"}


def test_who_does_not_read_is_told_the_last_picture_or_to_look_anew(pool):
    """Changes while nobody reads: what comes then ends with what is true."""
    cat = Client(pool)
    cat.register("cat")
    call = cat.pool.Events(pb.EventsRequest(), metadata=cat.auth["metadata"])
    assert next(call).WhichOneof("kind") == "start"
    data = stock.tar({"run.sh": "echo"})
    ids = [cat.submit(data=data, name=f"t{i}").id + ".1" for i in range(300)]
    for task in ids:
        cat.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **cat.auth)
    last = {}
    for event in call:
        if event.WhichOneof("kind") == "task":
            last[event.task.id] = pb.TaskState.Name(event.task.state)
        if len(last) == len(ids) and set(last.values()) == {"STOPPED"}:
            break
    call.cancel()
    assert set(last) == set(ids)
