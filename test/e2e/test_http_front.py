"""The HTTP/1.1 front (ui/http.h), driven through build/test/tool/page_server: what browsers and programs need, what nobody
may send (http1_rules.py), and what a client costs that reads nothing."""
import gzip
import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

import hive
import http1_rules
from http1_rules import SECONDS, read_all, statuses

TOKEN = "bearer-of-the-test"
AUTH = {"Authorization": f"Bearer {TOKEN}"}
PATHS = {"get": "/public", "private": "/api/state", "post": "/api/echo", "sign_in": "/session"}


class Server:
    def __init__(self):
        self.process = subprocess.Popen([hive.built("test/tool/page_server")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        port, self.key = self.process.stdout.readline().split()
        self.port = int(port)
        self.host = f"127.0.0.1:{port}"

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def call(self, method, path, body=None, headers=AUTH):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def state(self):
        return json.loads(self.call("GET", "/api/state").content)

    def browser(self, **more):
        return {"Origin": f"http://{self.host}", "X-Hivemind-Csrf": "1", "Content-Type": "application/json", **more}

    def sign_in(self):
        answer = self.call("POST", "/session", json.dumps({"key": self.key}), self.browser())
        assert answer.status == 204
        return answer.headers["Set-Cookie"]

    def stop(self):
        """It says so itself when a request was begun and not ended."""
        self.process.stdin.close()
        assert self.process.wait(SECONDS) == 0


@pytest.fixture(scope="module")
def server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture
def own_server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def cookie(server):
    return server.sign_in().split(";")[0]


# --- what nobody may send ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", http1_rules.ROWS, ids=[row[0] for row in http1_rules.ROWS])
def test_hostile_request(server, cookie, row):
    http1_rules.keep(row, server.connect, http1_rules.values(server.port, cookie, TOKEN, **PATHS))
    assert server.call("GET", "/public").status == 200


# --- signing in ----------------------------------------------------------------------------------------------------


def test_a_key_opens_one_session_once(own_server):
    cookie = own_server.sign_in()
    assert re.fullmatch(rf"hivemind_{own_server.port}=[0-9a-f]{{64}}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000", cookie)
    again = own_server.call("POST", "/session", json.dumps({"key": own_server.key}), own_server.browser())
    assert again.status == 401 and json.loads(again.content)["code"] == "WRONG_KEY" and "Set-Cookie" not in again.headers
    mine = {"Cookie": "other=1; " + cookie.split(";")[0]}
    assert own_server.call("GET", "/api/state", headers=mine).status == 200
    assert own_server.call("GET", "/api/state", headers={}).status == 401

    with own_server.connect() as events:  # which end with the session
        events.sendall(f"GET /api/events HTTP/1.1\r\nHost: {own_server.host}\r\nCookie: {mine['Cookie']}\r\n\r\n".encode())
        hive.until("the stream", lambda: own_server.state()["streams"] == 1)
        out = own_server.call("DELETE", "/session", headers=own_server.browser(**mine))
        assert out.status == 204 and f"hivemind_{own_server.port}=;" in out.headers["Set-Cookie"]
        read_all(events)
    assert own_server.call("GET", "/api/state", headers=mine).status == 401


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"key":1}', '{"key":""}', '{"key":"' + "0" * 32 + '"}', "\0", '{"key":null'])
def test_a_wrong_key_opens_nothing(server, body):
    assert server.call("POST", "/session", body, server.browser()).status in (401, 415)


def test_what_every_answer_says(server):
    for answer in (server.call("GET", "/"), server.call("GET", "/api/state"), server.call("GET", "/nothing")):
        for name, value in [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                            ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
                            ("X-Frame-Options", "DENY")]:
            assert answer.headers[name] == value
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert server.call("GET", "/api/state").headers["Cache-Control"] == "no-store"
    assert server.call("GET", "/").headers["Cache-Control"] == "no-cache"


def test_a_link_may_open_the_page_and_nothing_else(server):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert server.call("GET", "/", headers=link).status == 200
    assert server.call("GET", "/api/state", headers=dict(link, **AUTH)).status == 403


# --- requests and answers --------------------------------------------------------------------------------------------


def test_path_and_query_come_decoded(server):
    answer = server.call("GET", "/api/echo/caf%C3%A9%20%E7%AD%94?q=a+b&empty=&bare&plus=%2B&lines=a%0Ab")
    seen = json.loads(answer.content)
    assert seen["id"] == "café 答" and seen["query"] == {"q": "a b", "empty": "", "bare": "", "plus": "+", "lines": "a\nb"}
    assert server.call("GET", "/files/out/a%20b/c").content == b"out/a b/c"
    assert server.call("GET", "/files/").content == b""
    assert server.call("GET", "/api/echo/").status == 404


def test_a_problem_says_what_and_where(server):
    answer = server.call("DELETE", "/api/state", headers=AUTH)
    problem = json.loads(answer.content)
    assert answer.status == problem["status"] == 405 and answer.headers["Allow"] == "GET, HEAD"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "/problems/method-not-allowed" and problem["instance"] == "/api/state"
    assert problem["request_id"] == answer.headers["X-Request-Id"]


def test_head_has_the_head_of_get(server):
    for path in ("/", "/files/x", "/api/bytes?n=100000"):
        get, head = server.call("GET", path), server.call("HEAD", path)
        assert head.content == b"" and head.headers["Content-Length"] == get.headers["Content-Length"] == str(len(get.content))
    assert server.call("HEAD", "/api/events").status == 200


def test_a_connection_serves_many_requests_also_sent_ahead(server):
    requests = b"".join(f"GET /api/echo/{i} HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer {TOKEN}\r\n"
                        f"{'Connection: close' if i == 199 else 'X: y'}\r\n\r\n".encode() for i in range(200))
    with server.connect() as s:
        threading.Thread(target=s.sendall, args=(requests,)).start()
        data = read_all(s)
    assert re.findall(rb'"id":"(\d+)"', data) == [str(i).encode() for i in range(200)]


def test_requests_sent_ahead_wait_for_a_slow_one(server):
    with server.connect() as s:
        s.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n".encode()
                           for path, more in (("/api/later?ms=200", ""), ("/api/echo/next", "Connection: close\r\n"))))
        data = read_all(s)
    assert data.index(b"later\n") < data.index(b'"id":"next"')


def test_a_head_may_come_byte_by_byte(server):
    with server.connect() as s:
        for byte in f"GET /public HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode():
            s.sendall(bytes([byte]))
        assert statuses(read_all(s)) == (200,)


def test_an_upload_streams_and_may_be_held_back(server):
    data = os.urandom(3 << 20)
    answer = server.call("PUT", "/api/put?pause=200", data)
    assert answer.status == 201 and answer.content.decode().split() == [str(len(data)), hashlib.sha256(data).hexdigest()]


def test_an_upload_in_chunks_is_asked_for_its_length(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    connection.request("PUT", "/api/put", iter([b"x"]), dict(AUTH), encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_a_client_that_asks_is_told_to_go_on(server):
    head = (f"PUT /api/put HTTP/1.1\r\nHost: {server.host}\r\n{{}}Content-Length: 3\r\nExpect: 100-continue\r\n"
            "Connection: close\r\n\r\n")
    with server.connect() as s:
        s.sendall(head.format(f"Authorization: Bearer {TOKEN}\r\n").encode())
        assert s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"abc")
        assert statuses(read_all(s)) == (201,)
    with server.connect() as s:  # and one that may not is not
        s.sendall(head.format("").encode())
        answer = read_all(s)
        assert b"100 Continue" not in answer and statuses(answer) == (401,)


@pytest.mark.parametrize("path", ["/api/bytes?n=20000000", "/api/bytes?n=20000000&chunked=1"])
def test_a_download_streams(server, path):
    assert server.call("GET", path).content == bytes(20000000)


@pytest.mark.parametrize("path", ["/api/bytes?n=20000000&cut=1", "/api/bytes?n=20000000&chunked=1&cut=1"])
def test_a_download_that_breaks_off_is_seen_to(server, path):
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        server.call("GET", path)


def test_who_goes_away_is_noticed(own_server):
    with own_server.connect() as s:
        s.sendall(f"GET /api/later?ms=600000 HTTP/1.1\r\nHost: {own_server.host}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        hive.until("the request", lambda: own_server.state()["begun"] == 1)
    hive.until("its end", lambda: own_server.state()["gone"] == 1)


# --- files -------------------------------------------------------------------------------------------------------------


def test_a_file_has_an_etag_a_twin_and_parts(server):
    plain = server.call("GET", "/")
    packed = server.call("GET", "/", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.content) == plain.content
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] != packed.headers["ETag"]
    for answer, more in ((plain, {}), (packed, {"Accept-Encoding": "gzip"})):
        for tags in (answer.headers["ETag"], "*", '"x", W/' + answer.headers["ETag"]):
            again = server.call("GET", "/", headers=dict(more, **{"If-None-Match": tags}))
            assert again.status == 304 and again.content == b"" and again.headers["ETag"] == answer.headers["ETag"]
    assert server.call("GET", "/", headers={"If-None-Match": '"x"'}).status == 200


def test_parts_of_a_file(server):
    whole = server.call("GET", "/")
    n, data, tag = len(whole.content), whole.content, whole.headers["ETag"]
    rows = [("bytes=0-9", data[:10]), ("bytes=10-", data[10:]), ("bytes=-5", data[-5:]), (f"bytes=5-{n * 2}", data[5:]),
            (f"bytes=-{n * 2}", data), (f"bytes={n - 1}-", data[-1:]),
            (f"bytes={n}-", None), ("bytes=-0", None), (f"bytes={n}-{n + 5}", None)]
    for asked, part in rows:
        answer = server.call("GET", "/", headers={"Range": asked})
        if part is None:
            assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{n}", asked
            continue
        first = data.index(part) if part != data else 0
        assert (answer.status, answer.content) == (206, part), asked
        if asked != "bytes=-5":
            assert answer.headers["Content-Range"].startswith(f"bytes {int(asked[6:].split('-')[0] or 0)}-"), (asked, first)
    for asked in ("bytes=9-5", "bytes=a-b", "bytes=", "bytes=-", "lines=1-2", "bytes=1-2,4-5", "bytes=1-2x", "bytes= 1-2"):
        assert server.call("GET", "/", headers={"Range": asked}).content == data, asked
    assert server.call("GET", "/", headers={"Range": "bytes=0-9", "If-Range": tag}).status == 206
    assert server.call("GET", "/", headers={"Range": "bytes=0-9", "If-Range": '"x"'}).status == 200


def test_long_answers_are_packed_for_who_takes_that(server):
    path = "/api/echo/" + "x" * 2000
    plain = server.call("GET", path)
    packed = server.call("GET", path, headers=dict(AUTH, **{"Accept-Encoding": "br, gzip"}))
    assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
    assert len(packed.content) < 300 and gzip.decompress(packed.content) == plain.content
    for path, accept in ((path, "gzip;q=0"), (path, "identity"), ("/api/echo/x", "gzip"), ("/api/bytes?n=5000", "gzip")):
        assert "Content-Encoding" not in server.call("GET", path, headers=dict(AUTH, **{"Accept-Encoding": accept})).headers


# --- events ------------------------------------------------------------------------------------------------------------


class Events:
    """A browser's EventSource."""

    def __init__(self, server, path="/api/events", **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
        self.connection.request("GET", path, headers=dict(AUTH, **headers))
        self.answer = self.connection.getresponse()

    def lines(self):
        """Of one event or comment."""
        lines = []
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if not line:
                return lines
            lines.append(line)

    def close(self):
        self.connection.close()


def test_events_come_as_they_happen(own_server):
    events = Events(own_server)
    assert events.answer.headers["Content-Type"] == "text/event-stream"
    assert events.lines() == ["retry: 2000"]
    own_server.call("POST", "/api/event", b"one\ntwo\r\nthree", dict(AUTH, **{"Content-Type": "text/plain"}))
    assert events.lines() == ["id: 7", "data: one", "data: two", "data: three"]
    assert events.lines() == [":"]  # kept alive
    events.close()
    hive.until("its end", lambda: own_server.state()["streams"] == 0)
    resumed = Events(own_server, **{"Last-Event-ID": "7"})
    resumed.lines()
    assert resumed.lines() == ["event: resumed", "data: 7"]
    resumed.close()


# --- what it costs ------------------------------------------------------------------------------------------------------


MEMORY = 16 if hive.SANITIZED else 1  # what is freed is kept for a while


def resident_kib(server):
    return server.state()["resident_kb"]


def kernel_bytes(port):
    """What the kernel holds of the server's side: queued to be sent, and come and not read."""
    total = 0
    for line in open("/proc/net/tcp").readlines()[1:]:
        _, local, _, _, queues = line.split()[:5]
        if int(local.split(":")[1], 16) == port:
            total += sum(int(n, 16) for n in queues.split(":"))
    return total


def test_two_hundred_event_streams_cost_little(own_server):
    before = resident_kib(own_server)
    streams = [Events(own_server) for _ in range(200)]
    assert own_server.state()["streams"] == 200
    own_server.call("POST", "/api/event", b"x" * 1000, dict(AUTH, **{"Content-Type": "text/plain"}))
    for events in streams:  # the head, and on a busy machine what keeps a quiet stream alive, comes before
        assert any(events.lines()[0] == "id: 7" for _ in range(20))
    cost = resident_kib(own_server) - before
    print(f"200 event streams: {cost} KiB")
    assert cost < 20 * 1024 * MEMORY
    for events in streams:
        events.close()
    hive.until("their end", lambda: own_server.state()["streams"] == 0)


@pytest.mark.parametrize("path,requests", [("/api/bytes?n=100000000", 1), ("/api/events?n=1000000&size=1000", 1),
                                           ("/api/events?n=1000&size=100000", 1), ("/api/echo/x", 3000)])
def test_a_stalled_browser_costs_little(own_server, path, requests):
    """Fifty that ask and read nothing: until they are let go of, each costs less than 256 KiB, kernel included."""
    n, before = 50, resident_kib(own_server)
    stalled = []
    most = 0
    for _ in range(n):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", own_server.port))
        s.setblocking(False)
        text = f"GET {path} HTTP/1.1\r\nHost: {own_server.host}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        try:
            s.send(text * requests)
        except BlockingIOError:
            pass
        stalled.append(s)
        most = max(most, (resident_kib(own_server) - before) * 1024 + kernel_bytes(own_server.port))
    print(f"{path}: {most // n // 1024} KiB for each that stalls")
    assert most < n * 256 * 1024 * MEMORY
    hive.until("their end", lambda: own_server.state()["connections"] == 1)  # the one that asks
    for s in stalled:
        s.close()


def test_more_connections_than_there_may_be(own_server):
    quiet = [own_server.connect() for _ in range(512)]
    with own_server.connect() as one_more:
        assert statuses(read_all(one_more)) == (503,)
    for s in quiet:
        s.close()
    hive.until("room", lambda: own_server.call("GET", "/public", headers={}).status == 200)
