"""Who pays what when: the running system with real containers, the books as anyone can read them."""
import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
from decimal import Decimal

import grpc
import pytest

import hive
from hive import command, script, until
from test_cli import check_golden
from stock import Client, Pool, Worker, call_id, pb, spec

SUPPLY = 10 ** 15
NANO = 10 ** 6  # of a rate in one thousandth of a CPT


def mcpt(text):
    """A decimal text of --json in thousandths, exactly."""
    value = Decimal(text) * 1000
    assert value == int(value), text
    return int(value)


def owner(h):
    return h.env


def lender(h):
    return h.env | {"HIVEMIND_TOKEN_FILE": str(h.data / "worker-token")}


def balance(h, env):
    return {k: mcpt(v) for k, v in h.ok("balance", "--json", env=env).json.items() if k.endswith("_cpt")}


def lines(h, env, task):
    """The statement's lines of a task, oldest first."""
    told = h.ok("statement", "--all", "--json", env=env).json["lines"]
    return [line for line in reversed(told) if line["task"] == task or task.split(".")[0] in line["counterparty"]]


def amount(line):
    """start + seconds x rate, rounded down once: what a line says of itself."""
    milliseconds = int(Decimal(str(line["seconds"])) * 1000)
    rate = int(Decimal(line["rate_cpt"]) * 10 ** 9)
    return mcpt(line["start_cpt"]) + milliseconds * rate // (1000 * NANO)


def totals(h):
    told = h.ok("ledger", "--json").json
    assert not told["frozen"] and told["violations"] == 0
    assert sum(mcpt(told[k]) for k in ("treasury_cpt", "users_cpt", "pending_cpt", "holds_cpt", "projects_cpt")) == SUPPLY
    return told


class Books:
    """What both sides have at the beginning; paid() is what moved since, checked from every side."""

    def __init__(self, h):
        self.h = h
        self.before = balance(h, owner(h)), balance(h, lender(h))

    def paid(self, task):
        def settled():
            now = balance(self.h, owner(self.h)), balance(self.h, lender(self.h))
            return now if now[0]["reserved_cpt"] == 0 and now[1]["pending_cpt"] == 0 else None
        now = until(f"the money of {task} to be settled", settled, 15)
        spent = self.before[0]["balance_cpt"] - now[0]["balance_cpt"]
        assert now[1]["balance_cpt"] - self.before[1]["balance_cpt"] == spent
        assert now[1]["earned_cpt"] - self.before[1]["earned_cpt"] == spent
        assert now[0]["spent_cpt"] - self.before[0]["spent_cpt"] == spent
        own, theirs = lines(self.h, owner(self.h), task), lines(self.h, lender(self.h), task)
        assert sum(mcpt(line["amount_cpt"]) for line in own) == -spent
        assert sum(mcpt(line["amount_cpt"]) for line in theirs) == spent
        totals(self.h)
        return spent


@pytest.fixture(scope="module")
def h(workdir, docker):
    """A pool, one account with tasks, another with one worker."""
    with hive.Hive(workdir / "money", docker, workers=1) as it:
        yield it


@pytest.fixture
def run(h, tmp_path):
    """Submit a shell script, wait for its end: its id and status."""
    def run(text, *words, **manifest):
        task = h.submit(script(tmp_path / "task", text, **manifest), *words) + ".1"
        h("wait", task, "--timeout", "60s")
        return task, h.status(task)
    return run


def settlement(h, task):
    line, = (line for line in lines(h, owner(h), task) if line["kind"] == "settle")
    return line


# --- each row of the table ---------------------------------------------------------------------------


def test_a_normal_end_pays_its_seconds_however_few(h, run):
    books = Books(h)
    task, told = run("sleep 2")
    assert told["state"] == "COMPLETED"
    line = settlement(h, task)
    assert books.paid(task) == amount(line) == mcpt(line["charge_cpt"]) == mcpt(told["cost"]["spent_cpt"])
    assert 1.9 < line["seconds"] < 3 and line["attempt"] == 1
    # Two clocks, and the way of a message between them.
    assert abs(line["seconds"] - told["usage"]["wall"]) < 0.05 * hive.SLOW


@pytest.mark.parametrize("text, words, failure", [
    ("sleep 1; exit 1", (), "user_exit"),
    ("sleep 1; x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo ${#x}", ("--memory", "16MiB"), "oom"),
    ("sleep 60", ("--time-limit", "2s"), "timeout"),
])
def test_what_failed_by_itself_pays_its_seconds(h, run, text, words, failure):
    books = Books(h)
    task, told = run(text, *words, grace=1)
    assert told["state"] == "FAILED" and told["failure"] == failure
    assert books.paid(task) == amount(settlement(h, task)) > 10 or failure == "timeout"


def test_one_that_runs_as_long_as_it_may_costs_what_was_quoted(h, run, tmp_path):
    books = Books(h)
    quoted = h.ok("quote", script(tmp_path / "task", "trap '' TERM; sleep 60", grace=1), "--time-limit", "2s", "--json").json
    task, told = run("trap '' TERM; sleep 60", "--time-limit", "2s", grace=1)
    assert told["failure"] == "timeout"
    assert books.paid(task) == mcpt(quoted["most_cpt"]) == mcpt(told["cost"]["reserved_cpt"])


def test_stopped_by_its_owner_it_pays_until_its_container_ended(h, tmp_path):
    books = Books(h)
    task = h.submit(script(tmp_path / "task", "trap 'sleep 1; exit 0' TERM; sleep 60 & wait", grace=5)) + ".1"
    until("it to run", lambda: h.status(task)["phase"] == "EXECUTING", 30)
    time.sleep(1)
    h.ok("stop", task)
    line = until("its settlement", lambda: [x for x in lines(h, owner(h), task) if x["kind"] == "settle"], 20)[0]
    assert h.status(task)["state"] == "STOPPED"
    assert 2 <= line["seconds"] < 5
    assert books.paid(task) == amount(line)


def test_stopped_before_it_runs_it_costs_nothing(h, tmp_path):
    books = Books(h)
    task = h.submit(script(tmp_path / "task", "true"), "--gpus", "3") + ".1"
    assert balance(h, owner(h))["reserved_cpt"] > 0
    h.ok("stop", task)
    assert books.paid(task) == 0


def test_money_used_up_ends_it_with_grace_and_what_it_wrote(h, run, tmp_path):
    books = Books(h)
    task, told = run("mkdir -p out; echo begun > out/a; trap 'echo saved > out/b; exit 0' TERM; sleep 60 & wait",
                     "--max-cpt", "0.013", grace=3)
    assert told["state"] == "FAILED" and told["failure"] == "budget"
    assert books.paid(task) == 13
    h.ok("get", task, "-o", tmp_path / "result")
    files = sorted(p.name for p in (tmp_path / "result").rglob("*") if p.is_file())
    assert files == ["a", "b"]


def test_an_image_that_is_not_there_costs_the_start_fee_at_most(h, run):
    books = Books(h)
    task, told = run("true", "--image", "localhost:1/none:1")
    assert told["state"] == "FAILED" and told["failure"] == "image", told
    assert books.paid(task) == 10


def test_a_worker_that_is_killed_earns_nothing_for_the_lost_attempt(h, tmp_path):
    books = Books(h)
    task = h.submit(script(tmp_path / "task", "test $HIVEMIND_ATTEMPT = 1 && sleep 60; sleep 1")) + ".1"
    until("money to move", lambda: balance(h, lender(h))["pending_cpt"] > 0, 40)
    # Killed, it would be started again and go on with the attempt. Stopped, it is as dead as that for the pool, and its supervisor
    # ends the container.
    worker = h.pid("worker-1")
    os.kill(worker, signal.SIGSTOP)
    try:
        until("the attempt to be lost", lambda: h.status(task)["epoch"] > 1 or h.status(task)["state"] == "PENDING", 20)
    finally:
        os.kill(worker, signal.SIGCONT)
    h("wait", task, "--timeout", "60s")
    assert h.status(task)["state"] == "COMPLETED"
    line = settlement(h, task)
    assert line["attempt"] == 2 and line["seconds"] < 5
    assert books.paid(task) == amount(line)


def test_stopped_by_the_machines_owner_nothing_is_paid_for_it(h, tmp_path):
    books = Books(h)
    task = h.submit(script(tmp_path / "task", "test $HIVEMIND_ATTEMPT = 1 && sleep 60; sleep 1")) + ".1"
    until("it to run", lambda: h.status(task)["phase"] == "EXECUTING", 30)
    os.kill(h.pid("worker-1"), signal.SIGTERM)
    h("wait", task, "--timeout", "60s")
    line = settlement(h, task)
    assert line["attempt"] == 2 and books.paid(task) == amount(line) and line["seconds"] < 5


def test_what_runs_while_the_pool_is_down_is_paid_when_it_is_back(h, tmp_path):
    books = Books(h)
    task = h.submit(script(tmp_path / "task", "sleep 7")) + ".1"
    until("it to run", lambda: h.status(task)["phase"] == "EXECUTING", 30)
    time.sleep(1)
    os.kill(h.pid("pool"), signal.SIGKILL)
    until("the pool to be back", lambda: h("status", task).code == 0, 30)
    h("wait", task, "--timeout", "60s")
    line = settlement(h, task)
    assert line["attempt"] == 1 and 6.5 < line["seconds"] < 9
    assert books.paid(task) == amount(line)


def test_ticks_show_at_least_every_ten_seconds(h, tmp_path):
    books = Books(h)
    task = h.submit(script(tmp_path / "task", "sleep 60")) + ".1"
    seen = [until("money to move", lambda: balance(h, lender(h))["pending_cpt"], 15)]
    told = h.ok("earnings", "--json", env=lender(h)).json
    assert [t["task"] for t in told["tasks"]] == [task] and mcpt(told["pending_cpt"]) >= seen[0]
    until("more of it", lambda: balance(h, lender(h))["pending_cpt"] > seen[0], 10)
    assert mcpt(h.status(task)["cost"]["spent_cpt"]) >= seen[0]
    h.ok("stop", task)
    books.paid(task)


def test_ones_own_worker_costs_nothing(h, tmp_path):
    env = lender(h)
    before = balance(h, env)
    task = h.ok("submit", script(tmp_path / "task", "sleep 1"), "--json", env=env).json["id"]
    h("wait", task, env=env)
    assert h.ok("status", task, "--json", env=env).json["state"] == "COMPLETED"
    until("the rest to come back", lambda: balance(h, env)["balance_cpt"] == before["balance_cpt"], 10)
    totals(h)


# --- the price ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("--cpus", "2"), ("--time-limit", "200s"), ("--cpus", "2", "--memory", "256MiB")])
def test_twice_of_it_costs_twice_that_part_to_the_unit(h, tmp_path, words):
    where = script(tmp_path / "task", "true", time_limit=100, resources={"cpus": 1, "memory": "128MiB"})
    one = h.ok("quote", where, "--json").json
    two = h.ok("quote", where, *words, "--json").json
    rate = [int(Decimal(q["rate_cpt"]) * 10 ** 9) for q in (one, two)]
    core, memory = 1200000, 456 * 128
    expected = {("--cpus", "2"): (2 * core + memory, 100), ("--time-limit", "200s"): (core + memory, 200),
                ("--cpus", "2", "--memory", "256MiB"): (2 * core + 2 * memory, 100)}[words]
    assert rate == [core + memory, expected[0]]
    assert mcpt(one["most_cpt"]) == 10 + rate[0] * 100 // NANO
    assert mcpt(two["most_cpt"]) == 10 + expected[0] * expected[1] // NANO


def test_too_little_refuses_before_a_byte_is_stored_and_names_what_is_missing(tmp_path, home_pool):
    pool, env = home_pool
    blobs = lambda: sorted(p.name for p in (pool.path / "data" / "blobs").rglob("*") if p.is_file())
    before = blobs()
    done = command("submit", script(tmp_path / "task", "true"), "--cpus", "8", "--time-limit", "10h", env=env)
    assert done.code == 5, done
    assert "this can cost up to 347.711 CPT and you have 150: 197.711 are missing" in done.err, done.err
    assert blobs() == before
    quoted = command("quote", tmp_path / "task", "--cpus", "8", "--time-limit", "10h", "--json", env=env)
    assert quoted.code == 5 and json.loads(quoted.out)["missing_cpt"] == "197.711"


# --- workers that lie -------------------------------------------------------------------------------------


@pytest.fixture
def stub():
    """A pool, a task owner, and a worker by hand of another account."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-money-"))
    pool = Pool(path)
    client, other = Client(pool), Client(pool)
    client.register("owner")
    other.register("liar")
    worker = Worker(other)
    worker.expect("welcome")
    yield pool, client, other, worker
    client.close()
    other.close()
    assert pool.end() == 0


def money(client):
    return client.ledger.Balance(pb.BalanceRequest(), **client.auth)


@pytest.mark.parametrize("said_us", [2 ** 63 - 1, 2 ** 64 - 1, 2 ** 64 - 5_000_000, 20_000_000])
def test_a_worker_that_lies_is_paid_at_most_what_the_pool_saw(stub, said_us):
    pool, client, other, worker = stub
    before = money(client).balance_mcpt
    task = client.submit(time_limit_s=3600).id + ".1"
    lease = worker.expect("lease")
    began = time.monotonic()
    worker.progress(lease, pb.EXECUTING)
    worker.say(heartbeat=pb.Heartbeat(seq=1000, attempts=[pb.AttemptRef(
        task=lease.task, epoch=lease.epoch, phase=pb.EXECUTING, usage=pb.Usage(wall_us=said_us, cpu_us=said_us))]))
    time.sleep(2)
    for _ in range(3):
        worker.done(lease, usage=pb.Usage(wall_us=said_us, cpu_us=said_us, peak_memory=said_us))
    worker.expect("stored")
    saw = time.monotonic() - began
    told = client.wait(task, "COMPLETED")
    most = told.start_mcpt + int((saw + 0.1) * told.rate_ncpt) // NANO
    assert 10 < told.charged_mcpt <= most
    assert before - money(client).balance_mcpt == told.charged_mcpt == money(other).earned_mcpt


def test_a_late_result_of_an_old_epoch_and_a_replayed_end_earn_nothing(stub):
    pool, client, other, worker = stub
    task = client.submit(time_limit_s=3600).id + ".1"
    first = worker.expect("lease")
    worker.progress(first, pb.EXECUTING)
    time.sleep(1)
    worker.say(give_back=pb.GiveBack(task=first.task, epoch=first.epoch, reason="no"))
    second = worker.expect("lease", 20)
    worker.done(first, usage=pb.Usage(wall_us=1_000_000))
    assert worker.expect("verdict").word == pb.Verdict.KILL
    assert money(other).earned_mcpt == 0
    worker.progress(second, pb.EXECUTING)
    worker.done(second, usage=pb.Usage(wall_us=1000))
    worker.expect("stored")
    earned = money(other).earned_mcpt
    assert earned == 10
    worker.done(second, usage=pb.Usage(wall_us=10 ** 12))
    worker.done(first, usage=pb.Usage(wall_us=10 ** 12))
    worker.hears_nothing(0.5)
    assert money(other).earned_mcpt == earned and client.get(task).charged_mcpt == earned


def test_a_fault_of_the_machine_costs_nothing(stub):
    pool, client, other, worker = stub
    before = money(client).balance_mcpt
    task = client.submit(retry=pb.Retry(infra=4)).id + ".1"
    for loss in range(1, 6):
        lease = worker.expect("lease")
        assert lease.epoch == loss, "another try, not a failure"
        worker.progress(lease, pb.EXECUTING)
        time.sleep(0.2)
        worker.done(lease, failure=pb.INFRA, reason="its engine died", usage=pb.Usage(wall_us=500_000))
        worker.expect("stored")
        assert money(other).earned_mcpt == 0
    ended = client.get(task)
    assert (ended.state, ended.failure) == (pb.FAILED, pb.INFRA)
    assert money(client).balance_mcpt == before and money(other).earned_mcpt == 0


def test_a_donor_takes_nothing_and_a_least_price_is_kept(stub):
    pool, client, other, worker = stub
    worker.say(leave=pb.Leave())
    worker.over.wait(5)
    host = dict(name="w", arch="amd64", engine="docker", limits_enforced=True,
                offered=pb.Resources(milli_cpus=4000, memory=1 << 30, disk=64 << 30))
    dear = Worker(other, name="dear", host=pb.Host(min_core_ncpt=9_000_000, **host))
    dear.expect("welcome")
    task = client.submit(time_limit_s=3600).id + ".1"
    assert dear.hears_nothing(1)
    assert "at this price" in client.get(task).reason
    donor = Worker(other, name="donor", host=pb.Host(min_core_ncpt=9_000_000, donor=True, **host))
    donor.expect("welcome")
    lease = donor.expect("lease")
    donor.progress(lease, pb.EXECUTING)
    time.sleep(0.5)
    donor.done(lease, usage=pb.Usage(wall_us=500_000))
    donor.expect("stored")
    assert money(other).earned_mcpt == 0 and client.get(task).charged_mcpt == 0
    assert money(client).held_mcpt == 0


# --- accounts ---------------------------------------------------------------------------------------------


@pytest.fixture
def home_pool():
    """A pool as it comes, with the gift and a little work, and the environment of an account there."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-money-"))
    pool = Pool(path, "--gift", "150", "--work-bits", "10", "--admin", "root", "--local-projects")
    env = hive.environment(HOME=path, HIVEMIND_POOL=f"127.0.0.1:{pool.port}")
    (path / "password").write_text("correct horse\n")
    done = command("register", "alice", "--password-file", path / "password", env=env)
    assert done.code == 0, done
    yield pool, env
    assert pool.end() == 0


def fails(code, function, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        function(*args, **kwargs)
    assert caught.value.code() == code, caught.value


def test_registering_twice_gives_nothing_more(stub):
    pool, client, other, worker = stub
    before = client.ledger.Totals(pb.TotalsRequest(), **client.auth).treasury_mcpt
    request = pb.RegisterRequest(name="twice", password="correct horse", call_id=call_id())
    ids = {client.accounts.Register(request).account.id for _ in range(3)}
    assert len(ids) == 1
    fails(grpc.StatusCode.ALREADY_EXISTS, client.accounts.Register,
          pb.RegisterRequest(name="twice", password="correct horse", call_id=call_id()))
    after = client.ledger.Totals(pb.TotalsRequest(), **client.auth).treasury_mcpt
    assert before - after == 1_000_000_000


def test_a_new_account_costs_work_and_its_gift_pays_for_tasks_only(home_pool):
    pool, env = home_pool
    client = Client(pool)
    fails(grpc.StatusCode.FAILED_PRECONDITION, client.register, "bob")
    challenge = client.accounts.Challenge(pb.ChallengeRequest(name="bob"))
    assert challenge.bits == 10 and challenge.registration == "open"
    fails(grpc.StatusCode.FAILED_PRECONDITION, client.register, "bobby", challenge=challenge.challenge, nonce=1)
    told = command("balance", "--json", env=env).json
    assert told["balance_cpt"] == told["tasks_only_cpt"] == "150"
    done = command("register", "bob", "--password-file", pool.path / "password", env=env | {"HOME": str(pool.path / "bob")})
    assert done.code == 0, done
    refused = command("transfer", "bob", "1", env=env)
    assert refused.code == 5 and "tasks only" in refused.err


@pytest.mark.parametrize("mode", ["invite", "approve"])
def test_by_invitation_each_code_makes_one_account(mode):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-money-"))
    pool = Pool(path, "--register", mode, "--admin", "root", "--gift", "150")
    env = hive.environment(HOME=path, HIVEMIND_POOL=f"127.0.0.1:{pool.port}")
    (path / "password").write_text("correct horse\n")
    words = ("--password-file", path / "password")
    assert command("register", "alice", *words, env=env).code == 4
    code = pool.invitation("root")
    assert command("register", "alice", *words, "--invitation", code, env=env).code == 4
    assert command("register", "root", *words, "--invitation", code, env=env).code == 0
    made = command("invite", "create", "--for", "alice", "--json", env=env).json["code"]
    alice = env | {"HOME": str(path / "alice")}
    assert command("register", "eve", *words, "--invitation", made, env=alice).code == 4
    assert command("register", "alice", *words, "--invitation", made + "0", env=alice).code == 4
    assert command("register", "alice", *words, "--invitation", made, env=alice).code == 0
    assert command("invite", "create", env=alice).code == 4
    anybody = command("invite", "create", "--json", env=env)
    assert anybody.code == (0 if mode == "invite" else 2)
    if mode == "invite":
        code = anybody.json["code"]
        assert command("register", "bob", *words, "--invitation", code, env=env | {"HOME": str(path / "b")}).code == 0
        assert command("register", "carol", *words, "--invitation", code, env=env | {"HOME": str(path / "c")}).code != 0
    assert command("transfer", "root", "1.5", env=alice).code == 0
    assert command("balance", "--quiet", env=alice).out == "148.5\n"
    assert pool.end() == 0


# --- verbs ------------------------------------------------------------------------------------------------


def test_the_json_of_each_verb_is_golden(h, run, home_pool, tmp_path):
    run("sleep 1")
    where = tmp_path / "task"
    for verb, words, env in (("balance", (), owner(h)), ("statement", ("--all",), owner(h)), ("statement", (), lender(h)),
                             ("quote", (where,), owner(h)), ("price", (), owner(h)), ("earnings", (), lender(h)),
                             ("ledger", (), owner(h)), ("transfer", ("dev", "0.001"), lender(h))):
        check_golden(verb, h.ok(verb, *words, "--json", env=env).out)
    check_golden("ledger_verify", h.ok("ledger", "verify", "--data", h.data / "pool", "--json").out)
    pool, env = home_pool
    check_golden("project", command("project", "create", "curl", "http://localhost", "--json", env=env).out)
    root = env | {"HOME": str(tmp_path)}
    command("register", "root", "--password-file", pool.path / "password", env=root)
    check_golden("invite", command("invite", "create", "--json", env=root).out)


def test_what_people_read(h, run, tmp_path):
    task, told = run("sleep 1")
    assert "to spend" in h.ok("balance").out and "CPT" in h.ok("price").out
    line = next(row for row in h.ok("statement").out.splitlines() if task in row and "settle" in row)
    assert told["cost"]["spent_cpt"] in line.split()
    assert f"{told['cost']['spent_cpt']} CPT, " in h.ok("status", task).out
    assert h.ok("ps").out.splitlines()[1].split()[-1] == told["cost"]["spent_cpt"]
    assert "costs at most" in h.ok("quote", tmp_path / "task").out
    assert "the sum is right" in h.ok("ledger").out
    submitted = h.ok("submit", tmp_path / "task", "--max-cpt", "1")
    assert submitted.err.splitlines()[-1].startswith("Reserved 1 CPT of your ") and submitted.err.rstrip().endswith("(at most 1)")
    h.ok("wait", submitted.out.split()[1])


def test_a_transfer_with_a_key_happens_once(stub, tmp_path):
    pool, client, other, worker = stub
    token = tmp_path / "token"
    token.write_text(client.token)
    token.chmod(0o600)
    env = hive.environment(HOME=tmp_path, HIVEMIND_POOL=f"127.0.0.1:{pool.port}", HIVEMIND_TOKEN_FILE=token)
    # The gift of an open pool cannot be given away; what was earned can.
    client.submit(time_limit_s=3600)
    lease = worker.expect("lease")
    worker.progress(lease, pb.EXECUTING)
    time.sleep(1)
    worker.done(lease, usage=pb.Usage(wall_us=10_000_000))
    worker.expect("stored")
    token.write_text(other.token)
    before = money(client).balance_mcpt
    for duplicate in (False, True):
        told = command("transfer", "owner", "0.005", "--key", "rent", "--json", env=env)
        assert told.code == 0 and told.json["duplicate"] is duplicate, told
    assert money(client).balance_mcpt == before + 5
    assert command("transfer", "owner", "0.006", "--key", "rent", env=env).code == 8
    assert command("transfer", "nobody", "0.001", env=env).code == 3
    for wrong in ("0", "-1", "1.0001", "1e3", "x", ""):
        assert command("transfer", "owner", wrong, env=env).code == 2
    rows = list(csv.DictReader(io.StringIO(command("statement", "--csv", "--all", env=env).out)))
    assert [r["kind"] for r in rows] == ["transfer", "settle", "grant"]
    assert sum(Decimal(r["amount_cpt"]) for r in rows) == Decimal(command("balance", "-q", env=env).out)
    assert command("statement", "--since", "1h", "--json", env=env).json["lines"][0]["name"] == "owner"


def test_a_project_is_tipped_claimed_and_paid_out(home_pool, tmp_path):
    pool, env = home_pool
    site = tmp_path / "site"
    (site / ".well-known").mkdir(parents=True)
    server = subprocess.Popen(["/usr/bin/python3", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", site],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        port = server.stdout.readline().split(" port ")[1].split()[0]
        url = f"http://127.0.0.1:{port}"
        assert command("project", "create", "numpy", url, "--json", env=env).json["owner"] is None
        assert command("project", "create", "numpy", "http://other", env=env).code == 8
        refused = command("project", "claim", "numpy", env=env)
        assert refused.code == 8 and "404" in refused.err
        token = refused.err.split("contains")[1].split()[0]
        (site / ".well-known" / "hivemind-claim.txt").write_text("not it\n")
        assert command("project", "claim", "numpy", env=env).code == 8
        (site / ".well-known" / "hivemind-claim.txt").write_text(f"hm {token}\n")
        claimed = command("project", "claim", "numpy", "--json", env=env)
        assert claimed.code == 0 and claimed.json["owner"] == command("whoami", "--json", env=env).json["account"]["id"]
        assert command("tip", "numpy", "5", env=env).code == 5  # the gift pays for tasks only
        assert command("tip", "none", "5", env=env).code == 3
        assert command("project", "withdraw", "numpy", "5", env=env).code == 5
        assert [p["name"] for p in command("project", "ls", "--json", env=env).json["projects"]] == ["numpy"]
    finally:
        server.kill()
        server.wait()


def test_the_books_can_be_frozen_and_proved(home_pool, tmp_path):
    pool, env = home_pool
    root = env | {"HOME": str(tmp_path)}
    words = ("--password-file", pool.path / "password")
    assert command("register", "root", *words, "--invitation", pool.invitation("root"), env=root).code == 0
    assert command("ledger", "freeze", env=env).code == 4
    frozen = command("ledger", "freeze", "--why", "looking", "--json", env=root)
    assert frozen.json["frozen"] and frozen.json["why"] == "looking"
    refused = command("submit", script(tmp_path / "task", "true"), env=env)
    assert refused.code == 8 and "frozen" in refused.err
    assert command("balance", env=env).code == 0
    assert not command("ledger", "unfreeze", "--json", env=root).json["frozen"]
    assert command("submit", tmp_path / "task", env=env).code == 0
    told = command("ledger", "verify", "--data", pool.path / "data", "--json", env=env)
    assert told.code == 0 and told.json["right"] and told.json["records"] >= 3, told


def test_a_redis_that_has_lost_transfers_is_not_served(tmp_path):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-money-"))
    pool = Pool(path)
    Client(pool).register("one")
    pool.restart()
    copy = subprocess.run(["cp", "-a", path / "data" / "redis", path / "old"], check=False)
    assert copy.returncode == 0
    Client(pool).register("two")
    time.sleep(0.5)
    assert pool.end() == 0
    subprocess.run(["rm", "-rf", path / "data" / "redis"], check=True)
    subprocess.run(["cp", "-a", path / "old", path / "data" / "redis"], check=True)
    refused = command("pool", "--data", path / "data", "--listen", "127.0.0.1:0", env=hive.environment(HOME=path))
    assert refused.code == 8 and "lost" in refused.err, refused
    pool.options += ("--accept-ledger-rollback",)
    pool.start()
    assert pool.end() == 0
