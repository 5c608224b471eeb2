"""The real parts, started in folders of their own and ended by pid: dockerd, podman, redis-server, hivemind.

Every wait has a deadline (until()). Nothing here is a mock."""
import contextlib
import datetime
import fcntl
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("HIVEMIND_BIN", str(ROOT / "hivemind"))
SANITIZED = "/build/san/" in BIN
BUILD = ROOT / ("build/san" if SANITIZED else "build")
MiB = 1024 * 1024
# HIVEMIND_VALGRIND=1: every process of ours runs under valgrind; what it finds goes where the sanitizers' findings go.
WRAP = ["valgrind", "-q", "--trace-children=yes", "--trace-children-skip=*redis*,*podman*,*setpriv*,*busybox*,*runc*",
        "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
        "--log-file=%q{HIVEMIND_REPORTS}/valgrind.%p"] if os.environ.get("HIVEMIND_VALGRIND") else []
SLOW = 4 if "san" in BIN or WRAP else 1  # sanitizers and valgrind take their time


def built(*names):
    """Make test programs (built as the program under test is); the path of the first. One make at a time."""
    san = ["SAN=address,undefined"] if SANITIZED else []
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / "make.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        targets = [str((BUILD / name).relative_to(ROOT)) for name in names]
        subprocess.run(["make", "-s", "-C", ROOT, *san, *targets], check=True, stdout=subprocess.DEVNULL)
    return str(BUILD / names[0])


def until(what, condition, seconds=10.0):
    """Wait for condition() to be true; its value is returned. Fails, naming what, after the deadline."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds * SLOW:g} s for {what}"
        time.sleep(0.01)


def rss_kib(pid):
    """Resident memory of a process, and the most it ever had, in KiB."""
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    return int(fields["VmRSS"].split()[0]), int(fields["VmHWM"].split()[0])


def reset_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as f:
        f.write("5")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A child in its own session, its output in a file."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.log = pathlib.Path(log)
        with open(log, "ab") as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env=env, start_new_session=True, cwd=cwd)
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def end(self, seconds=15):
        if self.alive():
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise AssertionError(f"{self.popen.args[0]} did not end at SIGTERM; its log:\n{self.log.read_text()[-3000:]}")


KEPT = set()  # pids that were started in a test and are ended by a fixture older than it


class Left:
    """A process of the program under test, as /proc has it."""

    def __init__(self, pid, parent, words):
        self.pid, self.parent, self.words = pid, parent, words

    @property
    def verb(self):
        """What it is: pool, worker, worker-supervisor, master, ..."""
        after = self.words[self.words.index(BIN) + 1:]
        return next((w for w in after if not w.startswith("-")), "")

    def __str__(self):
        return f"{self.pid} (child of {self.parent}): {' '.join(self.words)}"


def processes(marker):
    """By pid, those that have these words in their environment."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_text(errors="replace").split("\0")[:-1]
            if BIN not in words or marker.encode() not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if stat[0] != "Z":
                found[int(entry.name)] = Left(int(entry.name), int(stat[1]), words)
    return found


def alone(marker):
    """Those whose parent has ended."""
    now = processes(marker)
    return [p for p in now.values() if p.parent not in now and p.parent != os.getpid()]


def left_behind(marker, before, seconds):
    """Those that are there beside these, their children and theirs, when they have had so long to end. A supervisor whose
    worker was killed has something to do yet."""
    def rest():
        now = processes(marker)
        known = set(before) | KEPT
        while any(p.parent in known and p.pid not in known for p in now.values()):
            known |= {p.pid for p in now.values() if p.parent in known}
        return [p for p in now.values() if p.pid not in known and p.verb != "worker-supervisor"]
    deadline = time.monotonic() + seconds * SLOW
    while (left := rest()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self.path))


class Engine:
    """What both engines have: a socket, and a way to look inside."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.socket = self.path / "engine.sock"

    @property
    def host(self):
        return f"unix://{self.socket}"

    def get(self, url):
        connection = UnixHTTP(self.socket)
        try:
            connection.request("GET", url)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def answers(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/_ping")[0] == 200

    def containers(self):
        """Names of all containers that bear our label."""
        found = json.loads(self.get("/v1.40/containers/json?all=1")[1])
        return [c["Names"][0] for c in found if any(k.startswith("hivemind.") for k in c["Labels"] or {})]

    def running(self):
        """Names of those that run."""
        found = json.loads(self.get("/v1.40/containers/json")[1])
        return [c["Names"][0] for c in found if any(k.startswith("hivemind.") for k in c["Labels"] or {})]

    def images(self):
        """Tags of images that are ours, the base image aside."""
        found = json.loads(self.get("/v1.40/images/json?all=1")[1])
        tags = [t for image in found for t in image["RepoTags"] or []]
        return [t for t in tags if "hivemind" in t and "/base" not in t]

    def volumes(self):
        return [v["Name"] for v in json.loads(self.get("/v1.40/volumes")[1])["Volumes"] or []]

    def leftovers(self):
        return {"containers": self.containers(), "images": self.images(), "volumes": self.volumes()}

    def __exit__(self, *_):
        self.process.end(30)
        # What an engine leaves mounted below its folder would keep the folder.
        mounts = [line.split()[1] for line in open("/proc/mounts") if line.split()[1].startswith(str(self.path))]
        for mount in sorted(mounts, reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)


class Dockerd(Engine):
    def __enter__(self):
        self.process = Process(
            ["dockerd", "--data-root", self.path / "data", "--exec-root", self.path / "exec", "-H", self.host,
             "--pidfile", self.path / "pid", "--iptables=false", "--ip6tables=false", "--bridge=none"],
            self.path / "log")
        until("dockerd", self.answers, 60)
        return self


class Podman(Engine):
    def __enter__(self):
        runtime = [] if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else ["--runtime", "runc"]
        self.process = Process(
            ["podman", "--root", self.path / "root", "--runroot", self.path / "run", "--storage-driver", "overlay",
             "--cgroup-manager", "cgroupfs", *runtime, "--events-backend", "file", "system", "service", "--time", "0",
             self.host], self.path / "log", cwd=self.path)  # conmon leaves a file "oom" where it stands
        until("podman", self.answers, 60)
        return self


class Redis:
    def __init__(self, path, *settings):
        self.path = pathlib.Path(path)
        self.socket = self.path / "redis.sock"
        self.settings = settings or ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")

    @property
    def url(self):
        return f"unix:{self.socket}"

    def start(self):
        self.process = Process(["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.path, "--save", "",
                                *self.settings], self.path / "log")
        until("redis-server", lambda: self.cli("PING") == "PONG", 20)

    def __enter__(self):
        self.start()
        return self

    def cli(self, *words):
        done = subprocess.run(["redis-cli", "-s", str(self.socket), *words], capture_output=True, text=True)
        return done.stdout.strip()

    def kill(self):
        self.process.popen.kill()
        self.process.popen.wait()

    def __exit__(self, *_):
        self.process.end()


class Result:
    """What a command answered."""

    def __init__(self, done, seconds):
        self.code, self.out, self.err, self.seconds = done.returncode, done.stdout, done.stderr, seconds

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out[-3000:]}\n--- stderr\n{self.err[-3000:]}"


def environment(**more):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("HIVEMIND_", "DOCKER_", "XDG_"))}
    if "HIVEMIND_REPORTS" in os.environ:
        keep["HIVEMIND_REPORTS"] = os.environ["HIVEMIND_REPORTS"]
    keep.update({k: str(v) for k, v in more.items()})
    return keep


def command(*words, env=None, stdin=None, timeout=120, cwd=None, text=True):
    """Run hivemind with these words, to its end."""
    began = time.monotonic()
    done = subprocess.run(WRAP + [BIN, *map(str, words)], env=env or environment(), input=stdin, capture_output=True,
                          text=text, timeout=timeout * SLOW, cwd=cwd,
                          stdin=subprocess.DEVNULL if stdin is None else None)
    return Result(done, time.monotonic() - began)


class Hive:
    """`hivemind dev`: a pool, workers and an account, all processes of their own."""

    def __init__(self, path, engine, workers=2, options=(), env=None, data=None):
        self.path = pathlib.Path(path)
        self.engine = engine
        self.data = data or self.path / "dev"
        self.options = ["--workers", workers, *options]
        self.extra = env or {}

    def __enter__(self):
        self.path.mkdir(parents=True, exist_ok=True)
        base = environment(HOME=self.path, DOCKER_HOST=self.engine.host if self.engine else "", **self.extra)
        self.process = Process(WRAP + [BIN, "dev", "--data", self.data, "--listen", "127.0.0.1:0", *self.options],
                               self.path / "log", base)
        until("hivemind dev", lambda: self.ready() or self.died(), 60)
        self.env = base | self.variables()
        return self

    def ready(self):
        return (self.data / "env").exists() and self.variables()

    def died(self):
        assert self.process.alive(), f"hivemind dev ended:\n{self.log()}"

    def log(self):
        return self.process.log.read_text(errors="replace")[-6000:]

    def variables(self):
        """What `. DIR/env` would set."""
        done = subprocess.run(["sh", "-c", f". {self.data}/env && env -0"], capture_output=True, text=True)
        pairs = (entry.split("=", 1) for entry in done.stdout.split("\0") if "=" in entry)
        return {k: v for k, v in pairs if k.startswith("HIVEMIND_")}

    def pid(self, name):
        return int((self.data / "run" / f"{name}.pid").read_text())

    def __call__(self, *words, **options):
        return command(*words, env=options.pop("env", self.env), **options)

    def ok(self, *words, **options):
        result = self(*words, **options)
        assert result.code == 0, f"hivemind {' '.join(map(str, words))}: {result}\n--- dev\n{self.log()}"
        return result

    def submit(self, bundle, *words):
        """The id of the new task."""
        return self.ok("submit", bundle, *words, "--json").json["id"]

    def status(self, task):
        return self.ok("status", task, "--json").json

    def end(self):
        code = self.process.end(40)
        assert code == 0, f"dev ended with {code}:\n{self.log()}"

    def __exit__(self, *_):
        self.end()


def bundle(path, files, manifest=None):
    """A directory with these files, and hivemind.json."""
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    if manifest is not None:
        (path / "hivemind.json").write_text(json.dumps({"hivemind": 1, **manifest}))
    return path


def script(path, text, **manifest):
    """A bundle that runs this shell script in the base image."""
    return bundle(path, {"run.sh": text}, {"command": ["sh", "run.sh"], **manifest})


def remove(path):
    shutil.rmtree(path, ignore_errors=True)


def milliseconds(time_text):
    """RFC 3339 in UTC, as --json has it, in milliseconds since 1970."""
    return datetime.datetime.fromisoformat(time_text.replace("Z", "+00:00")).timestamp() * 1000
