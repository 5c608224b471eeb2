"""/metrics of pool and master: what is counted, by the rules of Prometheus, and only for whom it is meant."""
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

import hive
import stock
from master import Master
from stock import Worker, pb

DIST = hive.ROOT / "man/dist"
SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (-?[0-9.e+]+|\+Inf)$')


def read(url, **head):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=head), timeout=20 * hive.SLOW) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


def samples(text):
    """{family: {labels: value}}; strict: each family announced once, each line legal, each name under its family."""
    families, family, kind = {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in families and len(line.split(" ", 3)[3]) > 5, line
            families[family] = {}
        elif line.startswith("# TYPE "):
            assert line.split()[2] == family
            kind = line.split()[3]
            assert kind != "counter" or family.endswith("_total")
        else:
            name, labels, value = SAMPLE.match(line).groups()
            assert name == family or kind == "histogram" and name in (family + "_bucket", family + "_sum", family + "_count"), line
            assert (name, labels or "") not in families[family], line
            families[family][name, labels or ""] = float(value)
    return families


def lint(text):
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return samples(text)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    p = stock.Pool(tmp_path_factory.mktemp("metrics"), "--metrics", "127.0.0.1:0")
    found = re.search(r"metrics on (http://\S+)/metrics", p.process.log.read_text())
    p.page = found.group(1)
    yield p
    assert p.end() == 0


def value(pool, family, labels="", name=None):
    return lint(read(pool.page + "/metrics")[2])[family][name or family, labels]


def test_what_happens_is_counted(pool, ann):
    before = lint(read(pool.page + "/metrics")[2])
    task = ann.submit().id + ".1"
    assert value(pool, "hivemind_tasks", 'state="PENDING"') == 1
    ann.tasks.Stop(pb.StopTaskRequest(id=task, call_id=stock.call_id()), **ann.auth)
    after = lint(read(pool.page + "/metrics")[2])

    def grown(family, name=None, labels=""):
        key = (name or family, labels)
        return after[family][key] - before[family].get(key, 0)

    assert after["hivemind_tasks"]["hivemind_tasks", 'state="PENDING"'] == 0
    assert grown("hivemind_tasks_submitted_total") == 1
    assert grown("hivemind_tasks_finished_total", labels='result="STOPPED"') == 1
    assert grown("hivemind_rpc_requests_total", labels='method="hivemind.v1.Tasks/Submit",code="OK"') == 1
    assert grown("hivemind_rpc_duration_seconds", "hivemind_rpc_duration_seconds_count", 'method="hivemind.v1.Tasks/Submit"') == 1
    assert grown("hivemind_redis_command_seconds", "hivemind_redis_command_seconds_count") >= 2
    assert grown("hivemind_bytes_total", labels='direction="in"') > 500
    assert after["hivemind_redis_up"]["hivemind_redis_up", ""] == 1
    assert after["hivemind_ledger_imbalance"]["hivemind_ledger_imbalance", ""] == 0
    assert after["hivemind_blob_bytes"]["hivemind_blob_bytes", ""] > 0
    hive.until("the loop to be timed", lambda: value(pool, "hivemind_loop_lag_seconds", name="hivemind_loop_lag_seconds_count") > 0)


def test_its_page_says_health_and_nothing_else(pool):
    status, head, body = read(pool.page + "/health")
    assert status == 200 and json.loads(body)["pool"] == "ok"
    assert read(pool.page + "/")[0] == 404
    assert read(pool.page + "/metrics", Host="evil.example")[0] == 403, "DNS rebinding"
    assert read(pool.page + "/metrics", Origin="http://evil.example")[0] == 403


def test_off_unless_asked_for(tmp_path):
    p = stock.Pool(tmp_path)
    assert "metrics on" not in p.process.log.read_text()
    assert p.end() == 0


def test_an_address_that_is_taken_is_said(pool, tmp_path):
    done = hive.command("pool", "--data", tmp_path / "d", "--listen", "127.0.0.1:0", "--metrics", pool.page.removeprefix("http://"))
    assert done.code != 0 and "in use" in done.err and "--metrics" in done.err


def test_the_masters_need_its_key(pool, ann, tmp_path):
    m = Master(tmp_path, pool.port, ann.token)
    try:
        assert read(m.origin + "/metrics")[0] == 401
        text = read(m.origin + "/metrics", Authorization=f"Bearer {m.key}")[2]
        families = lint(text)
        built = list(families["hivemind_build_info"])[0][1]
        assert re.fullmatch(r'version="[0-9.]+",role="master",commit="([0-9a-f]{12}|unknown)"', built), built
        hive.until("the loop to be timed", lambda: lint(read(m.origin + "/metrics", Authorization=f"Bearer {m.key}")[2])[
            "hivemind_loop_lag_seconds"]["hivemind_loop_lag_seconds_count", ""] > 0)
        assert families["hivemind_http_requests_total"]["hivemind_http_requests_total", 'route="GET /metrics",code="4xx"'] == 1
    finally:
        assert m.end() == 0


def expressions(value):
    """Every "expr" and "query" in a dashboard."""
    if isinstance(value, dict):
        yield from (value[name] for name in ("expr", "query") if isinstance(value.get(name), str))
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from expressions(item)


def test_dashboard_and_rules_ask_for_labels_that_there_are():
    rows = re.findall(r'X\(\w+, "([a-z_]+)", \w+, [^"]*?\\\n\s*(NULL|"\w+"), [^,]+, (NULL|"\w+"),', (hive.ROOT / "net/metrics.h").read_text())
    labels = {name: {"instance", "job", "le", "commit"} | {word.strip('"') for word in words} for name, *words in rows}
    asked = list(expressions(json.loads((DIST / "hivemind-grafana.json").read_text())))
    asked += re.findall(r"expr: (.*)", (DIST / "hivemind-alerts.yml").read_text())
    assert len(rows) > 30 and len(asked) > 20
    for expr in asked:
        names = {re.sub("_(bucket|count|sum)$", "", n) for n in re.findall(r"\b(?:hivemind|process)_[a-z_]+", expr)}
        for name, matchers in re.findall(r"\b((?:hivemind|process)_[a-z_]+){([^}]*)}", expr):
            used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
            assert used <= labels[re.sub("_(bucket|count|sum)$", "", name)], (expr, used)
        for group in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", expr):
            assert {g.strip() for g in group.split(",")} <= set().union(*(labels[n] for n in names)), (expr, group)


def test_dashboard_and_rules_name_what_is_exported(pool):
    header = (hive.ROOT / "net/metrics.h").read_text()
    exported = set(re.findall(r'"((?:hivemind|process)_[a-z_]+)"', header))
    assert set(samples(read(pool.page + "/metrics")[2])) <= exported
    for name in ("hivemind-grafana.json", "hivemind-alerts.yml"):
        used = set(re.findall(r"\b(?:hivemind|process)_[a-z_]+", (DIST / name).read_text()))
        assert used and {re.sub("_(bucket|count|sum)$", "", u) for u in used} <= exported, name
    assert len(json.loads((DIST / "hivemind-grafana.json").read_text())["panels"]) > 10
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "rules", str(DIST / "hivemind-alerts.yml")], check=True, capture_output=True)
