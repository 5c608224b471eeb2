"""What is done while something dies, and which crash point lies on the way of what."""
import hive
import stock
from hive import until


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
    _, task_id = w.submit(w.task_name(), "echo first; sleep 0.5; echo second; cp data out/copy")
    until("it to run", lambda: w.running(task_id), 40)
    with w.lock:
        w.parts["pool"].stop()
        w.parts["pool"].killed += w.parts["pool"].process.popen.returncode == -9
        w.parts["pool"].start()
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


# Scene and part, by the beginning of a point's name; the longest that fits counts.
WAYS = {
    "client.": (task, None), "client.gift.": (gift, None),
    "pool.": (task, "pool"), "pool.register.": (register, "pool"), "pool.gift.": (gift, "pool"),
    "pool.stop.": (stop, "pool"), "pool.remove.": (stop, "pool"), "pool.stop": (down, "pool"), "pool.stop.done": (stop, "pool"),
    "pool.tick.": (slow, "pool"), "pool.loss.": (lost, "pool"),
    "pool.return.": (leave, "pool"), "pool.sweep.": (sweep, "pool"),
    "worker.": (task, "worker"),
}


def way_of(point):
    return WAYS[max((start for start in WAYS if point.startswith(start)), key=len)]
