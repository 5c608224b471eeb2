"""What leaves the machine: encrypted, to the pool that is meant, without set-up. In a network of its own, in which
10.99.0.1 is an address that is not loopback."""
import contextlib
import ctypes
import hashlib
import os
import pathlib
import pty
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import pytest

import hive
from hive import MiB, until
from test_transfer import Proxy

HOST = "10.99.0.1"
OTHER = "a" * 64
CLONE_NEWNET = 0x40000000
PASSWORD = "correct horse\n"
SECRET = "hm_secretsecretsecretsecretsecretsecretsecretsecret"


@pytest.fixture(scope="module", autouse=True)
def network(docker):
    """This thread, and what it starts, in a network of its own. dockerd was started outside."""
    libc = ctypes.CDLL(None, use_errno=True)
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    subprocess.run(f"ip link set lo up && ip addr add {HOST}/32 dev lo", shell=True, check=True)
    yield
    assert libc.setns(outside, CLONE_NEWNET) == 0
    os.close(outside)


class Pool:
    def __init__(self, path, *options, listen="[::]:0", name=HOST):
        self.path = pathlib.Path(path)
        self.log = self.path / "log"
        port_file = self.path / "port"
        port_file.unlink(missing_ok=True)
        self.process = hive.Process(
            hive.WRAP + [hive.BIN, "pool", "--data", self.path / "data", "--listen", listen, "--name", name,
                         "--port-file", port_file, *options], self.log, hive.environment(HOME=self.path))
        until("the pool", lambda: port_file.exists() or not self.process.alive(), 20)
        assert self.process.alive(), self.log.read_text()
        self.port = int(port_file.read_text())
        self.address = f"{name}:{self.port}"
        self.join = re.search(r"--join (\S+)", self.log.read_text())[1]
        self.pin = self.join.split("#sha256:")[1]
        self.ca = self.path / "data" / "tls" / "ca.crt"

    def end(self):
        assert self.process.end() == 0


@pytest.fixture(scope="module")
def pool(network):
    path = pathlib.Path(tempfile.mkdtemp(prefix="hm-tls-"))
    p = Pool(path)
    yield p
    p.end()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def home(tmp_path):
    return hive.environment(HOME=tmp_path / "home", LC_ALL="C.UTF-8", TERM="dumb")


def known(home):
    return pathlib.Path(home["HOME"]) / ".config" / "hivemind" / "known_pools"


def know(home, address, pin):
    file = known(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{address} sha256:{pin}\n")
    file.chmod(0o600)
    return file


def alone(*words, env):
    """Without any terminal."""
    return hive.command(*words, env=env, timeout=30)


def asked(answer, *words, env):
    """On a terminal, answering the question. What was seen, and the exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(hive.BIN, ["hivemind", *words], env)
    seen = b""
    try:
        while chunk := os.read(terminal, 4096):
            if b"[y/N] " in seen + chunk and b"[y/N] " not in seen:
                os.write(terminal, answer)
            seen += chunk
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return seen.decode().replace("\r\n", "\n"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- first contact ---------------------------------------------------------------------------------


def test_the_pool_prints_its_join_string_and_keeps_its_keys_to_itself(pool):
    assert pool.join == f"{HOST}:{pool.port}#sha256:{pool.pin}"
    again = hive.command("pool", "--data", pool.path / "data", "--listen", f"[::]:{pool.port}", "--name", HOST,
                         "--print-join")
    assert again.code == 0 and again.out.strip() == pool.join
    tls = pool.path / "data" / "tls"
    assert tls.stat().st_mode & 0o777 == 0o700
    assert {f.name: f.stat().st_mode & 0o777 for f in tls.iterdir()} == {"ca.pem": 0o600, "pool.pem": 0o600,
                                                                         "ca.crt": 0o644}


def test_a_stranger_without_a_terminal_is_refused_and_told_what_works(pool, home):
    done = alone("info", "--pool", pool.address, env=home)
    assert done.code == 4 and "not known here" in done.err
    address = re.search(r"^ +(\S+#sha256:[0-9a-f]{64})$", done.err, re.M)[1]
    assert address == pool.join and not known(home).exists()
    assert alone("info", "--pool", address, env=home).code == 0


def test_a_login_by_join_string_makes_the_bare_address_enough(pool, home):
    done = hive.command("register", "ann", "--pool", pool.join, "--password-file", "-", env=home, stdin=PASSWORD)
    assert done.code == 0, done
    assert known(home).read_text() == f"{pool.address} sha256:{pool.pin}\n"
    assert known(home).stat().st_mode & 0o777 == 0o600
    assert alone("whoami", env=home).out.startswith("ann at ")


def test_on_a_terminal_no_is_no(pool, home):
    for answer in (b"\n", b"no\n"):
        seen, code = asked(answer, "info", "--pool", pool.address, env=home)
        assert code == 4 and pool.pin in seen and "did not say yes" in seen
        assert not known(home).exists()


def test_on_a_terminal_yes_is_remembered(pool, home):
    seen, code = asked(b"yes\n", "info", "--pool", pool.address, env=home)
    assert code == 0, seen
    assert seen.index(pool.pin) < seen.index("[y/N]") < seen.index("Pool at ")
    assert known(home).read_text() == f"{pool.address} sha256:{pool.pin}\n"
    assert alone("info", "--pool", pool.address, env=home).code == 0


def test_no_input_asks_nobody(pool, home):
    seen, code = asked(b"yes\n", "info", "--no-input", "--pool", pool.address, env=home)
    assert code == 4 and "[y/N]" not in seen and pool.join in seen


def test_the_machine_itself_needs_no_key_but_takes_one(pool, home):
    assert alone("info", "--pool", f"127.0.0.1:{pool.port}", env=home).code == 0
    assert alone("info", "--pool", f"127.0.0.1:{pool.port}#sha256:{pool.pin}", env=home).code == 0
    done = alone("info", "--pool", f"127.0.0.1:{pool.port}#sha256:{OTHER}", env=home)
    assert done.code == 4 and pool.pin in done.err and OTHER in done.err


@pytest.mark.parametrize("pin", ["", f"#sha256:{OTHER}"])
def test_a_silent_peer_does_not_outlast_the_timeout(home, pin):
    with socket.create_server((HOST, 0)) as silent:
        done = alone("info", "--timeout", "1s", "--pool", f"{HOST}:{silent.getsockname()[1]}{pin}", env=home)
    assert done.code == 7 and done.seconds < 5 * hive.SLOW


def test_what_never_says_anything_is_let_go(pool):
    """Neither before TLS nor in the middle of its handshake."""
    with socket.create_connection((HOST, pool.port)) as silent, socket.create_connection((HOST, pool.port)) as halting:
        halting.sendall(b"\x16\x03\x01\x02\x00\x01")
        for peer in (silent, halting):
            peer.settimeout(15 * hive.SLOW)
            with contextlib.suppress(ConnectionResetError):
                assert peer.recv(100) == b""


# --- another key -----------------------------------------------------------------------------------


def test_a_changed_key_is_an_error_that_names_both_and_the_line(pool, home):
    file = know(home, pool.address, OTHER)
    file.write_text("# mine\n" + file.read_text())
    done = alone("info", "--pool", pool.address, env=home)
    assert done.code == 4
    assert pool.pin in done.err and OTHER in done.err and str(file) in done.err
    assert "remove line 2 of" in done.err
    assert file.read_text() == f"# mine\n{pool.address} sha256:{OTHER}\n"
    done = alone("info", "--pool", pool.join, env=home)  # nor may a join string contradict the file
    assert done.code == 4 and pool.pin in done.err and OTHER in done.err


class Man:
    """In the middle: ends TLS with a certificate of his own and notes what he can read; notes the raw bytes too."""

    def __init__(self, path):
        self.plain, self.raw, self.met = b"", b"", 0
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", path / "man.key", "-out", path / "man.crt", "-days", "2", "-subj", "/CN=man",
                        "-addext", f"subjectAltName=IP:{HOST},DNS:pool.hivemind.internal"], check=True,
                       capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(path / "man.crt", path / "man.key")
        self.context.set_alpn_protocols(["h2"])
        self.server = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self.server.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            self.met += 1
            self.listen(peer)

    def listen(self, peer):
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(into, out, server_side=True)
        peer.settimeout(10)
        try:
            while chunk := peer.recv(65536):
                self.raw += chunk
                into.write(chunk)
                try:
                    if tls.version() is None or not tls.selected_alpn_protocol():
                        tls.do_handshake()
                    self.plain += tls.read(65536)
                except ssl.SSLWantReadError:
                    pass
                peer.sendall(out.read())
        except OSError:
            pass
        peer.close()


@pytest.mark.parametrize("acquaintance", ["unknown", "known", "pinned"])
def test_a_man_in_the_middle_gets_nothing(pool, home, tmp_path, acquaintance):
    man = Man(tmp_path)
    if acquaintance == "known":
        know(home, man.address, pool.pin)
    address = man.address + (f"#sha256:{pool.pin}" if acquaintance == "pinned" else "")
    for words in (["ps"], ["login", "ann", "--password-file", "-"]):
        done = hive.command(*words, "--pool", address, env=home | {"HIVEMIND_TOKEN": SECRET}, stdin=PASSWORD, timeout=30)
        assert done.code == 4, done
    until("the man to have been met", lambda: man.met >= 2)
    assert man.plain == b""
    assert man.raw[0] == 22 and SECRET.encode() not in man.raw and PASSWORD.strip().encode() not in man.raw
    done = alone("worker", "--join", address, "--data", tmp_path / "w", env=home | {"HIVEMIND_TOKEN": SECRET})
    assert done.code == 4 and man.plain == b"" and SECRET.encode() not in man.raw


def test_who_does_not_speak_tls_is_told_nothing(home):
    heard = b""
    with socket.create_server((HOST, 0)) as server:
        address = f"{HOST}:{server.getsockname()[1]}"
        client = subprocess.Popen([hive.BIN, "ps", "--pool", f"{address}#sha256:{OTHER}", "--timeout", "5s"],
                                  env=home | {"HIVEMIND_TOKEN": SECRET}, stderr=subprocess.PIPE, text=True)
        peer, _ = server.accept()
        with peer:
            heard += peer.recv(65536)
            peer.sendall(b"\0\0\0\4\0\0\0\0\0")  # HTTP/2 in clear text
            while chunk := peer.recv(65536):
                heard += chunk
        client.terminate()
        client.communicate(timeout=20)
    assert heard[0] == 22 and SECRET.encode() not in heard


# --- others that speak to it -----------------------------------------------------------------------

STOCK = """
import sys, grpc
sys.path.insert(0, sys.argv[1])
from stock import pb, stubs
address, ca = sys.argv[2], sys.argv[3]
if ca:
    channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(open(ca, "rb").read()))
else:
    channel = grpc.insecure_channel(address)
try:
    print(stubs.PoolStub(channel).Info(pb.InfoRequest(), timeout=10).version)
    session = stubs.AccountsStub(channel).Login(pb.LoginRequest(name="stock", password="correct horse"), timeout=20)
    print(session.account.name)
except grpc.RpcError as e:
    print(e.code().name, e.details())
"""


def stock_client(address, ca):
    done = subprocess.run([sys.executable, "-c", STOCK, str(pathlib.Path(__file__).parent), address, str(ca)],
                          capture_output=True, text=True, timeout=60)
    return done.stdout.split("\n", 1), done.stderr


def test_a_stock_grpc_client_needs_the_authority_and_no_more(pool, home):
    done = hive.command("register", "stock", "--pool", pool.join, "--password-file", "-", env=home, stdin=PASSWORD)
    assert done.code == 0, done
    out, err = stock_client(pool.address, pool.ca)
    assert out[0].count(".") == 2 and out[1] == "stock\n", err


def test_a_token_of_another_machine_that_calls_without_end_is_slowed_down(tmp_path, home):
    slow = Pool(tmp_path, "--calls-per-second", "1")
    done = hive.command("register", "eager", "--pool", slow.join, "--password-file", "-", env=home, stdin=PASSWORD)
    assert done.code == 0, done.err
    for _ in range(20):
        done = hive.command("whoami", env=home)
        if done.code != 0:
            break
    assert "this token makes more than 1 calls a second; the next is taken in" in done.err
    until("the next to be taken", lambda: hive.command("whoami", env=home).code == 0, 10)
    slow.end()


def test_clear_text_from_another_address_is_not_served(pool):
    assert stock_client(pool.address, "")[0][0].startswith("UNAVAILABLE")
    assert stock_client(f"127.0.0.1:{pool.port}", "")[0][0].count(".") == 2


def curl(*words):
    return subprocess.run(["curl", "-sS", "-i", "--max-time", "10", *map(str, words)], capture_output=True, text=True)


def test_a_browser_is_told_one_sentence(pool):
    for host in (HOST, "127.0.0.1"):
        clear, secure = curl(f"http://{host}:{pool.port}/"), curl("--cacert", pool.ca, f"https://{host}:{pool.port}/")
        assert clear.stdout.startswith("HTTP/1.1 400 "), clear
        assert secure.stdout.startswith("HTTP/2 4"), secure
        for done in (clear, secure):
            assert done.stdout.replace("\r\n", "\n").split("\n\n", 1)[1].startswith("This is HiveMind's gRPC port")


# --- a public certificate --------------------------------------------------------------------------


def public_certificate(path):
    """An authority, and a certificate of it for HOST, as an operator would have from elsewhere."""
    extensions = path / "extensions"
    extensions.write_text(f"subjectAltName=IP:{HOST}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (["req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.crt", "-days", "9", "-subj", "/CN=Public CA",
                     "-addext", "keyUsage=critical,keyCertSign"],
                    ["req", *new, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", f"/CN={HOST}"],
                    ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                     "leaf.crt", "-days", "5", "-extfile", "extensions"]):
        subprocess.run(["openssl", *command], cwd=path, check=True, capture_output=True)
    return path / "leaf.crt", path / "leaf.key", path / "ca.crt"


def test_a_publicly_trusted_certificate_needs_neither_pin_nor_question(home, tmp_path):
    crt, key, ca = public_certificate(tmp_path)
    (tmp_path / "p").mkdir()
    p = Pool(tmp_path / "p", "--cert", crt, "--key", key)
    try:
        roots = "/etc/ssl/certs/ca-certificates.crt"
        trusting = ["unshare", "-m", "sh", "-c", f'mount --bind {ca} {roots} && exec "$0" "$@"', hive.BIN]
        done = subprocess.run([*trusting, "info", "--pool", p.address], env=home, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and not known(home).exists(), done.stderr
        done = alone("info", "--pool", p.address, env=home)  # a machine that does not know that authority
        assert done.code == 4 and p.pin in done.err
        assert alone("info", "--pool", p.join, env=home).code == 0
    finally:
        p.end()


def test_half_a_certificate_is_refused(tmp_path):
    done = hive.command("pool", "--data", tmp_path / "d", "--cert", tmp_path / "x")
    assert done.code == 2 and "--key" in done.err


# --- renewal ---------------------------------------------------------------------------------------


class RawPeer:
    """A TLS connection with HTTP/2 on it, as far as PING."""

    def __init__(self, port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self.tls = context.wrap_socket(socket.create_connection((HOST, port), 10))
        self.certificate = self.tls.getpeercert(binary_form=True)
        self.tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")

    def exactly(self, n):
        data = b""
        while len(data) < n:
            chunk = self.tls.recv(n - len(data))
            assert chunk, "the pool closed the connection"
            data += chunk
        return data

    def ping(self, word):
        self.tls.sendall(b"\0\0\x08\6\0\0\0\0\0" + word)
        while True:
            head = self.exactly(9)
            body = self.exactly(int.from_bytes(head[:3], "big"))
            assert head[3] != 7, "GOAWAY"
            if head[3] == 6 and head[4] & 1:
                assert body == word
                return


def test_a_renewal_drops_nobody(tmp_path, home):
    tool = hive.built("test/tool/old_certificate")
    (tmp_path / "data").mkdir()
    hostname = socket.gethostname()
    subprocess.run([tool, tmp_path / "data" / "tls", str(4000 * hive.SLOW), HOST, hostname], check=True)
    p = Pool(tmp_path)
    try:
        peer = RawPeer(p.port)
        peer.ping(b"before..")
        until("the renewal", lambda: "certificate renewed" in p.log.read_text(), 15)
        peer.ping(b"after...")
        fresh = RawPeer(p.port)
        fresh.ping(b"fresh...")
        assert fresh.certificate != peer.certificate
        assert alone("info", "--pool", p.join, env=home).code == 0  # the same pin
    finally:
        p.end()


# --- the main job ----------------------------------------------------------------------------------


def test_a_worker_joins_from_another_machine_and_bytes_come_back_whole(pool, docker, home, tmp_path):
    done = hive.command("register", "far", "--pool", pool.join, "--password-file", "-", env=home, stdin=PASSWORD)
    assert done.code == 0, done
    worker = hive.Process(hive.WRAP + [hive.BIN, "worker", "--join", pool.join, "--data", tmp_path / "w", "--name", "far",
                                       "--allow-unlimited", "--docker", f"unix:{docker.socket}"], tmp_path / "log", home)
    try:
        until("the worker", lambda: "ready:" in worker.log.read_text() or not worker.alive(), 60)
        assert hive.command("run", "--", "echo", "hello", env=home).out == "hello\n"
        data = os.urandom(32 * MiB)
        task = hive.bundle(tmp_path / "task", {"data": data, "run.sh": "mkdir -p out && cp data out/data"},
                           {"command": ["sh", "run.sh"]})
        began = time.monotonic()
        done = hive.command("submit", task, "--wait", env=home)
        assert done.code == 0, done
        done = hive.command("get", "last", "-o", tmp_path / "result", env=home)
        assert done.code == 0, done
        print(f"64 MiB up and 64 MiB down, and a container: {time.monotonic() - began:.2f} s")
        copy = (tmp_path / "result" / "out" / "data").read_bytes()
        assert hashlib.sha256(copy).digest() == hashlib.sha256(data).digest()
    finally:
        assert worker.end() == 0


def test_an_upload_that_is_cut_goes_on_where_it_was(pool, home, tmp_path):
    proxy = Proxy(("127.0.0.1", pool.port))
    address = f"127.0.0.1:{proxy.port}#sha256:{pool.pin}"
    done = hive.command("register", "cut", "--pool", address, "--password-file", "-", env=home, stdin=PASSWORD)
    assert done.code == 0, done
    task = hive.bundle(tmp_path / "task", {"data": os.urandom(32 * MiB), "run.sh": "true"}, {"command": ["sh", "run.sh"]})
    proxy.up, proxy.cut_at = 0, 24 * MiB
    done = hive.command("submit", task, "--pool", address, env=home)
    assert done.code == 0, done
    assert proxy.cuts == 1
    assert proxy.up < (32 + 16) * MiB, "more than what was on its way at the cut was sent twice"
