"""The requester's page in a real Chromium, for tests that use it: pool, worker, master and a browser, and ways to look at it."""
import subprocess
import time
import urllib.parse

import pytest

import hive
import stock
from browser import Chromium
from master import Master
from runner import Runner
from stock import Client, pb


def person(pool, name):
    c = Client(pool)
    c.register(name, invitation=pool.invitation(name))
    return c


@pytest.fixture(scope="module")
def pool(workdir, request):
    path = workdir / request.module.__name__
    path.mkdir()
    p = stock.Pool(path, "--register", "invite")
    yield p
    assert p.end() == 0


@pytest.fixture(scope="module")
def ann(pool):
    return person(pool, "ann")


@pytest.fixture(scope="module")
def worker(pool):
    w = Runner(person(pool, "bob"), name="atlas", cpus=64000, memory=64 << 30)
    yield w
    for stop in w.stops.values():
        stop.set()
    w.say(leave=pb.Leave())
    w.over.wait(5)


@pytest.fixture(scope="module")
def master(pool, ann, worker):
    subprocess.run(["make", "-s", "-C", hive.ROOT, "deps-page"], check=True, stdout=subprocess.DEVNULL)
    m = Master(pool.path / "master", pool.port, ann.token)
    yield m
    assert m.end() == 0, m.log()


@pytest.fixture(scope="module")
def chromium():
    b = Chromium()
    yield b
    b.end()


@pytest.fixture
def page(chromium, master):
    """The overview, signed in, as if never seen before."""
    b = chromium
    b.newcomer(master.origin, lambda: f"{master.origin}/#k={master.one_time_key()}")
    b.see("h1", "Overview")
    b.see(".tile b")
    b.driver.get_log("browser")
    yield b


def choose(b, theme="light", lang="en"):
    b.run("localStorage.setItem('theme', arguments[0]); localStorage.setItem('lang', arguments[1])", theme, lang)
    b.driver.refresh()
    b.see("nav a")


def task_of(master, name):
    return hive.until(f"a task {name}", lambda: next((t for t in master.ok("GET", "/tasks?name=" + urllib.parse.quote(name))["tasks"] if t["name"] == name), None))


@pytest.fixture
def folder(tmp_path):
    """What somebody has on his disk."""
    top = tmp_path / "mine"
    (top / "deep").mkdir(parents=True)
    (top / "run.sh").write_text("#!/bin/sh\necho hi\n")
    (top / "deep" / "data.csv").write_text("a,b\n1,2\n")
    (top / ".git").mkdir()
    (top / ".git" / "config").write_text("secret")
    return top


def screens(master):
    ids = {t["name"]: t["id"] for t in master.ok("GET", "/tasks?name=shown")["tasks"]}
    done = "task/" + ids["shown done"]
    return {"overview": "overview", "submit": "submit", "tasks": "tasks", "nothing": "tasks?name=zzz", "workers": "workers", "wallet": "wallet", "access": "access",
            "about": "about", "summary": done, "log": done + "/logs", "files": done + "/files", "usage": done + "/usage", "cost": done + "/cost",
            "manifest": done + "/manifest", "terminal": done + "/terminal", "waits": "task/" + ids["shown large"], "failed": "task/" + ids["fail shown"]}


@pytest.fixture(scope="module")
def shown(ann, master, worker):
    ann.submit(name="shown done")
    ann.submit(name="fail shown")
    ann.submit(name="hold shown")
    ann.submit(name="shown large", memory=1 << 42)
    for name, state in (("shown done", "COMPLETED"), ("fail shown", "FAILED"), ("hold shown", "RUNNING")):
        hive.until(name, lambda: task_of(master, name)["state"] == state)


def settle(b):
    """Nothing is being waited for, and what was drawn stays."""
    hive.until("the screen", lambda: b.run("return !!document.querySelector('h1') && ![...document.querySelectorAll('.wait')].some(e => e.checkVisibility())"))
    time.sleep(.15)
