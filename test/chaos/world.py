"""The world of a chaos run: real Redis, pool, TLS and worker processes; a stub engine and a bad network (engine.c, proxy.c).

Everything is started in one folder and ended by pid. All times are CLOCK_BOOTTIME in seconds, as in the engines' records."""
import http.client
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "e2e"))
import grpc  # noqa: E402
import hive  # noqa: E402
from stock import pb, stubs  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("CHAOS_TOOLS", ROOT / "build/test/chaos"))
PASSWORD = "correct horse"


def now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Store:
    """What Redis holds, asked directly. One connection, made again when it broke."""

    def __init__(self, path):
        self.path, self.file = str(path), None

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(self.path)
        self.socket, self.file = s, s.makefile("rb")

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest

    def ask(self, *commands):
        """The answers to several commands, each a list of words, sent in one go."""
        try:
            if self.file is None:
                self.connect()
            out = b"".join(b"*%d\r\n" % len(c) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in c)
                           for c in ([str(w).encode() for w in command] for command in commands))
            self.socket.sendall(out)
            return [self.read() for _ in commands]
        except (OSError, RuntimeError):
            self.file = None
            raise

    def __call__(self, *words):
        return self.ask(words)[0]

    def hash(self, key):
        flat = self("HGETALL", key)
        return dict(zip(map(bytes.decode, flat[::2]), flat[1::2]))


class Proxy:
    """test/chaos/proxy.c with so many roads."""

    def __init__(self, roads, *pools):
        self.popen = subprocess.Popen([TOOLS / "proxy", str(roads), *pools], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, start_new_session=True)
        self.ports = [int(self.popen.stdout.readline()) for _ in range(roads)]
        self.lock = threading.Lock()

    def tell(self, road, *words):
        with self.lock:
            self.popen.stdin.write(" ".join(map(str, (road, *words))) + "\n")
            self.popen.stdin.flush()

    def last_up(self, road):
        """When something last passed from there to the pool."""
        with self.lock:
            self.popen.stdin.write(f"{road} last\n")
            self.popen.stdin.flush()
            return int(self.popen.stdout.readline().split()[1]) / 1e6

    def end(self):
        self.popen.stdin.close()
        self.popen.wait(10)


class Engine:
    """One stub engine process with a socket for each of its workers."""

    def __init__(self, path, sockets):
        self.record, self.sockets, self.path = path / "record", sockets, path
        path.mkdir()

    def start(self):
        flags = [] if self.live else ["--no-live-restore"]
        self.process = hive.Process([TOOLS / "engine", *flags, self.record, *self.sockets], self.path / "log")
        hive.until("the stub engine", lambda: all(map(answers, self.sockets)), 20)

    def control(self, verb, i):
        connection = hive.UnixHTTP(f"{self.record}.control")
        connection.request("POST", f"/{verb}?i={i}")
        assert connection.getresponse().status == 204
        connection.close()


class Dockerd(hive.Dockerd):
    """A real engine for several workers, beside a containerd that stays: kill -9 leaves its containers as they are."""

    def __init__(self, path):
        super().__init__(path)
        self.record, self.containerd = None, None

    def start(self):
        address = self.path / "containerd.sock"
        if self.containerd is None:
            self.containerd = hive.Process(["containerd", "--address", address, "--root", self.path / "cd", "--state",
                                            self.path / "cs"], self.path / "containerd-log")
            hive.until("containerd", address.exists, 30)
        (self.path / "pid").unlink(missing_ok=True)
        self.process = hive.Process(
            ["dockerd", "--data-root", self.path / "data", "--exec-root", self.path / "exec", "-H", self.host, "--pidfile",
             self.path / "pid", "--iptables=false", "--ip6tables=false", "--bridge=none", "--containerd", address,
             *(["--live-restore"] if self.live else [])], self.path / "log")
        hive.until("dockerd", self.answers, 60)

    def end(self):
        self.__exit__()
        self.containerd.end()


def answers(path):
    try:
        connection = hive.UnixHTTP(path)
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Role:
    """A process of ours that can be killed, stopped and started again."""

    def __init__(self, name, argv, log, env):
        self.name, self.argv, self.log, self.env, self.process = name, argv, log, env, None
        self.clock = None             # the file with what is added to its wall clock; see clock.c
        self.lock = threading.Lock()  # whoever harms it holds it until it is well again

    def give_clock(self):
        """A wall clock of its own. (A sanitizer wants to be loaded before all else, so not then.)"""
        if not hive.SANITIZED:
            self.clock = self.log.with_suffix(".clock")
            self.jump(0)
            self.env = self.env | {"LD_PRELOAD": str(TOOLS / "clock.so"), "CLOCK_JUMP": str(self.clock)}

    def jump(self, seconds):
        with open(self.clock, "r+b" if self.clock.exists() else "wb") as f:
            f.write(struct.pack("=q", seconds))

    def start(self):
        self.process = hive.Process([*hive.WRAP, *self.argv], self.log, self.env)

    def pids(self):
        """Its process and those that it has made of itself (the supervisor of a worker), oldest first."""
        pids = [self.process.pid]
        for pid in pids:
            try:
                pids += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            except OSError:
                pass
        return pids

    def signal(self, number, pids=None):
        for pid in pids if pids is not None else [self.process.pid]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self, all_of_it=False):
        pids = self.pids() if all_of_it else [self.process.pid]
        self.signal(signal.SIGKILL, pids)
        self.process.popen.wait()

    def tell_to_end(self):
        """SIGTERM, once: a second one ends a worker at once."""
        if self.process.alive() and not getattr(self.process, "told", False):
            self.process.told = True
            self.signal(signal.SIGTERM)

    def end(self, seconds=20):
        self.tell_to_end()
        return self.process.popen.wait(seconds * hive.SLOW)


class World:
    def __init__(self, path, workers, engines=2, clients=2, cpus="2", pool_options=(), data=None, real=False, direct=None,
                 log=print):
        self.path, self.log = pathlib.Path(path), log
        self.path.mkdir(parents=True, exist_ok=True)
        self.worker_count, self.client_count, self.cpus = workers, clients, cpus
        self.data = data or self.path / "pool"
        self.port = hive.free_port()
        self.pool_options, self.real = pool_options, real
        self.direct = direct  # an address of the pool at which workers dial it past the proxy
        self.base = hive.environment(HOME=self.path, XDG_STATE_HOME=self.path)
        self.start_redis()
        self.start_pool()
        self.proxy = Proxy(workers + clients, f"127.0.0.1:{self.port}")
        self.make_accounts()
        self.start_engines(engines)
        self.start_workers()

    def sub(self, name):
        path = self.path / name
        path.mkdir()
        return path

    # --- parts ---------------------------------------------------------------------------------

    def start_redis(self):
        path = self.sub("redis")
        self.socket = path / "s"
        self.redis = Role("redis", ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", path, "--save", "",
                                    "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"],
                          path / "log", self.base)
        self.redis.start()
        self.store = Store(self.socket)
        hive.until("redis-server", self.redis_answers, 20)

    def redis_answers(self):
        try:
            return Store(self.socket)("PING") == b"PONG"
        except (OSError, RuntimeError):
            return False

    def start_pool(self):
        argv = [hive.BIN, "pool", "--redis", f"unix:{self.socket}", "--data", self.data, "--listen",
                f"{'0.0.0.0' if self.direct else '127.0.0.1'}:{self.port}", "--work-bits", "0", "--gift", "1000000", *self.pool_options]
        self.pool = Role("pool", argv, self.path / "pool.log", self.base)
        self.pool.give_clock()
        self.pool.start()
        hive.until("the pool", self.pool_answers, 30)
        self.ca = (self.data / "tls" / "ca.crt").read_bytes()
        self.join = subprocess.run([hive.BIN, "pool", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", "--print-join"],
                                   env=self.base, capture_output=True, text=True, check=True).stdout.strip()
        self.pin = self.join.split("#")[1]

    def pool_answers(self):
        assert self.pool.process.alive(), self.pool.process.log.read_text()[-3000:]
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def address_of_client(self, i):
        return f"127.0.0.1:{self.proxy.ports[self.worker_count + i]}"

    def channel(self, address):
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(self.ca), options=[
            ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 3000),
            ("grpc.max_reconnect_backoff_ms", 500), ("grpc.use_local_subchannel_pool", 1)])

    def make_accounts(self):
        """One who submits, two who lend machines."""
        self.tokens = {}
        with self.channel(f"127.0.0.1:{self.port}") as channel:
            accounts = stubs.AccountsStub(channel)
            for name in ("owner", "lender-a", "lender-b"):
                session = accounts.Register(pb.RegisterRequest(name=name, password=PASSWORD, call_id=f"register-{name}"), timeout=20)
                self.tokens[name] = session.token

    def start_engines(self, count):
        sockets = [self.path / f"e{i}.sock" for i in range(self.worker_count)]
        self.engine_of = [(i % count, i // count) for i in range(self.worker_count)]  # which engine, which of its sockets
        self.engines = []
        for e in range(count):
            engine = Dockerd(self.path / f"d{e}") if self.real else Engine(self.path / f"engine-{e}", sockets[e::count])
            if self.real:
                sockets[e::count] = [engine.socket] * len(sockets[e::count])
            engine.live = e % 3 != 2
            engine.start()
            engine.lock = threading.Lock()
            self.engines.append(engine)
        self.engine_sockets = sockets

    def start_workers(self):
        self.workers = []
        for i in range(self.worker_count):
            token = self.tokens["lender-a" if i % 2 == 0 else "lender-b"]
            pool = f"{self.direct}:{self.port}" if self.direct else f"127.0.0.1:{self.proxy.ports[i]}"
            argv = [hive.BIN, "worker", "--join", f"{pool}#{self.pin}", "--data", self.path / f"w{i}",
                    "--docker", f"unix:{self.engine_sockets[i]}", "--name", f"w{i}", "--cpus", self.cpus]
            worker = Role(f"w{i}", argv, self.path / f"w{i}.log", self.base | {"HIVEMIND_TOKEN": token})
            worker.give_clock()
            worker.start()
            self.workers.append(worker)
        hive.until("the workers", lambda: self.ready_workers() == self.worker_count, 60)

    def ready_workers(self):
        return sum("ready:" in w.log.read_text(errors="replace") for w in self.workers)

    # --- looking ---------------------------------------------------------------------------------

    def verify(self):
        """`hivemind ledger verify`: (right?, what it said). None while Redis is away."""
        done = subprocess.run([hive.BIN, "ledger", "verify", "--redis", f"unix:{self.socket}"], env=self.base,
                              capture_output=True, text=True, timeout=300)
        if done.returncode == 6 or "Connection" in done.stderr:
            return None, done.stderr
        return done.returncode == 0, done.stdout + done.stderr

    def live(self):
        return self.store("ZCARD", "live")

    def records(self):
        """Lines of all engines' records, as lists of words, with the engine's number in front."""
        for e, engine in enumerate(self.engines if not self.real else []):
            with open(engine.record, errors="replace") as f:
                for line in f:
                    words = line.split()
                    if len(words) >= 3:
                        yield e, int(words[0]) / 1e6, words[1], words[2], words[3:]

    # --- the end ---------------------------------------------------------------------------------

    def end(self):
        """Everything ends cleanly; what does not is an error."""
        for role in [*self.workers, self.pool]:
            role.signal(signal.SIGCONT, role.pids())
            role.tell_to_end()
        for role in [*self.workers, self.pool]:
            role.end(60)
        for engine in self.engines:
            engine.end() if self.real else engine.process.end()
        self.redis.end()
        self.proxy.end()

    def kill(self):
        """After a failure: nothing of it may stay."""
        for role in [*getattr(self, "workers", []), self.pool, self.redis, *getattr(self, "engines", [])]:
            pids = role.pids() if isinstance(role, Role) else [role.process.pid]
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if isinstance(role, Dockerd):
                role.containerd.popen.kill()
        self.proxy.popen.kill()

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)
