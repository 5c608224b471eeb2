"""What the pool was, for plots: from its rings to Pool.Series and GET /api/v1/series, over restarts."""
import math
import time

import grpc
import pytest

import hive
import stock
from browser import Chromium
from master import Master
from stock import Client, Worker, pb, spec, tar


@pytest.fixture
def pool(workdir):
    """Of one test: most start it again."""
    path = workdir / ("series-" + stock.call_id()[:6])
    path.mkdir()
    p = stock.Pool(path)
    yield p
    assert p.end() == 0


@pytest.fixture
def ann(pool):
    c = Client(pool)
    c.register("ann")
    yield c
    c.close()


def again(client, pool):
    """A channel to the pool that was started anew."""
    client.close()
    client.__init__(pool, client.token)


def series(client, name, **fields):
    """{millisecond: value} of what somebody looked at."""
    s = client.pool.Series(pb.SeriesRequest(name=name, **fields), **client.auth)
    assert s.name == name and s.step_s == (fields.get("step_s") or 1)
    assert (s.from_ms == 0) == (not s.values)
    return {s.from_ms + i * s.step_s * 1000: v for i, v in enumerate(s.values) if not math.isnan(v)}


def refused(client, **fields):
    with pytest.raises(grpc.RpcError) as e:
        client.pool.Series(pb.SeriesRequest(**fields), **client.auth)
    assert e.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    return e.value.details(), dict(e.value.trailing_metadata()).get("hivemind-hint", "")


def test_what_happens_is_seen_within_a_second_or_two(ann):
    began = time.time()
    worker = Worker(ann, cpus=2000)
    worker.expect("welcome")
    hive.until("the worker to count", lambda: list(series(ann, "workers").values())[-1:] == [1.0])
    assert list(series(ann, "cores_offered").values())[-1] == 2
    bundle = tar({"run.sh": "true"})
    task = ann.submit(bundle, cpus=500).id + ".1"
    lease = worker.expect("lease")
    assert lease.task == task
    hive.until("its cores", lambda: list(series(ann, "cores_used").values())[-1] == 0.5)
    assert list(series(ann, "tasks_running").values())[-1] == 1
    worker.done(lease)
    hive.until("its end", lambda: any(series(ann, "tasks_completed").values()))
    for name in ("tasks_submitted", "tasks_completed", "cpt_settled", "attempts_lost", "tasks_failed"):
        assert sum(v > 0 for v in series(ann, name).values()) == (name.startswith(("tasks_s", "tasks_c"))), name
    worker.say(leave=pb.Leave())
    hive.until("nobody", lambda: list(series(ann, "workers").values())[-1] == 0)
    points = series(ann, "workers")
    assert all(abs(ms / 1000 - began) < 60 * hive.SLOW for ms in points) and max(points.values()) == 1
    middle = sorted(points)[len(points) // 2]
    assert min(series(ann, "workers", from_ms=middle)) == middle
    assert max(series(ann, "workers", to_ms=middle)) == middle
    assert series(ann, "workers", from_ms=1 << 60) == {} == series(ann, "workers", to_ms=1)
    assert series(ann, "workers", step_s=60) and series(ann, "workers", step_s=3600) and series(ann, "workers", step_s=86400)


def test_two_restarts_keep_it_and_a_crash_loses_a_minute_at_most(pool, ann):
    hive.until("a look", lambda: series(ann, "workers"))
    for _ in range(2):
        before = series(ann, "blob_bytes")
        pool.restart()
        again(ann, pool)
        hive.until("a look after it", lambda: max(series(ann, "blob_bytes")) > max(before))
        assert before.items() <= series(ann, "blob_bytes").items()
    pool.kill()
    pool.start()
    again(ann, pool)
    hive.until("it to have come back", lambda: before.items() <= series(ann, "blob_bytes").items())


def test_a_file_that_was_torn_is_begun_anew(pool, ann):
    assert pool.end() == 0
    file = pool.path / "data" / "series"
    file.write_bytes(file.read_bytes()[:-1000])
    began = time.time()
    pool.start()
    again(ann, pool)
    hive.until("a look", lambda: series(ann, "workers"))
    assert min(series(ann, "workers")) / 1000 > began - 2
    assert "begins anew" in pool.process.log.read_text()


def test_what_there_is_not_is_refused_with_what_there_is(ann):
    text, hint = refused(ann, name="moons\n")
    assert "there is no series" in text and "tasks_pending, tasks_running" in hint and hint.endswith("blob_bytes")
    for name in hint.removeprefix("there are ").split(", "):
        series(ann, name)
    text, _ = refused(ann, name="workers", step_s=7)
    assert "1, 60, 3600 or 86400" in text


def test_the_api_has_it_too(pool, ann):
    master = Master(pool.path / "master", pool.port, ann.token)
    hive.until("a look", lambda: series(ann, "workers"))
    answer = master.ok("GET", "/series?name=cores_offered&step=1&since=1h")
    assert answer["unit"] == "cores" and answer["step"] == 1 and answer["from"].endswith("Z") and answer["values"][-1] == 0
    assert master.ok("GET", "/series?name=workers")["step"] == 1
    for query, word in [("name=moons", "moons"), ("", "name"), ("name=workers&step=5", "step"), ("name=workers&since=x", "since"),
                        ("name=workers&from=3", "from")]:
        problem = master.get("/series?" + query)
        assert problem.status == 400 and problem.head["content-type"].startswith("application/problem+json")
        assert word in problem.json["detail"] and problem.json["hint"], problem
    assert "cores_used" in master.get("/series?name=moons").json["hint"]
    assert master.ask("GET", "/series?name=workers", bearer=False).status == 401
    assert master.end() == 0


def test_the_overview_begins_with_what_was_before_a_restart(pool, ann):
    """In both languages: the line of the tile, the plots of the pool, their table and their file."""
    worker = Worker(ann, cpus=3000)
    worker.expect("welcome")
    hive.until("it to have been seen", lambda: list(series(ann, "cores_offered").values()).count(3) >= 2)
    assert pool.end() == 0
    ended = time.time()
    hive.until("a time without a pool", lambda: time.time() > ended + 4)
    pool.start()
    again(ann, pool)
    hive.until("a look after it", lambda: list(series(ann, "workers").values())[-1] == 0)
    master = Master(pool.path / "master", pool.port, ann.token)
    b = Chromium()
    try:
        b.go(f"{master.origin}/#k={master.one_time_key()}")
        b.see("h1", "Overview")
        b.see("svg.plot title + desc + *")
        b.see("select.short", "Last year")
        points = b.run("return document.querySelector('.tile[href=\"#/workers\"] .line').getAttribute('d')").split("L")
        assert len(points) > 3 and len({p.split(",")[1] for p in points}) > 1, points
        titles = b.run("return [...document.querySelectorAll('svg.plot > title')].map(e => e.textContent)")
        assert titles == ["Cores offered and used", "Tasks of the pool, waiting and running"]
        assert b.run("return document.querySelector('svg.plot .line').getAttribute('d')").count("M") == 2, "a gap is no line"
        assert b.see("figure .part.k1").text == "In use"
        b.click("figure button", "Show as table")
        b.see("figure th", "Offered")
        assert "3" in b.run("return [...document.querySelectorAll('figure td:nth-child(2)')].map(e => e.textContent)")
        b.click("figure button", "CSV")
        file = hive.until("the file", lambda: next(b.downloads.glob("Cores*.csv"), None))
        hive.until("its rows", lambda: b",3," in file.read_bytes() and file.read_bytes().startswith(b"Time,Offered,In use\r\n"))
        b.run("localStorage.setItem('lang', 'zh-TW')")
        b.driver.refresh()
        b.see("h1", "總覽")
        b.see("figure button", "CSV")
        assert b.run("return document.querySelector('select.short').selectedOptions[0].textContent") == "最近一小時"
        b.run("const e = document.querySelector('select.short'); e.value = 'year'; e.dispatchEvent(new Event('change'))")
        b.see("section .soft", "還沒有資料")  # one day is no line
        assert b.faults() == []
    finally:
        b.end()
        assert master.end() == 0
