"""The main job: submit, run in a container on a joined worker, get the result."""
import hashlib
import json
import re

import pytest

import hive
from hive import bundle, script, until


def test_a_directory_is_submitted_and_its_result_comes_back(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "echo hello; echo oops >&2; echo 42 > out/answer"))
    assert shared_hive.ok("wait", task).code == 0
    shared_hive.ok("get", task, "-o", tmp_path / "r")
    assert (tmp_path / "r" / "out" / "answer").read_text() == "42\n"
    logs = shared_hive.ok("logs", task)
    assert logs.out == "hello\n"
    assert "oops" in logs.err


def test_a_tar_and_a_tar_gz_are_the_same_bundle(shared_hive, tmp_path):
    source = script(tmp_path / "b", "cat data > out/data", name="same")
    (source / "data").write_text("x" * 5000)
    for kind, flag in (("t.tar", "cf"), ("t.tar.gz", "czf")):
        hive.subprocess.run(["tar", "-C", source, "-" + flag, tmp_path / kind, "."], check=True)
    answers = [shared_hive.ok("submit", tmp_path / kind, "--wait", "--json").out for kind in ("t.tar", "t.tar.gz")]
    ids = [json.loads(a.splitlines()[0])["id"] for a in answers]
    for task in ids:
        shared_hive.ok("get", task, "-o", tmp_path / task)
        assert (tmp_path / task / "out" / "data").read_text() == "x" * 5000


def test_a_bundle_comes_through_standard_input(shared_hive, tmp_path):
    source = script(tmp_path / "b", "echo in > out/x")
    packed = hive.subprocess.run(["tar", "-C", source, "-czf", "-", "."], check=True, capture_output=True).stdout
    done = shared_hive("submit", "-", "--wait", stdin=packed, text=False)
    assert done.code == 0, done


def test_the_result_can_be_fetched_again_and_after_the_pool_restarts(own_hive, tmp_path):
    h = own_hive(workers=1)
    task = h.submit(script(tmp_path / "b", "head -c 100000 /dev/urandom > out/random; sha256sum < out/random"))
    h.ok("wait", task)
    wanted = h.ok("logs", task).out.split()[0]
    h.ok("get", task, "-o", tmp_path / "one")
    hive.os.kill(h.pid("pool"), hive.signal.SIGKILL)
    until("the pool to be back", lambda: h("info").code == 0, 30)
    h.ok("get", task, "-o", tmp_path / "two")
    for folder in ("one", "two"):
        assert hashlib.sha256((tmp_path / folder / "out" / "random").read_bytes()).hexdigest() == wanted
    assert h.ok("logs", task).out.split()[0] == wanted


def test_the_exit_status_of_the_task_is_told(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "echo partial > out/p; exit 7"))
    assert shared_hive("wait", task).code == 1
    told = shared_hive.status(task)
    assert (told["state"], told["failure"], told["exit_code"]) == ("FAILED", "user_exit", 7)
    shared_hive.ok("get", task, "-o", tmp_path / "r")  # partial results are kept
    assert (tmp_path / "r" / "out" / "p").read_text() == "partial\n"


@pytest.mark.parametrize("words, code", [(["true"], 0), (["sh", "-c", "exit 3"], 3), (["no-such-program"], 127),
                                         (["sh", "-c", "kill -9 $$"], 137)])
def test_run_passes_on_the_exit_status(shared_hive, words, code):
    assert shared_hive("run", "--", *words).code == code


def test_run_says_why_a_command_never_began_and_nothing_when_it_speaks_for_itself(shared_hive):
    # With one engine an init in the container says it, with the other we do.
    assert "nosuchcmd" in shared_hive("run", "--", "nosuchcmd").err
    assert "/etc" in shared_hive("run", "--", "/etc").err
    assert "FAILED" not in shared_hive("run", "--", "sh", "-c", "exit 127").err


def test_run_follows_and_keeps_the_streams_apart(shared_hive, tmp_path):
    done = shared_hive("run", "--with", bundle(tmp_path / "w", {"name": "bee"}), "--", "sh", "-c",
                       "cat name; echo warning >&2")
    assert done.code == 0 and done.out == "bee" and "warning" in done.err


def test_too_much_memory_is_oom(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "tail /dev/zero", resources={"memory": "32MiB"}))
    assert shared_hive("wait", task).code == 1
    told = shared_hive.status(task)
    assert told["failure"] == "oom", told
    assert told["oom_killed"] is True


def test_the_time_limit_ends_a_task(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "echo before > out/x; sleep 600", time_limit="1s", grace="1s"))
    assert shared_hive("wait", task, timeout=30).code == 1
    assert shared_hive.status(task)["failure"] == "timeout"
    shared_hive.ok("get", task, "-o", tmp_path / "r")


def test_too_much_disk_ends_a_task(shared_hive, tmp_path):
    text = "i=0; while true; do head -c 1000000 /dev/zero > out/f$i; i=$((i+1)); sleep 0.05; done"
    task = shared_hive.submit(script(tmp_path / "b", text, resources={"disk": "8MiB"}))
    assert shared_hive("wait", task, timeout=60).code == 1
    assert shared_hive.status(task)["failure"] == "disk"


def test_stop_is_final_and_keeps_partial_output(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "trap 'echo bye > out/bye; exit 0' TERM; echo up; "
                                                      "while true; do sleep 0.1; done"))
    until("it to run", lambda: "up" in shared_hive("logs", task).out, 20)
    shared_hive.ok("stop", task)
    assert shared_hive.status(task)["state"] == "STOPPED"
    until("its partial output", lambda: shared_hive.status(task)["result"], 20)
    shared_hive.ok("get", task, "-o", tmp_path / "r")
    assert (tmp_path / "r" / "out" / "bye").exists()
    assert shared_hive.status(task)["state"] == "STOPPED"


def test_a_task_that_waits_says_why(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "true", resources={"memory": "9000GiB"}))
    told = shared_hive.status(task)
    assert told["state"] == "PENDING"
    assert re.search(r"memory|GiB", told["reason"]), told
    shared_hive.ok("stop", task)


def test_an_image_that_is_nowhere_fails_as_image(shared_hive):
    done = shared_hive("run", "--image", "127.0.0.1:9/nothing:here", "--", "true")
    assert done.code == 125
    assert "127.0.0.1:9/nothing" in done.err


def test_the_container_is_hardened(shared_hive, tmp_path):
    text = """
    id -u > out/uid; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status > out/status
    ls /sys/class/net > out/net 2>&1; touch /readonly 2> out/touch; true
    """
    task = shared_hive.submit(script(tmp_path / "b", text))
    assert shared_hive("wait", task).code == 0
    shared_hive.ok("get", task, "-o", tmp_path / "r")
    out = tmp_path / "r" / "out"
    status = dict(line.split(":\t") for line in (out / "status").read_text().splitlines())
    assert int((out / "uid").read_text()) != 0
    assert int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert (out / "net").read_text().split() in (["lo"], [])
    assert "Read-only" in (out / "touch").read_text()


def test_the_task_knows_who_it_is(shared_hive):
    done = shared_hive("run", "--env", "COLOUR=blue", "--", "sh", "-c",
                       "echo $HIVEMIND_TASK_ID $HIVEMIND_ATTEMPT $COLOUR $PWD")
    assert re.fullmatch(r"[0-9a-z]{16}\.1 1 blue /work\n", done.out), done


def test_rm_forgets_an_ended_task(shared_hive, tmp_path):
    task = shared_hive.submit(script(tmp_path / "b", "true"))
    shared_hive.ok("wait", task)
    shared_hive.ok("rm", "--yes", task)
    assert shared_hive("status", task).code == 3


@pytest.mark.parametrize("example, wanted", [("primes", "out/count"), ("static-c", None), ("own-image", None)])
def test_the_examples_run(shared_hive, tmp_path, example, wanted):
    source = tmp_path / example
    hive.shutil.copytree(hive.ROOT / "examples" / example, source)
    if (source / "Makefile").exists():
        hive.subprocess.run(["make", "-C", source], check=True, capture_output=True)
    task = shared_hive.submit(source)
    assert shared_hive("wait", task, timeout=60).code == 0, shared_hive("status", task)
    if wanted:
        shared_hive.ok("get", task, "-o", tmp_path / "r")
        assert (tmp_path / "r" / wanted).exists()


def test_the_main_job_on_podman(own_hive, podman, tmp_path):
    h = own_hive(engine=podman, workers=1)
    task = h.submit(script(tmp_path / "b", "echo hello; echo 42 > out/answer"))
    h.ok("wait", task)
    assert h.ok("logs", task).out == "hello\n"
    h.ok("get", task, "-o", tmp_path / "r")
    assert (tmp_path / "r" / "out" / "answer").read_text() == "42\n"
    assert h("run", "--", "sh", "-c", "exit 3").code == 3
    oom = h.submit(script(tmp_path / "o", "tail /dev/zero", resources={"memory": "32MiB"}))
    assert h("wait", oom).code == 1
    assert h.status(oom)["failure"] == "oom"
    until("podman to be clean", lambda: podman.leftovers() == {"containers": [], "images": [], "volumes": []}, 20)
