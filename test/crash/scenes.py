"""What is done while something dies, and which crash point lies on the way of what."""
import hashlib
import json
import os
import signal
import subprocess
import time

import hive
import stock
from hive import until
from world import READY


def finish(w, task):
    w.check_settled_once(task)
    w.check_worker_clean()
    forget(w, task)
    w.check_books()
    w.check_blobs()


def forget(w, task):
    """Until it is gone: whose answer was lost hears at the next try that there is no such task."""
    until(f"{task} to be gone", lambda: w("rm", "--yes", task).code in (0, 3) and w("status", task).code == 3, 30)


def task(w, crash=None):
    """Submit, run, fetch."""
    finish(w, w.run_task(w.task_name(), crash))


def slow(w, crash=None):
    """A task that lasts, so that it is paid for meanwhile."""
    finish(w, w.run_task(w.task_name(), crash, "echo first; cp data out/copy; sleep 6; echo second"))


def gift(w, crash=None):
    """Give something away, with a key."""
    key, before = w.task_name(), balance(w)
    w.ok("transfer", "lender", "0.5", "--key", key, crash=crash)
    made = [r for r in w.records() if key in r[1]]
    assert len(made) == 1, made
    assert balance(w) == before - 500, (before, balance(w))
    w.check_books()


def balance(w):
    text = w.ok("balance", "--json").json["balance_cpt"]
    whole, _, part = text.partition(".")
    return int(whole) * 1000 + int(part.ljust(3, "0") or 0)


def stop(w, crash=None):
    """Stop a task that runs, and forget it."""
    _, task_id = w.submit(w.task_name(), "echo first; exec sleep 600")
    until("it to run", lambda: w.running(task_id), 40)
    w.ok("stop", task_id, crash=crash)
    w.wait(task_id, code=1)
    until("it to settle", lambda: w.redis("HGET", f"task:{task_id}", "settled") == "1", 30)
    told = w.ok("status", task_id, "--json").json
    assert told["state"] == "STOPPED", told
    w.check_settled_once(task_id)
    w.check_worker_clean()
    forget(w, task_id)
    w.check_books()


def leave(w, crash=None):
    """A worker is stopped in the middle of a task, which goes back; it returns."""
    name = w.task_name()
    data, task_id = w.submit(name, "echo first; [ $HIVEMIND_ATTEMPT -gt 1 ] || sleep 600; cp data out/copy")
    until("it to run", lambda: w.running(task_id), 40)
    w.restart("worker")
    w.wait(task_id)
    finish(w, task_id)


def lost(w, crash=None):
    """A worker goes without a word for longer than the pool waits, and returns; or the pool dies in the midst of it."""
    name, pool = w.task_name(), w.parts["pool"]
    before = pool.killed
    data, task_id = w.submit(name, "echo first; [ $HIVEMIND_ATTEMPT -gt 1 ] || sleep 600; cp data out/copy")
    until("it to run", lambda: w.running(task_id), 40)
    with w.lock:
        w.parts["worker"].kill()
    until("the pool to take it away", lambda: pool.killed > before or
          w.ok("status", task_id, "--json").json["state"] == "PENDING", 30)
    w.parts["worker"].start()
    w.wait(task_id)
    finish(w, task_id)


def finish_with(w, data, task_id, name):
    """Its result is what it should be, and then nothing of it is left."""
    w.wait(task_id)
    w.check_result(task_id, data, name)
    finish(w, task_id)


HELD = "echo first; cp data out/copy; until [ -e go ]; do sleep 0.05; done; echo second"  # until go_on()


def held(w, name):
    """A task that runs, and does not end before go_on()."""
    data, task_id = w.submit(name, HELD)
    until("it to run", lambda: w.running(task_id), 40)
    return data, task_id


def go_on(w, task_id):
    for work in (w.worker_data / "scratch").glob(f"{task_id}-*/work"):
        (work / "go").touch()


def adopted(w, **env):
    """The worker dies while a container runs, and is started again before that has ended, or after."""
    name, worker = w.task_name(), w.parts["worker"]
    ends = ".ended" in env.get("HIVEMIND_CRASH", "")
    data, task_id = held(w, name)
    before, ready = worker.killed, worker.said(READY)
    w.kill("worker", lambda: not ends or go_on(w, task_id) or w.has_exited(), **env)
    until("it to be adopted, or its worker to die", lambda: w.failure() or worker.killed > before or
          worker.said(READY) > ready, 40)
    go_on(w, task_id)
    finish_with(w, data, task_id, name)


def kept(w, **env):
    """A result that no pool takes for a while."""
    name, worker = w.task_name(), w.parts["worker"]
    before = worker.killed
    w.restart("worker", **env)
    worker.wait_up()
    data, task_id = held(w, name)
    with w.lock:
        w.parts["pool"].kill()
    go_on(w, task_id)
    until("the result to be on the disk", lambda: list((w.worker_data / "transit").glob("*.result")), 20)
    passed = time.monotonic() + 3  # the worker looks after it each second, and brings it to the disk when it is a second old
    until("it to die of that, or not", lambda: w.failure() or worker.killed > before or time.monotonic() > passed)
    w.parts["pool"].start()
    finish_with(w, data, task_id, name)
    assert worker.killed - before <= 1, "it died once for each time it was to die"


def stuck(w, **env):
    """The worker stands still for longer than the pool waits: its supervisor pauses and kills what runs."""
    name = w.task_name()
    w.kill("worker", **env)
    w.parts["worker"].wait_up()
    data, task_id = w.submit(name, "echo first; [ $HIVEMIND_ATTEMPT -gt 1 ] || sleep 600; cp data out/copy; echo second")
    until("it to run", lambda: w.running(task_id), 40)
    pid = w.parts["worker"].process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        until("the pool to take it away", lambda: w.ok("status", task_id, "--json").json["state"] == "PENDING", 30)
    finally:
        os.kill(pid, signal.SIGCONT)
    w.wait(task_id)
    finish(w, task_id)


def orphaned(w, **env):
    """The worker dies with a container that runs, and its supervisor at the sight of it."""
    name = w.task_name()
    w.kill("worker", **env)
    w.parts["worker"].wait_up()
    data, task_id = held(w, name)
    w.kill("worker")
    go_on(w, task_id)
    finish_with(w, data, task_id, name)


def takeover(w, **env):
    """A second pool stands by, the first dies in the midst of a task, and the second at the way to its place."""
    name, second = w.task_name(), w.parts["standby"]
    before, led, killed = second.said("stands by"), second.said("pool ready on"), second.killed
    second.start(**env)
    until("it to stand by, or die", lambda: w.failure() or second.said("stands by") > before, 20)
    data, task_id = held(w, name)
    w.kill("pool", lambda: second.said("pool ready on") > led or second.killed > killed)
    go_on(w, task_id)
    finish_with(w, data, task_id, name)
    with w.lock:
        second.stop()
    w.parts["pool"].wait_up()
    w.ok("ps")


def send(w, path, tar):
    """From where the pool has it; is it all there?"""
    told = w.ask("GET", path)
    there = json.loads(told[1]) if told else {"offset": 0, "complete": False}
    if told and not there["complete"]:
        w.ask("PATCH", path, tar[there["offset"]:], **{"Content-Type": "application/x-tar", "Upload-Offset": str(there["offset"])})
    return there["complete"]


def pages(w, **env):
    """Submit, run and fetch through the JSON API; whoever asked asks again with the same key."""
    name, master, data = w.task_name(), w.parts["master"], os.urandom(300 * 1024)
    (w.path / "api-key").unlink(missing_ok=True)
    w.master_port = hive.free_port()
    master.start(**env)
    master.wait_up()
    folder = hive.bundle(w.path / "bundles" / name, {"data": data, "run.sh": "cp data out/copy"})
    tar = subprocess.run(["tar", "--format=ustar", "-cf-", "-C", folder, "data", "run.sh"], capture_output=True, check=True).stdout
    sha256 = hashlib.sha256(tar).hexdigest()
    bundle = {"sha256": sha256, "bytes": len(tar)}
    until("the bundle to be there", lambda: w.failure() or send(w, f"/bundles/{sha256}?bytes={len(tar)}", tar), 40)
    manifest = {"hivemind": 1, "command": ["sh", "run.sh"]}
    wanted = {"name": name, "bundle": bundle, "manifest": manifest}
    task_id = json.loads(w.asked("POST", "/tasks", wanted, **{"Idempotency-Key": name}))["id"]
    mine = [t["id"] for t in json.loads(w.asked("GET", "/tasks"))["tasks"] if t["name"] == name]
    assert len(mine) == 1 and mine[0].startswith(task_id), f"one submission made the tasks {mine}"
    w.wait(mine[0])
    result = w.asked("GET", f"/tasks/{mine[0]}/result")
    copy = subprocess.run(["tar", "-xOf-", "out/copy"], input=result, capture_output=True)
    assert copy.stdout == data, f"the result has {len(copy.stdout)} bytes: {copy.stderr}"
    finish(w, mine[0])
    with w.lock:
        master.stop()


def register(w, crash=None):
    """An account is made; whoever asked asks again with the same id."""
    name, call = w.task_name(), stock.call_id()
    client = stock.Client(w)
    request = stock.pb.RegisterRequest(name=name, password="correct horse", call_id=call, invitation=w.invitation(name))
    session = until("the account", lambda: attempt(lambda: client.accounts.Register(request, timeout=5)), 30)
    client.close()
    assert session.token and len([r for r in w.records() if r[1] == f"gift:{session.account.id}" or
                                  (r[2] in ("gift", "grant") and f"user:{session.account.id}" in r)]) == 1, w.records()[-3:]
    w.check_books()


def attempt(call):
    try:
        return call()
    except stock.grpc.RpcError as error:
        if error.code() in (stock.grpc.StatusCode.UNAVAILABLE, stock.grpc.StatusCode.CANCELLED):
            return None
        raise


def down(w, crash=None):
    """The pool is told to end while a task runs, and returns."""
    _, task_id = held(w, w.task_name())
    w.restart("pool")
    go_on(w, task_id)
    w.wait(task_id)
    finish(w, task_id)


def sweep(w, crash=None):
    """Blobs that nobody names any more are deleted, whoever died in between."""
    before = set(w.blobs())
    task_id = w.run_task(w.task_name())
    fresh = set(w.blobs()) - before
    assert len(fresh) == 2, fresh
    forget(w, task_id)
    for blob in fresh:
        w.redis("ZADD", "unused", "1", blob.name)
    w.parts["pool"].wait_up()
    other = w.run_task(w.task_name())
    forget(w, other)
    until("Redis to forget them", lambda: not any(w.redis("EXISTS", f"blob:{b.name}") == "1" for b in fresh), 20)
    w.check_books()


# Scene, part, and how it comes to die, by the beginning of a point's name; the longest that fits counts.
#   starts    it is started with the order to die, before the scene
#   returns   the scene does that
#   spoken    the same, and nobody here is its parent
WAYS = {
    "client.": (task, None, None), "client.gift.": (gift, None, None),
    "pool.": (task, "pool", "starts"), "pool.register.": (register, "pool", "starts"), "pool.gift.": (gift, "pool", "starts"),
    "pool.stop.": (stop, "pool", "starts"), "pool.remove.": (stop, "pool", "starts"), "pool.stop": (down, "pool", "starts"),
    "pool.stop.done": (stop, "pool", "starts"), "pool.tick.": (slow, "pool", "starts"), "pool.loss.": (lost, "pool", "starts"),
    "pool.return.": (leave, "pool", "starts"), "pool.sweep.": (sweep, "pool", "starts"),
    "pool.lead.": (takeover, "standby", "returns"), "pool.standby.": (takeover, "standby", "returns"),
    "pool.lead.resign": (down, "pool", "starts"),
    "worker.": (task, "worker", "starts"), "worker.give-back.": (leave, "worker", "starts"),
    "worker.leave.": (leave, "worker", "starts"), "worker.kept.": (kept, "worker", "returns"),
    "worker.restore.": (adopted, "worker", "returns"), "worker.adopt.": (adopted, "worker", "returns"),
    "supervisor.": (stuck, "worker", "spoken"), "supervisor.alone": (orphaned, "worker", "spoken"),
    "master.": (pages, "master", "returns"),
}


def way_of(point):
    return WAYS[max((start for start in WAYS if point.startswith(start)), key=len)]
