"""Many tasks at once: each exactly once, never more than a worker offers, nothing left behind."""
import json
import threading
import time

import hive
from hive import script, until


def reserved_and_offered(h):
    for worker in h.ok("workers", "--json").json["workers"]:
        for part in ("cpus", "memory"):
            yield worker["name"], part, worker[part]["used"], worker[part]["offered"]


def test_two_hundred_tasks_on_two_workers_each_run_once(own_hive, docker, tmp_path):
    h = own_hive(workers=2)
    source = script(tmp_path / "b", "echo $HIVEMIND_TASK_ID $HIVEMIND_ATTEMPT; echo $N > out/n", name="one-of-many",
                    resources={"cpus": 0.25, "memory": "32MiB"})
    ids = {}
    for n in range(200):
        ids[h.submit(source, "--env", f"N={n}")] = n
    over = []
    deadline = time.monotonic() + 180 * hive.SLOW
    while time.monotonic() < deadline:
        over += [entry for entry in reserved_and_offered(h) if entry[2] > entry[3]]
        if not h.ok("ps", "-q").out.strip() or h("wait", *list(ids)[-5:], "--timeout", "1s").code != 7:
            if h("wait", *ids, "--timeout", "1s").code == 0:
                break
    assert not over
    assert h("wait", *ids, "--timeout", "60s").code == 0
    for task, n in ids.items():
        told = h.status(task)
        assert (told["state"], told["epoch"]) == ("COMPLETED", 1), told
    sample = list(ids)[::20]
    for task in sample:
        words = h.ok("logs", task).out.split()
        assert words == [f"{task}.1", "1"]
        h.ok("get", task, "-o", tmp_path / task)
        assert (tmp_path / task / "out" / "n").read_text() == f"{ids[task]}\n"
    until("the engine to be clean", lambda: docker.leftovers() == {"containers": [], "images": [], "volumes": []}, 30)


def test_a_line_is_in_the_followed_log_within_200_ms(shared_hive, tmp_path):
    text = "for i in $(seq 60); do cut -d' ' -f1 /proc/uptime; sleep 0.1; done"  # hundredths of a second since boot
    task = shared_hive.submit(script(tmp_path / "b", text))
    follower = hive.subprocess.Popen([hive.BIN, "logs", "-f", task], env=shared_hive.env, stdout=hive.subprocess.PIPE,
                                     text=True)
    late = sorted((time.clock_gettime(time.CLOCK_BOOTTIME) - float(line)) * 1000 for line in follower.stdout)
    assert follower.wait(20) == 0
    assert len(late) == 60
    p95 = late[int(len(late) * 0.95) - 1]
    print(f"log latency: median {late[30]:.1f} ms, p95 {p95:.1f} ms, max {late[-1]:.1f} ms")
    assert p95 < 200 * hive.SLOW


def test_an_idle_pool_and_worker_are_small(own_hive):
    h = own_hive(workers=1)
    if hive.SLOW > 1:
        return  # the figure is for the product, not for its sanitized twin
    pool, worker = hive.rss_kib(h.pid("pool"))[0], hive.rss_kib(h.pid("worker-1"))[0]
    print(f"idle: pool {pool} KiB, worker {worker} KiB")
    assert pool < 8 * 1024
    assert worker < 16 * 1024
