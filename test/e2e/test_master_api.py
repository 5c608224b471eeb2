"""The master's JSON API, over a real pool: as its document says, strict, resumable, live. The worker is a stub."""
import hashlib
import io
import json
import os
import re
import runpy
import socket
import subprocess
import tarfile
import urllib.parse

import jsonschema
import pytest

import hive
import http1_rules
import stock
from master import Browser, Events, Master
from stock import Client, Worker, pb, tar

OPENAPI = hive.ROOT / "build/openapi"
TAR = "application/x-tar"


@pytest.fixture(scope="module")
def pool(workdir):
    (workdir / "mpool").mkdir()
    p = stock.Pool(workdir / "mpool", "--register", "invite", "--admin", "root")
    yield p
    assert p.end() == 0


def person(pool, name):
    c = Client(pool)
    c.register(name, invitation=pool.invitation(name))
    return c


@pytest.fixture(scope="module")
def ann(pool):
    return person(pool, "ann")


@pytest.fixture(scope="module")
def bob(pool):
    return person(pool, "bob")


@pytest.fixture(scope="module")
def master(pool, ann, workdir):
    m = Master(workdir / "master", pool.port, ann.token)
    yield m
    assert m.end() == 0, m.log()


@pytest.fixture(autouse=True)
def nothing_is_left_waiting(ann):
    """What a test has submitted is not leased to the next one's worker."""
    yield
    for task in ann.tasks.List(pb.ListTasksRequest(limit=500, only_live=True), **ann.auth).tasks:
        ann.tasks.Stop(pb.StopTaskRequest(id=task.id, call_id=stock.call_id()), **ann.auth)


@pytest.fixture
def worker(bob):
    w = Worker(bob, name="atlas")
    w.expect("welcome")
    yield w
    w.say(leave=pb.Leave())
    w.over.wait(5)


def lease_of(worker, task):
    """The lease of this task; others may come before it."""
    while True:
        lease = worker.expect("lease")
        if lease.task == task:
            return lease


RESULT = {"out/a.txt": "AAAA\n", "out/page.html": "<script>alert(1)</script>", "out/deep/plot.png": b"\x89PNG\r\n", "out/empty": ""}
MANIFEST = {"hivemind": 1, "name": "t", "command": "sh run.sh", "time_limit": "60s"}


def submit(master, key=None, **manifest):
    body = {"manifest": MANIFEST | manifest, "files": {"run.sh": "echo hi > out/a\n"}}
    return master.ok("POST", "/tasks", body, {"Idempotency-Key": key} if key else {})["id"] + ".1"


def run(master, worker, files=RESULT, **manifest):
    """A task that has run, with this result."""
    task = submit(master, **manifest)
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    worker.prints(lease, "hello\n", 0)
    worker.prints(lease, "oh\n", 6, stream=2)
    worker.done(lease, result=tar(files))
    worker.expect("stored")
    hive.until("the end", lambda: master.ok("GET", f"/tasks/{task}")["state"] == "COMPLETED")
    return task


# --- the document ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def document(master):
    answer = master.ask("GET", "/openapi.json", bearer=False)
    assert answer.status == 200 and answer.head["content-type"] == "application/json"
    return answer.json


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path, operation


def check(document, operation, answer):
    """Status, type and shape are what the document says."""
    said = next(iter(operation["responses"].items()))
    assert str(answer.status) == said[0], answer
    if answer.status == 204:
        return
    kind = answer.head["content-type"].split(";")[0]
    schema = said[1]["content"][kind]["schema"]
    if kind == "application/json":
        jsonschema.validate(answer.json, {**schema, "components": document["components"]},
                            format_checker=jsonschema.FormatChecker())


def test_the_document_is_complete_and_clean(document, tmp_path):
    names = [name for name, *_ in operations(document)]
    assert len(names) == len(set(names)) and len(names) > 35
    for name, method, path, operation in operations(document):
        assert operation["summary"] and operation["tags"], name
        assert {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"} == set(re.findall(r"{(\w+)}", path)), name
        assert all(p["description"] for p in operation.get("parameters", [])), name
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert used == set(document["components"]["schemas"])
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def linted(document, folder):
    """What Redocly's linter finds; nothing where Node.js is too old for it (20.19 is the first that is not)."""
    node = subprocess.run(["sh", "-c", "node --version"], capture_output=True, text=True).stdout
    if [int(n) for n in re.findall(r"\d+", node)] < [20, 19]:
        return None
    subprocess.run(["make", "-s", "-C", hive.ROOT, "deps-openapi"], check=True, stdout=subprocess.DEVNULL)
    file = folder / "openapi.json"
    file.write_text(json.dumps(document))
    env = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run([OPENAPI / "node_modules/.bin/redocly", "lint", "--format", "json", file], cwd=folder, env=env,
                          capture_output=True, text=True, timeout=60)
    found = json.loads(done.stdout)
    return found if any(found["totals"].values()) else None


def test_a_linter_finds_nothing_in_the_document(document, tmp_path):
    faults = runpy.run_path(str(hive.ROOT / "test/openapi/strict.py"))["faults"]
    assert list(faults(document)) == []
    assert linted(document, tmp_path) is None


def without(document, *path):
    copy = json.loads(json.dumps(document))
    at = copy
    for name in path[:-1]:
        at = at[name]
    del at[path[-1]]
    return copy


@pytest.mark.parametrize("path", [
    ("info", "license"), ("servers",), ("components", "schemas", "Task"), ("paths", "/tasks", "get", "operationId"),
    ("paths", "/tasks", "get", "summary"), ("paths", "/tasks", "get", "responses", "200"), ("tags", 1),
    ("paths", "/tasks/{id}", "get", "parameters"), ("paths", "/tasks", "post", "requestBody", "content", "application/json",
                                                    "schema", "properties", "manifest")])
def test_what_is_missing_in_a_document_is_found(document, path):
    faults = runpy.run_path(str(hive.ROOT / "test/openapi/strict.py"))["faults"]
    assert list(faults(without(document, *path)))


# What becomes of examples whose thing is not to be had here.
OTHERWISE = {"withdraw": 403}


def test_every_example_of_the_document_answers_as_it_says(document, master, pool, bob, worker):
    bundle, sha256 = tar({"run.sh": "echo example"})
    assert len(bundle) == 10240, "the examples say so"
    task, doomed = run(master, worker), run(master, worker)
    browser = Browser(master)
    assert browser.ask("POST", "/session", {"key": master.one_time_key()}).status == 204
    values = {"/tasks": task, "/workers": worker.id, "path": "out/a.txt", "sha256": sha256, "name": "numpy"}
    seen = set()
    for name, method, path, operation in operations(document):
        root = "/" + path.split("/")[1]
        if name == "revokeToken":
            values["/tokens"] = master.ok("POST", "/tokens", {"scopes": "read"})["token"]["id"]
        if name == "removeTask":
            values["/tasks"] = doomed
        path = re.sub(r"{(\w+)}", lambda m: values[root] if m[1] == "id" else values[m[1]], path) + operation.get("x-example", "")
        content = operation.get("requestBody", {}).get("content", {})
        body = content.get("application/json", {}).get("example")
        headers = {}
        if TAR in content:
            body, headers = bundle, {"Content-Type": TAR}
        if name == "register":
            body["invitation"] = pool.invitation(body["name"])
        if name == "login":
            body["name"] = "bob"
        if name == "openSession":
            continue  # it was, above
        if name == "events":
            Events(master, path).close()
        elif name in ("login", "register", "endSession"):
            answer = browser.ask(method, path, body)
            check(document, operation, answer)
        else:
            answer = master.ask(method, path, body, headers)
            if name == "patchBundle":
                assert answer.status == 200  # all of it is there
            elif name in OTHERWISE:
                assert answer.status == OTHERWISE[name], answer
            else:
                check(document, operation, answer)
        values["/tasks"] = task
        seen.add(name)
    assert len(seen) == len(list(operations(document))) - 1


def generate(document):
    """A client as a generator would make it: a function for each operationId, from the document alone."""
    class Api:
        def __init__(self, master):
            self.master = master

    def make(method, path, operation):
        query = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
        inside = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}

        def call(self, body=None, **given):
            assert set(given) <= query | inside
            at = path
            for name in inside:
                at = at.replace("{" + name + "}", urllib.parse.quote(given[name]))
            words = urllib.parse.urlencode({k: v for k, v in given.items() if k in query})
            answer = self.master.ask(method, at + ("?" + words if words else ""), body)
            assert answer.status < 400, answer
            return answer.json if answer.head.get("content-type", "").startswith("application/json") else answer.data
        return call

    for name, method, path, operation in operations(document):
        setattr(Api, name, make(method, path, operation))
    return Api


def test_a_client_generated_from_the_document_submits_a_task_and_fetches_its_result(document, master, worker):
    api = generate(document)(master)
    made = api.submitTask(body={"manifest": MANIFEST | {"name": "generated"}, "files": {"run.sh": "true"}})
    task = made["id"] + ".1"
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    worker.done(lease, result=tar(RESULT))
    hive.until("its end", lambda: api.getTask(id=task)["state"] == "COMPLETED")
    assert tarfile.open(fileobj=io.BytesIO(api.getResult(id=task))).extractfile("out/a.txt").read() == b"AAAA\n"
    assert [f["path"] for f in api.listFiles(id=task)["files"]] == list(RESULT)
    assert api.getFile(id=task, path="out/a.txt") == b"AAAA\n"
    assert task in [t["id"] for t in api.listTasks(name="generated", limit=5)["tasks"]]


def test_the_shapes_are_those_of_json(document):
    """The schemas are made of the golden files of the verbs: python3 test/openapi/schemas.py makes them anew."""
    made = runpy.run_path(str(hive.ROOT / "test/openapi/schemas.py"))["schemas"]()
    assert document["components"]["schemas"] == made


# --- signing in -----------------------------------------------------------------------------------------

def test_a_one_time_key_opens_one_session_and_no_second(master):
    first, second = Browser(master), Browser(master)
    assert first.ask("GET", "/session").status == 401
    key = master.one_time_key()
    assert first.ask("POST", "/session", {"key": key}).status == 204
    assert first.ask("GET", "/session").json["account"]["name"] == "ann"
    assert second.ask("POST", "/session", {"key": key}).status == 401
    assert second.ask("GET", "/tasks").status == 401
    # Whoever opened one is told the address for another browser.
    hive.until("a fresh key", lambda: master.one_time_key() != key)
    assert second.ask("POST", "/session", {"key": master.one_time_key()}).status == 204
    assert first.ask("DELETE", "/session").status == 204
    assert first.ask("GET", "/session").status == 401
    assert second.ask("GET", "/session").json["signed_in"] is True


def test_who_signs_in_by_password_is_that_person_and_nobody_else(master, bob):
    browser = Browser(master)
    answer = browser.ask("POST", "/login", {"name": "bob", "password": "wrong horse"})
    assert answer.status == 401 and answer.json["code"] == "NOT_SIGNED_IN", answer
    assert browser.cookie is None
    answer = browser.ask("POST", "/login", {"name": "bob", "password": "correct horse"})
    assert answer.status == 200 and answer.json["account"]["name"] == "bob"
    assert "HttpOnly" in answer.head["set-cookie"] and "SameSite=Strict" in answer.head["set-cookie"]
    assert bob.token not in answer.data.decode() and "hm_" not in answer.data.decode()
    assert browser.ask("GET", "/account").json["account"]["name"] == "bob"
    assert master.ok("GET", "/account")["account"]["name"] == "ann"
    tokens = len(browser.ask("GET", "/tokens").json["tokens"])
    assert browser.ask("DELETE", "/session").status == 204
    hive.until("its token to end", lambda: len(bob.accounts.ListTokens(pb.ListTokensRequest(), **bob.auth).tokens) == tokens - 1)


def test_a_master_without_a_login_asks_for_one(pool, ann, workdir):
    m = Master(workdir / "nobody", pool.port)
    answer = m.get("/tasks")
    assert answer.status == 401 and answer.json["code"] == "NOT_SIGNED_IN" and "hivemind login" in answer.json["hint"]
    assert m.ok("GET", "/session")["signed_in"] is False
    assert m.ok("GET", "/price")["v"] == 1 and m.ask("GET", "/health", bearer=False).json["pool"] == "ok"
    browser = Browser(m)
    assert browser.ask("POST", "/login", {"name": "ann", "password": "correct horse"}).status == 200
    assert browser.ask("GET", "/tasks").status == 200
    assert m.end() == 0, m.log()


def test_a_wrong_key_of_a_program_is_none(master):
    assert master.get("/tasks", Authorization="Bearer hmk_" + "0" * 32).status == 401
    assert (master.path / "config/hivemind/api-key").stat().st_mode & 0o777 == 0o600


def test_it_listens_on_this_machine_only(pool, workdir):
    done = hive.command("master", "--listen", "0.0.0.0:0", env=hive.environment(HOME=workdir, HIVEMIND_POOL=f"127.0.0.1:{pool.port}"))
    assert done.code == 2 and "this machine" in done.err, done


# --- what nobody may send ----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def attacked(pool, ann, workdir):
    """A master without patience, and what the rows need: a session, a token, a route that takes {}."""
    m = Master(workdir / "attacked", pool.port, ann.token, "--patience", "1s")
    browser = Browser(m)
    assert browser.ask("POST", "/session", {"key": m.one_time_key()}).status == 204
    task = submit(m)
    yield m, http1_rules.values(m.port, browser.cookie, m.key, get="/api/v1/health", private="/api/v1/session",
                                post=f"/api/v1/tasks/{task}/stop", sign_in="/api/v1/session")
    assert m.ask("GET", "/health", bearer=False).status == 200
    assert m.end() == 0, m.log()


@pytest.mark.parametrize("row", http1_rules.ROWS, ids=[row[0] for row in http1_rules.ROWS])
def test_hostile_request(attacked, row):
    m, values = attacked
    http1_rules.keep(row, lambda: socket.create_connection(("127.0.0.1", m.port), timeout=http1_rules.SECONDS), values)


# --- strictness ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method, path, body, words", [
    ("GET", "/tasks?stat=RUNNING", None, 'did you mean "state"'),
    ("GET", "/tasks?state=RUNING", None, 'did you mean "RUNNING"'),
    ("GET", "/tasks?limit=0", None, "from 1 to 500"),
    ("GET", "/tasks?limit=ten", None, "from 1 to 500"),
    ("GET", "/tasks?limit=1&limit=2", None, "twice"),
    ("GET", "/tasks?since=yesterday", None, "30d"),
    ("GET", "/price?x=1", None, "it takes none"),
    ("GET", "/tasks/xyz", None, "cannot be the id"),
    ("GET", "/bundles/" + "0" * 64, None, "bytes"),
    ("GET", "/bundles/short?bytes=1", None, "64 hexadecimal"),
    ("POST", "/transfers", {"to": "bob"}, "amount_cpt"),
    ("POST", "/transfers", {"to": "bob", "amount_cpt": 5}, "a text"),
    ("POST", "/transfers", {"to": "bob", "amount_cpt": "1.2345"}, "three decimals"),
    ("POST", "/transfers", {"to": "bob", "amount_cpt": "0"}, "above 0"),
    ("POST", "/transfers", {"to": "bob", "amount_cpt": "1", "ammount": 1}, "ammount"),
    ("POST", "/transfers", [1], "an object"),
    ("POST", "/transfers", "{\"to\":\"bob\",\"to\":\"eve\",\"amount_cpt\":\"1\"}", "twice"),
    ("POST", "/transfers", "{} garbage", "not JSON"),
    ("POST", "/transfers", "{\n\"to\": bob}", "line 2"),
    ("POST", "/transfers", {"to": "bob", "amount_cpt": 1}, "12.5"),
    ("POST", "/tasks", {"manifset": {}}, 'did you mean "manifest"'),
    ("POST", "/tasks", {"manifest": {"hivemind": 1, "comand": "x"}}, 'did you mean "command"'),
    ("POST", "/tasks", {"manifest": "{\n\"hivemind\": 1,\n\"memory\": 1}"}, "line 3"),
    ("POST", "/tasks", {"manifest": MANIFEST, "bundle": {"sha256": "0" * 64}}, "bytes"),
    ("POST", "/tasks", {"manifest": MANIFEST, "bundle": {"sha256": "0" * 64, "bytes": 1.5}}, "how long"),
    ("GET", "/tasks?%1b%5b31m=1", None, "the query has no"),
    ("POST", "/tasks", {"manifest": MANIFEST, "files": {"../x": "y"}}, ".."),
    ("POST", "/tasks", {"files": {"data": "y"}}, "what to run"),
    ("POST", "/check", {"entries": "run.sh"}, "list of texts"),
    ("GET", "/events?topics=task", None, "tasks, balance, workers"),
])
def test_what_nobody_knows_is_an_error_that_helps(master, method, path, body, words):
    headers = {"Content-Type": "application/json"} if isinstance(body, str) else {}
    answer = master.ask(method, path, body, headers)
    assert answer.status == 400 and answer.head["content-type"].startswith("application/problem+json"), answer
    problem = answer.json
    assert problem["status"] == 400 and problem["type"].startswith("/problems/") and problem["hint"], problem
    assert words in problem["detail"] + problem["hint"], problem


def test_where_nothing_is_and_what_is_not_done_there_is_said(master):
    nothing = master.get("/taks")
    assert nothing.status == 404 and "spelled" in nothing.json["detail"]
    wrong = master.ask("PUT", "/tasks", {})
    assert wrong.status == 405 and "PUT cannot be done here, only GET, HEAD, POST." == wrong.json["detail"], wrong
    kind = master.ask("PUT", f"/bundles/{'0' * 64}?bytes=1", b"x", {"Content-Type": "text/plain"})
    assert kind.status == 415 and kind.json["hint"] == f"Send Content-Type: {TAR}.", kind
    stranger = master.ask("GET", "/tasks", bearer=False)
    assert stranger.status == 401 and "Authorization: Bearer" in stranger.json["hint"]
    assert "/api/v1/tasks" in master.get("/tasks/zzzz").json["hint"]


def manual(home, port, now):
    """What the manual's examples for this port answer, as JSON, when they run as printed but for the port, which is another now."""
    page = (hive.ROOT / "man/hivemind-api.7").read_text()
    examples = [e.replace("\\e", "\\") for e in re.findall(r"\.Bd -literal.*?\n(.*?)\n\.Ed", page, re.DOTALL) if f":{port}/" in e]
    script = "\n".join(examples).replace(f":{port}/", f":{now}/").replace("curl ", "curl -sS ")
    done = subprocess.run(["sh", "-eu", "-c", script], env={**os.environ, "HOME": str(home)}, capture_output=True, text=True)
    assert done.returncode == 0, done
    return [json.JSONDecoder().raw_decode(text)[0] for text in re.split(r"(?<=})\n*(?={)", done.stdout)]


def test_every_example_of_the_manual_runs_as_printed(master, tmp_path):
    (tmp_path / ".config").symlink_to(master.path / "config")
    listed, made = manual(tmp_path, 5001, master.port)
    assert isinstance(listed["tasks"], list) and made["name"] == "hello"


def test_a_task_of_somebody_else_does_not_exist(master, bob):
    theirs = bob.submit(name="theirs").id + ".1"
    for path in ("", "/explain", "/logs", "/result", "/files"):
        assert master.get(f"/tasks/{theirs}{path}").status == 404
    assert master.ask("POST", f"/tasks/{theirs}/stop", {}).status == 404
    bob.tasks.Stop(pb.StopTaskRequest(id=theirs, call_id=stock.call_id()), **bob.auth)


# --- submitting --------------------------------------------------------------------------------------------

def test_a_repeat_with_the_same_key_is_no_second_task(master):
    body = {"manifest": MANIFEST, "files": {"run.sh": "true"}}
    first = master.ask("POST", "/tasks", body, {"Idempotency-Key": "november"})
    again = master.ask("POST", "/tasks", body, {"Idempotency-Key": "november"})
    assert first.status == 201 and again.status == 200
    assert first.json["id"] == again.json["id"] and again.json["duplicate"] is True
    other = master.ask("POST", "/tasks", body | {"files": {"run.sh": "false"}}, {"Idempotency-Key": "november"})
    assert other.status == 409 and other.json["code"] == "ABORTED"
    stopped = master.ok("POST", f"/tasks/{first.json['id']}/stop", {"reason": "a test"})
    assert stopped["state"] == "STOPPED" and stopped["reason"] == "a test"
    assert master.ok("DELETE", f"/tasks/{first.json['id']}")["removed"] is True
    assert master.get(f"/tasks/{first.json['id']}").status == 404


def test_too_little_money_is_402_and_says_how_much(master):
    body = {"manifest": MANIFEST | {"time_limit": "30d", "resources": {"cpus": 1000}}, "files": {"run.sh": "true"}}
    answer = master.ask("POST", "/tasks", body)
    assert answer.status == 402 and answer.json["code"] == "NOT_ENOUGH_CPT" and "missing" in answer.json["detail"], answer
    assert float(master.ok("POST", "/quote", body)["missing_cpt"]) > 0


def test_checks_are_those_of_hivemind_check(master, tmp_path):
    files = {"run.sh": "true"}
    said = hive.command("check", hive.bundle(tmp_path / "b", files, {"name": "same"}), "--json").json["task"]
    assert master.ok("POST", "/check", {"manifest": {"hivemind": 1, "name": "same"}, "files": files})["task"] == said
    assert master.ok("POST", "/check", {"name": "same", "entries": ["run.sh"]})["task"] == said
    assert master.ok("POST", "/check", {"name": "x", "entries": ["main.py", "image.tar"]})["task"]["image"] is not None


def test_a_bundle_comes_in_pieces_and_is_checked(master, worker):
    worker.not_ready = "looks on"
    data, sha256 = tar({"run.sh": "true", "data": os.urandom(3_000_000)})
    at, where = 0, f"/bundles/{sha256}?bytes={len(data)}"
    assert master.ok("GET", where) == {"v": 1, "sha256": sha256, "bytes": len(data), "offset": 0, "complete": False}
    for size in (1, 100_000, 1_000_000):
        part = master.ask("PATCH" if at else "PUT", where, data[at:at + size], {"Content-Type": TAR, "Upload-Offset": str(at)})
        at += size
        assert part.status == 202 and part.json["offset"] == at and part.head["upload-offset"] == str(at), part
    wrong = master.ask("PATCH", where, data[at - 1:], {"Content-Type": TAR, "Upload-Offset": str(at - 1)})
    assert wrong.status == 409 and wrong.head["upload-offset"] == str(at), wrong
    whole = master.ask("PATCH", where, data[at:], {"Content-Type": TAR, "Upload-Offset": str(at)})
    assert whole.status == 201 and whole.json["complete"] is True, whole
    again = master.ask("PUT", where, data, {"Content-Type": TAR})
    assert again.status == 200 and again.json["complete"] is True
    made = master.ok("POST", "/tasks", {"manifest": MANIFEST, "bundle": {"sha256": sha256, "bytes": len(data)}})
    assert made["bundle"] == {"sha256": sha256, "bytes": len(data), "files": None}


def test_a_bundle_that_is_another_or_breaks_a_rule_is_refused(master):
    data, sha256 = tar({"run.sh": "one"})
    other = f"/bundles/{hashlib.sha256(b'another').hexdigest()}?bytes={len(data)}"
    assert master.ask("PUT", other, data, {"Content-Type": TAR}).status == 422
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    evil = out.getvalue()
    answer = master.ask("PUT", f"/bundles/{hashlib.sha256(evil).hexdigest()}?bytes={len(evil)}", evil, {"Content-Type": TAR})
    assert answer.status == 400 and "link" in answer.json["detail"], answer
    assert master.ask("PUT", f"/bundles/{sha256}?bytes=100", data, {"Content-Type": TAR}).status == 400
    assert master.ask("POST", "/tasks", {"manifest": MANIFEST, "bundle": {"sha256": "f" * 64, "bytes": 1024}}).status == 409


def resident(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read())[1]) // 1024


def test_a_large_bundle_and_result_pass_through_in_little_memory(pool, ann, worker, workdir):
    m = Master(workdir / "large", pool.port, ann.token)
    data, sha256 = tar({"run.sh": "true", "data": os.urandom(1 << 20) * 64})
    before = resident(m.process.popen.pid)
    assert m.ask("PUT", f"/bundles/{sha256}?bytes={len(data)}", data, {"Content-Type": TAR}).status == 201
    task = m.ok("POST", "/tasks", {"manifest": MANIFEST, "bundle": {"sha256": sha256, "bytes": len(data)}})["id"] + ".1"
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    worker.done(lease, result=(data, sha256))
    hive.until("its end", lambda: m.ok("GET", f"/tasks/{task}")["state"] == "COMPLETED")
    assert hashlib.sha256(m.get(f"/tasks/{task}/result").data).hexdigest() == sha256
    assert m.ok("GET", f"/tasks/{task}/files")["files"][1] == {"path": "data", "bytes": 64 << 20, "executable": False}
    if not hive.SANITIZED:  # whose memory says nothing
        assert resident(m.process.popen.pid) - before < 12, "MiB more than before"
    assert m.end() == 0


def test_each_attempt_is_told_with_its_end(master, worker):
    task = submit(master)
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    hive.until("it to run", lambda: master.ok("GET", f"/tasks/{task}")["started"])
    worker.say(give_back=pb.GiveBack(task=task, epoch=lease.epoch, reason="the battery is low"))
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    worker.done(lease, result=tar(RESULT))
    hive.until("its end", lambda: master.ok("GET", f"/tasks/{task}")["state"] == "COMPLETED")
    first, second = master.ok("GET", f"/tasks/{task}/attempts")["attempts"]
    assert (first["attempt"], first["state"], first["worker"]["name"]) == (1, "LOST", "atlas") and "battery" in first["reason"]
    assert first["started"] and first["ended"] and first["durations"]["ran"] is not None
    assert (second["attempt"], second["state"]) == (2, "COMPLETED")
    master.ok("DELETE", f"/tasks/{task}")


def test_what_a_task_cost_is_told_move_by_move(master, worker, bob):
    task = run(master, worker)
    cost = master.ok("GET", f"/tasks/{task}/cost")
    moves = {line["kind"]: line for line in cost["lines"]}
    assert list(moves) == ["settle", "hold"] and cost["next"] is None
    assert moves["hold"]["amount_cpt"] == cost["reserved_cpt"] and moves["settle"]["charge_cpt"] == cost["spent_cpt"]
    assert moves["settle"]["amount_cpt"] == "-" + cost["reserved_cpt"] and moves["settle"]["attempt"] == 1
    first = master.ok("GET", f"/tasks/{task}/cost?limit=1")
    assert [line["kind"] for line in first["lines"]] == ["settle"]
    assert master.ok("GET", f"/tasks/{task}/cost?after={first['next']}")["lines"] == cost["lines"][1:]


# --- lists --------------------------------------------------------------------------------------------------

def test_lists_have_filters_and_cursors_that_hold_while_tasks_come(master, worker):
    worker.not_ready = "looks on"
    hive.until("it to look on", lambda: any(w["not_ready"] for w in master.ok("GET", "/workers")["workers"]))
    names = [f"row-{i:03}" for i in range(40)]
    ids = [submit(master, name=name, labels={"parity": "odd" if i % 2 else "even", "list": "yes"}) for i, name in enumerate(names)]

    def pages(query, limit=7):
        path, found = f"/tasks?limit={limit}&{query}", []
        while True:
            answer = master.get(path)
            assert answer.status == 200, answer
            assert len(answer.json["tasks"]) <= limit
            found += [t["name"] for t in answer.json["tasks"]]
            if answer.json["next"] is None:
                assert "link" not in answer.head
                return found
            path = re.fullmatch('</api/v1(.*)>; rel="next"', answer.head["link"])[1]
            assert path == f"/tasks?limit={limit}&{query}&after={answer.json['next']}"
            if "row" in query or "parity" in query:
                submit(master, name="later")  # new ones come first and disturb nothing

    assert pages("name=row-") == names[::-1]
    assert pages("label=parity%3Dodd") == names[1::2][::-1]
    assert pages("label=list&name=row-00") == names[9::-1]
    for task in ids[:5]:
        master.ok("POST", f"/tasks/{task}/stop", {})
    assert pages("state=STOPPED&name=row-") == names[4::-1]
    assert pages("state=PENDING%2CRUNNING&name=row-") == names[:4:-1]
    mine = master.ok("GET", "/account")["account"]["id"]
    assert pages(f"owner={mine}&name=row-", 500) == names[::-1] and pages("owner=" + "0" * 16) == []
    assert pages("since=1h&name=row-") == names[::-1]


def test_who_has_the_answer_already_is_told_so(master, worker):
    task = submit(master, name="tagged")
    for path in ("/tasks?name=tagged&limit=3", f"/tasks/{task}"):
        first = master.get(path)
        assert re.fullmatch('W/"[0-9a-f]{32}"', first.head["etag"]), first
        again = master.get(path, **{"If-None-Match": first.head["etag"]})
        assert (again.status, again.data, again.head["etag"]) == (304, b"", first.head["etag"])
        assert master.ask("HEAD", path).head["etag"] == first.head["etag"]
    master.ok("POST", f"/tasks/{task}/stop", {})
    assert master.get(path, **{"If-None-Match": first.head["etag"]}).json["state"] == "STOPPED"
    packed = master.get("/tasks?limit=50", **{"Accept-Encoding": "gzip"})
    assert packed.head["content-encoding"] == "gzip" and packed.head["etag"]
    assert "etag" not in master.ask("POST", f"/tasks/{task}/stop", {}).head


# --- what a task leaves ---------------------------------------------------------------------------------------

def test_results_come_whole_in_parts_and_file_by_file(master, worker):
    task = run(master, worker)
    data, sha256 = tar(RESULT)
    whole = master.get(f"/tasks/{task}/result")
    assert whole.data == data and whole.head["etag"] == f'"{sha256}"' and whole.head["content-disposition"].startswith("attachment")
    assert master.get(f"/tasks/{task}/result", **{"If-None-Match": f'"{sha256}"'}).status == 304
    part = master.get(f"/tasks/{task}/result", Range="bytes=512-515")
    assert part.status == 206 and part.data == b"AAAA" and part.head["content-range"] == f"bytes 512-515/{len(data)}"
    assert master.get(f"/tasks/{task}/result", Range="bytes=5000-").data == data[5000:]
    assert master.get(f"/tasks/{task}/result", Range=f"bytes={len(data)}-").status == 416
    assert master.ask("HEAD", f"/tasks/{task}/result").head["content-length"] == str(len(data))

    listed = master.ok("GET", f"/tasks/{task}/files")
    assert [(f["path"], f["bytes"]) for f in listed["files"]] == [(n, len(t)) for n, t in RESULT.items()]
    text = master.get(f"/tasks/{task}/files/out/a.txt")
    assert text.data == b"AAAA\n" and text.head["content-type"].startswith("text/plain") and "sandbox" in text.head["content-security-policy"]
    assert master.get(f"/tasks/{task}/files/out/a.txt", Range="bytes=1-2").data == b"AA"
    assert master.get(f"/tasks/{task}/files/out/empty").data == b""
    assert master.get(f"/tasks/{task}/files/out/deep/plot.png").head["content-type"] == "image/png"
    page = master.get(f"/tasks/{task}/files/out/page.html")
    assert page.head["content-type"] == "application/octet-stream" and page.head["content-disposition"].startswith("attachment")
    assert page.head["x-content-type-options"] == "nosniff"
    assert master.get(f"/tasks/{task}/files/out/none").status == 404


def test_a_task_without_a_result_says_why(master, worker):
    worker.not_ready = "looks on"
    hive.until("it to look on", lambda: any(w["not_ready"] for w in master.ok("GET", "/workers")["workers"]))
    task = submit(master)
    answer = master.get(f"/tasks/{task}/result")
    assert answer.status == 409 and "no result yet" in answer.json["detail"]
    explained = master.ok("GET", f"/tasks/{task}/explain")
    assert explained["state"] == "PENDING" and explained["reason"]
    assert {"id": worker.id, "name": "atlas", "fits": False, "reason": "looks on"} in explained["workers"]
    master.ok("POST", f"/tasks/{task}/stop", {})
    assert master.get(f"/tasks/{task}/result").status == 404


def test_logs_come_live_and_go_on_where_they_were(master, worker):
    task = submit(master)
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    live = Events(master, f"/tasks/{task}/logs?follow=true")
    worker.prints(lease, "one\n", 0)
    first = live.next()
    assert first[1] == "log" and first[2]["text"] == "one\n" and first[2]["stream"] == "stdout" and first[0] == str(first[2]["next"])
    live.close()
    worker.prints(lease, "two <b>\n", 4, stream=2)
    worker.prints(lease, "three\n", 12)
    back = Events(master, f"/tasks/{task}/logs?follow=true", **{"Last-Event-ID": first[0]})
    assert [back.next()[2]["text"] for _ in range(2)] == ["two <b>\n", "three\n"]
    connection, response = master.open("GET", f"/tasks/{task}/logs?follow=true&stream=stdout", headers={"Accept": "text/plain"})
    assert response.readline() == b"one\n" and response.readline() == b"three\n"
    worker.done(lease, result=tar(RESULT))
    assert response.read() == b"" and back.until("end") == {"v": 1}
    assert master.get(f"/tasks/{task}/logs").data == b"one\ntwo <b>\nthree\n"
    assert master.get(f"/tasks/{task}/logs?stream=stderr").data == b"two <b>\n"
    connection.close()
    back.close()


def test_the_last_lines_of_a_log(master, worker):
    task = submit(master)
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    lines = "".join(f"line {i}\n" for i in range(100))
    worker.prints(lease, lines, 0)
    worker.prints(lease, "oh\n", len(lines), stream=2)
    logs = f"/tasks/{task}/logs"
    hive.until("the log", lambda: master.get(logs).data.endswith(b"oh\n"))
    assert master.get(logs + "?tail=2").data == b"line 99\noh\n"
    assert master.get(logs + "?tail=2&stream=stdout").data == b"line 98\nline 99\n"
    assert master.get(logs + "?tail=1000").data.decode() == lines + "oh\n"
    live = Events(master, logs + "?follow=true&tail=2")
    assert [live.next()[2]["text"] for _ in range(2)] == ["line 99\n", "oh\n"]
    worker.prints(lease, "more\n", len(lines) + 3)
    assert live.next()[2]["text"] == "more\n"
    back = Events(master, logs + "?follow=true&tail=50", **{"Last-Event-ID": live.last})  # has seen them
    worker.done(lease, result=tar(RESULT))
    for events in (live, back):
        assert events.next()[1] == "end"
        events.close()


def test_a_long_log_has_its_last_lines_too(master, worker):
    task = submit(master)
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    piece, at = "".join(f"{i:09}\n" for i in range(3000)), 0
    for _ in range(100):  # 3 MB: more than the master keeps
        worker.prints(lease, piece, at)
        at += len(piece)
    worker.prints(lease, "over\n", at)
    hive.until("the log", lambda: len(master.get(f"/tasks/{task}/logs").data) == at + 5)
    wanted = (piece * 20 + "over\n").encode().splitlines(keepends=True)[-50_000:]
    assert master.get(f"/tasks/{task}/logs?tail=50000").data == b"".join(wanted)
    most = master.get(f"/tasks/{task}/logs?tail=1000000").data
    assert 500_000 < len(most) <= 1 << 20 and most.endswith(b"over\n")
    worker.done(lease, result=tar(RESULT))


def test_a_character_that_comes_in_two_pieces_stays_one(master, worker):
    task = submit(master)
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    live = Events(master, f"/tasks/{task}/logs?follow=true")
    snow, half = "雪".encode(), "é".encode()[:1]
    at = 0
    for data, stream in ((b"a" + snow[:1], 1), (b"err" + half, 2), (snow[1:2], 1), (snow[2:] + b"b\xff\n", 1), (b"c" + half, 1)):
        worker.prints(lease, data, at, stream=stream)
        at += len(data)
    seen = [live.next()[2] for _ in range(4)]
    assert [(s["stream"], s["text"]) for s in seen] == [
        ("stdout", "a"), ("stderr", "err"), ("stdout", "雪b\ufffd\n"), ("stdout", "c")]
    worker.done(lease, result=tar(RESULT))
    assert sorted(live.next()[2]["stream"] for _ in range(2)) == ["stderr", "stdout"]  # what never got whole
    assert live.next()[1] == "end"
    live.close()
    raw = master.get(f"/tasks/{task}/logs?stream=stdout").data
    assert raw == b"a" + snow + b"b\xff\nc" + half


# --- what changes -----------------------------------------------------------------------------------------------

def test_events_say_what_changes_and_go_on_where_they_were(master, worker):
    ears = Events(master, "/events")
    assert ears.until("pool")["connected"] is True
    task = submit(master, name="seen")
    assert ears.until("task", lambda t: t["id"] == task)["name"] == "seen"
    ears.until("balance", lambda b: float(b["reserved_cpt"]) > 0)
    last = ears.last
    ears.close()
    lease = lease_of(worker, task)
    worker.progress(lease, pb.EXECUTING)
    worker.done(lease, result=tar(RESULT))
    hive.until("its end", lambda: master.ok("GET", f"/tasks/{task}")["state"] == "COMPLETED")
    back = Events(master, "/events", **{"Last-Event-ID": last})
    assert back.until("task", lambda t: t["id"] == task and t["state"] == "COMPLETED")["exit_code"] == 0
    master.ok("DELETE", f"/tasks/{task}")
    assert back.until("removed") == {"v": 1, "id": task}
    back.close()
    # An id of another master's, or too old: look at everything anew.
    lost = Events(master, "/events", **{"Last-Event-ID": "0000000000000000.7"})
    assert lost.next()[1] == "reset"
    lost.close()
    only = Events(master, "/events?topics=workers", **{"Last-Event-ID": last})
    submit(master, name="not told")
    worker.not_ready = "told"
    assert only.until("worker", lambda w: w["not_ready"] == "told")["id"] == worker.id
    only.close()


def test_a_pool_that_goes_away_and_comes_back_is_told(workdir):
    (workdir / "away").mkdir()
    own = stock.Pool(workdir / "away")
    cat = Client(own)
    cat.register("cat")
    m = Master(workdir / "away-master", own.port, cat.token)
    ears = Events(m, "/events")
    submit(m)
    ears.until("task")
    assert own.end() == 0
    assert ears.until("pool")["connected"] is False
    answer = m.get("/tasks")
    assert answer.status == 503 and answer.head["retry-after"] and "pool" in answer.json["hint"], answer
    assert m.ask("GET", "/health", bearer=False).status == 503
    own.start()
    assert ears.until("pool")["connected"] is True
    assert ears.next()[1] == "reset"
    assert m.get("/tasks").status == 200
    ears.close()
    assert m.end() == 0, m.log()
    assert own.end() == 0


# --- money --------------------------------------------------------------------------------------------------------

def test_money_moves_once_for_each_key(master, bob):
    before = bob.ledger.Balance(pb.BalanceRequest(), **bob.auth).balance_mcpt
    for _ in range(2):
        moved = master.ok("POST", "/transfers", {"to": "bob", "amount_cpt": "1.5"}, {"Idempotency-Key": "rent"})
    assert moved["duplicate"] is True and moved["amount_cpt"] == "1.5"
    assert bob.ledger.Balance(pb.BalanceRequest(), **bob.auth).balance_mcpt == before + 1500
    lines = master.ok("GET", "/account/statement?limit=1")
    assert lines["lines"][0]["kind"] == "transfer" and lines["lines"][0]["name"] == "bob" and lines["next"]
    csv = master.get("/account/statement?limit=1&format=csv")
    assert csv.head["content-type"].startswith("text/csv") and csv.data.decode().splitlines()[1].endswith(lines["lines"][0]["id"])
    assert master.ask("POST", "/transfers", {"to": "nobody-here", "amount_cpt": "1"}).status == 404


# --- hivemind dev -----------------------------------------------------------------------------------------------------

def test_dev_has_a_master_and_prints_its_address(own_hive):
    h = own_hive(workers=1)
    address = re.search(r"http://(127\.0\.0\.1:\d+)/#k=[0-9a-f]{32}", h.log())
    assert address and h.env["HIVEMIND_MASTER"] == "http://" + address[1]
    key = (h.data / "api-key").read_text().strip()

    def get(path):
        done = subprocess.run(["curl", "-sS", "-H", f"Authorization: Bearer {key}", h.env["HIVEMIND_MASTER"] + "/api/v1" + path],
                              capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    assert get("/account")["account"]["name"] == "dev"
    os.kill(h.pid("master"), 9)
    hive.until("another one at the same address", lambda: get("/health"), 15)
