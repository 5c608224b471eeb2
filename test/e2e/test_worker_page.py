"""The worker's own page and API: what the owner sets takes effect at once, over a real pool, a real worker and a real engine."""
import calendar
import http.client
import json
import os
import pathlib
import re
import runpy
import struct
import subprocess
import time

import pytest
from selenium.webdriver.common.keys import Keys

import hive
import stock
from browser import Chromium
from stock import Client, pb
from test_master_api import check, linted, manual, operations
from test_metrics import lint

SCRIPTS = "".join(file.read_text() for file in sorted((hive.ROOT / "ui/page").glob("worker*.js")) + [hive.ROOT / "ui/page/calendar.js"])
SCHEMAS = runpy.run_path(str(hive.ROOT / "test/openapi/schemas.py"))


class Worker:
    """A real worker with its page."""

    def __init__(self, path, pool, token, engine, *options, page="127.0.0.1:0"):
        self.path = path
        self.path.mkdir(parents=True, exist_ok=True)
        self.env = hive.environment(HOME=path, HIVEMIND_TOKEN=token, DOCKER_HOST=engine.host if engine else "")
        self.words = hive.WRAP + [hive.BIN, "worker", "--join", f"127.0.0.1:{pool.port}", "--data", path / "data", "--name", "ant",
                                  "--page", page, *options]
        self.start()

    def start(self):
        self.process = hive.Process(self.words, self.path / "log", self.env)
        hive.until("the worker's page", lambda: self.address() or self.died(), 30)
        self.port = int(re.search(r":(\d+)/#k=", self.address()).group(1))
        self.key = (self.path / "data/page-key").read_text().strip()

    def address(self):
        file = self.path / "data/page"
        return file.exists() and "#k=" in file.read_text() and file.read_text().strip()

    def died(self):
        assert self.process.alive(), self.log()

    def log(self):
        return self.process.log.read_text(errors="replace")[-4000:]

    def end(self):
        return self.process.end(20)

    def open(self, method, path, body=None, bearer=True, **head):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30 * hive.SLOW)
        head = {k.replace("_", "-"): v for k, v in head.items()} | ({"Authorization": f"Bearer {self.key}"} if bearer else {})
        if body is not None:
            body, head = json.dumps(body), head | {"Content-Type": "application/json"}
        c.request(method, path if path[:8] == "/metrics" or path == "/" else "/api/v1" + path, body, head)
        return c, c.getresponse()

    def __call__(self, method, path, body=None, status=200, **options):
        c, r = self.open(method, path, body, **options)
        data = r.read()
        c.close()
        assert r.status == status, (method, path, r.status, data)
        return json.loads(data) if r.headers.get("content-type", "").startswith("application/") and data else data.decode()

    def status(self):
        return self("GET", "/status")


@pytest.fixture(scope="module")
def bee(pool):
    c = Client(pool)
    c.register("bee")
    return c


def remember_a_year(file):
    """As a worker leaves its series (ui/series.c): nothing but the days, of which each but today has completed tasks, 0 to 4, and
    brought 1.25 CPT."""
    names, lengths, day = ("cpus", "memory", "tasks", "on", "earned", "completed"), (3600, 1440, 720, 371), 86400
    today = (int(time.time()) + time.localtime().tm_gmtoff) // day
    points = {name: [float("nan")] * sum(lengths) for name in names}
    for k in range(1, 371):
        points["completed"][sum(lengths[:3]) + (today - k) % 371] = DONE[k % 7]
        points["earned"][sum(lengths[:3]) + (today - k) % 371] = 1.25 * (371 - k)
    values = (struct.pack("24s4d4I", name.encode(), *[0.0] * 4, *[0] * 4) + struct.pack(f"{sum(lengths)}f4x", *points[name]) for name in names)
    file.parent.mkdir(mode=0o700, parents=True)
    file.write_bytes(struct.pack("16s2I4q", b"hmseries2", len(names), 0, 0, 0, 0, today - 1) + b"".join(values))
    file.chmod(0o600)


DONE = (0, 1, 2, 0, 3, 4, 1)


@pytest.fixture(scope="module")
def worker(pool, bee, docker, workdir):
    remember_a_year(workdir / "worker_page/w/data/series")
    w = Worker(workdir / "worker_page/w", pool, bee.token, docker, "--cpus", "2", "--memory", "1GiB", "--allow-unlimited")
    hive.until("the worker to be ready", lambda: w("GET", "/health")["ready"], 60)
    yield w
    w("POST", "/resume")
    assert w.end() == 0, w.log()


@pytest.fixture(autouse=True)
def as_it_was(worker):
    yield
    worker("POST", "/resume")
    most = worker("GET", "/policy")["most"]
    worker("PATCH", "/policy", {**most, "only_idle": False, "only_mains": False, "images": [], "hours": ["1" * 24] * 7})


def offered(pool_client):
    return {w.name: w for w in pool_client.workers.List(pb.ListWorkersRequest(), **pool_client.auth).workers}["ant"]


def sleeper(ann, seconds=60, **fields):
    return ann.submit(stock.tar({"run.sh": f"sleep {seconds}"}), **({"name": "sleeper"} | fields)).id + ".1"


def stop(ann, task):
    ann.tasks.Stop(pb.StopTaskRequest(id=task, call_id=stock.call_id()), **ann.auth)


def test_what_is_lent_changes_at_once(worker, ann):
    policy = worker("PATCH", "/policy", {"cpus": 1, "memory": 256 << 20, "max_tasks": 3})
    assert (policy["cpus"], policy["memory"], policy["max_tasks"]) == (1, 256 << 20, 3)
    hive.until("the pool to know", lambda: offered(ann).host.offered.milli_cpus == 1000, 5)
    assert offered(ann).host.offered.memory == 256 << 20
    assert worker.status()["cpus"]["lent"] == 1


@pytest.mark.parametrize("body", [{"cpus": 0}, {"cpus": 9999}, {"memory": "1GiB"}, {"colour": 1}, {"hours": ["1" * 24]}, {"hours": "1" * 24},
                                  {"only_idle": 1}, {"images": [""]}, {"cpus": 1, "disk": -1}, {"paused": True}])
def test_limits_that_are_none_change_nothing(worker, body):
    before = worker("GET", "/policy")
    problem = worker("PATCH", "/policy", body, status=400)
    assert problem["code"] == "INVALID_ARGUMENT" and problem["detail"]
    assert worker("GET", "/policy") == before


def test_hours_pause_and_snooze_keep_new_tasks_away(worker, ann):
    for method, path, body, state, words in (("PATCH", "/policy", {"hours": ["0" * 24] * 7}, "ready", "hours"), ("POST", "/pause", {}, "paused", "paused"),
                                      ("POST", "/snooze", {"seconds": 3600}, "snoozing", "snooze")):
        worker(method, path, body)
        hive.until(f"the pool to hear {words}", lambda: words in offered(ann).not_ready, 5)
        status = worker.status()
        assert words in status["reason"]
        assert state == "ready" or status["state"] == state
        worker("POST", "/resume")
        worker("PATCH", "/policy", {"hours": ["1" * 24] * 7})
        hive.until("it to work again", lambda: offered(ann).not_ready == "", 5)
    worker("POST", "/snooze", {"seconds": 1})
    hive.until("the snooze to be over", lambda: worker.status()["state"] == "ready", 5)
    for body in ({}, {"seconds": 0}, {"seconds": 1e9}, {"hours": 1}):
        worker("POST", "/snooze", body, status=400)


def test_what_runs_goes_on_when_paused_and_is_given_back_on_request(worker, ann):
    task = sleeper(ann)
    hive.until("it to run", lambda: any(t["phase"] == "running" for t in worker.status()["tasks"]), 30)
    row = worker.status()["tasks"][0]
    assert row["task"] == task and row["cpus"]["reserved"] > 0 and row["memory"]["reserved"] > 0
    worker("POST", "/pause", {})
    time.sleep(1.5)  # a beat of the heart, and it still runs
    assert [t["phase"] for t in worker.status()["tasks"]] == ["running"]
    worker("POST", "/pause", {"give_back": True})
    hive.until("the task to be the pool's again", lambda: ann.get(task).state == pb.PENDING, 15)
    hive.until("nothing to be left here", lambda: worker.status()["tasks"] == [], 15)
    newest = worker("GET", "/history")["history"][0]
    assert (newest["task"], newest["result"]) == (task, "lost") and "owner" in newest["reason"]
    stop(ann, task)


def test_an_image_that_its_owner_does_not_want_is_refused(worker, ann):
    worker("PATCH", "/policy", {"images": ["python:*"]})
    task = sleeper(ann, image="alpine:3")
    hive.until("the refusal", lambda: any(h["result"] == "refused" and h["task"] == task for h in worker("GET", "/history")["history"]), 15)
    stop(ann, task)


def test_what_was_earned_and_done_is_shown(worker, ann):
    worker("GET", "/earnings")
    task = sleeper(ann, 2)
    ann.wait(task, "COMPLETED", 60)
    hive.until("the history", lambda: worker("GET", "/history")["history"][0]["task"] == task, 10)
    newest = worker("GET", "/history?limit=1")["history"][0]
    assert newest["result"] == "completed" and newest["ran"] >= 1.5
    worker("GET", "/history?limit=0", status=400)
    hive.until("the money", lambda: float(worker("GET", "/earnings")["settled_cpt"]) > 0, 10)
    series = worker("GET", "/series?name=tasks&step=1")
    assert series["step"] == 1 and max(v or 0 for v in series["values"]) >= 1
    worker("GET", "/series?name=nothing", status=400)
    day = worker("GET", "/series?name=completed&step=86400")
    assert (day["step"], len(day["values"])) == (86400, 371) and day["values"][-1] >= 1
    midnight = time.mktime(time.localtime()[:3] + (0, 0, 0, 0, 0, -1))
    assert midnight - calendar.timegm(time.strptime(day["from"][:19], "%Y-%m-%dT%H:%M:%S")) == 370 * 86400


def test_events_come_when_something_changes_and_only_then(worker):
    c, r = worker.open("GET", "/events")
    lines = (line.decode().rstrip("\n") for line in r)

    def next_status():
        for line in lines:
            if line.startswith("data: "):
                return json.loads(line[6:])

    assert next_status()["state"] in ("ready", "not ready")
    worker("POST", "/pause", {})
    while (status := next_status())["state"] != "paused":
        pass
    assert "paused" in status["reason"]
    c.close()


def test_metrics_log_and_doctor(worker):
    families = lint(worker("GET", "/metrics"))
    assert families["hivemind_link_up"]["hivemind_link_up", ""] == 1
    assert families["hivemind_cores"]["hivemind_cores", 'kind="offered"'] == 2
    assert families["hivemind_engine_call_seconds"]["hivemind_engine_call_seconds_count", 'call="create"'] > 0
    assert families["hivemind_engine_call_seconds"]["hivemind_engine_call_seconds_count", 'call="other"'] == 0
    assert "tasks can run" in worker("GET", "/log")
    checks = {c["name"]: c for c in worker("POST", "/doctor")["checks"]}
    assert checks["engine"]["verdict"] == "good" and checks["disk"]["text"]
    safety = worker.status()["safety"]
    assert safety["canary"] in ("passed", "failed") and {"network", "seccomp", "memory"} <= {s["name"] for s in safety["settings"]}


# --- the document ---------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def document(worker):
    return worker("GET", "/openapi.json", bearer=False)


def test_the_document_is_clean_and_names_every_route(document, tmp_path):
    assert list(runpy.run_path(str(hive.ROOT / "test/openapi/strict.py"))["faults"](document)) == []
    assert linted(document, tmp_path) is None
    assert document["components"]["schemas"] == SCHEMAS["schemas"](SCHEMAS["worker_shapes"]), "python3 test/openapi/schemas.py"
    asked = set(re.findall(r"path\('([a-z]+)'", SCRIPTS))
    assert {"status", "policy"} <= asked <= {path.strip("/") for path in document["paths"]}
    assert document["components"]["securitySchemes"]["cookie"]["name"] == "hivemind_worker_5000"


class Answer:
    def __init__(self, r):
        self.status, self.head = r.status, {k.lower(): v for k, v in r.getheaders()}
        self.json = json.loads(r.read()) if self.head.get("content-type") == "application/json" else None


def test_every_example_of_the_document_answers_as_it_says(document, worker, ann):
    task = sleeper(ann)
    hive.until("it to run", lambda: any(t["phase"] == "running" for t in worker.status()["tasks"]), 30)
    for name, method, path, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = {"key": re.search("#k=(.*)", worker.address())[1]} if name == "openSession" else content.get("example")
        c, r = worker.open(method, path + operation.get("x-example", ""), body)
        if name == "events":
            assert r.status == 200 and r.headers["content-type"].startswith("text/event-stream")
        else:
            check(document, operation, Answer(r))
        c.close()
    worker("POST", "/resume")
    stop(ann, task)
    hive.until("nothing to run here", lambda: worker.status()["tasks"] == [], 20)


@pytest.mark.parametrize("method, path, body, words", [
    ("GET", "/series?name=cpus&stepp=1", None, "step"), ("GET", "/series?step=1", None, "name"), ("GET", "/series?name=cpu", None, "completed"),
    ("GET", "/history?limit=501", None, "500"), ("GET", "/status?x=1", None, "takes none"), ("PATCH", "/policy", {"cpu": 1}, "cpus"),
    ("PATCH", "/policy", {"max_tasks": 1.5}, "whole"), ("POST", "/pause", {"giveback": True}, "give_back"),
    ("POST", "/snooze", {"seconds": "1"}, "604800")])
def test_what_nobody_knows_is_an_error_that_helps(worker, method, path, body, words):
    problem = worker(method, path, body, status=400)
    assert words in problem["detail"] + problem["hint"]


def test_every_example_of_the_manual_runs_as_printed(worker, tmp_path):
    (tmp_path / ".local/state/hivemind").mkdir(parents=True)
    (tmp_path / ".local/state/hivemind/worker").symlink_to(worker.path / "data")
    status, policy = manual(tmp_path, 5000, worker.port)
    assert status["name"] == "ant" and (policy["cpus"], policy["only_idle"]) == (2, True)


def test_only_for_its_owner(worker):
    worker("GET", "/status", bearer=False, status=401)
    worker("POST", "/pause", {}, bearer=False, status=401)
    worker("GET", "/metrics", bearer=False, status=401)
    worker("GET", "/health", bearer=False)
    worker("GET", "/status", status=403, Host="evil.example")
    worker("POST", "/pause", {}, status=403, Origin="http://evil.example")
    assert "<script" in worker("GET", "/", bearer=False)


def test_limits_and_history_outlive_the_process(worker, ann):
    task = sleeper(ann, 0)
    hive.until("a task to be over", lambda: any(h["task"] == task for h in worker("GET", "/history")["history"]), 60)
    time.sleep(1.2)  # and be in the series
    worker("PATCH", "/policy", {"cpus": 1.5, "images": ["python:*"], "only_mains": True})
    worker("POST", "/pause", {})
    history, days = worker("GET", "/history"), worker("GET", "/series?name=completed&step=86400")
    time.sleep(0.5)
    assert worker.end() == 0
    worker.start()
    hive.KEPT.add(worker.process.pid)
    policy = worker("GET", "/policy")
    assert (policy["cpus"], policy["images"], policy["only_mains"], policy["paused"]) == (1.5, ["python:*"], True, True)
    assert worker("GET", "/history") == history
    assert worker("GET", "/series?name=completed&step=86400") == days and sum(days["values"]) > 0
    assert worker("GET", "/series?name=cpus&step=60")["values"]
    worker("POST", "/resume")
    hive.until("it to work", lambda: worker("GET", "/health")["ready"], 60)


def test_a_port_that_is_taken_is_said_and_no_reason_to_end(worker, pool, bee, tmp_path):
    words = [*worker.words, "--data", tmp_path / "d", "--page", f"127.0.0.1:{worker.port}"]
    process = hive.Process(words, tmp_path / "log", worker.env)
    hive.until("the words", lambda: "goes on without its page" in process.log.read_text(), 20)
    assert process.alive()
    assert process.end(20) == 0


# --- in the browser -------------------------------------------------------------------------------------------

SCREENS = ("now", "history", "earnings", "limits", "safety", "log", "settings")
LANGUAGES = {"en": "Now", "zh-TW": "現況"}
SHOTS = os.environ.get("HIVEMIND_SCREENSHOTS")


@pytest.fixture(scope="module")
def chromium():
    subprocess.run(["make", "-s", "-C", hive.ROOT, "deps-page"], check=True, stdout=subprocess.DEVNULL)
    b = Chromium()
    yield b
    b.end()


@pytest.fixture
def page(chromium, worker):
    b = chromium
    b.newcomer(f"http://127.0.0.1:{worker.port}", worker.address)
    b.see("h1", "Now")
    b.driver.get_log("browser")
    yield b


@pytest.fixture(scope="module")
def scene(worker, ann):
    """What is to be seen on the screens: what has run, well and badly, and a task that runs."""
    for name, seconds, code in (("prime-sieve", 1, 0), ("fit-model", 0, 3), ("render-frames", 2, 0)):
        task = ann.submit(stock.tar({"run.sh": f"sleep {seconds}; exit {code}"}), name=name).id + ".1"
        hive.until(f"{name} to be over", lambda task=task: any(h["task"] == task for h in worker("GET", "/history")["history"]), 60)
    task = ann.submit(stock.tar({"run.sh": "while sleep 0.2; do seq 9999 > numbers; done"}), name="protein-folding").id + ".1"
    hive.until("it to run", lambda: any(t["phase"] == "running" for t in worker.status()["tasks"]), 30)
    yield
    stop(ann, task)


def test_the_switch_works_live(page, worker):
    b = page
    b.see(".state", "Ready")
    b.click("[data-f=switch]", "Pause")
    b.see(".state", "Paused")
    assert worker.status()["state"] == "paused"
    worker("POST", "/resume")  # from elsewhere: the page hears of it
    b.see(".state", "Ready")
    b.click("[data-f=s3]")
    b.see(".state", "Snoozing")
    b.click("[data-f=switch]", "Work")
    b.see(".state", "Ready")
    assert b.faults() == []


def test_a_year_of_days_is_a_strip_a_table_and_keys(page):
    b = page
    b.to("history")
    strip = b.see(".calendar")
    rects = b.run("return [...document.querySelectorAll('.calendar rect')].map(r => [r.getAttribute('class').split(' ')[0], r.textContent])")
    assert 365 <= len(rects) <= 371 and rects[-2][1].endswith("1 completed, 1.25 CPT settled"), rects[-3:]
    assert {kind for kind, _ in rects[:-1]} == {"l0", "l1", "l2", "l3", "l4"}
    assert [strip.get_attribute(a) for a in ("role", "aria-valuenow")] == ["slider", str(len(rects))]
    for keys, at in ((Keys.ARROW_UP, len(rects) - 2), (Keys.ARROW_LEFT, len(rects) - 9), (Keys.HOME, 0), (Keys.ARROW_UP, 0), (Keys.END, len(rects) - 1)):
        strip.send_keys(keys)
        assert strip.get_attribute("aria-valuetext") == b.see("figure p").text == rects[at][1]
    b.click("figure .plain", "Show as table")
    rows = b.run("return [...document.querySelectorAll('figure tbody tr')].map(r => r.cells[1].textContent)")
    assert rows[1:8] == [str(DONE[k % 7]) for k in range(1, 8)] and len(rows) == len(rects)
    assert b.faults() == []


def test_a_running_task_and_limits_are_shown_and_set(page, worker, ann):
    b = page
    task = sleeper(ann, 60, name="<b>night</b>")
    b.see(".list b", "<b>night</b>")
    b.see(".list .state", "running", 30)
    b.to("limits")
    field = b.see("[data-f=cpus]")
    b.run("arguments[0].value = '1.5'; arguments[0].dispatchEvent(new Event('change'))", field)
    b.see(".note.good")
    assert worker("GET", "/policy")["cpus"] == 1.5
    b.click("[data-f='h0.3']")
    hive.until("the hour", lambda: worker("GET", "/policy")["hours"][0][3] == "0")
    b.to("now")
    b.click("[data-f=give]")
    b.click("dialog .danger")
    hive.until("nothing to run here", lambda: worker.status()["tasks"] == [], 20)
    assert b.faults() == []
    stop(ann, task)


PLOT_HEIGHT = "return Math.max(0, ...[...document.querySelectorAll('.plot:not(.calendar)')].map(p => p.clientHeight))"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_screen(page, scene, theme, lang):
    b, found = page, {}
    b.run("localStorage.setItem('theme', arguments[0]); localStorage.setItem('lang', arguments[1])", theme, lang)
    b.driver.refresh()
    b.see("h1", LANGUAGES[lang])
    assert b.run("return getComputedStyle(document.documentElement).colorScheme") == theme
    for name in SCREENS:
        b.to(name)
        b.see(f"nav a[data-f={name}][aria-current]")
        b.gone("main .wait")
        for width in (320, 390, 1440):
            b.size(width)
            assert b.run("return document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
            hive.until(f"the plots of {name} to be drawn for {width}", lambda: b.run(PLOT_HEIGHT) <= 200)
            if SHOTS and width > 320:
                pathlib.Path(SHOTS).mkdir(parents=True, exist_ok=True)
                b.shot(f"{SHOTS}/worker-{name}-{theme}-{lang}-{width}.png")
        found |= {name: wrong} if (wrong := b.axe()) else {}
    assert not found, "\n".join(f"{name}:\n" + "\n".join(wrong) for name, wrong in found.items())
    assert b.faults() == []


def test_both_languages_say_the_same_things_and_all_that_is_said():
    words = {lang: json.loads((hive.ROOT / f"ui/page/lang/worker-{lang}.json").read_text()) for lang in LANGUAGES}
    assert list(words["en"]) == list(words["zh-TW"])
    for key, text in words["en"].items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", words["zh-TW"][key])), key
    used = set(re.findall(r"\bt\('((?:w|nav)\.[a-z_.0-9]*[a-z_0-9])'[,)]", SCRIPTS))
    assert used and used <= set(words["en"])
