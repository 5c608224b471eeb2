"""Fixtures: the real parts, each private to the test run. See hive.py for what they are."""
import contextlib
import os
import pathlib
import shutil
import signal
import tempfile

import pytest

import hive


@pytest.fixture(scope="session")
def workdir():
    """A short path: unix sockets have 107 bytes."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def no_reports(workdir):
    """What the sanitizers or valgrind find wrong, in any process of ours, fails the run."""
    folder = workdir / "reports"
    folder.mkdir()
    os.environ["HIVEMIND_REPORTS"] = str(folder)
    os.environ["ASAN_OPTIONS"] = f"log_path={folder}/asan:detect_leaks=1"
    os.environ["UBSAN_OPTIONS"] = f"log_path={folder}/ubsan:print_stacktrace=1"
    yield
    # A supervisor outlives a killed worker for as long as its engine, which is gone by now, does not answer.
    for pid in hive.left_behind(f"HIVEMIND_REPORTS={folder}"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    reports = [report.read_text(errors="replace")[:4000] for report in sorted(folder.iterdir())
               if report.stat().st_size > 0]
    assert not reports, "\n".join(reports[:5])


@pytest.fixture(scope="session")
def docker(workdir):
    """A private dockerd."""
    with hive.Dockerd(workdir / "docker") as engine:
        yield engine


@pytest.fixture(scope="session")
def podman(workdir):
    """A private podman service."""
    with hive.Podman(workdir / "podman") as engine:
        yield engine


@pytest.fixture(scope="session")
def shared_hive(workdir, docker):
    """A pool, two workers and an account, for tests that leave it as they found it."""
    with hive.Hive(workdir / "shared", docker, workers=2) as h:
        yield h


@pytest.fixture
def own_hive(tmp_path_factory, docker):
    """Make a hive of one's own: own_hive(workers=1, ...). Ended and looked after at the end of the test."""
    started = []

    def start(**options):
        path = pathlib.Path(tempfile.mkdtemp(prefix="hm-own-"))
        h = hive.Hive(path, options.pop("engine", docker), **options)
        h.__enter__()
        started.append((h, path))
        return h

    yield start
    for h, path in started:
        h.__exit__(None, None, None)
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def redis(workdir):
    """A redis-server of the operator's own, with the settings the pool wants."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-redis-"))
    with hive.Redis(path) as server:
        yield server
    shutil.rmtree(path, ignore_errors=True)
