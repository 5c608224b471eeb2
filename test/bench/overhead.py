"""What HiveMind adds to a container: from lease to result stored, less the engine's own create, start, wait and remove of the
same container, done raw in the same run. Rounds of both alternate; medians of 30."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "e2e"))
import hive  # noqa: E402

ROUNDS, BATCH = 30, 10
COMMAND = ["cp", "data", "out/data"]


def raw(docker, work):
    (work / "out" / "data").unlink(missing_ok=True)
    done = subprocess.run([ROOT / "build/test/bench/raw_container", f"unix:{docker.socket}", work, str(BATCH), "--", *COMMAND],
                          capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def ours(h, source):
    times = []
    for _ in range(BATCH):
        task = h.submit(source)
        h.ok("wait", task)
        told = h.status(task)
        times.append(hive.milliseconds(told["ended"]) - hive.milliseconds(told["assigned"]))
    return times


def main():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-bench-"))
    data = os.urandom(10 * 1024)
    source = hive.bundle(path / "b", {"data": data}, {"command": COMMAND})
    work = hive.bundle(path / "w" / "work", {"data": data, "out/none": b""})
    os.chown(work / "out", 200000, 200000)
    raw_ms, our_ms = [], []
    with hive.Dockerd(path / "docker") as docker, hive.Hive(path / "hive", docker, workers=1) as h:
        ours(h, source)
        for _ in range(ROUNDS // BATCH):
            raw_ms += raw(docker, work)
            our_ms += ours(h, source)
    hive.remove(path)
    r, o = statistics.median(raw_ms), statistics.median(our_ms)
    print(f"engine alone   create, start, wait, remove     median {r:7.1f} ms of {len(raw_ms)}")
    print(f"hivemind       lease to result stored          median {o:7.1f} ms of {len(our_ms)}")
    print(f"overhead                                              {o - r:7.1f} ms   (bar: 15 ms)")


main()
