"""Fixtures: the real parts, each private to the test run. See hive.py for what they are."""
import contextlib
import os
import pathlib
import shutil
import signal
import tempfile

import pytest

import hive
import stock


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
    # Engines have ended by now, so a supervisor waits in vain for one to answer.
    end_all(hive.processes(marker()))
    reports = [report.read_text(errors="replace")[:4000] for report in sorted(folder.iterdir())
               if report.stat().st_size > 0]
    assert not reports, "\n".join(reports[:5])


def marker():
    """What is in the environment of each process of this run."""
    return f"HIVEMIND_REPORTS={os.environ['HIVEMIND_REPORTS']}"


def end_all(left):
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    item.stash.setdefault(FAILED, False)
    item.stash[FAILED] |= report.failed


FAILED = pytest.StashKey[bool]()


@pytest.fixture(autouse=True)
def nothing_left(no_reports, request):
    """What a test has started has ended with it. Older fixtures may go on, and what they start. One that fails on its way is
    not blamed for what it had no time to end."""
    before = hive.processes(marker())
    yield
    left = hive.left_behind(marker(), before, 5)
    end_all(p.pid for p in left)
    assert not left or request.node.stash[FAILED], f"{request.node.name} leaves behind: " + "; ".join(map(str, left))


@contextlib.contextmanager
def minded(engine):
    """At its end nobody is there whose worker is gone: its supervisor has ended what ran, and itself; no container runs."""
    with engine:
        yield engine
        alone = lambda: [str(p) for p in hive.alone(marker()) if p.verb == "worker-supervisor"]
        with contextlib.suppress(AssertionError):
            hive.until("supervisors without a worker to end", lambda: not alone(), 20)
        left, running = alone(), engine.running()
        assert not left and not running, f"left behind: {left} {running}"


@pytest.fixture(scope="session")
def docker(workdir):
    """A private dockerd."""
    with minded(hive.Dockerd(workdir / "docker")) as engine:
        yield engine


@pytest.fixture(scope="session")
def podman(workdir):
    """A private podman service."""
    with minded(hive.Podman(workdir / "podman")) as engine:
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


@pytest.fixture(scope="module")
def pool(workdir, request):
    """A pool for the tests of one file; files that need it otherwise have their own."""
    path = workdir / request.module.__name__.removeprefix("test_")
    path.mkdir()
    p = stock.Pool(path)
    yield p
    assert p.end() == 0


@pytest.fixture(scope="module")
def ann(pool):
    """Somebody with an account there."""
    c = stock.Client(pool)
    c.register("ann")
    return c


@pytest.fixture
def redis(workdir):
    """A redis-server of the operator's own, with the settings the pool wants."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-redis-"))
    with hive.Redis(path) as server:
        yield server
    shutil.rmtree(path, ignore_errors=True)
