"""Tokens: made within the caller's own scopes, listed, revoked on every connection within a second; and no secret left lying about."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time

import grpc
import pytest

import hive
from hive import command, environment, until
from stock import Client, Pool, Worker, call_id, pb

WITHIN = 1.0 * hive.SLOW


@pytest.fixture(scope="module")
def pool():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-tokens-"))
    p = Pool(path, "--admin", "root-" + path.name[-4:].lower().replace("_", "-"))
    p.admin = p.options[1]
    yield p
    assert p.end() == 0
    shutil.rmtree(path)


@pytest.fixture
def client(pool):
    c = Client(pool)
    c.register("u" + call_id()[:12])
    yield c
    c.close()


def make(client, scopes, **fields):
    return client.accounts.CreateToken(pb.CreateTokenRequest(scopes=scopes, call_id=call_id(), **fields), **client.auth)


def using(pool, secret):
    return Client(pool, secret)


def status(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


def whoami(client):
    return client.accounts.Whoami(pb.WhoamiRequest(), **client.auth)


def test_a_token_does_what_its_scopes_say_and_no_more(pool, client):
    made = make(client, "read", name="reader", ttl_s=60)
    assert made.secret.startswith("hm_") and len(made.secret) == 55
    assert made.token.scopes == "read" and made.token.name == "reader"
    assert 0 < made.token.expires_ms - made.token.created_ms <= 60000
    reader = using(pool, made.secret)
    assert whoami(reader).scopes == "read"
    assert status(reader.tasks.List, pb.ListTasksRequest(), **reader.auth) == "OK"
    assert status(reader.submit) == "PERMISSION_DENIED"
    assert status(make, reader, "read,submit") == "PERMISSION_DENIED"
    assert status(make, reader, "admin") == "PERMISSION_DENIED"
    assert status(make, client, "admin") == "PERMISSION_DENIED"  # its login has not got it
    assert status(make, client, "everything") == "INVALID_ARGUMENT"
    child = make(reader, "read", ttl_s=3600)
    assert child.token.expires_ms <= made.token.expires_ms and child.token.by == made.token.id


def test_an_operators_account_has_admin_and_no_other(pool, client):
    root = Client(pool)
    assert root.register(pool.admin, invitation=pool.invitation(pool.admin)).account.scopes == "submit read worker spend admin"
    assert whoami(client).scopes == "submit read worker spend"


def test_the_list_knows_each_and_when_it_was_used(pool, client):
    made = make(client, "worker", name="garage")
    whoami(using(pool, made.secret))

    def garage():
        tokens = client.accounts.ListTokens(pb.ListTokensRequest(), **client.auth).tokens
        assert sorted(t.name for t in tokens) == ["garage", "login"]
        return next(t for t in tokens if t.name == "garage" and t.last_used_ms)

    def used():
        try:
            return garage()
        except StopIteration:
            return None
    found = until("the use to be noted", used)
    assert found.id == made.token.id and found.scopes == "worker"
    assert abs(found.last_used_ms - time.time() * 1000) < 60000
    other = Client(pool)
    other.register("o" + call_id()[:12])
    assert len(other.accounts.ListTokens(pb.ListTokensRequest(), **other.auth).tokens) == 1
    assert status(other.accounts.RevokeToken, pb.RevokeTokenRequest(id=made.token.id), **other.auth) == "NOT_FOUND"
    assert whoami(using(pool, made.secret)).scopes == "worker"


def test_a_repeat_keeps_the_token_and_ends_the_first_secret(pool, client):
    request = pb.CreateTokenRequest(scopes="read", call_id=call_id())
    first = client.accounts.CreateToken(request, **client.auth)
    second = client.accounts.CreateToken(request, **client.auth)
    assert first.token.id == second.token.id and first.secret != second.secret
    assert whoami(using(pool, second.secret)).scopes == "read"
    until("the first to end", lambda: status(whoami, using(pool, first.secret)) == "UNAUTHENTICATED", WITHIN)


class Ear:
    """A stream that is read to its end."""

    def __init__(self, stream):
        self.stream, self.first, self.over, self.code = stream, threading.Event(), threading.Event(), None
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            for _ in self.stream:
                self.first.set()
            self.code = "OK"
        except grpc.RpcError as error:
            self.code = error.code().name
        self.ended = time.monotonic()
        self.over.set()


def streams(pool, client, task):
    """A watcher, a follower of logs and a worker's link, all with this token."""
    watch = Ear(client.tasks.Watch(pb.WatchTaskRequest(id=task), metadata=client.auth["metadata"]))
    assert watch.first.wait(10)
    logs = Ear(client.tasks.Logs(pb.LogsRequest(id=task, follow=True), metadata=client.auth["metadata"]))
    worker = Worker(client, cpus=10)
    worker.expect("welcome")
    return watch, logs, worker


@pytest.mark.parametrize("how", ["revoke", "parent", "logout", "expire"])
def test_a_token_that_ends_ends_every_stream_within_a_second(pool, client, how):
    task = client.submit().id + ".1"
    parent = make(client, "read worker submit")
    made = make(using(pool, parent.secret), "read worker", ttl_s=3 * hive.SLOW if how == "expire" else 0)
    other = using(pool, made.secret)
    watch, logs, worker = streams(pool, other, task)
    kept = Ear(client.tasks.Watch(pb.WatchTaskRequest(id=task), metadata=client.auth["metadata"]))
    assert kept.first.wait(10)
    begin = time.monotonic()
    if how == "logout":
        other.accounts.Logout(pb.LogoutRequest(), **other.auth)
    elif how == "expire":
        begin += made.token.expires_ms / 1000 - time.time()
    else:
        which = made if how == "revoke" else parent
        ended = client.accounts.RevokeToken(pb.RevokeTokenRequest(id=which.token.id[:8]), **client.auth).ended
        assert ended == (1 if how == "revoke" else 2)
    for ear in (watch, logs):
        assert ear.over.wait(10 * hive.SLOW) and ear.code == "UNAUTHENTICATED"
        assert ear.ended - begin < WITHIN
    assert worker.over.wait(10) and worker.error.code().name == "UNAUTHENTICATED"
    until("no call to go through", lambda: status(whoami, other) == "UNAUTHENTICATED", WITHIN)
    assert not kept.over.is_set()
    client.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **client.auth)


END_TOKEN = """-- at once, as the pool's own script does it: who asks sees all of it or nothing
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[3]), ARGV[1])"""


def test_what_is_ended_in_redis_by_other_hands_is_heard_of(redis, tmp_path):
    """As by a pool that has led before: the list of ended tokens is what counts, and no memory of ours."""
    pool = Pool(tmp_path, "--redis", redis.url)
    client = Client(pool)
    client.register("ann")
    made = make(client, "worker read")
    other = using(pool, made.secret)
    worker = Worker(other)
    worker.expect("welcome")
    assert status(whoami, other) == "OK"
    sha256 = hashlib.sha256(made.secret.encode()).hexdigest()
    begin = time.monotonic()
    redis.cli("EVAL", END_TOKEN, "3", f"token:{sha256}", "revoked", "revoked:seq", sha256)
    assert worker.over.wait(10) and worker.error.code().name == "UNAUTHENTICATED"
    until("no call to go through", lambda: status(whoami, other) == "UNAUTHENTICATED", WITHIN)
    assert time.monotonic() - begin < WITHIN + 0.2
    client.close()
    assert pool.end() == 0


def test_the_verbs_and_a_worker_with_a_token_of_its_own(pool, tmp_path):
    env = environment(HOME=tmp_path, HIVEMIND_POOL=f"127.0.0.1:{pool.port}", DOCKER_HOST=f"unix://{tmp_path}/none")
    (tmp_path / "password").write_text("correct horse\n")
    assert command("register", "w" + call_id()[:10], "--password-file", tmp_path / "password", env=env).code == 0
    done = command("token", "create", "--scope", "worker", "--ttl", "30d", "--name", "garage", env=env)
    assert done.code == 0 and done.out.startswith("hm_") and done.out.count("\n") == 1, done
    secret = done.out.strip()
    assert secret not in done.err
    assert command("token", "create", env=env).code == 2
    assert command("token", "create", "--scope", "admin", env=env).code == 4
    listed = command("token", "ls", "--json", env=env).json["tokens"]
    assert sorted(t["name"] for t in listed) == ["garage", "login"] and secret not in str(listed)
    ident = next(t["id"] for t in listed if t["name"] == "garage")

    (tmp_path / "worker.token").write_text(secret)
    (tmp_path / "worker.token").chmod(0o600)
    mine = env | {"HOME": str(tmp_path / "w"), "HIVEMIND_TOKEN_FILE": str(tmp_path / "worker.token")}
    worker = hive.Process([hive.BIN, "worker", "--join", f"127.0.0.1:{pool.port}", "--data", tmp_path / "data"],
                          tmp_path / "log", mine)
    until("the worker to be linked", lambda: "is linked" in worker.log.read_text() or "ready" in worker.log.read_text(), 30)
    assert command("ps", env=mine).code == 4  # it can do nothing else
    assert command("token", "revoke", ident, "--json", env=env).json == {"v": 1, "revoked": 1}
    until("the worker to end", lambda: not worker.alive(), 15)
    assert worker.popen.returncode == 4 and "revoked" in worker.log.read_text()
    assert command("token", "revoke", ident, env=env).code == 3


def test_guessing_is_slowed_down_before_anything_is_hashed_and_for_unknown_names_alike(pool, client):
    """All at once: a try counts from its beginning, so it does not matter how long a hash takes here."""
    name = whoami(client).name
    answers = {}
    for who in (name, "nobody-" + call_id()[:12]):
        tries = [client.accounts.Login.future(pb.LoginRequest(name=who, password=password))
                 for password in ["wrong " + call_id() for _ in range(8)] + ["correct horse"]]
        answers[who] = [(t.exception().code().name, t.exception().details()) for t in tries]
    known, unknown = answers.values()
    assert known == unknown
    assert [code for code, _ in known] == ["UNAUTHENTICATED"] * 5 + ["RESOURCE_EXHAUSTED"] * 4
    assert whoami(client).name == name  # who is logged in works on
    until("the right password to be heard", lambda: status(
        client.accounts.Login, pb.LoginRequest(name=name, password="correct horse")) == "OK", 10)
    assert status(client.accounts.Login, pb.LoginRequest(name=name, password="wrong wrong")) == "UNAUTHENTICATED"


def test_no_secret_lies_about(redis, tmp_path):
    """Passwords and tokens used here are in no log, argv, environment or Redis of the parts that saw them."""
    (tmp_path / "pool").mkdir()
    p = Pool(tmp_path / "pool", "--redis", redis.url)
    password = "secret-" + call_id()
    env = environment(HOME=tmp_path, HIVEMIND_POOL=f"127.0.0.1:{p.port}")
    (tmp_path / "password").write_text(password + "\n")
    out = [command("register", "ann", "--password-file", tmp_path / "password", env=env),
           command("login", "ann", "--password-file", "-", stdin=password + "\n", env=env),
           command("token", "create", "--scope", "read,worker", "--json", env=env)]
    assert all(done.code == 0 for done in out), out
    made = out[2].json["secret"]
    session = [w for line in (tmp_path / ".config/hivemind/credentials").read_text().splitlines() for w in line.split()
               if w.startswith("hm_")][0]
    (tmp_path / "worker.token").write_text(made)
    (tmp_path / "worker.token").chmod(0o600)
    worker = hive.Process([hive.BIN, "worker", "--join", f"127.0.0.1:{p.port}", "--data", tmp_path / "data"],
                          tmp_path / "worker.log", env | {"HOME": str(tmp_path / "w"), "HIVEMIND_TOKEN_FILE": str(tmp_path / "worker.token")})
    client = Client(p, session)
    watching = subprocess.Popen([hive.BIN, "wait", client.submit(image="none.invalid/x").id], env=env | {"HIVEMIND_TOKEN": session},
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until("the worker to be linked", lambda: "is linked" in worker.log.read_text() or "ready" in worker.log.read_text(), 30)
    secrets = [s.encode() for s in (password, made, session)]

    # Redis writes every command to its log as it came.
    places = {str(f): f.read_bytes() for f in redis.path.rglob("*") if f.is_file()}
    assert any(hashlib.sha256(made.encode()).hexdigest().encode() in content for content in places.values())
    places |= {str(f): f.read_bytes() for f in tmp_path.rglob("*") if f.is_file() and not f.is_socket() and f.name not in (
        "password", "worker.token", "credentials")}
    until("the token to be wiped", lambda: secrets[2] not in pathlib.Path(f"/proc/{watching.pid}/environ").read_bytes())
    for name, pid in (("pool", p.process.pid), ("worker", worker.pid), ("client", watching.pid)):
        for what in ("cmdline", "environ"):
            places[f"{name} {what}"] = pathlib.Path(f"/proc/{pid}/{what}").read_bytes()
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert [line.split()[4] for line in limits.splitlines() if line.startswith("Max core")] == ["0"], name
    for i, done in enumerate(out[:2]):
        places[f"output {i}"] = (done.out + done.err).encode()
    places["stderr of create"] = out[2].err.encode()
    found = [where for where, content in places.items() for secret in secrets if secret in content]
    assert not found
    assert (tmp_path / ".config/hivemind/credentials").stat().st_mode & 0o777 == 0o600
    watching.terminate()
    watching.wait(10)
    worker.end()
    client.close()
    assert p.end() == 0


def test_another_process_of_the_same_user_cannot_look_into_the_pool(pool):
    """A process that is not dumpable belongs to root in /proc, whoever runs it; as another user nothing can be read."""
    if os.geteuid() != 0 or "san" in hive.BIN or hive.WRAP:
        return  # it takes root to become somebody else; and a leak check must look into the process
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-nobody-"))
    shutil.copy(hive.BIN, path / "hivemind")
    os.chown(path, 65534, 65534)
    path.chmod(0o700)
    child = subprocess.Popen([path / "hivemind", "pool", "--data", path / "data", "--listen", "127.0.0.1:0", "--port-file", path / "port"],
                             user=65534, group=65534, extra_groups=[], env=environment(HOME=path), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    until("the pool", (path / "port").exists, 20)
    looked = subprocess.run(["cat", f"/proc/{child.pid}/environ"], user=65534, group=65534, extra_groups=[], capture_output=True)
    assert looked.returncode != 0 and not looked.stdout
    child.terminate()
    assert child.wait(10) == 0
    shutil.rmtree(path)
