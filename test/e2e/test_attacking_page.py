"""A real browser that is signed in at the page also visits pages that mean harm: nothing they do has an effect or tells them
anything. Chromium, against build/test/tool/page_server; the attackers are served from another name, from another port of the
same host (the same site, to the browser), and from a name that now leads to our port (DNS rebinding)."""
import http.server
import os
import shutil
import socketserver
import threading

import pytest

import hive
from test_http_front import Server

SECONDS = 30

# Every way in that a page has. Each reports "name: what happened"; what it must be follows below.
ATTACK = """<!doctype html><title>attack</title><iframe name="hole"></iframe><script>
const us = "http://%(host)s", seen = {}
const tell = (name, what) => seen[name] = String(what)
const reads = async (name, path, how) => {
  try { const a = await fetch(us + path, {credentials: "include", ...how}); tell(name, a.type == "opaque" ? "blind" : await a.text()) }
  catch (e) { tell(name, "failed") }
}
const loads = (name, tag, attribute, path) => new Promise(done => {
  const e = document.createElement(tag)
  e.onload = () => { tell(name, "loaded"); done() }
  e.onerror = () => { tell(name, "failed"); done() }
  e[attribute] = us + path
  document.head.append(e)
})
const later = (name, promise) => Promise.race([promise, new Promise(r => setTimeout(r, 3000))])
window.secret = "none"
async function attack() {
  await reads("read", "/api/later?ms=0")
  await reads("read blind", "/api/later?ms=0", {mode: "no-cors"})
  await reads("read with our token header", "/api/later?ms=0", {headers: {"X-Hivemind-Csrf": "1"}})
  await reads("post text", "/api/event", {method: "POST", body: "x", mode: "no-cors"})
  await reads("post json", "/api/event", {method: "POST", body: "x", headers: {"Content-Type": "application/json"}})
  await reads("post with csrf header", "/api/event", {method: "POST", body: "x", headers: {"X-Hivemind-Csrf": "1", "Content-Type": "text/plain"}})
  await reads("sign in", "/session", {method: "POST", body: "{}", mode: "no-cors"})
  await later("script", loads("script", "script", "src", "/api/later?ms=0"))
  await later("image", loads("image", "img", "src", "/api/later?ms=0"))
  await later("style", new Promise(done => {
    const e = document.createElement("link")
    e.rel = "stylesheet"; e.onload = () => { tell("style", "loaded"); done() }; e.onerror = () => { tell("style", "failed"); done() }
    e.href = us + "/api/later?ms=0"; document.head.append(e) }))
  await later("events", new Promise(done => {
    const s = new EventSource(us + "/api/events", {withCredentials: true})
    s.onopen = () => { tell("events", "open"); done() }; s.onerror = () => { tell("events", "failed"); s.close(); done() } }))
  await later("websocket", new Promise(done => {
    const s = new WebSocket(us.replace("http", "ws") + "/api/events")
    s.onopen = () => { tell("websocket", "open"); done() }; s.onerror = () => { tell("websocket", "failed"); done() } }))
  await later("form", new Promise(done => {
    const f = document.createElement("form")
    f.method = "POST"; f.action = us + "/api/event"; f.enctype = "text/plain"; f.target = "hole"
    f.innerHTML = "<input name=a value=b>"; document.body.append(f)
    document.querySelector("iframe").onload = () => done(); f.submit() }))
  await later("frame", new Promise(done => {
    const e = document.createElement("iframe")
    e.onload = () => { try { tell("frame", e.contentDocument.body.textContent) } catch (x) { tell("frame", "closed") } done() }
    e.src = us + "/"; document.body.append(e) }))
  const w = open(us + "/")
  await new Promise(r => setTimeout(r, 500))
  try { tell("window", w && w.document ? w.document.body.textContent : "closed") } catch (e) { tell("window", "closed") }
  if (w) w.close()
  document.title = "done"
}
attack()
</script>"""


class Attacker(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def __init__(self, host):
        page = (ATTACK % {"host": host}).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    profile = tmp_path_factory.mktemp("chromium")
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-popup-blocking",
                   "--no-first-run", "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
                   "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"):
        options.add_argument(option)
    options.binary_location = shutil.which("chromium")
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver"), log_path=os.devnull), options=options)
    driver.set_page_load_timeout(SECONDS)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def signed_in(browser, server):
    """The user has the page open and is signed in: what the attackers would like to use."""
    browser.get(f"http://{server.host}/")
    answer = browser.execute_async_script("""const done = arguments[1]
        fetch("/session", {method: "POST", headers: {"Content-Type": "application/json", "X-Hivemind-Csrf": "1"},
                           body: JSON.stringify({key: arguments[0]})}).then(a => done(a.status))""", server.key)
    assert answer == 204
    assert browser.execute_script("return document.cookie") == ""  # no script sees it
    own = browser.execute_async_script("""const done = arguments[0]
        fetch("/api/later?ms=0").then(a => a.text()).then(done)""")
    assert own == "later\n"
    return browser


def attack(browser, server, page):
    before = server.state()
    browser.get(page)
    hive.until("the attack to be over", lambda: browser.title == "done", SECONDS)
    seen = browser.execute_script("return seen")
    for frame in browser.find_elements("tag name", "iframe"):  # it is shown in none
        browser.switch_to.frame(frame)
        assert "HiveMind" not in browser.page_source
        browser.switch_to.default_content()
    after = server.state()
    assert (after["begun"], after["posted"]) == (before["begun"], before["posted"]), seen  # nothing got in
    assert after["streams"] == 0
    return seen


@pytest.mark.parametrize("name", ["evil.example", "localhost", "127.0.0.1"])
def test_a_page_of_another_origin(signed_in, server, name):
    attacker = Attacker(server.host)
    seen = attack(signed_in, server, f"http://{name}:{attacker.server_port}/")
    attacker.shutdown()
    attacker.server_close()
    blind = {"read blind", "post text", "sign in"}
    for what, happened in seen.items():
        assert happened in ("blind" if what in blind else "failed", "failed", "closed"), (what, happened)
    assert len(seen) >= 12, seen


def test_a_name_that_leads_to_us(signed_in, server):
    """DNS rebinding: the page's own name is ours now, so to the browser all is the same origin; Host tells."""
    before = server.state()
    signed_in.get(f"http://evil.example:{server.port}/")
    assert "WRONG_HOST" in signed_in.page_source
    told = signed_in.execute_async_script("""const done = arguments[0]
        fetch("/api/later?ms=0").then(async a => done(a.status + (await a.text())))""")
    assert told.startswith("403")
    assert server.state()["begun"] == before["begun"]


def test_an_address_with_markup_shows_as_text(signed_in, server):
    signed_in.get(f"http://{server.host}/<script>document.title='owned'</script>")
    assert signed_in.title != "owned"
    assert signed_in.execute_script("return document.querySelectorAll('script').length") == 0
