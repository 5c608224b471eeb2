"""A short run of test/chaos: every kind of part dies, stops and is cut off while tasks run, and then nothing is wrong. `make chaos`
runs longer; the seed that is printed replays a run."""
import os
import subprocess

import hive

SECONDS = int(os.environ.get("CHAOS_SECONDS", 30))


def test_nothing_is_lost_and_nothing_runs_twice_whatever_dies():
    bounds = {"CHAOS_SECONDS": SECONDS, "CHAOS_TASKS": 10 * SECONDS, "CHAOS_FAULTS": SECONDS, "CHAOS_WORKERS": 6}
    env = {k: v for k, v in os.environ.items() if not k.startswith("HIVEMIND_TOKEN")}
    env = env | {k: os.environ.get(k, str(v)) for k, v in bounds.items()} | {"HIVEMIND_BIN": hive.BIN}
    done = subprocess.run([hive.ROOT / "test/chaos/run"], env=env, capture_output=True, text=True, timeout=(SECONDS + 300) * hive.SLOW)
    assert done.returncode == 0, done.stdout + done.stderr
