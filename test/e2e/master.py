"""A master over a real pool, asked as a program asks (bearer) or as a browser does (cookie)."""
import http.client
import json
import pathlib
import re
import time

import hive


class Answer:
    def __init__(self, response):
        self.status, self.data = response.status, response.read()
        self.head = {k.lower(): v for k, v in response.getheaders()}

    @property
    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"{self.status} {self.head.get('content-type')} {self.data[:600]!r}"


class Master:
    """`hivemind master` on a free port. token: whose it is; None = nobody has logged in."""

    def __init__(self, path, pool, token=None, *options):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        port_file = self.path / "port"
        port_file.unlink(missing_ok=True)
        extra = {"HIVEMIND_TOKEN": token} if token else {}
        env = hive.environment(HOME=self.path, XDG_CONFIG_HOME=self.path / "config", HIVEMIND_POOL=f"127.0.0.1:{pool}", **extra)
        self.process = hive.Process(hive.WRAP + [hive.BIN, "master", "--listen", "127.0.0.1:0", "--port-file", port_file, *options],
                                    self.path / "log", env)
        hive.until("the master to be ready", lambda: port_file.exists() and port_file.read_text().strip() or self.died(), 20)
        self.port = int(port_file.read_text())
        self.key = (self.path / "config" / "hivemind" / "api-key").read_text().strip()
        self.origin = f"http://127.0.0.1:{self.port}"

    def died(self):
        assert self.process.alive(), self.log()

    def log(self):
        return self.process.log.read_text(errors="replace")[-3000:]

    def one_time_key(self):
        return re.findall(r"#k=([0-9a-f]+)", self.log())[-1]

    def end(self):
        return self.process.end(10)

    def open(self, method, path, body=None, headers=None, bearer=True, timeout=20):
        """A request whose answer is read by the caller: (connection, response)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * hive.SLOW)  # also of each read
        head = {"Authorization": f"Bearer {self.key}"} if bearer else {}
        if isinstance(body, (dict, list)):
            body, head = json.dumps(body), head | {"Content-Type": "application/json"}
        connection.request(method, "/api/v1" + path, body, head | (headers or {}))
        return connection, connection.getresponse()

    def ask(self, method, path, body=None, headers=None, bearer=True):
        connection, response = self.open(method, path, body, headers, bearer)
        answer = Answer(response)
        connection.close()
        return answer

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def ok(self, method, path, body=None, headers=None, status=(200, 201, 202, 204)):
        answer = self.ask(method, path, body, headers)
        assert answer.status in status, f"{method} {path}: {answer}\n{self.log()}"
        return answer.json if answer.data else None


class Browser:
    """Cookie, Origin and CSRF header, as the page has them."""

    def __init__(self, master):
        self.master, self.cookie = master, None

    def ask(self, method, path, body=None, **headers):
        head = {"Origin": self.master.origin, "X-Hivemind-Csrf": "1", "Sec-Fetch-Site": "same-origin"} | headers
        if self.cookie:
            head["Cookie"] = self.cookie
        answer = self.master.ask(method, path, body, head, bearer=False)
        if "set-cookie" in answer.head:
            self.cookie = answer.head["set-cookie"].split(";")[0]
        return answer


class Events:
    """A text/event-stream, read event by event: (id, name, data)."""

    def __init__(self, master, path, **headers):
        self.connection, self.response = master.open("GET", path, headers={"Accept": "text/event-stream"} | headers)
        assert self.response.status == 200, Answer(self.response)
        self.last = None

    def next(self, seconds=20):
        event, late = {}, time.monotonic() + seconds * hive.SLOW
        while True:
            assert time.monotonic() < late, f"no event came in {seconds} s"
            line = self.response.readline()
            assert line, "the stream ended"
            line = line.decode().rstrip("\r\n")
            if line == "" and "data" in event:
                self.last = event.get("id", self.last)
                return event.get("id"), event.get("event"), json.loads(event["data"])
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = event[name] + "\n" + value if name == "data" and "data" in event else value

    def until(self, name, right=lambda data: True, seconds=20):
        late = time.monotonic() + seconds * hive.SLOW
        while True:
            _, kind, data = self.next()
            if kind == name and right(data):
                return data
            assert time.monotonic() < late, f"{name} did not come; the last was {kind} {data}"

    def close(self):
        self.response.close()
        self.connection.close()
