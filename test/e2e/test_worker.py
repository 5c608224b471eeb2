"""The worker on its own: its engine goes and comes, it floods, it dies, it is stopped; and dev and demo around it."""
import os
import pathlib
import pty
import signal
import socket
import tempfile
import time

import pytest

import hive
from hive import script, until


def worker_states(h):
    return {w["name"]: (w["state"], w.get("not_ready") or "") for w in h.ok("workers", "--json").json["workers"]}


def live_children(pid):
    """Every process below pid: it, its children, theirs."""
    found, todo = set(), [pid]
    parents = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    while todo:
        todo += [child for child in parents.get(todo.pop(), []) if not found.add(child)]
    return found


def gone(pid):
    """Ended; a zombie that nobody has waited for counts as ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def test_without_an_engine_it_stays_and_says_what_to_do(own_hive, tmp_path):
    h = own_hive(workers=1, options=["--docker", f"unix:{tmp_path}/nothing.sock"])
    state, why = worker_states(h)["worker-1"]
    assert state == "not ready" and "no container engine answers" in why
    assert "apt-get install" in h.log() + (h.data / "log" / "worker-1.log").read_text()
    task = h.submit(script(tmp_path / "b", "echo ran"))
    assert h.status(task)["state"] == "PENDING"


def test_an_engine_of_its_own_that_dies_is_started_anew(own_hive, tmp_path):
    h = own_hive(workers=1, options=["--docker", f"unix:{tmp_path}/nothing.sock"])
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-e-"))
    process = hive.Process([hive.BIN, "worker", "--join", h.env["HIVEMIND_POOL"], "--data", path / "w", "--name", "guest"],
                           path / "log", h.env | {"DOCKER_HOST": ""})
    log = lambda: process.log.read_text()  # noqa: E731
    until("it to be ready", lambda: "guest ready:" in log(), 30)
    for child in live_children(process.pid):
        os.kill(child, signal.SIGKILL)
    until("it to be ready again", lambda: log().count("guest ready:") == 2, 30)
    task = h.submit(script(tmp_path / "b", "echo ran"))
    assert h("wait", task, timeout=60).code == 0
    assert process.end() == 0
    assert not [line for line in open("/proc/mounts") if str(path) in line]
    hive.remove(path)


def test_a_flood_of_output_keeps_head_and_tail_and_the_worker_small(own_hive, tmp_path):
    h = own_hive(workers=1)
    worker = h.pid("worker-1")
    hive.reset_peak(worker)
    before = hive.rss_kib(worker)[0]
    text = "echo first; yes 'all work and no play' | head -c 104857600; echo last"
    task = h.submit(script(tmp_path / "b", text))
    assert h("wait", task, timeout=120).code == 0
    peak = hive.rss_kib(worker)[1]
    print(f"100 MiB printed: worker {before} KiB, peak {peak} KiB")
    told = h.ok("logs", task, text=False)
    out, err = told.out, told.err
    assert out.startswith(b"first\n") and out.endswith(b"last\n")
    assert 4 << 20 <= len(out) < 6 << 20
    assert b"left out" in out + err
    if hive.SLOW == 1:
        assert peak - before < 16 * 1024


def test_a_killed_worker_that_is_started_again_loses_no_task_and_leaves_nothing(own_hive, docker, tmp_path):
    h = own_hive(workers=1)
    task = h.submit(script(tmp_path / "b", "sleep 3"))
    until("a container", lambda: any(task in name for name in docker.containers()), 20)
    os.kill(h.pid("worker-1"), signal.SIGKILL)
    assert h("wait", task, timeout=60).code == 0
    assert h.status(task)["epoch"] == 1
    until("no container", lambda: not docker.containers(), 20)
    until("no scratch directory", lambda: not list((h.data / "worker-1" / "scratch").iterdir()), 20)
    assert not list((h.data / "worker-1" / "transit").iterdir())


def test_a_stopped_worker_gives_its_task_back_and_exits_0(own_hive, docker, tmp_path):
    h = own_hive(workers=1)
    process = hive.Process([hive.BIN, "worker", "--join", h.env["HIVEMIND_POOL"], "--data", tmp_path / "w", "--name", "guest",
                            "--cpus", "1", "--docker", f"unix:{docker.socket}"], tmp_path / "log", h.env)
    until("it to be ready", lambda: "guest ready:" in process.log.read_text(), 20)
    tasks = [h.submit(script(tmp_path / "b", "[ $HIVEMIND_ATTEMPT -gt 1 ] || sleep 600")) for _ in range(3)]
    mine = until("one on the guest", lambda: [t for t in tasks if (h.status(t)["worker"] or {}).get("name") == "guest"
                                              and h.status(t)["phase"] == "EXECUTING"], 20)
    began = time.monotonic()
    assert process.end() == 0
    assert time.monotonic() - began < 5 * hive.SLOW
    until("no container of it", lambda: not any(mine[0] in name for name in docker.containers()
                                                if name.endswith("-1")), 5)
    assert not list((tmp_path / "w" / "scratch").iterdir())
    for task in tasks:
        h("stop", task)


def test_two_workers_do_not_share_a_directory(shared_hive):
    folder = shared_hive.data / "worker-1"
    done = hive.command("worker", "--join", shared_hive.env["HIVEMIND_POOL"], "--data", folder, env=shared_hive.env,
                        timeout=20)
    assert done.code != 0
    assert "another worker uses" in done.err and "--data" in done.err


def test_a_worker_without_a_login_says_how(tmp_path):
    done = hive.command("worker", "--join", "127.0.0.1:1", "--data", tmp_path / "w", env=hive.environment(HOME=tmp_path),
                        timeout=20)
    assert done.code in (3, 4)
    assert "hivemind login --pool 127.0.0.1:1" in done.err


def test_on_a_terminal_a_worker_asks_who_its_owner_is(shared_hive, docker, tmp_path):
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    pool = shared_hive.env["HIVEMIND_POOL"]
    made = hive.command("register", "volunteer", "--password-file", password, "--pool", pool,
                        env=hive.environment(HOME=tmp_path / "elsewhere"))
    assert made.code == 0, made
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(hive.BIN, ["hivemind", "worker", "--join", pool, "--data", str(tmp_path / "w"), "--name", "asked",
                             "--docker", f"unix:{docker.socket}"], hive.environment(HOME=tmp_path, TERM="dumb"))
    seen = b""
    for wanted, answer in ((b"ame", b"volunteer\n"), (b"assword", b"correct horse\n"), (b"asked ready:", b"\x03")):
        while wanted not in seen:
            seen += os.read(terminal, 1000)
        seen = seen.split(wanted, 1)[1]
        os.write(terminal, answer)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


@pytest.mark.parametrize("words", [["--cpus", "200%"], ["--cpus", "many"], ["--memory", "900TiB"], ["--disk", "0"]])
def test_it_cannot_lend_what_it_does_not_have(tmp_path, words):
    done = hive.command("worker", "--join", "127.0.0.1:1", "--data", tmp_path / "w", *words,
                        env=hive.environment(HOME=tmp_path, HIVEMIND_TOKEN="hm_x"), timeout=20)
    assert done.code == 2
    assert words[0] in done.err


def test_children_end_when_dev_is_killed(docker):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-kill-"))
    h = hive.Hive(path, docker, workers=2)
    h.__enter__()
    children = live_children(h.process.pid)
    assert len(children) >= 4  # pool, its Redis, two workers
    h.process.popen.kill()
    h.process.popen.wait()
    until("the children to end", lambda: all(gone(pid) for pid in children), 20)
    # A new dev in the same place takes over what is left.
    (h.data / "env").unlink()
    h.__enter__()
    h.end()
    hive.remove(path)


def test_dev_takes_the_next_port_when_its_own_is_in_use(docker):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-port-"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        env = hive.environment(HOME=path, DOCKER_HOST=docker.host)
        process = hive.Process([hive.BIN, "dev", "--data", path / "dev", "--listen", f"127.0.0.1:{port}", "--workers", "1"],
                               path / "log", env)
        until("dev", (path / "dev" / "env").exists, 60)
        assert f"{port} is in use" in process.log.read_text()
        assert f":{port}'" not in (path / "dev" / "env").read_text()
    assert process.end(40) == 0
    assert not (path / "dev").exists()
    hive.remove(path)


def test_the_demo_is_right_and_leaves_nothing(docker):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-d-"))
    env = hive.environment(HOME=path, TMPDIR=path, DOCKER_HOST=docker.host)
    done = hive.command("demo", env=env, timeout=120)
    assert done.code == 0, done
    assert "Answer: 148933   expected 148933   correct" in done.out
    owner, lender, everything = done.out.rstrip().splitlines()[-3:]
    spent = owner.split("spent ")[1]
    assert owner.startswith("  dev, ") and lender.startswith("  lender, ") and lender.endswith(f"earned {spent}")
    assert float(spent) >= 0.08 and everything == "  all there is: 1,000,000,000,000, unchanged"
    assert "Where time went" in done.out
    assert not docker.containers()
    assert [p for p in path.iterdir() if p.name.startswith("hivemind-")] == []
    hive.remove(path)


def test_the_demo_starts_an_engine_of_its_own_when_there_is_none(tmp_path):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-p-"))
    env = hive.environment(HOME=path, TMPDIR=path)
    done = hive.command("demo", env=env, timeout=120)
    assert done.code == 0, done
    assert "expected 148933   correct" in done.out
    assert not [line for line in open("/proc/mounts") if str(path) in line]
    assert [p for p in path.iterdir() if p.name.startswith("hivemind-")] == []
    hive.remove(path)


def test_doctor_says_what_is_here_and_what_to_do(docker, tmp_path):
    env = hive.environment(HOME=tmp_path)
    good = hive.command("doctor", "--docker", f"unix:{docker.socket}", "--json", env=env).json
    assert good["ok"] and {c["name"] for c in good["checks"]} >= {"engine", "limits", "cgroup", "disk", "redis", "busybox"}
    bad = hive.command("worker", "doctor", "--docker", f"unix:{tmp_path}/none.sock", env=env)
    assert bad.code == 6
    assert "fix:" in bad.out
    assert not docker.containers()
