"""Who may call what: every RPC of the table x {no token, bad tokens, wrong scopes, somebody else's object, right}.

The table is the program's own (proto/rpc.h), printed by build/test/tool/rpc_table. Each RPC has a row in ROWS that says
how to call it and what a stranger with every scope gets; an RPC without a row fails test_every_rpc_has_a_row."""
import json
import pathlib
import queue
import secrets
import shutil
import subprocess
import tempfile

import grpc
import pytest

import hive
from hive import until
from stock import Client, Pool, Worker, call_id, pb, spec, tar

SCOPES = ("submit", "read", "worker", "spend", "admin")
PACKAGE = "/hivemind.v1."


def rpc_table():
    tool = hive.built("test/tool/rpc_table")
    rows = [json.loads(line) for line in subprocess.run([tool], capture_output=True, text=True, check=True).stdout.splitlines()]
    return {row["path"].removeprefix(PACKAGE): row for row in rows}


TABLE = rpc_table()


class World:
    """A pool, ann who owns things, bob who owns nothing and may do everything, and a worker of ann's that has a task."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="hm-authz-"))
        self.ann_name, self.bob_name = "ann" + call_id()[:8], "bob" + call_id()[:8]
        self.pool = Pool(self.path, "--admin", self.ann_name, "--admin", self.bob_name)
        self.ann, self.bob = Client(self.pool), Client(self.pool)
        self.ann.register(self.ann_name)
        self.bob.register(self.bob_name)
        self.bundle = tar({"run.sh": "echo " + call_id()})
        self.task = self.ann.submit(self.bundle, cpus=4000).id + ".1"   # never fits the worker: stays PENDING
        self.worker = Worker(self.ann, cpus=10)
        self.worker.expect("welcome")
        self.running = self.ann.submit(self.bundle, cpus=10).id + ".1"
        self.lease = self.worker.expect("lease")
        self.worker.progress(self.lease, pb.EXECUTING)
        self.worker.prints(self.lease, "hello\n", 0)
        until("the log", lambda: self.ann.logs(self.running))
        self.ended = self.end_one()
        self.result = tar({"out/answer": "42"})
        self.project = "p" + call_id()[:20]
        assert code_of(self, "Ledger/CreateProject", [pb.CreateProjectRequest(name=self.project, url="https://p.invalid/")],
                       self.ann.token) == "OK"

    def end_one(self):
        task = self.ann.submit(self.bundle, cpus=4000).id + ".1"
        self.ann.tasks.Stop(pb.StopTaskRequest(id=task, call_id=call_id()), **self.ann.auth)
        return task

    def fresh(self):
        return self.ann.submit(self.bundle, cpus=4000).id + ".1"

    def token(self, client, scopes, **fields):
        return client.accounts.CreateToken(pb.CreateTokenRequest(scopes=scopes, call_id=call_id(), **fields), **client.auth)

    def close(self):
        self.ann.close()
        self.bob.close()
        assert self.pool.end() == 0
        shutil.rmtree(self.path)


@pytest.fixture(scope="module")
def world():
    w = World()
    yield w
    w.close()


def code_of(world, path, messages, token=None, metadata=None):
    """The status of a call: OK when a reply has come, or the end without one."""
    row = TABLE[path]
    full = row["path"]
    out = queue.Queue()
    for message in messages:
        out.put(message)
    if not row["streams_in"] or path in ENDS:
        out.put(None)
    call = world.ann.channel.stream_stream(full, lambda m: m.SerializeToString(), bytes)(
        iter(out.get, None), timeout=20 * hive.SLOW,
        metadata=metadata if metadata is not None else [("authorization", f"Bearer {token}")] if token else [])
    try:
        next(call, None)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name
    finally:
        call.cancel()
        out.put(None)


# --- how each is called: row(name, how, scopes that do, what a stranger gets) -------------------------

class Row:
    """how(world, scope) -> messages; scopes: any of these does; other: status for bob with every scope (None: it is
    about no object of anybody's)."""

    def __init__(self, how, scopes, other=None, right="OK"):
        self.how, self.scopes, self.other, self.right = how, scopes.split(), other, right


def header(w, blob, **fields):
    return pb.UploadHeader(sha256=blob[1], size=len(blob[0]), **fields)


def chunk(w, blob, **fields):
    return [pb.UploadChunk(header=header(w, blob, **fields), data=blob[0])]


def current(w):
    return {"task": w.lease.task, "epoch": w.lease.epoch}


def hello(w, scope, id=None):
    """Of a worker that is ann's; for the right cell one that nobody has."""
    host = pb.Host(name="w", arch="amd64", engine="docker", limits_enforced=True, offered=pb.Resources(milli_cpus=10, memory=1 << 20))
    return [pb.WorkerMessage(hello=pb.Hello(worker=id or w.worker.id, name="w", host=host, not_ready="never"))]


def fresh_id():
    return "".join(secrets.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(16))


ALL = " ".join(SCOPES)
ENDS = {"Blobs/Upload"}
ROWS = {
    "Accounts/Register": [Row(lambda w, s: [pb.RegisterRequest(name="n" + call_id()[:20], password="correct horse", call_id=call_id())], "")],
    "Accounts/Login": [Row(lambda w, s: [pb.LoginRequest(name=w.ann_name, password="correct horse")], "")],
    "Accounts/Logout": [Row(lambda w, s: [pb.LogoutRequest()], ALL)],
    "Accounts/Whoami": [Row(lambda w, s: [pb.WhoamiRequest()], ALL)],
    "Accounts/CreateToken": [Row(lambda w, s: [pb.CreateTokenRequest(scopes=s, call_id=call_id())], ALL)],
    "Accounts/ListTokens": [Row(lambda w, s: [pb.ListTokensRequest()], "read")],
    "Accounts/RevokeToken": [Row(lambda w, s: [pb.RevokeTokenRequest(id=w.token(w.ann, s).token.id)], ALL, "NOT_FOUND")],
    "Tasks/Submit": [Row(lambda w, s: [pb.SubmitRequest(spec=spec("t", cpus=4000), bundle_sha256=w.bundle[1],
                                                        bundle_size=len(w.bundle[0]), call_id=call_id())], "submit", "FAILED_PRECONDITION")],
    "Tasks/List": [Row(lambda w, s: [pb.ListTasksRequest()], "read")],
    "Tasks/Get": [Row(lambda w, s: [pb.GetTaskRequest(id=w.task)], "read", "NOT_FOUND"),
                  Row(lambda w, s: [pb.GetTaskRequest(id=w.task[:6])], "read", "NOT_FOUND")],
    "Tasks/Attempts": [Row(lambda w, s: [pb.GetTaskRequest(id=w.task)], "read", "NOT_FOUND")],
    "Tasks/Watch": [Row(lambda w, s: [pb.WatchTaskRequest(id=w.task)], "read", "NOT_FOUND")],
    "Tasks/Logs": [Row(lambda w, s: [pb.LogsRequest(id=w.running)], "read", "NOT_FOUND"),
                   Row(lambda w, s: [pb.LogsRequest(id=w.running, follow=True)], "read", "NOT_FOUND"),
                   Row(lambda w, s: [pb.LogsRequest(id=w.running, epoch=1, offset=1 << 40)], "read", "NOT_FOUND")],
    "Tasks/Stop": [Row(lambda w, s: [pb.StopTaskRequest(id=w.fresh(), call_id=call_id())], "submit", "NOT_FOUND")],
    "Tasks/Remove": [Row(lambda w, s: [pb.RemoveTaskRequest(id=w.end_one(), call_id=call_id())], "submit", "NOT_FOUND")],
    "Blobs/Offset": [Row(lambda w, s: [header(w, w.bundle)], "submit"),
                     Row(lambda w, s: [header(w, w.result, **current(w))], "worker", "PERMISSION_DENIED"),
                     Row(lambda w, s: [header(w, w.result, task=w.lease.task, epoch=w.lease.epoch + 1)], "worker",
                         "PERMISSION_DENIED", "PERMISSION_DENIED")],
    "Blobs/Upload": [Row(lambda w, s: chunk(w, tar({"run.sh": call_id()})), "submit"),
                     Row(lambda w, s: chunk(w, tar({"out/x": call_id()}), **current(w)), "worker", "PERMISSION_DENIED"),
                     Row(lambda w, s: chunk(w, w.result, task=w.lease.task, epoch=w.lease.epoch + 1), "worker",
                         "PERMISSION_DENIED", "PERMISSION_DENIED")],
    "Blobs/Download": [Row(lambda w, s: [pb.DownloadRequest(task=w.running, kind=pb.BUNDLE)], "read", "NOT_FOUND"),
                       Row(lambda w, s: [pb.DownloadRequest(task=w.running, kind=pb.RESULT)], "read", "NOT_FOUND", "FAILED_PRECONDITION"),
                       Row(lambda w, s: [pb.DownloadRequest(kind=pb.BUNDLE, **current(w))], "worker", "PERMISSION_DENIED"),
                       Row(lambda w, s: [pb.DownloadRequest(kind=pb.RESULT, **current(w))], "worker", "PERMISSION_DENIED",
                           "PERMISSION_DENIED"),
                       Row(lambda w, s: [pb.DownloadRequest(kind=pb.BUNDLE, task=w.lease.task, epoch=9)], "worker",
                           "PERMISSION_DENIED", "PERMISSION_DENIED")],
    "Workers/Link": [Row(lambda w, s: hello(w, s, fresh_id()), "worker"),
                     Row(lambda w, s: hello(w, s, w.other_worker), "worker", "PERMISSION_DENIED")],
    "Workers/List": [Row(lambda w, s: [pb.ListWorkersRequest()], "read")],
    "Accounts/Challenge": [Row(lambda w, s: [pb.ChallengeRequest(name="n" + call_id()[:20])], "")],
    "Accounts/Invite": [Row(lambda w, s: [pb.InviteRequest()], "admin")],
    "Ledger/Quote": [Row(lambda w, s: [pb.QuoteRequest(spec=spec("t"))], "read submit")],
    "Ledger/Price": [Row(lambda w, s: [pb.PriceRequest()], "")],
    "Ledger/Balance": [Row(lambda w, s: [pb.BalanceRequest()], "read")],
    "Ledger/Statement": [Row(lambda w, s: [pb.StatementRequest()], "read"),
                         Row(lambda w, s: [pb.StatementRequest(task=w.task)], "read", "NOT_FOUND")],
    "Ledger/Earnings": [Row(lambda w, s: [pb.EarningsRequest()], "read")],
    # What a new account is given pays for tasks only: whoever may, comes as far as that.
    "Ledger/Transfer": [Row(lambda w, s: [pb.TransferRequest(to=w.bob_name, amount_mcpt=1, call_id=call_id())], "spend",
                            right="RESOURCE_EXHAUSTED")],
    "Ledger/Tip": [Row(lambda w, s: [pb.TipRequest(project=w.project, amount_mcpt=1, call_id=call_id())], "spend",
                       right="RESOURCE_EXHAUSTED")],
    # Nobody has claimed it: to have made it is not enough.
    "Ledger/Withdraw": [Row(lambda w, s: [pb.WithdrawRequest(project=w.project, amount_mcpt=1, call_id=call_id())], "spend",
                            "PERMISSION_DENIED", "PERMISSION_DENIED")],
    "Ledger/CreateProject": [Row(lambda w, s: [pb.CreateProjectRequest(name="p" + call_id()[:20], url="https://p.invalid/")], "spend")],
    "Ledger/ListProjects": [Row(lambda w, s: [pb.ListProjectsRequest()], "read")],
    "Ledger/GetProject": [Row(lambda w, s: [pb.GetProjectRequest(name=w.project)], "read")],
    "Ledger/ClaimProject": [Row(lambda w, s: [pb.ClaimProjectRequest(name=w.project)], "spend")],
    "Ledger/Totals": [Row(lambda w, s: [pb.TotalsRequest()], "read")],
    "Ledger/Freeze": [Row(lambda w, s: [pb.FreezeRequest(why="a test")], "admin")],
    "Ledger/Unfreeze": [Row(lambda w, s: [pb.UnfreezeRequest()], "admin")],  # directly after Freeze
    "Pool/Events": [Row(lambda w, s: [pb.EventsRequest()], "read")],
    "Pool/Series": [Row(lambda w, s: [pb.SeriesRequest(name="workers")], "read")],
    "Pool/Info": [Row(lambda w, s: [pb.InfoRequest()], "")],
}
# What gRPC defined for every server: no token is needed on this machine, which is where these tests are.
STANDARD = {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}
CELLS = [pytest.param(path, row, id=f"{path}-{i}") for path, rows in ROWS.items() for i, row in enumerate(rows)]
NEEDS = [cell for cell in CELLS if cell.values[1].scopes]


@pytest.fixture(autouse=True)
def known_worker(world):
    """An id that belongs to ann and is not in use."""
    if not hasattr(world, "other_worker"):
        w = Worker(world.ann, cpus=10, not_ready="never")
        w.expect("welcome")
        world.other_worker = w.id
        w.cut()


def test_every_rpc_has_a_row():
    ours = {path: row for path, row in TABLE.items() if path not in STANDARD}
    assert set(TABLE) == set(ROWS) | STANDARD, "write a row for the new RPC here"
    for path, row in ours.items():
        assert set(row["scopes"].split()) == {s for r in ROWS[path] for s in r.scopes}, path
        assert not row["local"], path
    assert all(TABLE[path]["local"] or TABLE[path]["scopes"] == "" for path in STANDARD)


def ended_tokens(world):
    """Tokens that were good for everything, and are no more."""
    revoked, out = world.token(world.ann, ALL), world.token(world.ann, ALL)
    world.ann.accounts.RevokeToken(pb.RevokeTokenRequest(id=revoked.token.id), **world.ann.auth)
    world.ann.accounts.Logout(pb.LogoutRequest(), metadata=[("authorization", f"Bearer {out.secret}")])
    expired = world.token(world.ann, ALL, ttl_s=1)
    until("a token to expire", lambda: code_of(world, "Accounts/Whoami", [pb.WhoamiRequest()], expired.secret) == "UNAUTHENTICATED", 5)
    return {"revoked": revoked.secret, "logged out": out.secret, "expired": expired.secret}


@pytest.fixture(scope="module")
def bad(world):
    good = world.ann.token
    values = ended_tokens(world) | {
        "unknown": "hm_" + "0" * 52, "short": good[:-1], "long": good + "0", "upper": good.upper(),
        "another": good[:-1] + ("0" if good[-1] != "0" else "1"), "no prefix": good[3:], "spaces": " " + good + "x"}
    cases = {name: [("authorization", f"Bearer {value}")] for name, value in values.items()}
    return cases | {"none": [], "basic": [("authorization", f"Basic {good}")], "bare": [("authorization", good)],
                    "empty": [("authorization", "Bearer")]}


@pytest.mark.parametrize("path, row", NEEDS)
def test_without_a_good_token_nothing_is_said(world, bad, path, row):
    messages = row.how(world, "read")
    got = {name: code_of(world, path, messages, metadata=metadata) for name, metadata in bad.items()}
    assert got == dict.fromkeys(bad, "UNAUTHENTICATED")


@pytest.mark.parametrize("path, row", NEEDS)
def test_a_token_of_another_scope_is_refused(world, path, row):
    wrong = [s for s in SCOPES if s not in row.scopes]
    tokens = wrong + ([",".join(wrong)] if len(wrong) > 1 else [])
    got = {s: code_of(world, path, row.how(world, s), world.token(world.ann, s).secret) for s in tokens}
    assert got == dict.fromkeys(tokens, "PERMISSION_DENIED")


@pytest.mark.parametrize("path, row", NEEDS)
def test_a_token_of_the_right_scope_alone_is_enough(world, path, row):
    got = {s: code_of(world, path, row.how(world, s), world.token(world.ann, s).secret) for s in row.scopes}
    assert got == dict.fromkeys(row.scopes, row.right)


@pytest.mark.parametrize("path, row", [cell for cell in NEEDS if cell.values[1].other])
def test_what_is_somebody_elses_is_not_there_or_not_his(world, path, row):
    assert code_of(world, path, row.how(world, row.scopes[0]), world.token(world.bob, ALL).secret) == row.other


@pytest.mark.parametrize("path, row", [cell for cell in CELLS if not cell.values[1].scopes])
def test_what_needs_no_token_takes_none_and_any(world, bad, path, row):
    assert code_of(world, path, row.how(world, "")) == "OK"
    assert code_of(world, path, row.how(world, ""), metadata=bad["revoked"]) == "OK"


@pytest.mark.parametrize("scope", SCOPES)
def test_no_token_gives_or_ends_more_than_it_is(world, scope):
    mine = world.token(world.ann, scope)
    for other in (s for s in SCOPES if s != scope):
        for asked in (other, f"{scope},{other}"):
            request = pb.CreateTokenRequest(scopes=asked, call_id=call_id())
            assert code_of(world, "Accounts/CreateToken", [request], mine.secret) == "PERMISSION_DENIED"
        theirs = world.token(world.ann, other)
        revoke = [pb.RevokeTokenRequest(id=theirs.token.id)]
        assert code_of(world, "Accounts/RevokeToken", revoke, mine.secret) == "PERMISSION_DENIED"
    assert code_of(world, "Accounts/RevokeToken", [pb.RevokeTokenRequest(id=mine.token.id)], mine.secret) == "OK"


def test_lists_hold_the_callers_own_only(world):
    mine = {t.id for t in world.ann.tasks.List(pb.ListTasksRequest(limit=500), **world.ann.auth).tasks}
    theirs = {t.id for t in world.bob.tasks.List(pb.ListTasksRequest(limit=500), **world.bob.auth).tasks}
    assert world.task in mine and not theirs & mine
    assert [t.by for t in world.bob.accounts.ListTokens(pb.ListTokensRequest(), **world.bob.auth).tokens if t.name == "login"] == [""]
    # Bytes that ann brought are not bob's because he knows their hash.
    assert not world.bob.blobs.Offset(header(world, world.bundle), **world.bob.auth).complete


def test_a_worker_of_another_account_cannot_speak_for_the_task(world):
    """Done, Progress and GiveBack of an attempt that is somebody else's change nothing."""
    liar = Worker(world.bob, cpus=10, not_ready="never")
    liar.expect("welcome")
    before = world.ann.get(world.running)
    liar.progress(world.lease, pb.COLLECTING)
    assert liar.expect("verdict").word == pb.Verdict.KILL
    liar.say(give_back=pb.GiveBack(task=world.lease.task, epoch=world.lease.epoch, reason="mine"))
    liar.say(log=pb.LogData(task=world.lease.task, epoch=world.lease.epoch, stream=1, data=b"lies", offset=6))
    liar.say(done=pb.Done(task=world.lease.task, epoch=world.lease.epoch, has_exit_code=True))
    until("the lies to be heard", lambda: liar.acks > 0)
    after = world.ann.get(world.running)
    assert (after.state, after.phase, after.worker, after.epoch) == (before.state, before.phase, before.worker, before.epoch)
    assert b"lies" not in b"".join(c.data for c in world.ann.logs(world.running))
    liar.cut()
