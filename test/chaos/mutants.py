"""A checker that cannot fail is worth nothing: each of these bugs, seeded on purpose, must turn something red.

Copies of the tree are changed by one line each, built (only what the line concerns is compiled again) and given to the check
that is named: a short chaos run, a figure, a unit test, an end-to-end test. Every check must be green before, in the unchanged
copy."""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANES = 2


def chaos(kinds="", faults=0, tasks=150, seconds=12, workers=6):
    return ("chaos", f"KINDS={kinds}", f"FAULTS={faults}", f"TASKS={tasks}", f"SECONDS={seconds}", f"WORKERS={workers}",
            "SEED=11", "QUIET=45")


CALM = chaos()
DETECT = ("figure", "detect", "4", "40")
DRAIN = ("figure", "drain", "4", "4")
MOVES = ("unit", "store/store_move")
# Name, file, what stands there, what shall stand there, the check that must notice.
BUGS = [
    ("done: no epoch check", "store/script/done.lua", "if now[2] ~= epoch or now[3] ~= worker then", "if false then", MOVES),
    ("done: any worker's", "store/script/done.lua", "if now[2] ~= epoch or now[3] ~= worker then", "if now[2] ~= epoch then", MOVES),
    ("done: a result that is not here", "store/script/done.lua", "if result ~= '' and redis.call('EXISTS'",
     "if false and redis.call('EXISTS'", MOVES),
    ("done: takes STOPPED back", "store/script/done.lua", "	if state == STOPPED then\n", "	if false then\n", MOVES),
    ("requeue: no epoch check", "store/script/requeue.lua", "	if now[2] ~= epoch then", "	if false then", MOVES),
    ("lease: the same epoch again", "store/script/lease.lua", "'epoch', epoch + 1,", "'epoch', epoch,", MOVES),
    ("lease: also of what runs", "store/script/lease.lua", "if state ~= PENDING or current ~= epoch then", "if false then", MOVES),
    ("lease: stays in the queue", "store/script/lease.lua", "	redis.call('ZREM', KEYS[1], task)\n", "", MOVES),
    ("submit: no dedupe", "store/script/submit.lua", "if answer then", "if false then", CALM),
    ("submit: other content, same id", "store/script/submit.lua", "if other then", "if false then", CALM),
    ("settle and refund both", "store/script/ledger.lua", "'settled', 1, 'charged_mcpt'", "'charged_mcpt'", ("unit", "store/ledger_model")),
    ("requeue: pending money is kept", "store/script/requeue.lua", "	if record then\n", "	if false then\n", ("unit", "store/ledger_model")),
    ("blobs: reply before fsync", "store/blob.c", "int rc = fsync(fd), e = errno;", "int rc = fd < 0, e = errno;",
     ("unit", "store/blob")),
    ("blobs: any hash", "store/blob_writer.c", "if (strcmp(hex, w->sha256) != 0)", "if (hex[0] == '-')", ("unit", "store/blob")),
    ("Redis: weaker fsync of ours", "store/redis_child.c", '"--appendfsync", "always",', '"--appendfsync", "everysec",',
     ("unit", "store/redis_child")),
    ("Redis: weaker fsync of others", "store/store.c", '	{"appendfsync", "always"},\n', "",
     ("e2e", "test_faults.py", "weak_durability")),
    ("leader: no fence", "store/script/fence.lua", "~= ARGV[#ARGV] then", "== 'nobody' then", ("e2e", "test_leader.py", "that_slept")),
    ("silent workers are never lost", "roles/silence.c", ">= LOST_AFTER_MS) {", ">= 1000 * LOST_AFTER_MS) {", DETECT),
    ("heartbeats do not count", "roles/pool_link.c", "	pool_worker_beat(l->call.pool, l->worker);\n	ack.seq", "	ack.seq", CALM),
    ("heartbeats are not acknowledged", "roles/pool_link.c", "	ack.seq = beat->seq;\n", "	ack.seq = 0;\n",
     ("e2e", "test_pool_api.py", "acknowledged_by")),
    ("KEEP for what is another's", "roles/pool_link.c", "		word = PB__VERDICT__WORD__KILL;\n", "		word = PB__VERDICT__WORD__KEEP;\n",
     ("e2e", "test_pool_api.py", "test_a_link_that_breaks_loses_nothing")),
    ("the worker ignores KILL", "roles/worker_link.c", "		attempt_lose(a, NULL);\n", "",
     ("e2e", "test_fencing.py", "no_longer_its_own")),
    ("what was given up stays named", "roles/worker_link.c", "	if (l->stale)\n", "	if (false)\n",
     ("e2e", "test_fencing.py", "given_up_while")),
    ("a lease is said again", "roles/pool_link.c", "		if (t->hold == HOLD_HELD && !names(hello, t))\n",
     "		if (t->hold == HOLD_HELD && !names(hello, t) && t->phase == PHASE_ASSIGNED)\n			link_send_lease(l->worker, t);\n"
     "		else if (t->hold == HOLD_HELD && !names(hello, t))\n", ("e2e", "test_pool_api.py", "comes_back_without")),
    ("as many attempts, so the same ones", "roles/pool_link.c", "		if (t == NULL)\n			link_send_verdict",
     "		if (t == NULL && beat->n_attempts > l->worker->task_count)\n			link_send_verdict",
     ("e2e", "test_pool_api.py", "not_its_own")),
    ("no pause, no kill", "exec/leash.c", "	if (now_ms >= begins(f, LEASH_KILL, late_ms))\n",
     "	if (now_ms >= 0)\n		return LEASH_RUN;\n	if (now_ms >= begins(f, LEASH_KILL, late_ms))\n", DETECT),
    ("the supervisor looks on", "exec/supervisor.c", "if (stage == LEASH_RUN || is_dead(s, i))", "if (stage >= LEASH_RUN)", DETECT),
    ("a deaf worker takes tasks", "roles/worker_link.c", "is_deaf(l) ? ", "l->seq == 0 ? ", DETECT),
    ("patience with the engine ends late", "proto/limits.h", "ENGINE_SILENT_MS LOST_AFTER_MS ",
     "ENGINE_SILENT_MS (LOST_AFTER_MS + 2000) ", DETECT),
    ("what is given back rests", "roles/pool_link.c", "l->worker->not_ready[0] == '\\0');", "true);", DRAIN),
    ("what has ended is started", "exec/job_adopt.c", '|| strcmp(status, "configured") == 0) {',
     '|| strcmp(status, "exited") == 0) {', ("e2e", "test_adopt.py", "ended_while_the_worker")),
    ("containers stay", "exec/job_end.c", "	if (m->created || m->image.loaded)\n", "	if (m->image.loaded)\n", CALM),
    ("137 is the task's own fault", "exec/outcome.c", "if (e->engine_away && (e->exit_code == EXIT_UNSEEN || is_signal(e))) {", "if (false) {",
     chaos("kill engine", faults=12, tasks=300)),
    ("another attempt's result", "roles/attempt_result.c", "text_copy(a->upload.sha256, sizeof a->upload.sha256, a->packed.sha256);",
     "text_copy(a->upload.sha256, sizeof a->upload.sha256, a->bundle_sha256);", CALM),
]


class Lane:
    """A copy of the tree, built."""

    def __init__(self, path):
        self.tree = path
        shutil.copytree(ROOT, path, symlinks=True, ignore=shutil.ignore_patterns("san", ".git", "fuzz", "node"))

    def make(self, *targets):
        return subprocess.run(["make", "-s", "all", "build/test/chaos/engine", "build/test/chaos/proxy", "build/test/chaos/clock.so",
                               *targets], cwd=self.tree,
                              capture_output=True, text=True)

    def run(self, check):
        """(red?, what it said last)"""
        kind, *words = check
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CHAOS_", "HIVEMIND_"))}
        if kind == "chaos":
            env |= {f"CHAOS_{k}": v for k, v in (word.split("=", 1) for word in words)}
            argv = ["test/chaos/run"]
        elif kind == "figure":
            argv = ["test/chaos/run", *words]
        elif kind == "unit":
            done = self.make(f"build/test/{words[0]}")
            if done.returncode != 0:
                raise RuntimeError(done.stderr[-800:])
            argv = [f"build/test/{words[0]}"]
        else:
            argv = ["/usr/bin/python3", "-m", "pytest", "-q", f"test/e2e/{words[0]}", "-k", words[1]]
        try:
            done = subprocess.run(argv, cwd=self.tree, env=env, capture_output=True, text=True, timeout=400)
        except subprocess.TimeoutExpired:
            return True, "it did not end"
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        told = [line.strip() for line in lines if "WRONG" in line or "ERROR" in line or "FAILED" in line or "Error" in line]
        return done.returncode != 0, (told or lines or [""])[-1][:110]

    def is_green(self, check):
        """Without a bug; figures are held against the clock, so on a machine that is busy they may need a second try."""
        red, said = self.run(check)
        return self.run(check) if red else (red, said)

    def try_bug(self, bug):
        name, file, old, new, check = bug
        path = self.tree / file
        text = path.read_text()
        if text.count(old) != 1:
            return None, f"{file} has not this once: {old}"
        path.write_text(text.replace(old, new))
        try:
            done = self.make()
            return self.run(check) if done.returncode == 0 else (None, f"it does not build: {done.stderr[-300:]}")
        finally:
            path.write_text(text)


def bugs(*names):
    """Seed each; 0 when every one was noticed. Words choose those whose name has one of them in it."""
    chosen = [bug for bug in BUGS if not names or any(name in bug[0] for name in names)]
    base = pathlib.Path(tempfile.mkdtemp(prefix="hm-bugs-"))
    lanes = [Lane(base / str(i)) for i in range(LANES)]
    idle, lock = list(lanes), threading.Lock()

    def with_lane(work, what):
        with lock:
            lane = idle.pop()
        began = time.monotonic()
        try:
            return what, *work(lane, what), time.monotonic() - began
        finally:
            with lock:
                idle.append(lane)

    def all_of(work, things):
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            yield from (job.result() for job in concurrent.futures.as_completed([pool.submit(with_lane, work, t) for t in things]))

    for lane in lanes:
        lane.make()
    wrong = 0
    for check, red, said, seconds in all_of(Lane.is_green, sorted({bug[4] for bug in chosen})):
        wrong += red
        print(f"{'RED   ' if red else 'green '} without a bug    {' '.join(check)} {said if red else ''} ({seconds:.0f} s)", flush=True)
    survived = 0
    for bug, red, said, seconds in all_of(Lane.try_bug, chosen if not wrong else []):
        survived += not red
        print(f"{'seen  ' if red else 'MISSED'} {bug[0]:<34} {bug[4][0]} {bug[4][1] if bug[4][0] != 'chaos' else ''}  {said} "
              f"({seconds:.0f} s)", flush=True)
    shutil.rmtree(base, ignore_errors=True)
    print(f"{len(chosen) - survived} of {len(chosen)} seeded bugs were noticed" if not wrong else "the checks are not green without a bug")
    return wrong or survived
