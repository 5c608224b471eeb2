"""A whole HiveMind whose parts may die at any moment: a Redis, a pool, a worker, two people.

A part that was killed is started again by the keeper, a thread, with what is under way going on: clients ask again by
themselves. check_*() say what must hold afterwards, whatever happened."""
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import hive
import stock
from hive import BIN, until
from redis_proxy import RedisProxy

READY = "hivemind worker w ready"
DATA = 200 * 1024  # of a bundle and of its result: several pieces on every way


class Part:
    """A process that the keeper starts again when it was killed."""

    def __init__(self, world, name, argv, env, ready):
        self.world, self.name, self.argv, self.env, self.ready = world, name, argv, env, ready
        self.log = world.path / f"{name}.log"
        self.process, self.wanted, self.killed = None, False, 0
        self.died_otherwise = []
        self.then = []  # environments of its next starts, the last one first
        self.may_fail = False  # calls of it are made to fail

    def start(self, **more):
        with self.world.lock:  # else the keeper starts it, too
            self.wanted = True
            self.log_began = self.log.stat().st_size if self.log.exists() else 0
            self.process = hive.Process(self.argv(), self.log, self.env() | more)

    def up(self):
        return self.process is not None and self.process.alive() and self.ready()

    def wait_up(self):
        until(f"{self.name} to be up", lambda: self.world.failure() or self.up(), 30)

    def keep(self):
        """Start it again when it is gone without being told so."""
        if not self.wanted or self.process is None or self.process.alive():
            return
        code = self.process.popen.returncode
        if code == -signal.SIGKILL:
            self.killed += 1
        elif self.may_fail and (code > 0 or (code == -signal.SIGABRT and not self.asserted())):
            self.killed += 1  # it gave up, or ended for want of memory
        elif not (self.name == "redis" and code == 1):  # it closes a torn file by ending once (store/store.c)
            self.died_otherwise.append(code)
            self.wanted = False
            return
        self.start(**(self.then.pop() if self.then else {}))

    def asserted(self):
        """Was it an assertion of ours? Those of libuv, about its own pipes, are as good as no memory."""
        last = self.log.read_text(errors="replace")[-3000:]
        return any("Assertion" in line and "./src/unix/" not in line for line in last.splitlines())

    def stop(self, number=signal.SIGTERM):
        with self.world.lock:  # the keeper may be about to start it
            self.wanted = False
        if self.process is not None and self.process.alive():
            self.process.popen.send_signal(number)
            until(f"{self.name} to end", lambda: not self.process.alive(), 20)

    def kill(self):
        self.stop(signal.SIGKILL)

    def end(self):
        """It has ended, whatever that takes; what was wrong with that, or None."""
        try:
            self.stop()
        except AssertionError as error:
            self.kill()
            return f"{error}, and killed it; its log:\n{self.log.read_text(errors='replace')[-3000:]}"
        return None

    def said(self, words):
        """How often?"""
        return self.log.read_text(errors="replace").count(words) if self.log.exists() else 0

    def has_said(self, words):
        """This process of it."""
        with open(self.log, "rb") as log:
            log.seek(self.log_began)
            return words.encode() in log.read()


class World:
    def __init__(self, engine, own_engine=False, proxied=False):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="hm-x"))
        self.engine, self.own_engine = engine, own_engine
        self.redis_at = hive.Redis(self.path / "redis")
        self.redis_at.path.mkdir()
        self.port = hive.free_port()
        self.worker_data = self.path / "worker"
        self.lock = threading.RLock()
        self.over = threading.Event()
        self.env = self.lender = None
        self.parts = {}
        self.add("redis", lambda: ["redis-server", "--port", "0", "--unixsocket", self.redis_at.socket, "--dir",
                                   self.redis_at.path, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                                   "--maxmemory-policy", "noeviction"],
                 dict, lambda: self.redis_at.cli("PING") == "PONG")
        self.add("pool", self.pool_words, dict, self.pool_answers)
        self.add("worker", self.worker_words, lambda: {"HIVEMIND_TOKEN": self.lender}, self.worker_ready)
        self.add("standby", self.pool_words, dict, lambda: True)
        self.add("master", self.master_words, lambda: {"HIVEMIND_TOKEN": self.env["HIVEMIND_TOKEN"]}, self.master_answers)
        self.master_port = 0  # another for each start: it is not held meanwhile
        if own_engine:
            self.engine = hive.Dockerd(self.path / "docker")
            self.add("engine", self.engine_words, dict, self.engine.answers)
        self.proxy = RedisProxy(self) if proxied else None
        self.keeper = threading.Thread(target=self.keep, daemon=True)

    # --- its parts ------------------------------------------------------------------------------

    @property
    def faulty(self):
        """Does something fail on purpose, so that a call may be refused?"""
        return any(part.may_fail for part in self.parts.values())

    def add(self, name, argv, env, ready):
        base = hive.environment(HOME=self.path)
        self.parts[name] = Part(self, name, argv, lambda: base | env(), ready)

    def engine_words(self):
        e = self.engine
        with contextlib.suppress(FileNotFoundError):
            (e.path / "pid").unlink()
        with contextlib.suppress(FileNotFoundError, ValueError):  # its containerd dies with it, and takes a moment
            helper = int((e.path / "exec/containerd/containerd.pid").read_text())
            until("the old containerd to be gone", lambda: not os.path.exists(f"/proc/{helper}"), 10)
        return ["dockerd", "--data-root", e.path / "data", "--exec-root", e.path / "exec", "-H", e.host, "--pidfile",
                e.path / "pid", "--iptables=false", "--ip6tables=false", "--bridge=none"]

    def pool_words(self):
        redis = self.proxy.url if self.proxy else self.redis_at.url
        return [BIN, "pool", "--redis", redis, "--data", self.path / "pool", "--listen",
                f"127.0.0.1:{self.port}", "--work-bits", "0", "--gift", "100000",
                "--register", "invite", "--admin", "dev"]

    def pool_answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True

    def worker_words(self):
        return [BIN, "worker", "--join", f"127.0.0.1:{self.port}", "--data", self.worker_data, "--docker",
                f"unix:{self.engine.socket}", "--name", "w", "--cpus", "1", "--memory", "1GiB", "--disk", "4GiB"]

    def worker_ready(self):
        if not self.faulty and not self.parts["worker"].has_said(READY):  # the pool is asked once, not again and again
            return False
        told = self("workers", "--json", "--timeout", "10s")
        if told.code != 0:
            return False
        mine = [w for w in told.json["workers"] if w["state"] == "ready"]
        return bool(mine)

    def master_words(self):
        return [BIN, "master", "--pool", f"127.0.0.1:{self.port}", "--listen", f"127.0.0.1:{self.master_port}", "--api-key",
                self.path / "api-key"]

    def master_answers(self):
        return self.ask("GET", "/tasks") is not None

    def ask(self, method, path, body=None, **headers):
        """What the JSON API answers: (status, bytes). None: nothing, or that it cannot now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.master_port, timeout=20)
        with contextlib.suppress(OSError, http.client.HTTPException):
            head = {"Authorization": "Bearer " + (self.path / "api-key").read_text().strip()}
            if isinstance(body, dict):
                body, head["Content-Type"] = json.dumps(body), "application/json"
            connection.request(method, "/api/v1" + path, body, head | headers)
            answer = connection.getresponse()
            data = answer.read()
            return None if answer.status >= 500 else (answer.status, data)
        connection.close()
        return None

    def asked(self, *words, **options):
        """The same, asked until it is answered."""
        def answer():
            self.failure()
            return self.ask(*words, **options)
        status, data = until(f"the answer to {words[:2]}", answer, 40)
        assert status in (200, 201), (words[:2], status, data)
        return data

    def keep(self):
        while not self.over.wait(0.005):
            with self.lock:
                for part in self.parts.values():
                    part.keep()

    def failure(self):
        """Raises when a part has ended as none may."""
        for part in self.parts.values():
            assert not part.died_otherwise, (f"{part.name} ended with {part.died_otherwise}:\n"
                                             f"{part.log.read_text(errors='replace')[-3000:]}")

    def restart(self, name, **env):
        """End it as it should end, and start it with this in its environment. It may be hit while it ends."""
        part = self.parts[name]
        with self.lock:
            part.stop()
            part.killed += part.process is not None and part.process.popen.returncode == -signal.SIGKILL
            part.start(**env)

    def kill(self, name, then=lambda: True, **env):
        """Kill it, and start it with this in its environment when that is so."""
        self.parts[name].kill()
        until("the right moment", then, 20)
        self.parts[name].start(**env)

    # --- up and down ----------------------------------------------------------------------------

    def __enter__(self):
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        if self.own_engine:
            self.engine_part = self.parts["engine"]
            self.engine_part.start()
            self.engine_part.wait_up()
        for name in ("redis", "pool"):
            self.parts[name].start()
            self.parts[name].wait_up()
        self.keeper.start()
        self.env = self.person("dev")
        self.lender = self.person("lender")["HIVEMIND_TOKEN"]
        self.parts["worker"].start()
        self.parts["worker"].wait_up()

    def person(self, name):
        client = stock.Client(self)
        token = client.register(name, invitation=self.invitation(name)).token
        client.close()
        return hive.environment(HOME=self.path, HIVEMIND_POOL=f"127.0.0.1:{self.port}", HIVEMIND_TOKEN=token)

    def invitation(self, name):
        return hive.command("pool", "--data", self.path / "pool", "--print-invitation", name).out.strip()

    def __exit__(self, *_):
        wrong = []
        for name in ("master", "worker", "standby", "pool", "redis", "engine"):
            if name in self.parts:
                with self.lock:
                    wrong.append(self.parts[name].end())
        self.over.set()
        if self.proxy:
            self.proxy.close()
        if self.own_engine:
            mounts = [m for m in (line.split()[1] for line in open("/proc/mounts")) if m.startswith(str(self.path))]
            for mount in sorted(mounts, reverse=True):
                subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.path, ignore_errors=True)
        assert not any(wrong), "\n".join(filter(None, wrong))

    # --- what people type -----------------------------------------------------------------------

    def __call__(self, *words, crash=None, timeout=90):
        """Run a command; with crash it may die there, and is typed again."""
        if crash is not None:
            done = hive.command(*words, env=self.env | {"HIVEMIND_CRASH": crash}, timeout=timeout)
            if done.code != -signal.SIGKILL:
                return done
            self.client_killed += 1
        return hive.command(*words, env=self.env, timeout=timeout)

    client_killed = 0

    def ok(self, *words, code=0, **options):
        done = self(*words, **options)
        for _ in range(100):  # a pool that is being started again is asked again, as people do
            if done.code == code or (done.code != 6 and not self.faulty):
                break
            self.failure()
            time.sleep(0.1)
            done = self(*words)
        self.failure()
        assert done.code == code, f"hivemind {' '.join(map(str, words))}: {done}\n{self.logs()}"
        return done

    def logs(self):
        return "".join(f"--- {name}\n{part.log.read_text(errors='replace')[-2500:]}\n"
                       for name, part in self.parts.items() if part.log.exists() and name != "redis")

    # --- what must hold afterwards ---------------------------------------------------------------

    def redis(self, *words):
        """What Redis answers, once it is there."""
        def answer():
            done = subprocess.run(["redis-cli", "-e", "-s", str(self.redis_at.socket), *words], capture_output=True, text=True)
            return [done.stdout.strip()] if done.returncode == 0 else None
        return until("Redis to answer", answer, 20)[0]

    def records(self):
        """The ledger, record by record: its words."""
        out = self.redis("XRANGE", "ledger", "-", "+").split("\n")
        return [out[i + 1].split() for i, line in enumerate(out) if line == "r"]

    def check_books(self):
        verified = hive.command("ledger", "verify", "--redis", self.redis_at.url, "--json",
                                env=hive.environment(HOME=self.path))
        if verified.code == 6 and "Redis" in verified.err:  # it died just now
            self.redis("PING")
            return self.check_books()
        assert verified.code == 0, f"the books are wrong: {verified}"

    def check_settled_once(self, task):
        """One hold, and one record that empties it."""
        ids = [r[1] for r in self.records()]
        submission = task.split(".")[0]
        assert ids.count(f"hold:{submission}") == 1, ids
        ends = [i for i in ids if i.startswith((f"settle:{submission}", f"refund:{submission}"))]
        assert len(ends) == 1, f"settled {len(ends)} times: {ends}"
        hold = self.redis("HGET", f"submission:{submission}", "hold")
        assert hold in ("0", ""), f"{hold} is still held"

    def scratch(self):
        """Files of attempts at the worker."""
        found = []
        for folder in ("scratch", "transit", "journal", "attempts"):
            top = self.worker_data / folder
            found += [str(p.relative_to(self.worker_data)) for p in top.glob("*")] if top.exists() else []
        return found

    def containers(self, which="?all=1"):
        mine = (self.worker_data / "worker-id").read_text().strip()
        try:
            found = json.loads(self.engine.get("/v1.40/containers/json" + which)[1])
        except (OSError, ValueError, http.client.HTTPException):  # it is being started again
            return ["?"]
        return [c["Names"][0] for c in found if (c["Labels"] or {}).get("hivemind.worker") == mine]

    def has_exited(self):
        """Is there a container of ours, and none that runs?"""
        mine = self.containers()
        return mine and not self.containers("")

    def check_worker_clean(self):
        self.parts["worker"].wait_up()
        until("no container to be left", lambda: self.failure() or not self.containers(), 20)
        if not self.faulty:  # else at its next start
            until("no file of an attempt to be left", lambda: not self.scratch(), 20)

    def blobs(self):
        return [p for p in (self.path / "pool" / "blobs").glob("??/*") if p.is_file()]

    def check_blobs(self):
        """What bears a hash has it."""
        for path in self.blobs():
            with contextlib.suppress(FileNotFoundError):  # it was deleted just now
                assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, f"{path} is torn"

    def check_nothing_left(self):
        """When everything was removed and time has passed, no blob and no part of one is left."""
        old = time.time() - 3600
        uploads = lambda: list((self.path / "pool" / "uploads").iterdir())
        for task in json.loads(self.ok("ps", "-a", "-n", "500", "--json").out)["tasks"]:
            self.ok("rm", "--yes", task["id"])
        for path in uploads() + self.blobs():
            os.utime(path, (old, old))
        for sha256 in self.redis("ZRANGE", "unused", "0", "-1").split():
            self.redis("ZADD", "unused", "1", sha256)
        self.run_task(self.task_name())
        self.ok("rm", "--yes", "last")
        until("partial uploads to be forgotten", lambda: not uploads() or None, 10)

    # --- what is done meanwhile ------------------------------------------------------------------

    def task_name(self):
        return "t" + secrets.token_hex(6)

    def make_bundle(self, name, text):
        data = os.urandom(DATA)
        return data, hive.script(hive.bundle(self.path / "bundles" / name, {"data": data}), text, name=name, grace="1s")

    def submit(self, name, text, crash=None):
        data, path = self.make_bundle(name, text)
        key = [] if crash else ["--key", name]  # a command that dies and is typed again needs none
        told = self.ok("submit", path, *key, "--json", crash=crash).json
        shutil.rmtree(path)
        mine = [t["id"] for t in json.loads(self.ok("ps", "-n", "500", "--json").out)["tasks"] if t["name"] == name]
        assert len(mine) == 1, f"one submission made the tasks {mine}"
        assert mine[0].startswith(told["id"]), (mine, told)
        return data, mine[0]

    def run_task(self, name, crash=None, text="echo first; cp data out/copy; sleep 0.1; echo second"):
        """One task from its bundle to its result."""
        data, task = self.submit(name, text, crash)
        if not self.wait(task):
            return task
        self.check_result(task, data, name, crash)
        return task

    def check_result(self, task, data, name, crash=None):
        """It has given back what it got, and printed each line once."""
        result = self.path / f"{name}.tar"
        self.ok("get", task, "-o", result, crash=crash)
        members = subprocess.run(["tar", "-xOf", result, "out/copy"], capture_output=True)
        assert members.stdout == data, f"the result has {len(members.stdout)} bytes: {members.stderr}"
        result.unlink()
        told = self.ok("logs", task)
        printed = told.out + told.err
        least = 0 if self.own_engine or "output was lost" in printed else 1  # what it prints while its engine is dead is lost
        assert least <= printed.count("first") <= 1 and least <= printed.count("second") <= 1, printed

    def wait(self, task, code=0):
        """Until it has ended. False: it could not be run, and said so."""
        done = self("wait", task)
        while done.code == 6:
            self.failure()
            done = self("wait", task)
        if self.faulty and done.code == 1:  # it says whose fault it was, and nobody pays
            told = self.ok("status", task, "--json").json
            assert told["failure"] in ("infra", "image") and told["reason"], told
            return False
        assert done.code == code, f"{done}\n{self('status', task)}\n{self.logs()}"
        return True

    def running(self, task):
        return self.ok("status", task, "--json").json["phase"] == "EXECUTING"
