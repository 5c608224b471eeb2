"""Every RPC that changes something, made twice: the same id and content give the first answer and change nothing, also after a
restart of the pool; the same id with other content is refused with a sentence. A new RPC needs a row here or in NO_CHANGE."""
import concurrent.futures
import json
import pathlib
import shutil
import subprocess
import tempfile

import grpc
import pytest

import hive
from hive import until
from stock import Client, Pool, Worker, call_id, pb, spec, tar

# They ask, or what they do to say it twice does no harm (said why in proto/hivemind.proto or here).
NO_CHANGE = {
    "Accounts/Challenge", "Accounts/Whoami", "Accounts/ListTokens", "Accounts/Invite", "Tasks/List", "Tasks/Get",
    "Tasks/Attempts",
    "Tasks/Watch", "Tasks/Logs", "Blobs/Offset", "Blobs/Download", "Workers/List", "Pool/Info", "Ledger/Quote",
    "Ledger/Price", "Ledger/Balance", "Ledger/Statement", "Ledger/Earnings", "Ledger/ListProjects", "Ledger/GetProject",
    "Ledger/Totals", "Pool/Events", "Pool/Series",
    "Accounts/Login",  # another session, which expires
    "Accounts/Logout",  # the token itself is the id: a repeat does not know it any more
    "Workers/Link",  # each message names task and epoch: test_pool_api.py, test/store/store_move.c
}


class World:
    """A pool with two accounts, a bundle, and a task that has ended for each row that wants one."""

    def __init__(self, path):
        self.pool = Pool(path, "--admin", "ann", "--local-projects", "--register", "invite")
        self.ann = Client(self.pool)
        for name in ("bob", "ann"):  # with invitations, so that what they are given can be given on
            self.ann.register(name, invitation=self.pool.invitation(name))
        self.pool.options = self.pool.options[:-2]
        self.restart()
        self.data = tar({"run.sh": "echo hi"})
        self.ann.upload(*self.data)

    def restart(self):
        """Killed, as by a crash, and started again."""
        self.ann.close()
        self.pool.kill()
        self.pool.start()
        self.ann, token = Client(self.pool), self.ann.token
        self.ann.token = token

    def waiting(self):
        return self.ann.submit(self.data).id + ".1"

    def ended(self):
        task = self.waiting()
        self.ann.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **self.ann.auth)
        return task

    def token(self):
        return self.ann.accounts.CreateToken(pb.CreateTokenRequest(scopes="read", call_id=call_id()), **self.ann.auth).token.id

    def project(self, owner=False):
        name = "p" + call_id()[:12]
        self.ann.ledger.CreateProject(pb.CreateProjectRequest(name=name, url="http://127.0.0.1:1/x"), **self.ann.auth)
        return name

    def submit(self, name="t", **fields):
        return pb.SubmitRequest(spec=spec(name, **fields), bundle_sha256=self.data[1], bundle_size=len(self.data[0]))

    def balance(self):
        return self.ann.ledger.Balance(pb.BalanceRequest(), **self.ann.auth).balance_mcpt


@pytest.fixture(scope="module")
def world():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-once-"))
    w = World(path)
    yield w
    w.ann.close()
    assert w.pool.end() == 0
    shutil.rmtree(path)


class Row:
    """request(world), and what to change in it for other content; `same` of the answer must be the same."""

    def __init__(self, request, other, same, other_code="ABORTED"):
        self.request, self.other, self.same, self.other_code = request, other, same, other_code


ROWS = {
    "Accounts/Register": Row(lambda w: pb.RegisterRequest(name="u" + call_id()[:12], password="correct horse"),
                             lambda w: {"name": "u" + call_id()[:12]}, lambda a: a.account.id),
    "Accounts/CreateToken": Row(lambda w: pb.CreateTokenRequest(scopes="read", name="a"), lambda w: {"scopes": "submit"},
                                lambda a: a.token.id),
    "Accounts/RevokeToken": Row(lambda w: pb.RevokeTokenRequest(id=w.token()), lambda w: {"id": w.token()}, lambda a: a.ended),
    "Tasks/Submit": Row(lambda w: w.submit(), lambda w: {"spec": spec("another")}, lambda a: (a.id, a.hold_mcpt)),
    "Tasks/Stop": Row(lambda w: pb.StopTaskRequest(id=w.waiting(), reason="enough"), lambda w: {"id": w.waiting()},
                      lambda a: (a.id, a.state, a.reason, a.ended_ms)),
    "Tasks/Remove": Row(lambda w: pb.RemoveTaskRequest(id=w.ended()), lambda w: {"id": w.ended()}, lambda a: True),
    "Ledger/Transfer": Row(lambda w: pb.TransferRequest(to="bob", amount_mcpt=1000), lambda w: {"amount_mcpt": 2000},
                           lambda a: (a.seq, a.amount_mcpt)),
    "Ledger/Tip": Row(lambda w: pb.TipRequest(project=w.project(), amount_mcpt=1000), lambda w: {"amount_mcpt": 2000},
                      lambda a: (a.seq, a.amount_mcpt)),
}
# Here a name takes the place of the id.
NAMED = {
    "Ledger/CreateProject": Row(lambda w: pb.CreateProjectRequest(name="p" + call_id()[:12], url="http://x.example/a"),
                                lambda w: {"url": "http://x.example/b"}, lambda a: (a.name, a.created_ms), "ALREADY_EXISTS"),
    "Ledger/ClaimProject": Row(lambda w: pb.ClaimProjectRequest(name=w.project()), None, lambda a: (a.token, a.file)),
    "Ledger/Freeze": Row(lambda w: pb.FreezeRequest(why="first"), None, lambda a: (a.frozen, a.why)),
    "Ledger/Unfreeze": Row(lambda w: pb.UnfreezeRequest(), None, lambda a: a.frozen),
}
# Tests of their own below.
OTHERS = {"Blobs/Upload", "Ledger/Withdraw"}


def call(world, method, request):
    service, name = method.split("/")
    stub = {"Accounts": world.ann.accounts, "Tasks": world.ann.tasks, "Ledger": world.ann.ledger}[service]
    return getattr(stub, name)(request, **world.ann.auth)


def test_every_rpc_has_a_row():
    done = subprocess.run([hive.built("test/tool/rpc_table")], capture_output=True, text=True, check=True)
    methods = {row["path"].removeprefix("/hivemind.v1.") for row in map(json.loads, done.stdout.splitlines())}
    methods = {m for m in methods if not m.startswith("/grpc.")}
    assert methods == NO_CHANGE | set(ROWS) | set(NAMED) | OTHERS


def changed(request, fields):
    other = type(request)()
    other.CopyFrom(request)
    for name, value in fields.items():
        if hasattr(value, "CopyFrom"):
            getattr(other, name).CopyFrom(value)
        else:
            setattr(other, name, value)
    return other


def refused(world, method, request, code):
    with pytest.raises(grpc.RpcError) as caught:
        call(world, method, request)
    assert caught.value.code().name == code, caught.value
    assert len(caught.value.details()) > 20


@pytest.fixture(scope="module")
def made(world):
    """Every call was made once and once more, and the pool was killed."""
    first = {}
    for method, row in (ROWS | NAMED).items():
        request = row.request(world)
        if method in ROWS:
            request.call_id = call_id()
        answer = call(world, method, request)
        before = world.balance()
        again = call(world, method, request)
        assert row.same(again) == row.same(answer), method
        assert world.balance() == before, f"{method} moved money twice"
        first[method] = request, row.same(answer)
    world.restart()
    return first


@pytest.mark.parametrize("method", ROWS | NAMED)
def test_twice_is_once_also_after_a_crash(world, made, method):
    request, answer = made[method]
    row = (ROWS | NAMED)[method]
    before = world.balance()
    if method == "Ledger/Freeze":
        assert not world.ann.ledger.Totals(pb.TotalsRequest(), **world.ann.auth).frozen, "Unfreeze came after it"
    else:
        assert row.same(call(world, method, request)) == answer
    if row.other is not None:
        refused(world, method, changed(request, row.other(world)), row.other_code)
    if method != "Tasks/Stop" and method != "Tasks/Remove":  # whose other content is a new task
        assert world.balance() == before


@pytest.mark.parametrize("first, second", [("Tasks/Submit", "Tasks/Stop"), ("Tasks/Stop", "Tasks/Remove"),
                                           ("Tasks/Remove", "Accounts/CreateToken")])
def test_an_id_of_another_kind_of_call_is_refused(world, first, second):
    the_call = call_id()
    for method, code in ((first, None), (second, "ABORTED")):
        request = ROWS[method].request(world)
        request.call_id = the_call
        if code is None:
            call(world, method, request)
        else:
            refused(world, method, request, code)


def test_a_remove_by_a_prefix_said_again_removes_nothing_else(world):
    """The second time the prefix names nothing, or another task."""
    task, kept = world.ended(), world.ended()
    request = pb.RemoveTaskRequest(id=task[:10], call_id=call_id())
    call(world, "Tasks/Remove", request)
    call(world, "Tasks/Remove", request)
    assert world.ann.get(kept).id == kept
    refused(world, "Tasks/Remove", pb.RemoveTaskRequest(id=task[:10], call_id=call_id()), "NOT_FOUND")


def test_a_bundle_brought_twice_is_there_once(world):
    data = tar({"run.sh": call_id()})
    for _ in range(2):
        assert world.ann.upload(*data).complete
    assert world.ann.submit(data).id


def test_a_withdrawal_that_is_not_allowed_stays_so(world):
    request = pb.WithdrawRequest(project=world.project(), amount_mcpt=1, call_id=call_id())
    for _ in range(2):
        refused(world, "Ledger/Withdraw", request, "PERMISSION_DENIED")


# --- a stop, and the pool killed -----------------------------------------------------------------

@pytest.mark.parametrize("priced", [True, False])
def test_late_files_of_a_stopped_task_are_attached_after_a_crash_of_the_pool(tmp_path, priced):
    """Whether it costs something or not; its state stays."""
    prices = tmp_path / "prices"
    prices.write_text("start = 0\ncore-second = 0\ngib-second = 0\ngpu-second = 0\n")
    pool = Pool(tmp_path, *([] if priced else ["--prices", prices]))
    client = Client(pool)
    client.register("ann")
    worker = Worker(client)
    worker.expect("welcome")
    task = client.submit().id + ".1"
    assert (client.get(task).hold_mcpt > 0) == priced
    lease = worker.expect("lease")
    worker.progress(lease, pb.EXECUTING)
    until("it to run", lambda: client.get(task).phase == pb.EXECUTING)
    worker.beating = False
    client.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **client.auth)
    pool.kill()
    pool.start()
    client = Client(pool, client.token)
    back = Worker(client, id=worker.id, attempts=[pb.AttemptRef(task=task, epoch=1, phase=pb.EXECUTING)])
    back.expect("welcome")
    assert back.expect("verdict").word == pb.Verdict.KEEP
    assert back.expect("stop").task == task
    result = tar({"out/part": "so far"})
    back.done(lease, result, failure=pb.USER_EXIT)
    back.expect("stored")
    told = client.get(task)
    assert (told.state, told.result_sha256) == (pb.STOPPED, result[1])
    assert client.download(task, pb.RESULT)[0] == result[0]
    client.tasks.Remove(pb.RemoveTaskRequest(id=task, call_id=call_id()), **client.auth)
    assert pool.end() == 0


# --- a client that dies --------------------------------------------------------------------------

@pytest.fixture
def shell(world, tmp_path):
    """hivemind as ann types it, with a state directory of its own."""
    bundle = hive.script(tmp_path / "b", "echo " + call_id())
    env = hive.environment(HOME=tmp_path, HIVEMIND_POOL=f"127.0.0.1:{world.pool.port}", HIVEMIND_TOKEN=world.ann.token)

    def submit(*words, **more):
        return hive.command("submit", bundle, "--json", *words, env=env | more, timeout=30)

    submit.pending = tmp_path / ".local/state/hivemind/pending"
    return submit


def tasks(world):
    return {task.id for task in world.ann.tasks.List(pb.ListTasksRequest(limit=500), **world.ann.auth).tasks}


@pytest.mark.parametrize("point", ["client.submit.ready:1", "client.submit.answered:1", "client.call.sent:1", "client.call.sent:2",
                                   "client.upload.done:1"])
def test_the_same_command_after_a_kill_is_the_same_task(world, shell, point):
    before = tasks(world)
    killed = shell(HIVEMIND_CRASH=point)
    assert killed.code == -9, killed
    assert len(tasks(world) - before) <= 1
    again = shell()
    assert again.code == 0, again
    assert tasks(world) - before == {again.json["id"] + ".1"}, "one task, whether it was there already or not"
    assert not list(shell.pending.iterdir()), "and nothing is left to be remembered"
    another = shell()
    assert another.json["id"] != again.json["id"], "what was answered is over: the next one is another"


def test_two_of_the_same_at_once_are_two_tasks(world, shell):
    before = tasks(world)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        ids = {done.json["id"] for done in threads.map(lambda _: shell(), range(4))}
    assert len(ids) == 4 and len(tasks(world) - before) == 4


def test_what_is_refused_is_not_remembered(world, shell):
    assert shell("--memory", "1").code == 2
    refused = shell("--time-limit", "30d", "--cpus", "1000", "--memory", "1000G")
    assert refused.code == 5, refused
    assert not shell.pending.exists() or not list(shell.pending.iterdir())
