"""Big blobs: constant memory, resumed after a cut, nothing sent twice from the start."""
import hashlib
import os
import socket
import threading

import hive
from hive import MiB, bundle, until


def random_file(path, size):
    digest = hashlib.sha256()
    with open(path, "wb") as f:
        for _ in range(size // MiB):
            block = os.urandom(MiB)
            digest.update(block)
            f.write(block)
    return digest.hexdigest()


def file_sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


class Proxy:
    """A TCP proxy that counts what goes to the pool and cuts its connections when asked."""

    def __init__(self, to):
        self.to, self.up, self.down, self.cut_at, self.cuts = to, 0, 0, None, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            pool = socket.create_connection(self.to)
            for source, target, way in ((client, pool, "up"), (pool, client, "down")):
                threading.Thread(target=self.pump, args=(source, target, way), daemon=True).start()

    def pump(self, source, target, way):
        try:
            while data := source.recv(65536):
                setattr(self, way, getattr(self, way) + len(data))
                if self.cut_at is not None and getattr(self, way) >= self.cut_at:
                    self.cut_at, self.cuts = None, self.cuts + 1
                    break
                target.sendall(data)
        except OSError:
            pass
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.server.close()


def through(h, proxy):
    return h.env | {"HIVEMIND_POOL": f"127.0.0.1:{proxy.port}"}


def pool_address(h):
    host, port = h.env["HIVEMIND_POOL"].split("#")[0].rsplit(":", 1)
    return host, int(port)


def test_a_gibibyte_each_way_in_constant_memory(own_hive, tmp_path):
    h = own_hive(workers=1)
    source = bundle(tmp_path / "b", {"run.sh": "mv big out/big"},
                    {"command": ["sh", "run.sh"], "resources": {"disk": "4GiB", "memory": "64MiB"}})
    wanted = random_file(source / "big", 1024 * MiB)
    h.ok("run", "--", "true")  # everything is warm
    idle = {name: hive.rss_kib(h.pid(name))[0] for name in ("pool", "worker-1")}
    for name in idle:
        hive.reset_peak(h.pid(name))
    timed = ["/usr/bin/time", "-f", "%M"]
    submitted = hive.subprocess.run(timed + [hive.BIN, "submit", str(source), "--json"], env=h.env, capture_output=True,
                                    text=True, timeout=300 * hive.SLOW)
    assert submitted.returncode == 0, submitted.stderr
    task = hive.json.loads(submitted.stdout)["id"]
    h.ok("wait", task, timeout=300)
    fetched = hive.subprocess.run(timed + [hive.BIN, "get", task, "-o", str(tmp_path / "r")], env=h.env,
                                  capture_output=True, text=True, timeout=300 * hive.SLOW)
    assert fetched.returncode == 0, fetched.stderr
    assert file_sha256(tmp_path / "r" / "out" / "big") == wanted
    if hive.SLOW == 1:
        for name, before in idle.items():
            assert hive.rss_kib(h.pid(name))[1] - before < 32 * 1024, name
        small = hive.subprocess.run(timed + [hive.BIN, "info"], env=h.env, capture_output=True, text=True)
        for done in (submitted, fetched):
            assert int(done.stderr.split()[-1]) - int(small.stderr.split()[-1]) < 32 * 1024


def test_an_upload_that_is_cut_goes_on_where_it_was(shared_hive, tmp_path):
    source = bundle(tmp_path / "b", {"run.sh": "sha256sum < data"}, {"command": ["sh", "run.sh"]})
    wanted = random_file(source / "data", 64 * MiB)
    proxy = Proxy(pool_address(shared_hive))
    proxy.cut_at = 40 * MiB
    task = shared_hive.ok("submit", source, "--json", env=through(shared_hive, proxy)).json["id"]
    proxy.close()
    shared_hive.ok("wait", task)
    assert shared_hive.ok("logs", task).out.split()[0] == wanted
    assert proxy.cuts == 1
    assert proxy.up < (64 + 16) * MiB, "more than what was on its way at the cut was sent twice"


def test_a_download_that_is_cut_goes_on_where_it_was(shared_hive, tmp_path):
    text = "head -c 64000000 /dev/urandom > out/data; sha256sum < out/data"
    task = shared_hive.submit(hive.script(tmp_path / "b", text))
    shared_hive.ok("wait", task)
    proxy = Proxy(pool_address(shared_hive))
    proxy.cut_at = 40 * MiB
    shared_hive.ok("get", task, "-o", tmp_path / "r", env=through(shared_hive, proxy))
    proxy.close()
    assert file_sha256(tmp_path / "r" / "out" / "data") == shared_hive.ok("logs", task).out.split()[0]
    assert proxy.cuts == 1
    assert proxy.down < (64 + 16) * MiB


def test_a_bundle_that_the_pool_has_is_not_sent_again(shared_hive, tmp_path):
    source = bundle(tmp_path / "b", {"run.sh": "true"}, {"command": ["sh", "run.sh"]})
    random_file(source / "data", 8 * MiB)
    shared_hive.submit(source)
    proxy = Proxy(pool_address(shared_hive))
    shared_hive.ok("submit", source, env=through(shared_hive, proxy))
    proxy.close()
    assert proxy.up < MiB


def test_followed_logs_survive_a_cut(shared_hive, tmp_path):
    text = "for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; sleep 0.2; done"
    task = shared_hive.submit(hive.script(tmp_path / "b", text))
    proxy = Proxy(pool_address(shared_hive))
    follower = hive.subprocess.Popen([hive.BIN, "logs", "-f", task], env=through(shared_hive, proxy),
                                     stdout=hive.subprocess.PIPE, stderr=hive.subprocess.DEVNULL, text=True)
    assert follower.stdout.readline() == "line 1\n"
    proxy.cut_at = 0
    rest = follower.communicate(timeout=30 * hive.SLOW)[0]
    proxy.close()
    assert rest.split("\n")[:-1] == [f"line {i}" for i in range(2, 11)]
