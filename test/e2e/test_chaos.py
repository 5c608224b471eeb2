"""Some minutes of test/chaos: every kind of part dies, stops and is cut off while tasks run, and then nothing is wrong. It mostly
waits, so that other tests run beside it; `make chaos` does more at once, and longer. The seed that is printed replays a run."""
import os
import subprocess

import pytest

import hive

SECONDS = int(os.environ.get("CHAOS_SECONDS", 30 if hive.SANITIZED else 300))


@pytest.fixture
def run():
    """What it found is an error of this fixture, and so final for test/run-e2e: a second try would be another run."""
    bounds = {"CHAOS_SECONDS": SECONDS, "CHAOS_TASKS": 6 * SECONDS, "CHAOS_FAULTS": SECONDS * 7 // 10, "CHAOS_WORKERS": 6}
    env = {k: v for k, v in os.environ.items() if not k.startswith("HIVEMIND_TOKEN")}
    env = env | {k: os.environ.get(k, str(v)) for k, v in bounds.items()} | {"HIVEMIND_BIN": hive.BIN}
    done = subprocess.run([hive.ROOT / "test/chaos/run"], env=env, capture_output=True, text=True, timeout=SECONDS + 600 * hive.SLOW)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_nothing_is_lost_and_nothing_runs_twice_whatever_dies(run):
    assert "chaos: 0 wrong" in run
