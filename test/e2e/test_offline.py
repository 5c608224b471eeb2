"""Nothing is fetched from anywhere: the demo with the network unplugged; and a machine that can run no container says so."""
import subprocess

import hive


def demo_in(setting, tmp_path, *flags):
    """`hivemind demo` in a network of its own that has loopback and nothing else."""
    return subprocess.run(["unshare", "-n", *flags, "sh", "-c", f"ip link set lo up; {setting} exec {hive.BIN} demo"],
                          env=hive.environment(HOME=tmp_path), capture_output=True, text=True, timeout=60 * hive.SLOW,
                          stdin=subprocess.DEVNULL)


def test_the_demo_needs_no_network(tmp_path):
    done = demo_in("", tmp_path)
    assert done.returncode == 0, done
    assert "Answer: 148933   expected 148933   correct" in done.stdout


def test_the_demo_ends_where_no_container_can_run(tmp_path):
    done = demo_in("umount -l /sys/fs/cgroup;", tmp_path, "-m")
    assert done.returncode == 8, done
    assert "takes no tasks" in done.stderr and "hivemind doctor" in done.stderr
