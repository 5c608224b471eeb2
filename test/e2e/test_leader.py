"""Two pools on one Redis: one leads, the other takes over within 5 s of its end; never do both write."""
import os
import pathlib
import shutil
import signal
import tempfile
import time

import grpc
import pytest

import hive
from hive import until
from stock import Client, Worker, call_id, pb, spec, tar

TAKES_OVER_S = 5


@pytest.fixture
def place():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-lead-"))
    yield path
    shutil.rmtree(path)


class Candidate:
    """`hivemind pool` on a Redis of the operator's own, whether it leads or stands by."""

    def __init__(self, place, redis, name, data="data", port=0):
        self.place, self.name = place, name
        self.port_file = place / f"{name}.port"
        self.process = hive.Process(
            hive.WRAP + [hive.BIN, "pool", "--redis", redis.url, "--data", place / data, "--listen", f"127.0.0.1:{port}",
                         "--port-file", self.port_file, "--work-bits", "0", "--gift", "1000000"], place / f"{name}.log")
        self.pid = self.process.pid

    def said(self, words):
        return words in self.process.log.read_text()

    def leads(self):
        return self.said("pool ready on")

    @property
    def port(self):
        until("the port", self.port_file.exists)
        return int(self.port_file.read_text())

    def lead(self, seconds=20):
        until(f"{self.name} to lead", self.leads, seconds)
        return self

    def stand_by(self):
        until(f"{self.name} to stand by", lambda: self.said("stands by"), 20)
        return self

    def kill(self, signal_number=signal.SIGKILL):
        os.kill(self.pid, signal_number)

    def gone(self, seconds=10):
        until(f"{self.name} to end", lambda: not self.process.alive(), seconds)
        return self.process.popen.wait()

    def end(self):
        if self.process.alive():
            self.kill(signal.SIGCONT)
            self.process.end()


@pytest.fixture
def candidate(place, redis):
    started = []

    def start(name, **options):
        started.append(Candidate(place, redis, name, **options))
        return started[-1]

    yield start
    for c in started:
        c.end()


def health(pool):
    with grpc.insecure_channel(f"127.0.0.1:{pool.port}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", lambda m: m, lambda m: m)
        return check(b"", timeout=10)


SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


def refused(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **kwargs)
    return caught.value


def test_a_second_pool_stands_by_and_says_so(candidate):
    a = candidate("a").lead()
    b = candidate("b").stand_by()
    assert str(a.pid) in b.process.log.read_text(), "it names who leads"
    assert (health(a), health(b)) == (SERVING, NOT_SERVING)
    error = refused(Client(b).pool.Info, pb.InfoRequest())
    assert error.code() == grpc.StatusCode.UNAVAILABLE and "another pool leads" in error.details()
    assert not b.leads()
    began = time.monotonic()
    assert a.process.end() == 0
    b.lead()
    assert time.monotonic() - began < 3 * hive.SLOW, "who resigns is not waited for"
    assert health(b) == SERVING


@pytest.mark.parametrize("data", ["data", "other"])
def test_killed_with_a_task_running(candidate, data):
    """The worker finds the next pool and its task is still its own; one data directory or two."""
    a = candidate("a").lead()
    b = candidate("b", data=data).stand_by()
    client = Client(a)
    client.register("ann")
    worker = Worker(client)
    before = worker.expect("welcome")
    task = client.submit().id + ".1"
    lease = worker.expect("lease")
    worker.progress(lease, pb.EXECUTING)
    until("it to run", lambda: client.get(task).phase == pb.EXECUTING)
    began = time.monotonic()
    a.kill()
    b.lead()
    seconds = time.monotonic() - began
    assert seconds < TAKES_OVER_S * hive.SLOW
    if data == "data":
        assert seconds < 2 * hive.SLOW, "the lock of the directory proves that it is dead"
    client = Client(b, client.token)
    back = Worker(client, id=worker.id, attempts=[pb.AttemptRef(task=task, epoch=1, phase=pb.EXECUTING)])
    after = back.expect("welcome")
    assert before.pool == after.pool and (before.epoch, after.epoch) == (1, 2)
    assert back.expect("verdict").word == pb.Verdict.KEEP
    back.done(lease)
    back.expect("stored")
    assert client.get(task).state == pb.COMPLETED


def test_a_pool_that_finds_nothing_on_workers_waits_for_none(candidate):
    """A worker that it meets and loses at once is lost after 10 s, not after the 15 s that a pool with leases waits at first."""
    client = Client(candidate("a").lead())
    client.register("ann")
    worker = Worker(client)
    worker.expect("welcome")
    task = client.submit().id + ".1"
    worker.expect("lease")
    worker.cut()
    began = time.monotonic()
    until("the task to be taken away", lambda: client.get(task).losses == 1, 20)
    assert 8 < time.monotonic() - began < 13


def test_a_leader_that_slept_changes_nothing_and_ends(candidate, redis):
    a = candidate("a").lead()
    b = candidate("b").stand_by()
    client = Client(a)
    client.register("ann")
    data = tar({"run.sh": "echo hi"})
    client.upload(*data)
    began = time.monotonic()
    a.kill(signal.SIGSTOP)
    b.lead()
    assert time.monotonic() - began < TAKES_OVER_S * hive.SLOW
    before = redis.cli("HGET", "counters", "submitted")
    late = client.tasks.Submit.future(pb.SubmitRequest(spec=spec("late"), bundle_sha256=data[1], bundle_size=len(data[0]),
                                                       call_id=call_id()), **client.auth)
    a.kill(signal.SIGCONT)
    assert refused(late.result).code() == grpc.StatusCode.UNAVAILABLE
    assert a.gone() == 8
    assert a.said("another pool leads now") and a.said(str(b.pid))
    assert redis.cli("HGET", "counters", "submitted") == before
    again = Client(b, client.token)
    assert again.submit(data).id


def test_a_leader_cut_off_from_redis(candidate, redis, place):
    """Its Redis is reached through a relay of ours, which stops."""
    relay = hive.Process(["python3", "-c", RELAY, place / "relay.sock", redis.socket], place / "relay.log")
    try:
        until("the relay", (place / "relay.sock").exists)
        far = type("Far", (), {"url": f"unix:{place}/relay.sock"})
        a = Candidate(place, far, "a")
        try:
            a.lead()
            b = candidate("b").stand_by()
            began = time.monotonic()
            os.kill(relay.pid, signal.SIGSTOP)
            b.lead()
            assert time.monotonic() - began < TAKES_OVER_S * hive.SLOW
            os.kill(relay.pid, signal.SIGCONT)
            assert a.gone(15) == 8
        finally:
            a.end()
    finally:
        os.kill(relay.pid, signal.SIGCONT)
        relay.end()


RELAY = """
import selectors, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
to, watch = {}, selectors.DefaultSelector()
watch.register(s, selectors.EVENT_READ)
while True:
    for key, _ in watch.select():
        if key.fileobj is s:
            a, b = s.accept()[0], socket.socket(socket.AF_UNIX)
            b.connect(sys.argv[2])
            to[a], to[b] = b, a
            watch.register(a, selectors.EVENT_READ); watch.register(b, selectors.EVENT_READ)
            continue
        try:
            data = key.fileobj.recv(65536)
            if data:
                to[key.fileobj].sendall(data)
                continue
        except OSError:
            pass
        for end in (key.fileobj, to.pop(key.fileobj, None)):
            if end is not None and end.fileno() >= 0:
                watch.unregister(end); end.close(); to.pop(end, None)
"""


def test_redis_restarted_or_hanging_changes_no_leader(candidate, redis):
    a = candidate("a").lead()
    b = candidate("b").stand_by()
    redis.kill()
    time.sleep(1)
    redis.start()
    until("a to serve again", lambda: health(a) == SERVING)
    os.kill(redis.process.pid, signal.SIGSTOP)
    time.sleep(3)
    os.kill(redis.process.pid, signal.SIGCONT)
    until("a to serve again", lambda: health(a) == SERVING)
    assert redis.cli("HGET", "pool:leader", "epoch") == "1"
    assert a.process.alive() and not b.leads()
    assert Client(a).register("ann").token


def test_a_redis_that_has_lost_all_is_not_written_to(candidate, redis):
    a = candidate("a").lead()
    redis.cli("FLUSHALL")
    assert a.gone() == 8
    assert a.said("has lost what it held")
    assert redis.cli("DBSIZE") == "0"


def test_one_that_stands_by_ends_when_told_and_leaves_the_other_alone(candidate, redis):
    """Also when both are told at once, and the second takes the lead on its way down."""
    a, b = candidate("a").lead(), candidate("b").stand_by()
    assert b.process.end() == 0
    assert health(a) == SERVING
    c = candidate("c").stand_by()
    a.kill(signal.SIGTERM)
    c.kill(signal.SIGTERM)
    assert (a.gone(), c.gone()) == (0, 0)
    assert redis.cli("HGET", "pool:leader", "run") == ""


def test_the_same_port_is_had_when_the_other_is_dead(candidate):
    port = hive.free_port()
    a = candidate("a", port=port).lead()
    b = candidate("b", port=port).stand_by()
    a.kill()
    b.lead(TAKES_OVER_S)
    assert b.port == port and health(b) == SERVING


def test_a_killed_pool_alone_leads_again_at_once(candidate):
    a = candidate("a").lead()
    a.kill()
    a.gone()
    began = time.monotonic()
    candidate("b").lead()
    assert time.monotonic() - began < 2 * hive.SLOW
