"""The requester's page in real Chromium: what is dropped, filled in and sent; very many tasks; and eyes that need more contrast."""
import io
import json
import subprocess
import tarfile
import time
import zipfile

import pytest
from selenium.webdriver.common.keys import Keys

import hive
from master import Master
from page import ann, chromium, choose, folder, master, page, person, pool, screens, settle, shown, task_of, worker  # noqa: F401
from stock import Client, call_id, pb

MANIFEST = {"hivemind": 1, "name": "given", "command": "sh run.sh", "resources": {"cpus": 1, "memory": "64MiB"}, "time_limit": "5m"}


# --- a folder or an archive ----------------------------------------------------------------------------------

@pytest.fixture
def given(worker):
    """What the worker got as bundle of the task "given": {name: (bytes, may be run)}."""
    got = {}

    def unpack(w, lease):
        data, _ = w.client.download(lease.task, pb.BUNDLE, epoch=lease.epoch)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            got.update({e.name: (tar.extractfile(e).read(), e.mode & 0o111 != 0) for e in tar if e.isfile()})
        w.done(lease)
    worker.manners["given"] = unpack
    return got


@pytest.fixture
def project(folder):
    (folder / "hivemind.json").write_text(json.dumps(MANIFEST))
    (folder / "run.sh").chmod(0o755)
    return folder


def drop(b, css, path):
    """As from a file manager: over the element, and let go."""
    at = b.run("const r = arguments[0].getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]", b.see(css))
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        b.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": at[0], "y": at[1], "data": data})


def submit_and_wait(b):
    b.see(".note.good", "This can be run")
    b.see("dl.facts", "5 min")  # of its own manifest: what it costs is no longer being drawn
    b.click("form button.main", "Submit")
    b.see("h1", "given")
    b.see(".state.COMPLETED")


def test_a_folder_that_is_dropped_arrives_as_the_terminal_would_send_it(page, project, pool, ann, given, master):
    long = "n" * 90
    for name in ("deep.txt", "deep/er/a.txt", f"{long}/{long}.txt", f"deep/{'y' * 110}.o", "deep/er/x1.tmp", "deep/er/x2.tmp", "logs/a/b", "keep/logs/c"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    (project / ".hivemindignore").write_text("# not these\n*.[!a-so]\n/logs/\ndeep/**/x[12].tmp\n*.py[co]\n")
    (project / "deep" / "b.pyc").write_text("")
    b = page
    b.to("submit")
    drop(b, ".drop", project)
    b.see(".card", "data.csv")
    assert json.loads(b.see("textarea").get_attribute("value")) == MANIFEST, "the folder's own manifest"
    submit_and_wait(b)
    assert {name for name, (_, ran) in given.items() if ran} == {"run.sh"}
    assert set(given) == {"hivemind.json", "run.sh", "deep.txt", "deep/data.csv", "deep/er/a.txt", f"{long}/{long}.txt", f"deep/{'y' * 110}.o", "keep/logs/c"}
    by_page = task_of(master, "given")["id"]
    env = hive.environment(HOME=project.parent, HIVEMIND_POOL=f"127.0.0.1:{pool.port}", HIVEMIND_TOKEN=ann.token)
    done = hive.command("submit", project, "--json", env=env)
    assert done.code == 0, done.err
    by_hand = master.ok("GET", f"/tasks/{done.json['id']}.1")["bundle"]
    assert master.ok("GET", f"/tasks/{by_page}")["bundle"] == by_hand, "the same files are the same bytes"
    assert b.faults() == []


def archive(folder, kind, path):
    files = sorted(f for f in folder.rglob("*") if f.is_file() and ".git" not in f.parts)
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            for f in files:
                z.write(f, f"{folder.name}/{f.relative_to(folder)}")
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as tar:
            for f in files:
                tar.add(f, str(f.relative_to(folder)))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_that_is_chosen_arrives_unpacked(page, project, given, kind):
    b, path = page, archive(project, kind, project.parent / f"given.{kind}")
    b.to("submit")
    if kind == "zip":
        b.driver.find_element("css selector", "input[data-pick=files]").send_keys(str(path))
    else:
        drop(b, ".drop", path)
    b.see(".card", "data.csv")
    submit_and_wait(b)
    assert {name: data for name, (data, _) in given.items()} == {
        "hivemind.json": json.dumps(MANIFEST).encode() if kind != "zip" else given["hivemind.json"][0],
        "run.sh": b"#!/bin/sh\necho hi\n", "deep/data.csv": b"a,b\n1,2\n"}
    assert json.loads(given["hivemind.json"][0]) == MANIFEST


def test_what_is_no_archive_is_refused_in_words(page, tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and no more")
    b = page
    b.to("submit")
    b.driver.find_element("css selector", "input[data-pick=files]").send_keys(str(tmp_path / "broken.zip"))
    b.see(".note.bad", "cannot be read")
    b.see("button", "Choose files")


# --- giving, and letting in: by keyboard alone -----------------------------------------------------------------

def fill(b, css, text):
    b.tab_to(css)
    b.press(text)


def in_form(b, heading, name, text):
    """Tab to a field of the form under this heading."""
    for _ in range(60):
        if b.run("const e = document.activeElement; return e.name === arguments[1] && e.closest('form')?.querySelector('h2').textContent === arguments[0]",
                 heading, name):
            b.press(text)
            return
        b.press(Keys.TAB)
    raise AssertionError(f"the keyboard does not reach {name} of {heading}")


@pytest.mark.parametrize("heading, to, kind", [("Transfer", "bob", "transfer"), ("Tip", "curl", "tip")])
def test_what_is_given_is_asked_about_once_more_and_then_gone(page, master, worker, heading, to, kind):
    if kind == "tip":
        worker.client.ledger.CreateProject(pb.CreateProjectRequest(name=to, url="https://curl.invalid/"), **worker.client.auth)
    before, b = float(master.ok("GET", "/account/balance")["balance_cpt"]), page
    b.to("wallet")
    b.see("h1", "Wallet")
    settle(b)
    in_form(b, heading, "to", to)
    in_form(b, heading, "amount", "2.125")
    b.press(Keys.ENTER)
    b.see("dialog", f"Give 2.125 CPT to {to}?")
    b.press(Keys.ESCAPE)
    b.gone("dialog")
    assert float(master.ok("GET", "/account/balance")["balance_cpt"]) == before, "not before it is confirmed"
    in_form(b, heading, "amount", Keys.ENTER)
    b.tab_to("dialog .danger")
    b.press(Keys.ENTER)
    b.see(".toast", f"2.125 CPT went to {to}")
    b.see("tbody td", heading)
    assert float(master.ok("GET", "/account/balance")["balance_cpt"]) == pytest.approx(before - 2.125)
    assert [line["amount_cpt"] for line in master.ok("GET", "/account/statement")["lines"] if line["kind"] == kind] == ["-2.125"]


def test_a_gift_to_nobody_says_so_beside_the_form(page):
    b = page
    b.to("wallet")
    b.see("h1", "Wallet")
    settle(b)
    in_form(b, "Transfer", "to", "nobody-is-called-this")
    in_form(b, "Transfer", "amount", "1" + Keys.ENTER)
    b.tab_to("dialog .danger")
    b.press(Keys.ENTER)
    b.see("form .note.bad")


def test_a_token_is_made_shown_once_and_ended(page, pool):
    b = page
    b.to("access")
    b.see("h1", "Access")
    settle(b)
    fill(b, "input[name=name]", "laptop")
    b.tab_to("input[value=submit]")
    b.press(Keys.SPACE)
    b.tab_to("form button.main", "Make it")
    b.press(Keys.ENTER)
    secret = b.see("dialog code").text
    b.press(Keys.ESCAPE)
    b.gone("dialog")
    assert secret not in b.run("return document.documentElement.outerHTML"), "it is shown once"
    b.see("td", "laptop")
    b.see("td", "submit")
    client = Client(pool, secret)
    try:
        assert client.tasks.List(pb.ListTasksRequest(limit=1), **client.auth) is not None
        b.tab_to("td button", "laptop")
        b.press(Keys.ENTER)
        b.see("dialog", "End “laptop”")
        b.tab_to("dialog .danger")
        b.press(Keys.ENTER)
        b.gone("td", "laptop")
        with pytest.raises(Exception, match="UNAUTHENTICATED"):
            client.tasks.List(pb.ListTasksRequest(limit=1), **client.auth)
    finally:
        client.close()
    assert b.faults() == []


# --- quiet ------------------------------------------------------------------------------------------------------

def test_no_screen_asks_for_anything_while_nothing_happens(page, master, shown):
    """But the one of workers, for heartbeats are no events."""
    b, wanted = page, screens(master)
    for name in ("tasks", "wallet", "access", "submit", "files", "log"):
        b.to(wanted[name])
        settle(b)
        time.sleep(.7)
        b.driver.get_log("performance")
        time.sleep(1)
        asked = [m["params"]["request"]["url"] for m in (json.loads(line["message"])["message"] for line in b.driver.get_log("performance"))
                 if m["method"] == "Network.requestWillBeSent"]
        assert asked == [], name


# --- contrast ----------------------------------------------------------------------------------------------------

def test_axe_finds_nothing_in_high_contrast(page, master, shown):
    b, found = page, {}
    choose(b, "contrast")
    for name, address in screens(master).items():
        b.to(address)
        settle(b)
        if wrong := b.axe():
            found[name] = wrong
    assert not found, "\n".join(f"{name}:\n" + "\n".join(wrong) for name, wrong in found.items())


LOOKS = """
const of = (css, name) => { const e = document.querySelector(css); return e && getComputedStyle(e)[name]; };
return {canvas: of('body', 'backgroundColor'), page: of('html', 'backgroundColor'), text: of('h1', 'color'), here: of('.nav a[aria-current]', 'backgroundColor'),
    there: of('.nav a:not([aria-current])', 'backgroundColor'), full: of('.bar > i', 'backgroundColor'), trough: of('.bar', 'backgroundColor'),
    chosen: of('[role=tab][aria-selected=true]', 'borderBottomColor'), other: of('[role=tab][aria-selected=false]', 'borderBottomColor'),
    line: of('.plot .line', 'stroke'), card: of('.card', 'backgroundColor')};
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_that_the_system_forces_leave_everything_to_be_seen(page, master, shown, scheme):
    """What was told by a background alone is told by another thing; the focus stays visible."""
    b = page
    b.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "forced-colors", "value": "active"}, {"name": "prefers-color-scheme", "value": scheme}]})
    try:
        choose(b, "")
        assert b.run("return matchMedia('(forced-colors: active)').matches")
        wanted = screens(master)
        for name in ("overview", "usage", "cost"):
            b.to(wanted[name])
            settle(b)
            is_ = b.run(LOOKS)
            print(name, is_)
            assert is_["text"] != is_["page"]
            assert is_["here"] != is_["there"], "where one is"
            if name != "cost":
                assert is_["full"] != is_["trough"], "how far a bar is"
            if name != "overview":
                assert is_["chosen"] != is_["other"], "which tab is open"
            if is_["line"]:
                assert is_["line"] != is_["card"], "lines of plots"
            b.press(Keys.TAB, Keys.TAB, Keys.TAB)
            style, width, colour = b.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth), s.outlineColor]")
            assert style == "solid" and width >= 2 and colour != is_["page"], "where the focus is"
            assert b.axe() == []
    finally:
        b.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


# --- very many -----------------------------------------------------------------------------------------------

MANY = 100_000
ROWS = """
const rows = [...document.querySelectorAll('tbody tr')].map(r => r.querySelector('td a')?.textContent);
return rows.length === 100 ? rows : null;
"""
# Copies of a task that has ended, as the scripts leave them; the name tells which it is.
ENDED = """
local submission, task = redis.call('HGETALL', 'submission:' .. ARGV[1]), redis.call('HGETALL', 'task:' .. ARGV[1] .. '.1')
local account = redis.call('HGET', 'task:' .. ARGV[1] .. '.1', 'account')
for i = ARGV[2] + 1, ARGV[2] + ARGV[3] do
	local id, seq = string.format('%016d', i), redis.call('INCR', 'seq')
	redis.call('HSET', 'submission:' .. id, unpack(submission))
	redis.call('HSET', 'task:' .. id .. '.1', unpack(task))
	redis.call('HSET', 'task:' .. id .. '.1', 'seq', seq, 'name', 'row ' .. string.format('%d', i))
	redis.call('ZADD', 'tasks:' .. account, seq, id .. '.1')
	redis.call('ZADD', 'ids:' .. account, 0, id .. '.1')
end
return 1"""


def test_a_hundred_thousand_tasks_are_shown_page_by_page(page, pool, worker):
    carl = person(pool, "carl")
    worker.manners["row 0"] = lambda w, lease: w.done(lease)
    made = carl.submit(name="row 0")
    carl.wait(made.id + ".1", "COMPLETED", 20)
    socket = next(pool.path.rglob("*.sock"))
    for at in range(0, MANY, 5000):
        done = subprocess.run(["redis-cli", "-s", socket, "EVAL", ENDED, "0", made.id, str(at), "5000"], capture_output=True, text=True)
        assert done.stdout.strip() == "1", done
    master = Master(pool.path / "carl", pool.port, carl.token)
    b = page
    try:
        b.go(f"{master.origin}/#k={master.one_time_key()}")
        b.see(".tile b")
        b.run("window.began = performance.now(); location.hash = '#/tasks'")
        first = hive.until("the first page", lambda: b.run(ROWS), 20)
        print(f"first page of {MANY} after {b.run('return performance.now() - window.began'):.0f} ms")
        seen = first
        for turn in range(4):
            b.click("a.button", "Next page")
            rows = hive.until("the next page", lambda: (r := b.run(ROWS)) and r[0] != seen[-100] and r)
            seen = seen + rows
        assert seen == [f"row {n}" for n in range(MANY, MANY - 500, -1)], "none is missing, none is there twice"
        assert b.run("return document.querySelectorAll('*').length") < 3000
        b.click("a.button", "First page")
        hive.until("the first page", lambda: b.run(ROWS) == first)
        b.see("input[type=search]").send_keys("row 99")
        hive.until("the filter", lambda: (r := b.run(ROWS)) and all(n.startswith("row 99") for n in r))
        assert b.faults() == []
    finally:
        assert master.end() == 0
        carl.close()


# --- last, for the stub worker does not come back ------------------------------------------------------------

def test_what_is_being_sent_goes_on_where_it_was_when_the_pool_comes_back(page, pool, ann, master, tmp_path):
    top = tmp_path / "large"
    top.mkdir()
    (top / "run.sh").write_text("true\n")
    with open(top / "noise", "wb") as f:
        f.write(bytes(range(256)) * (24 << 12))
    b = page
    b.to("submit")
    drop(b, ".drop", top)
    b.see(".card", "noise")
    b.see(".note.good", "This can be run")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 6 << 20}
    b.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    sent = lambda: [m["params"]["request"] for m in (json.loads(line["message"])["message"] for line in b.driver.get_log("performance"))
                    if m["method"] == "Network.requestWillBeSent" and m["params"]["request"]["method"] in ("PUT", "PATCH")]
    sent()
    try:
        b.click("form button.main", "Submit")
        first = hive.until("its way", sent, 30)[0]
        address = first["url"].split("/api/v1")[1]
        hive.until("a part of it to be at the pool", lambda: master.ok("GET", address)["offset"] > 4 << 20, 30)
        assert 0 < int(b.run("return document.querySelector('.bar').getAttribute('aria-valuenow')")) < 100, "how far it is, is shown"
        pool.kill()
        pool.start()
        hive.KEPT.add(pool.process.pid)
        b.see("h1", "large", seconds=40)
    finally:
        b.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    again = sent()[-1]
    print(f"{first['method']} from {first['headers']['Upload-Offset']}, then {again['method']} from {again['headers']['Upload-Offset']}")
    assert (first["method"], again["method"]) == ("PUT", "PATCH") and int(again["headers"]["Upload-Offset"]) > 4 << 20
