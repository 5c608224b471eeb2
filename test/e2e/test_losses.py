"""What becomes of a task whose attempts come to nothing: lost workers, poison, on_disconnect, exits that are tried again,
workers that do not end what they should. Workers by hand (stock.py), one pool, all stories at once: most of them wait."""
import concurrent.futures
import itertools
import pathlib
import tempfile
import time

import pytest

import hive
from hive import until
from stock import Client, Pool, Worker, call_id, pb, tar

STORIES = 16
numbers = itertools.count(1)


class Story:
    """People and workers of their own: a task of this story fits no other story's workers."""

    def __init__(self, pool):
        number = next(numbers)
        self.pool, self.clients = pool, []
        self.size = {"cpus": 1000 * number, "memory": (STORIES - number) * (64 << 20)}
        self.owner = self.person()

    def person(self):
        client = Client(self.pool)
        client.register("u" + call_id()[:12])
        self.clients.append(client)
        return client

    def worker(self, person=None, **fields):
        worker = Worker(person or self.person(), **{**self.size, **fields})
        worker.expect("welcome")
        return worker

    def submit(self, **fields):
        return self.owner.submit(**self.size, **fields).id + ".1"

    def get(self, task):
        return self.owner.get(task)

    def balance(self):
        return self.owner.ledger.Balance(pb.BalanceRequest(), **self.owner.auth)

    def goes_down(self, worker):
        """Its machine restarts: the worker comes back without what it had, at once. Returns it."""
        worker.cut()
        return self.worker(worker.client, id=worker.id)

    def view(self, worker):
        listed = self.owner.workers.List(pb.ListWorkersRequest(), **self.owner.auth).workers
        return next(w for w in listed if w.id == worker.id)


def runs(worker):
    lease = worker.expect("lease", 25)
    worker.progress(lease, pb.EXECUTING)
    return lease


def executing(story, task, epoch):
    until("it to run", lambda: (story.get(task).epoch, story.get(task).phase) == (epoch, pb.EXECUTING))


# --- the stories --------------------------------------------------------------------------------------

def poison_is_quarantined_and_refunded(s):
    before = s.balance().balance_mcpt
    first = s.worker()
    task = s.submit()
    assert s.balance().held_mcpt > 0
    runs(first)
    executing(s, task, 1)
    second = s.worker()
    s.goes_down(first)
    lease = runs(second)
    assert lease.epoch == 2, "the other owner's worker is preferred although the first is back"
    executing(s, task, 2)
    s.goes_down(second)
    ended = s.owner.wait(task, "FAILED")
    assert (ended.failure, ended.losses) == (pb.INFRA, 2)
    assert ended.reason.startswith("quarantined: workers of 2 owners (w, w) were lost")
    assert (s.balance().balance_mcpt, s.balance().held_mcpt, ended.charged_mcpt) == (before, 0, 0)


def one_owners_losses_are_the_workers_fault(s):
    worker = s.worker()
    task = s.submit()
    for epoch in range(1, 7):
        lease = worker.expect("lease", 25)
        assert lease.epoch == epoch, "the same worker rather than none"
        worker.progress(lease, pb.EXECUTING)
        executing(s, task, epoch)
        worker = s.goes_down(worker)
    lease = worker.expect("lease", 40)
    worker.done(lease)
    worker.expect("stored")
    assert s.owner.wait(task, "COMPLETED").losses == 6


def it_prefers_another_worker_and_waits_for_it_only_a_moment(s):
    person = s.person()
    first, second = s.worker(person, name="first"), s.worker(person, name="second")
    long, short = s.submit(), s.submit()
    leases = {w: runs(w) for w in (first, second)}
    mine = leases[first].task
    executing(s, mine, 1)
    s.goes_down(first)
    until("it to wait", lambda: s.get(mine).state == pb.PENDING)
    assert "another worker" in s.get(mine).reason
    second.done(leases[second])
    second.expect("stored")
    lease = second.expect("lease", 5)
    assert (lease.task, lease.epoch) == (mine, 2), "the first is free all the time"
    assert mine in (long, short)


def a_refused_task_goes_to_another(s):
    person = s.person()
    first, second = s.worker(person, name="first"), None
    task = s.submit()
    lease = first.expect("lease", 25)
    second = s.worker(person, name="second")
    first.say(give_back=pb.GiveBack(task=task, epoch=lease.epoch, reason="not here"))
    assert second.expect("lease", 25).epoch == 2


def silence_fails_it(s):
    before = s.balance().balance_mcpt
    worker = s.worker()
    task = s.submit(on_disconnect=pb.FAIL)
    runs(worker)
    s.worker()
    worker.beating = False
    ended = s.owner.wait(task, "FAILED", 40)
    assert ended.failure == pb.INFRA and "on_disconnect is fail" in ended.reason
    assert s.balance().balance_mcpt == before


def silence_is_waited_for(s):
    worker, other = s.worker(), None
    kept = s.submit(on_disconnect=pb.WAIT, disconnect_wait_s=60)
    lease = runs(worker)
    executing(s, kept, 1)
    other = s.worker()
    worker.beating = False
    worker.over.wait(40)
    assert s.view(worker).state == "lost" and s.get(kept).state == pb.RUNNING
    assert other.hears_nothing(1)
    back = s.worker(worker.client, id=worker.id, attempts=[pb.AttemptRef(task=kept, epoch=1, phase=pb.EXECUTING)])
    assert back.expect("verdict").word == pb.Verdict.KEEP
    back.done(lease)
    back.expect("stored")
    assert s.owner.wait(kept, "COMPLETED").epoch == 1


def it_is_waited_for_no_longer_than_said(s):
    worker = s.worker()
    task = s.submit(on_disconnect=pb.WAIT, disconnect_wait_s=2)
    runs(worker)
    executing(s, task, 1)
    other = s.worker()
    silent = time.monotonic()
    worker.beating = False
    assert other.expect("lease", 40).epoch == 2
    assert time.monotonic() - silent > 10.5
    assert s.get(task).losses == 1


def a_worker_that_comes_back_with_it_clears_the_task(s):
    """Two partitions are no poison."""
    first, second = s.worker(), None
    task = s.submit()
    runs(first)
    executing(s, task, 1)
    second = s.worker()
    first.beating = False
    runs(second)
    executing(s, task, 2)
    back = s.worker(first.client, id=first.id, attempts=[pb.AttemptRef(task=task, epoch=1, phase=pb.EXECUTING)])
    assert back.expect("verdict").word == pb.Verdict.KILL
    until("the loss to be cleared", lambda: s.get(task).lost_by.endswith(":a"))
    s.goes_down(second)
    assert back.expect("lease", 25).epoch == 3
    assert s.get(task).state == pb.RUNNING


def what_its_worker_does_not_end_is_revoked(s):
    worker = s.worker()
    task = s.submit(time_limit_s=1, grace_s=0)
    runs(worker)
    began = time.monotonic()
    executing(s, task, 1)
    other = s.worker()
    verdict = worker.expect("verdict", 45)
    assert (verdict.task, verdict.epoch, verdict.word) == (task, 1, pb.Verdict.KILL)
    assert 30.5 < time.monotonic() - began < 40 * hive.SLOW
    assert other.expect("lease").epoch == 2
    assert s.get(task).charged_mcpt == 0 and s.view(worker).faults == 1


def an_exit_status_is_tried_again_and_each_attempt_is_paid(s):
    before = s.balance().balance_mcpt
    worker = s.worker()
    one = s.owner.ledger.Quote(pb.QuoteRequest(spec=s.owner.get(s.submit(time_limit_s=1)).spec), **s.owner.auth).most_mcpt
    worker.done(runs(worker), failure=pb.USER_EXIT, exit_code=75, reason="exit 75")
    worker.expect("stored")
    before = s.balance().balance_mcpt
    retry = pb.Retry(infra=-1, on_exit=[pb.RetryOnExit(exit_code=75, times=2)])
    task = s.submit(time_limit_s=1, retry=retry)
    assert s.get(task).hold_mcpt == 3 * one
    for attempt, code in enumerate([75, 75, 0], 1):
        lease = runs(worker)
        assert lease.epoch == attempt
        worker.done(lease, failure=pb.USER_EXIT if code else pb.NO_FAILURE, exit_code=code, usage=pb.Usage(wall_us=1000))
        worker.expect("stored")
        if code:
            now = s.get(task)
            assert (now.state, now.exits, now.losses) == (pb.PENDING, attempt, 0)
    ended = s.owner.wait(task, "COMPLETED")
    assert ended.charged_mcpt == 30 and s.balance().balance_mcpt == before - 30, "three start fees"
    lines = s.owner.ledger.Statement(pb.StatementRequest(limit=10), **s.owner.auth).lines
    assert [line.charge_mcpt for line in lines if line.kind == "settle"][:1] == [10]
    # A status that is not named ends it.
    task = s.submit(time_limit_s=1, retry=retry)
    worker.done(runs(worker), failure=pb.USER_EXIT, exit_code=1)
    assert s.owner.wait(task, "FAILED").epoch == 1


def a_worker_that_refuses_all_is_rested_and_told(s):
    worker = s.worker()
    for _ in range(6):
        s.submit()
    for _ in range(6):
        lease = worker.expect("lease", 30)
        time.sleep(1.1)
        worker.say(give_back=pb.GiveBack(task=lease.task, epoch=lease.epoch, reason="its disk is full"))
    rest = worker.expect("rest", 30)
    assert 4000 < rest.rest_ms <= 5000 and "6 attempts in a row" in rest.reason and "its disk is full" in rest.reason
    assert (s.view(worker).state, s.view(worker).faults) == ("resting", 6)
    assert worker.hears_nothing(3.5)
    lease = worker.expect("lease", 10)
    worker.done(lease)
    worker.expect("stored")
    until("its faults to be forgotten", lambda: s.view(worker).faults == 0)


def what_its_owner_does_not_allow_is_no_fault(s):
    worker = s.worker()
    task = s.submit()
    lease = worker.expect("lease", 25)
    worker.say(give_back=pb.GiveBack(task=task, epoch=lease.epoch, reason="its image is not allowed", not_allowed=True))
    until("it to wait", lambda: s.get(task).state == pb.PENDING)
    assert s.view(worker).faults == 0


def a_second_answer_is_refused_and_counted(s):
    worker = s.worker()
    task = s.submit()
    lease = runs(worker)
    worker.done(lease, result=tar({"a": "1"}))
    worker.expect("stored")
    worker.done(lease, result_sha256="0" * 64, result_size=10)
    assert worker.expect("verdict").word == pb.Verdict.KILL
    assert s.view(worker).faults == 1
    assert s.get(task).result_sha256 == tar({"a": "1"})[1]
    worker.done(lease, result_sha256=s.get(task).result_sha256, result_size=10)
    worker.expect("stored")


TOLD = [poison_is_quarantined_and_refunded, one_owners_losses_are_the_workers_fault,
        it_prefers_another_worker_and_waits_for_it_only_a_moment, a_refused_task_goes_to_another, silence_fails_it,
        silence_is_waited_for, it_is_waited_for_no_longer_than_said, a_worker_that_comes_back_with_it_clears_the_task,
        what_its_worker_does_not_end_is_revoked, an_exit_status_is_tried_again_and_each_attempt_is_paid,
        a_worker_that_refuses_all_is_rested_and_told, what_its_owner_does_not_allow_is_no_fault,
        a_second_answer_is_refused_and_counted]


@pytest.fixture(scope="module")
def stories(request):
    """Those that are asked for, running."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-loss-"))
    pool = Pool(path)
    asked = [item.callspec.params["story"] for item in request.session.items if item.path == request.path and
             hasattr(item, "callspec")]
    told = [(story, Story(pool)) for story in asked]
    with concurrent.futures.ThreadPoolExecutor(STORIES) as threads:
        yield {story: threads.submit(story, s) for story, s in told}
    for _, s in told:
        for client in s.clients:
            client.close()
    assert pool.end() == 0
    hive.remove(path)


@pytest.mark.parametrize("story", TOLD, ids=lambda story: story.__name__)
def test(stories, story):
    stories[story].result(90 * hive.SLOW)


def test_what_was_lost_before_a_restart_counts_after_it_and_is_told(tmp_path):
    pool = Pool(tmp_path)
    s = Story(pool)
    task = s.submit(on_disconnect=pb.WAIT, disconnect_wait_s=600)
    first = s.worker(name="mill")
    runs(first)
    executing(s, task, 1)
    first.cut()
    idle = s.worker(first.client, id=first.id, name="mill", not_ready="it rests")
    until("the loss", lambda: s.get(task).losses == 1)
    pool.restart()
    s.owner = Client(pool, s.owner.token)
    s.clients.append(s.owner)
    assert s.get(task).lost_by.startswith(f"{first.id}:")
    second = s.worker(name="box")
    assert runs(second).epoch == 2
    executing(s, task, 2)
    second.cut()
    s.worker(second.client, id=second.id, name="box")
    s.owner.wait(task, "FAILED")
    env = hive.environment(HIVEMIND_POOL=f"127.0.0.1:{pool.port}", HIVEMIND_TOKEN=s.owner.token)
    told = hive.command("status", task, env=env).out
    assert "quarantined: workers of 2 owners (mill, box) were lost" in told and "on_disconnect wait:600s" in told
    shown = hive.command("status", task, "--json", env=env).json
    assert (shown["lost_by"], shown["losses"], shown["exits"]) == ([first.id, second.id], 2, 0)
    assert shown["spec"]["on_disconnect"] == "wait:600s" and shown["spec"]["retry"] == {"infra": 5, "on_exit": {}}
    idle.over.wait(5)
    for client in s.clients:
        client.close()
    assert pool.end() == 0


def test_who_prepares_or_collects_without_getting_on_loses_the_task(tmp_path):
    """It beats all the time, and so is not lost; what it does not get on with is taken away, as a loss of its machine."""
    pool = Pool(tmp_path, "--stalled-after", "2s")
    s = Story(pool)
    worker = s.worker()
    task = s.submit(max_output=1 << 20)
    for epoch, phase, words in ((1, pb.STAGING, "did not get on with preparing it"), (2, pb.COLLECTING, "did not get on with its result")):
        lease = worker.expect("lease", 30)
        assert lease.epoch == epoch
        if phase == pb.COLLECTING:
            worker.progress(lease, pb.EXECUTING)
        began = time.monotonic()
        worker.progress(lease, phase)
        verdict = worker.expect("verdict", 20)
        assert (verdict.task, verdict.epoch, verdict.word) == (task, epoch, pb.Verdict.KILL)
        assert time.monotonic() - began > 1.9
        until("the loss", lambda: s.get(task).losses == epoch)
        assert words in pool.process.log.read_text()
    for client in s.clients:
        client.close()
    assert pool.end() == 0


def test_check_says_what_is_tried_again(tmp_path):
    path = hive.script(tmp_path / "b", "exit 75", on_disconnect="wait:10m", retry={"infra": 0, "on_exit": {"75": 3}})
    told = hive.command("check", path).out
    assert "on_disconnect wait:600s; tried again 0 times, after exit status 75 3 times" in told
    assert hive.command("check", path, "--json").json["task"]["retry"] == {"infra": 0, "on_exit": {"75": 3}}
