"""The pool as any stock gRPC client sees it, from the published .proto alone; the worker is a stub written by hand."""
import concurrent.futures
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import grpc
import pytest

import hive
from hive import until
from stock import Client, Pool, Worker, call_id, pb, spec, tar


def fresh_pool():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-pool-"))
    p = Pool(path)
    yield p
    assert p.end() == 0
    shutil.rmtree(path)


pool = pytest.fixture(fresh_pool, scope="module", name="pool")
own_pool = pytest.fixture(fresh_pool, name="own_pool")


@pytest.fixture
def client(pool):
    c = Client(pool)
    c.register("u" + call_id()[:12])
    yield c
    c.close()


@pytest.fixture
def worker(client):
    w = Worker(client)
    w.expect("welcome")
    yield w
    w.say(leave=pb.Leave())
    w.over.wait(5)


def fails(code, function, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        function(*args, **kwargs)
    assert caught.value.code() == code, caught.value
    assert caught.value.details()
    return caught.value.details()


def auth(token):
    return [("authorization", f"Bearer {token}")]


# --- accounts --------------------------------------------------------------------------------------

def test_register_login_whoami_logout(pool):
    c, name = Client(pool), "ann" + call_id()[:8]
    first = c.register(name)
    assert first.token.startswith("hm_") and len(first.token) == 55
    assert c.accounts.Whoami(pb.WhoamiRequest(), **c.auth).name == name
    second = c.accounts.Login(pb.LoginRequest(name=name, password="correct horse"))
    assert second.account.id == first.account.id and second.token != first.token
    c.accounts.Logout(pb.LogoutRequest(), **c.auth)
    fails(grpc.StatusCode.UNAUTHENTICATED, c.accounts.Whoami, pb.WhoamiRequest(), **c.auth)
    c.token = second.token
    assert c.accounts.Whoami(pb.WhoamiRequest(), **c.auth).name == name


def test_a_wrong_password_and_an_unknown_name_are_told_alike(pool):
    c, name = Client(pool), "bob" + call_id()[:8]
    c.register(name)
    answers, times = set(), {}
    for who in (name, "nobody-" + call_id()[:8]):
        begun = time.monotonic()
        for _ in range(5):
            answers.add(fails(grpc.StatusCode.UNAUTHENTICATED, c.accounts.Login,
                              pb.LoginRequest(name=who, password="not the one")))
        times[who == name] = time.monotonic() - begun
    assert len(answers) == 1
    assert 0.4 < times[True] / times[False] < 2.5


def test_registration_is_idempotent_and_gives_no_session_to_another_password(pool):
    c, name, the_call = Client(pool), "cat" + call_id()[:8], call_id()
    request = pb.RegisterRequest(name=name, password="correct horse", call_id=the_call)
    first, again = c.accounts.Register(request), c.accounts.Register(request)
    assert first.account.id == again.account.id
    with pytest.raises(grpc.RpcError):
        c.accounts.Register(pb.RegisterRequest(name=name, password="another horse", call_id=the_call))
    fails(grpc.StatusCode.ALREADY_EXISTS, c.accounts.Register,
          pb.RegisterRequest(name=name, password="correct horse", call_id=call_id()))


def test_a_password_that_is_guessed_first_is_refused(pool):
    c = Client(pool)
    for password in ("Password123!", "carla2026", "qwertyuiop"):
        assert "it would be guessed" in fails(grpc.StatusCode.INVALID_ARGUMENT, c.accounts.Register, pb.RegisterRequest(
            name="carla", password=password, call_id=call_id()))
    c.close()


@pytest.mark.parametrize("name, password", [("a", "long enough"), ("Ann", "long enough"), ("9ann", "long enough"),
                                            ("ann smith", "long enough"), ("a" * 33, "long enough"),
                                            ("annie", "short"), ("annie", "x" * 257)])
def test_names_and_passwords_have_rules(pool, name, password):
    fails(grpc.StatusCode.INVALID_ARGUMENT, Client(pool).accounts.Register,
          pb.RegisterRequest(name=name, password=password, call_id=call_id()))


def test_every_other_call_needs_a_token(pool):
    c = Client(pool)
    for token in ("", "hm_" + "0" * 52, "nonsense"):
        metadata = auth(token) if token else None
        for call in (lambda: c.tasks.List(pb.ListTasksRequest(), metadata=metadata),
                     lambda: c.tasks.Get(pb.GetTaskRequest(id="7kq2"), metadata=metadata),
                     lambda: list(c.tasks.Watch(pb.WatchTaskRequest(id="7kq2"), metadata=metadata)),
                     lambda: c.blobs.Offset(pb.UploadHeader(), metadata=metadata),
                     lambda: c.blobs.Upload(iter([]), metadata=metadata),
                     lambda: list(c.workers.Link(iter([]), metadata=metadata)),
                     lambda: c.workers.List(pb.ListWorkersRequest(), metadata=metadata)):
            fails(grpc.StatusCode.UNAUTHENTICATED, call)
    info = c.pool.Info(pb.InfoRequest())
    assert info.redis_up and info.redis_version


# --- the main job ------------------------------------------------------------------------------------

def test_a_task_from_upload_to_result(client, worker):
    bundle = tar({"run.sh": "echo hello"})
    reply = client.submit(bundle)
    task = f"{reply.id}.1"
    lease = worker.expect("lease")
    assert (lease.task, lease.epoch, lease.bundle_sha256) == (task, 1, bundle[1])
    assert lease.spec.command == ["sh", "run.sh"]
    assert client.download(task, pb.BUNDLE, epoch=1)[0] == bundle[0]
    worker.progress(lease, pb.STAGING)
    worker.progress(lease, pb.EXECUTING)
    until("the phase to be seen", lambda: client.get(task).phase == pb.EXECUTING)
    assert client.get(task).started_ms > 0
    worker.prints(lease, "hello\n", 0)
    result = tar({"out/answer": "42"})
    worker.done(lease, result)
    assert worker.expect("stored").task == task
    ended = client.wait(task, "COMPLETED")
    assert (ended.exit_code, ended.result_sha256, ended.log_size, ended.worker) == (0, result[1], 6, worker.id)
    got, first = client.download(task[:6], pb.RESULT)
    assert got == result[0] and first.size == len(got) and first.sha256 == result[1]
    assert client.download(task, pb.RESULT, offset=700)[0] == result[0][700:]
    assert b"".join(chunk.data for chunk in client.logs(task)) == b"hello\n"


def test_watch_shows_each_state_and_ends(client, worker):
    task = client.submit().id + ".1"
    seen = []
    watching = threading.Thread(target=lambda: seen.extend(
        client.tasks.Watch(pb.WatchTaskRequest(id=task), **client.auth)))
    watching.start()
    lease = worker.expect("lease")
    worker.progress(lease, pb.EXECUTING)
    until("the watch to see it run", lambda: any(t.phase == pb.EXECUTING for t in seen))
    worker.done(lease, failure=pb.USER_EXIT, exit_code=3, reason="it exited with 3")
    watching.join(10)
    assert not watching.is_alive()
    assert (seen[-1].state, seen[-1].failure, seen[-1].exit_code) == (pb.FAILED, pb.USER_EXIT, 3)


def test_followed_lines_come_at_once_and_the_end_ends_it(client, worker):
    task = client.submit().id + ".1"
    late, chunks = [], []

    def follow():
        for chunk in client.tasks.Logs(pb.LogsRequest(id=task, follow=True), **client.auth):
            late.append(time.time() * 1000 - chunk.time_ms)
            chunks.append(chunk)
    following = threading.Thread(target=follow)
    following.start()
    lease = worker.expect("lease")
    worker.progress(lease, pb.EXECUTING)
    at = 0
    for i in range(40):
        worker.prints(lease, f"line {i}\n", at)
        at += len(f"line {i}\n")
        time.sleep(0.02)
    worker.prints(lease, "line 39\n", at - 8)  # a repeat
    worker.done(lease)
    following.join(10)
    assert not following.is_alive()
    text = b"".join(chunk.data for chunk in chunks).decode()
    assert text == "".join(f"line {i}\n" for i in range(40))
    late.sort()
    print(f"line to follower: median {late[20]:.1f} ms, p95 {late[37]:.1f} ms")
    assert late[37] < 200 * hive.SLOW
    rest = client.logs(task, offset=chunks[9].next)
    assert b"".join(chunk.data for chunk in rest).decode() == "".join(f"line {i}\n" for i in range(10, 40))


def test_a_flood_of_log_is_capped(client, worker):
    task = client.submit().id + ".1"
    lease = worker.expect("lease")
    block = "x" * (256 * 1024 - 1) + "\n"
    for i in range(40):
        worker.prints(lease, block, i * len(block))
    worker.done(lease)
    worker.expect("stored")
    size = sum(len(chunk.data) for chunk in client.logs(task))
    assert 5 << 20 <= size < 6 << 20


def test_two_streams_of_output_stay_apart(client, worker):
    task = client.submit().id + ".1"
    lease = worker.expect("lease")
    worker.prints(lease, "out\n", 0, stream=1)
    worker.prints(lease, "err\n", 4, stream=2)
    worker.done(lease)
    worker.expect("stored")
    assert [(chunk.stream, chunk.data) for chunk in client.logs(task)] == [(1, b"out\n"), (2, b"err\n")]


def test_submit_again_with_the_same_call_changes_nothing(client):
    the_call = call_id()
    first = client.submit(the_call=the_call)
    again = client.submit(the_call=the_call)
    assert (again.id, again.duplicate) == (first.id, True)
    fails(grpc.StatusCode.ABORTED, client.submit, the_call=the_call, name="other")
    assert len(client.tasks.List(pb.ListTasksRequest(), **client.auth).tasks) == 1
    client.tasks.Stop(pb.StopTaskRequest(id=first.id, call_id=call_id()), **client.auth)


def test_what_cannot_be_submitted(client):
    data, sha256 = tar({"run.sh": "x"})
    request = pb.SubmitRequest(spec=spec("t"), bundle_sha256="0" * 64, bundle_size=10, call_id=call_id())
    fails(grpc.StatusCode.FAILED_PRECONDITION, client.tasks.Submit, request, **client.auth)
    client.upload(data, sha256)
    for bad in (pb.TaskSpec(), spec("x" * 100), spec("t", memory=1), spec("t", cpus=1 << 31)):
        request = pb.SubmitRequest(spec=bad, bundle_sha256=sha256, bundle_size=len(data), call_id=call_id())
        fails(grpc.StatusCode.INVALID_ARGUMENT, client.tasks.Submit, request, **client.auth)


def test_list_pages_newest_first(client):
    ids = [client.submit(name=f"n{i}", cpus=512000).id + ".1" for i in range(7)]
    page = client.tasks.List(pb.ListTasksRequest(limit=4), **client.auth)
    rest = client.tasks.List(pb.ListTasksRequest(limit=4, after=page.next), **client.auth)
    assert [t.id for t in page.tasks] + [t.id for t in rest.tasks] == ids[::-1]
    assert rest.next == ""
    for task in ids:
        client.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **client.auth)
    assert not client.tasks.List(pb.ListTasksRequest(only_live=True), **client.auth).tasks


# --- what belongs to others ---------------------------------------------------------------------------

def test_what_is_another_accounts_is_not_there(pool, client, worker):
    task = client.submit().id + ".1"
    lease = worker.expect("lease")
    other = Client(pool)
    other.register("z" + call_id()[:10])
    for call in (lambda: other.get(task), lambda: other.logs(task), lambda: other.download(task, pb.BUNDLE),
                 lambda: list(other.tasks.Watch(pb.WatchTaskRequest(id=task), **other.auth)),
                 lambda: other.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **other.auth),
                 lambda: other.tasks.Remove(pb.RemoveTaskRequest(id=task, call_id=call_id()), **other.auth)):
        fails(grpc.StatusCode.NOT_FOUND, call)
    result = tar({"out/x": "forged"})
    fails(grpc.StatusCode.PERMISSION_DENIED, other.upload, *result, task=task, epoch=1)
    fails(grpc.StatusCode.PERMISSION_DENIED, other.download, task, pb.BUNDLE, epoch=1)
    thief = Worker(other, id=worker.id)
    assert thief.over.wait(5)
    assert thief.error.code() == grpc.StatusCode.PERMISSION_DENIED
    worker.done(lease)
    worker.expect("stored")


def test_a_bundle_of_another_account_must_be_brought_again(pool, client):
    data, sha256 = tar({"run.sh": call_id()})
    client.upload(data, sha256)
    other = Client(pool)
    other.register("y" + call_id()[:10])
    offset = other.blobs.Offset(pb.UploadHeader(sha256=sha256, size=len(data)), **other.auth)
    assert (offset.offset, offset.complete) == (0, False)
    request = pb.SubmitRequest(spec=spec("t"), bundle_sha256=sha256, bundle_size=len(data), call_id=call_id())
    fails(grpc.StatusCode.FAILED_PRECONDITION, other.tasks.Submit, request, **other.auth)


# --- blobs --------------------------------------------------------------------------------------------

def test_an_upload_that_stops_goes_on_where_it_was(client):
    data, sha256 = tar({"run.sh": "x", "data": os.urandom(3 << 20)})
    fails(grpc.StatusCode.INVALID_ARGUMENT, client.upload, data, sha256, stop_after=2 << 20)
    have = client.blobs.Offset(pb.UploadHeader(sha256=sha256, size=len(data)), **client.auth)
    assert (have.offset, have.complete) == (2 << 20, False)
    fails(grpc.StatusCode.OUT_OF_RANGE, client.upload, data, sha256, offset=1 << 20)
    done = client.upload(data, sha256, offset=2 << 20)
    assert (done.offset, done.complete) == (len(data), True)
    assert client.blobs.Offset(pb.UploadHeader(sha256=sha256, size=len(data)), **client.auth).complete
    assert client.upload(data, sha256).complete


def test_bytes_of_another_hash_are_refused(client):
    data, _ = tar({"run.sh": "x"})
    fails(grpc.StatusCode.DATA_LOSS, client.upload, data, "1" * 64)
    assert client.blobs.Offset(pb.UploadHeader(sha256="1" * 64, size=len(data)), **client.auth).offset == 0


def test_hostile_bundles_are_refused_with_their_sentence(client):
    import hashlib
    import io
    import tarfile
    sentences = set()
    for name, kind in (("../up", tarfile.REGTYPE), ("/abs", tarfile.REGTYPE), ("link", tarfile.SYMTYPE),
                       ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE), ("pipe", tarfile.FIFOTYPE)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "target"
            archive.addfile(entry)
        data = out.getvalue()
        sentences.add(fails(grpc.StatusCode.INVALID_ARGUMENT, client.upload, data, hashlib.sha256(data).hexdigest()))
    data, _ = tar({"run.sh": "x"})
    import gzip
    for bad in (gzip.compress(data), data[:512], os.urandom(4096)):
        sentences.add(fails(grpc.StatusCode.INVALID_ARGUMENT, client.upload, bad, hashlib.sha256(bad).hexdigest()))
    assert len(sentences) == 9


def test_a_second_stream_takes_an_upload_over(client):
    data, sha256 = tar({"run.sh": "x", "data": os.urandom(1 << 20)})
    gate = threading.Event()

    def half():
        yield pb.UploadChunk(header=pb.UploadHeader(sha256=sha256, size=len(data)))
        yield pb.UploadChunk(data=data[:65536])
        gate.wait(20)
    first = client.blobs.Upload.future(half(), **client.auth)
    header = pb.UploadHeader(sha256=sha256, size=len(data))
    until("the first part", lambda: client.blobs.Offset(header, **client.auth).offset == 65536)
    assert client.upload(data, sha256, offset=65536).complete
    gate.set()
    with pytest.raises(grpc.RpcError):
        first.result(10)


# --- stop, remove -------------------------------------------------------------------------------------

def test_a_waiting_task_is_stopped_and_removed(client):
    task = client.submit(cpus=900000).id + ".1"
    fails(grpc.StatusCode.FAILED_PRECONDITION, client.tasks.Remove,
          pb.RemoveTaskRequest(id=task, call_id=call_id()), **client.auth)
    stopped = client.tasks.Stop(pb.StopTaskRequest(id=task, reason="enough", call_id=call_id()), **client.auth)
    assert (stopped.state, stopped.reason) == (pb.STOPPED, "enough")
    client.tasks.Remove(pb.RemoveTaskRequest(id=task, call_id=call_id()), **client.auth)
    fails(grpc.StatusCode.NOT_FOUND, client.get, task)


def test_a_running_task_is_stopped_and_its_late_files_are_attached(client, worker):
    task = client.submit().id + ".1"
    lease = worker.expect("lease")
    assert client.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **client.auth).state == pb.STOPPED
    assert worker.expect("stop").task == task
    result = tar({"out/partial": "half"})
    worker.done(lease, result, exit_code=143, killed_by_worker=True)
    worker.expect("stored")
    ended = client.get(task)
    assert (ended.state, ended.result_sha256) == (pb.STOPPED, result[1])
    assert client.download(task, pb.RESULT)[0] == result[0]


# --- scheduling ---------------------------------------------------------------------------------------

def test_reasons_say_why_a_task_waits(own_pool):
    c = Client(own_pool)
    c.register("ann")
    task = c.submit(memory=64 << 30).id + ".1"
    assert c.get(task).reason == "waits for a worker: none is online"
    w = Worker(c, not_ready="the engine is down")
    w.expect("welcome")
    assert "none takes tasks now" in c.get(task).reason
    w.not_ready = ""
    until("the sentence", lambda: "none lends 64 GiB memory" in c.get(task).reason or print(c.get(task).reason))
    shown = c.workers.List(pb.ListWorkersRequest(), **c.auth).workers
    assert [(x.id, x.state) for x in shown] == [(w.id, "ready")]
    c.close()


def test_no_worker_gets_more_than_it_offers_and_each_task_runs_once(own_pool):
    c = Client(own_pool)
    c.register("ann")
    workers = [Worker(c, name=f"w{i}", cpus=2000) for i in range(2)]
    for w in workers:
        w.expect("welcome")
    c.upload(*tar({"run.sh": "echo hi"}))
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        tasks = set(r.id + ".1" for r in threads.map(lambda i: c.submit(name=f"n{i}", cpus=500), range(100)))
    ran, stop = [], threading.Event()

    def over_reserved():
        while not stop.is_set():
            for w in c.workers.List(pb.ListWorkersRequest(), **c.auth).workers:
                assert w.used.milli_cpus <= w.host.offered.milli_cpus
        return True

    def play(w):
        while len(ran) < 100:
            message = w.heard.get(timeout=20)
            if message.WhichOneof("kind") == "lease":
                ran.append(message.lease.task)
                w.done(message.lease)
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        checking = threads.submit(over_reserved)
        for w in workers:
            threads.submit(play, w)
        until("all tasks", lambda: len(ran) == 100, 30)
        stop.set()
        for w in workers:
            w.heard.put(pb.PoolMessage(ack=pb.Ack()))
        assert checking.result(10)
    assert sorted(ran) == sorted(tasks)
    until("all to be stored", lambda: c.pool.Info(pb.InfoRequest()).finished == 100)
    c.close()


def test_a_task_that_a_worker_gives_back_goes_to_another(own_pool):
    c = Client(own_pool)
    c.register("ann")
    first = Worker(c, name="first", cpus=2000)
    first.expect("welcome")
    task = c.submit(cpus=2000).id + ".1"
    lease = first.expect("lease")
    second = Worker(c, name="second", cpus=2000)
    second.expect("welcome")
    first.not_ready = "full disk"
    first.say(heartbeat=pb.Heartbeat(seq=1, not_ready="full disk"))
    first.say(give_back=pb.GiveBack(task=task, epoch=lease.epoch, reason="full disk"))
    again = second.expect("lease")
    assert (again.task, again.epoch) == (task, 2)
    first.done(lease)  # too late: of another epoch
    assert first.expect("verdict").word == pb.Verdict.KILL
    second.done(again)
    second.expect("stored")
    assert c.get(task).losses == 0
    c.close()


def test_a_follower_goes_from_a_lost_attempt_to_the_next(own_pool):
    c = Client(own_pool)
    c.register("ann")
    first = Worker(c, name="first")
    first.expect("welcome")
    task = c.submit().id + ".1"
    chunks = []
    following = threading.Thread(target=lambda: chunks.extend(
        c.tasks.Logs(pb.LogsRequest(id=task, follow=True), **c.auth)))
    following.start()
    lease = first.expect("lease")
    first.prints(lease, "one\n", 0)
    until("the line", lambda: c.logs(task))
    first.say(leave=pb.Leave())
    until("the way back", lambda: c.get(task).state == pb.PENDING)
    resumed = threading.Thread(target=lambda: chunks.extend(
        c.tasks.Logs(pb.LogsRequest(id=task, follow=True, offset=1 << 40), **c.auth)))
    resumed.start()
    second = Worker(c, name="second")
    second.expect("welcome")
    lease = second.expect("lease")
    second.prints(lease, "two\n", 0)
    second.done(lease)
    second.expect("stored")
    for thread in (following, resumed):
        thread.join(10)
        assert not thread.is_alive()
    assert sorted(chunk.data for chunk in chunks) == [b"one\n", b"one\n", b"two\n", b"two\n"]
    assert [c.logs(task, epoch=n)[0].data for n in (1, 2)] == [b"one\n", b"two\n"]
    c.close()


def test_a_worker_that_leaves_hands_over_at_once(own_pool):
    c = Client(own_pool)
    c.register("ann")
    first = Worker(c, name="first")
    first.expect("welcome")
    task = c.submit().id + ".1"
    first.expect("lease")
    second = Worker(c, name="second")
    second.expect("welcome")
    begun = time.monotonic()
    first.say(leave=pb.Leave())
    assert second.expect("lease").task == task
    assert time.monotonic() - begun < 1 * hive.SLOW
    assert [w.name for w in c.workers.List(pb.ListWorkersRequest(), **c.auth).workers] == ["second"]
    c.close()


# --- faults -------------------------------------------------------------------------------------------

def test_a_silent_worker_is_removed_after_10_s_and_its_task_runs_elsewhere(own_pool):
    c = Client(own_pool)
    c.register("ann")
    started = time.monotonic()
    first = Worker(c, name="first", cpus=2000)
    first.expect("welcome")
    task = c.submit().id + ".1"
    lease = first.expect("lease")
    second = Worker(c, name="second", cpus=1000)
    second.expect("welcome")
    time.sleep(max(0, 8 - (time.monotonic() - started)))  # the pool is patient after its start
    first.beating = False
    silent = time.monotonic()
    again = second.expect("lease", 20)
    waited = time.monotonic() - silent
    print(f"reassigned {waited:.2f} s after the test went silent")
    assert 8.9 < waited < 11.5 * hive.SLOW
    assert (again.task, again.epoch) == (task, 2)
    assert first.over.wait(5)
    back = Worker(c, name="first", id=first.id, attempts=[pb.AttemptRef(task=task, epoch=lease.epoch, phase=pb.EXECUTING)])
    back.expect("welcome")
    assert back.expect("verdict").word == pb.Verdict.KILL
    second.done(again)
    second.expect("stored")
    assert c.get(task).losses == 1
    c.close()


def test_a_link_that_breaks_loses_nothing(client, worker):
    task = client.submit().id + ".1"
    lease = worker.expect("lease")
    worker.progress(lease, pb.EXECUTING)
    until("the phase", lambda: client.get(task).phase == pb.EXECUTING)
    worker.cut()
    attempts = [pb.AttemptRef(task=task, epoch=1, phase=pb.ENDED), pb.AttemptRef(task=task, epoch=9, phase=pb.EXECUTING)]
    back = Worker(client, id=worker.id, attempts=attempts)
    back.expect("welcome")
    assert [back.expect("verdict").word for _ in range(2)] == [pb.Verdict.SEND, pb.Verdict.KILL]
    back.done(lease)
    back.expect("stored")
    back.done(lease)  # the answer was lost: again
    back.expect("stored")
    assert client.get(task).epoch == 1
    back.say(leave=pb.Leave())
    back.over.wait(5)


def test_what_a_worker_comes_back_without_is_another_attempt(client, worker):
    task = client.submit().id + ".1"
    assert worker.expect("lease").task == task
    worker.cut()  # perhaps it never heard of it, perhaps it began, gave it up and forgot it: the same epoch must not begin twice
    back = Worker(client, id=worker.id)
    back.expect("welcome")
    lease = back.expect("lease")
    assert (lease.task, lease.epoch) == (task, 2)
    assert client.get(task).losses == 0
    back.progress(lease, pb.EXECUTING)
    until("the phase", lambda: client.get(task).phase == pb.EXECUTING)
    back.cut()
    back = Worker(client, id=worker.id)
    back.expect("welcome")
    lease = back.expect("lease")
    assert (lease.task, lease.epoch) == (task, 3)
    assert client.get(task).losses == 1
    back.done(lease)
    back.expect("stored")
    back.say(leave=pb.Leave())
    back.over.wait(5)


def test_a_heartbeat_is_acknowledged_by_its_number(worker):
    worker.beating = False
    for seq in (41, 40, 2**40):
        worker.say(heartbeat=pb.Heartbeat(seq=seq))
        until("it to be acknowledged", lambda: worker.acked == seq)


def test_an_attempt_that_is_not_its_own_is_ended_though_the_worker_has_as_many_as_it_should(client, worker):
    task = client.submit().id + ".1"
    lease = worker.expect("lease")
    other = pb.AttemptRef(task=task, epoch=7, phase=pb.EXECUTING)
    worker.say(heartbeat=pb.Heartbeat(seq=1, attempts=[other]))
    verdict = worker.expect("verdict")
    assert (verdict.task, verdict.epoch, verdict.word) == (task, 7, pb.Verdict.KILL)
    worker.say(heartbeat=pb.Heartbeat(seq=2, attempts=[pb.AttemptRef(task=task, epoch=1, phase=pb.EXECUTING)]))
    worker.done(lease)
    worker.expect("stored")


def test_done_with_a_result_that_is_not_here_is_asked_for_again(client, worker):
    task = client.submit().id + ".1"
    lease = worker.expect("lease")
    result = tar({"out/late": "1"})
    worker.done(lease, result_sha256=result[1], result_size=len(result[0]))
    assert worker.expect("verdict").word == pb.Verdict.SEND
    worker.done(lease, result)
    worker.expect("stored")
    assert client.get(task).result_sha256 == result[1]


def test_memory_that_is_behind_redis_is_read_again(own_pool):
    c = Client(own_pool)
    c.register("ann")
    task = c.submit().id + ".1"
    socket_path = own_pool.path / "data" / "redis" / "redis.sock"
    subprocess.run(["redis-cli", "-s", socket_path, "HSET", f"task:{task}", "epoch", "5"], check=True, capture_output=True)
    w = Worker(c)
    w.expect("welcome")
    lease = w.expect("lease")
    assert (lease.task, lease.epoch) == (task, 6)
    w.done(lease)
    w.expect("stored")
    c.close()


def test_a_new_link_of_a_worker_replaces_the_old_one(client, worker):
    second = Worker(client, id=worker.id)
    second.expect("welcome")
    assert worker.over.wait(5)
    second.say(leave=pb.Leave())
    second.over.wait(5)


@pytest.mark.parametrize("how", ["end", "kill"])
def test_a_pool_that_restarts_keeps_what_runs_and_what_waits(own_pool, how):
    c = Client(own_pool)
    c.register("ann")
    w = Worker(c, cpus=1000)
    w.expect("welcome")
    running = c.submit().id + ".1"
    lease = w.expect("lease")
    w.progress(lease, pb.EXECUTING)
    waiting = c.submit(name="second").id + ".1"
    w.prints(lease, "before\n", 0)
    until("the log", lambda: c.logs(running))
    begun = time.monotonic()
    assert getattr(own_pool, how)() in (0, None)
    assert time.monotonic() - begun < 5 * hive.SLOW
    own_pool.start()
    assert w.over.wait(5)
    back = until("the pool", lambda: reconnect(c, w, [pb.AttemptRef(task=running, epoch=1, phase=pb.EXECUTING)]))
    assert back.expect("verdict").word == pb.Verdict.KEEP
    back.prints(lease, "before\nafter\n", 0)  # all that it could not be sure of
    back.done(lease)
    assert [back.heard.get(timeout=5).WhichOneof("kind") for _ in range(2)] in (["stored", "lease"], ["lease", "stored"])
    assert b"".join(chunk.data for chunk in c.logs(running)) == b"before\nafter\n"
    assert (c.get(running).epoch, c.get(waiting).state) == (1, pb.RUNNING)
    c.close()


def reconnect(client, old, attempts):
    w = Worker(client, id=old.id, cpus=1000, attempts=attempts)
    try:
        w.expect("welcome", 2)
        return w
    except AssertionError:
        return None


def test_redis_gone_and_back(redis):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-pool-"))
    p = Pool(path, "--redis", redis.url)
    c = Client(p)
    c.register("ann")
    w = Worker(c)
    w.expect("welcome")
    task = c.submit().id + ".1"
    lease = w.expect("lease")
    redis.kill()
    details = until("the pool to notice", lambda: unavailable(c, task))
    assert "edis" in details
    w.done(lease)  # kept until Redis is back
    before = w.acks
    until("heartbeats go on", lambda: w.acks > before, 5)
    redis.start()
    w.expect("stored", 20)
    assert until("an answer", lambda: answered(c, task), 20).state == pb.COMPLETED
    assert c.get(task).epoch == 1
    assert p.end() == 0
    shutil.rmtree(path)


def test_a_submit_without_an_answer_runs_once_all_the_same(redis):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-pool-"))
    p = Pool(path, "--redis", redis.url)
    c = Client(p)
    c.register("ann")
    w = Worker(c)
    w.expect("welcome")
    bundle, the_call = tar({"run.sh": "echo hi"}), call_id()
    c.upload(*bundle)
    c.tasks.List(pb.ListTasksRequest(), **c.auth)  # the token is fresh in memory
    request = pb.SubmitRequest(spec=spec("t"), bundle_sha256=bundle[1], bundle_size=len(bundle[0]), call_id=the_call)
    os.kill(redis.process.pid, signal.SIGSTOP)
    fails(grpc.StatusCode.UNAVAILABLE, c.tasks.Submit, request, **c.auth)
    os.kill(redis.process.pid, signal.SIGCONT)
    lease = w.expect("lease", 20)  # nobody has asked again
    again = until("an answer", lambda: submitted(c, request), 20)
    assert again.duplicate and lease.task == again.id + ".1"
    w.done(lease)
    w.expect("stored")
    assert w.hears_nothing(0.5)
    p.restart()
    assert submitted(c, request).id == again.id
    assert p.end() == 0
    shutil.rmtree(path)


def submitted(c, request):
    try:
        return c.tasks.Submit(request, wait_for_ready=True, **c.auth)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        return None


def test_uploads_wait_for_a_worker_whose_pool_was_restarted(own_pool):
    c = Client(own_pool)
    c.register("ann")
    w = Worker(c)
    w.expect("welcome")
    task = c.submit().id + ".1"
    lease = w.expect("lease")
    own_pool.restart()
    w.over.wait(5)
    result = tar({"out/x": "1"})
    until("the pool", lambda: answered(c, task))
    fails(grpc.StatusCode.UNAVAILABLE, c.upload, *result, task=task, epoch=1)
    fails(grpc.StatusCode.UNAVAILABLE, c.download, task, pb.BUNDLE, epoch=1)
    back = Worker(c, id=w.id, attempts=[pb.AttemptRef(task=task, epoch=1, phase=pb.ENDED)])
    back.expect("welcome")
    assert back.expect("verdict").word == pb.Verdict.SEND
    back.done(lease, result)
    back.expect("stored")
    assert c.get(task).state == pb.COMPLETED
    c.close()


@pytest.mark.parametrize("redis_url", ["unix:/nonexistent/redis.sock", None])
def test_a_pool_that_is_still_starting_ends_at_sigterm(tmp_path, redis_url):
    options = ["--redis", redis_url] if redis_url else []
    process = hive.Process([hive.BIN, "pool", "--data", tmp_path / "d", "--listen", "127.0.0.1:0", *options], tmp_path / "log")
    until("its first line", lambda: (tmp_path / "d" / "lock").exists())
    if redis_url:
        until("the reason", lambda: "waiting for Redis" in (tmp_path / "log").read_text())
    assert process.end(5) in (0, -signal.SIGTERM)  # the signal may come before it is caught


def unavailable(c, task):
    try:
        c.get(task)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        return error.details()
    return None


def answered(c, task):
    try:
        return c.get(task)
    except grpc.RpcError:
        return None


# --- typed wrong ---------------------------------------------------------------------------------------

def pool_says(*options):
    done = subprocess.run([hive.BIN, "pool", *options], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stderr


def test_a_port_in_use_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, text = pool_says("--data", tmp_path / "d", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert code == 8 and "in use" in text and "--listen" in text


def test_two_pools_do_not_share_a_directory(own_pool):
    code, text = pool_says("--data", own_pool.path / "data", "--listen", "127.0.0.1:0")
    assert code == 8 and "another pool" in text


def test_a_weak_redis_is_refused_with_the_line_to_change(redis):
    redis.cli("CONFIG", "SET", "appendfsync", "everysec")
    code, text = pool_says("--data", tempfile.mkdtemp(prefix="hm-weak-"), "--listen", "127.0.0.1:0", "--redis", redis.url)
    assert code == 2 and "appendfsync" in text
