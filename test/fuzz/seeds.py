#!/usr/bin/python3
"""Write the hand-made seeds of the fuzz targets: test/fuzz/corpus/TARGET/seed-NAME.

A seed is something that an honest (or nearly honest) other end would say, so that a fuzzer begins beyond the
first check. Run it again after a change; the other files of a corpus are findings and stay."""
import io
import json
import os
import re
import struct
import tarfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
PIN = "5f70bf18a08600701b2cd7b8f3f5a3a5c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8"


def seed(target, name, data):
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    with open(os.path.join(HERE, target, "seed-" + name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


# --- HTTP/2 and gRPC ----------------------------------------------------------------------------------
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def fields(*pairs):
    """HPACK, every field a literal that is not indexed."""
    out = b""
    for name, value in pairs:
        out += b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return out


def message(payload=b"", flags=0):
    return struct.pack(">BI", flags, len(payload)) + payload


def request(path, *more):
    return fields((":method", "POST"), (":scheme", "http"), (":path", "/hivemind.v1." + path), (":authority", "x"),
                  ("content-type", "application/grpc"), ("te", "trailers"), *more)


def reply(*more):
    return fields((":status", "200"), ("content-type", "application/grpc"), *more)


def call(stream, path, *messages, more=(), end=True):
    out = frame(HEADERS, END_HEADERS, stream, request(path, *more))
    for m in messages:
        out += frame(DATA, 0, stream, m)
    return out + (frame(DATA, END_STREAM, stream) if end else b"")


def field(number, payload):
    return bytes([number << 3 | 2, len(payload)]) + payload


def h2_server():
    hello = frame(SETTINGS, 0, 0)
    name = field(1, b"alice") + field(2, b"correct horse")
    seed("h2_server", "unary", b"\0" + hello + call(1, "Accounts/Login", message(name)))
    seed("h2_server", "four-calls", b"\4" + hello + call(1, "Pool/Info", message()) + call(3, "Tasks/Stop", message()) +
         call(5, "Tasks/Watch", message()) + call(7, "Nothing/There", message()))
    seed("h2_server", "streams", b"\x18" + hello + call(1, "Workers/Link", message(), message(), end=False) +
         call(3, "Blobs/Upload", message(field(1, field(1, b"x"))), message(field(2, b"data"))) + frame(DATA, 1, 1))
    seed("h2_server", "download", b"\2" + hello + frame(WINDOW, 0, 0, struct.pack(">I", 1 << 20)) +
         call(1, "Blobs/Download", message()) + frame(WINDOW, 0, 1, struct.pack(">I", 1 << 20)))
    seed("h2_server", "reset", b"\x08" + hello + call(1, "Tasks/Get", message(), end=False) +
         frame(RST, 0, 1, struct.pack(">I", 8)) + call(3, "Tasks/Get", message(b"", 1)) + frame(PING, 0, 0, b"12345678"))
    seed("h2_server", "metadata", b"\0" + hello + call(1, "Tasks/List", message(), more=(
        ("authorization", "Bearer x123"), ("grpc-timeout", "1m"), ("grpc-encoding", "gzip"))))
    seed("h2_server", "split-fields", b"\0" + hello + frame(HEADERS, 0, 1, request("Pool/Info")[:40]) +
         frame(CONTINUATION, END_HEADERS, 1, request("Pool/Info")[40:]) + frame(DATA, 1, 1, message()))
    seed("h2_server", "trailers", b"\0" + hello + call(1, "Blobs/Upload", message(), end=False) +
         frame(HEADERS, END_HEADERS | END_STREAM, 1, fields(("a", "b"))) + frame(GOAWAY, 0, 0, b"\0" * 8))
    seed("h2_server", "browser", b"\1GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    seed("h2_server", "greeting", b"\1PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hello + call(1, "Pool/Info", message()))
    seed("h2_server", "get", b"\0" + hello + frame(HEADERS, 5, 1, fields((":method", "GET"), (":scheme", "http"),
         (":path", "/"), (":authority", "x"))))


    hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hello
    seed("guard", "call", b"\1" + hello + call(1, "Pool/Info", message()))
    seed("guard", "pings", b"\1" + hello + frame(PING, 0, 0, b"12345678") * 30)
    seed("guard", "client", b"\2" + frame(SETTINGS, 0, 0) + frame(DATA, 0, 1) * 9 + frame(HEADERS, 0, 1, b"x") + frame(CONTINUATION, 0, 1) * 9)


def h2_client():
    hello = frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0)
    ok = frame(HEADERS, 5, 1, fields(("grpc-status", "0")))
    seed("h2_client", "answer", b"\0" + hello + frame(HEADERS, 4, 1, reply()) + frame(DATA, 0, 1, message()) + ok)
    seed("h2_client", "refused", b"\1" + hello + frame(HEADERS, 5, 1, reply(
        ("grpc-status", "5"), ("grpc-message", "no%20task%"), ("hivemind-hint", "hivemind ps"))) + frame(GOAWAY, 0, 0, b"\0" * 8))
    seed("h2_client", "streams", b"\x0a" + hello + b"".join(
        frame(HEADERS, 4, i, reply()) + frame(DATA, 0, i, message() * 3) for i in (1, 3, 5, 7)) +
         b"".join(frame(HEADERS, 5, i, fields(("grpc-status", "0"))) for i in (1, 3, 5, 7)))
    seed("h2_client", "http-502", b"\x10" + hello + frame(HEADERS, 4, 1, fields((":status", "502"))) + frame(DATA, 1, 1, b"<html>"))
    seed("h2_client", "resets", b"\x20" + hello + b"".join(frame(RST, 0, i, struct.pack(">I", i)) for i in (1, 3, 5, 7)))
    seed("h2_client", "goaway", b"\x38" + hello + frame(GOAWAY, 0, 0, struct.pack(">II", 3, 0)) + frame(HEADERS, 4, 3, reply()))
    seed("h2_client", "early", b"\4" + hello + frame(HEADERS, 4, 1, fields((":status", "103"))) + frame(HEADERS, 4, 1, reply()) +
         frame(DATA, 1, 1, message(b"\x08")))
    seed("h2_client", "compressed", b"\0" + hello + frame(HEADERS, 4, 3, reply(("grpc-encoding", "gzip"))) + frame(DATA, 0, 3, message(b"x", 1)))


def grpc():
    chunk = field(2, b"abcdef")
    seed("grpc_frames", "three", b"\1" + message(chunk) * 3)
    seed("grpc_frames", "one", b"\0" + message(chunk))
    seed("grpc_frames", "two-of-one", b"\0" + message(chunk) * 2)
    seed("grpc_frames", "compressed", b"\3" + message(chunk, 1))
    seed("grpc_frames", "too-long", b"\1\0\xff\xff\xff\xff")
    seed("grpc_frames", "cut", b"\1" + message(chunk)[:-2])
    seed("grpc_frames", "broken", b"\1" + message(chunk) + message(b"\x12\x7f"))
    for unit in "HMSmun":
        seed("grpc_text", "timeout-" + unit, b"\x40" + b"99999999" + unit.encode())
    seed("grpc_text", "percent", "\x20caf\u00e9 %41%zz%C3%A9%0a 100%")


def messages():
    for i in range(0, 70, 3):
        seed("message", "fields-%02d" % i, bytes([i]) + field(1, field(1, b"a") + field(2, b"b")) + b"\x18\x07\x20\x96\x01" + field(5, b"c"))
    seed("message", "empty", b"\0")
    seed("message", "merged", b"\1" + field(1, field(1, b"a")) + field(1, field(2, b"b")))
    seed("message", "packed", b"\x08" + field(3, b"\1\2\3\x96\1") + b"\x18\1")
    seed("message", "group-and-fixed", b"\2\x0b\x0c\x0d1234\x0912345678")


# --- archives -----------------------------------------------------------------------------------------
def archive(form, *members):
    """A tar of (name, bytes) or (name, type, link)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, what, *link in members:
            info = tarfile.TarInfo(name)
            if isinstance(what, bytes) and len(what) != 1:
                info.size = len(what)
                tar.addfile(info, io.BytesIO(what))
            else:
                info.type = what
                info.linkname = link[0] if link else ""
                tar.addfile(info)
    data = out.getvalue().rstrip(b"\0")
    return data + b"\0" * (-len(data) % 512 + 1024)


def tars():
    ustar, pax, gnu = tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT
    for check in (0, 0x80):
        kind = "" if check else "plain-"
        first = bytes([check])
        seed("tar", kind + "files", first + archive(ustar, ("a", tarfile.DIRTYPE), ("a/b", b"hello"), ("run.sh", b"echo hi\n")))
        seed("tar", kind + "pax", first + archive(pax, ("d/" + "n" * 180, b"long"), ("caf\u00e9", b"utf")))
    seed("tar", "gnu", b"\x80" + archive(gnu, ("d/" + "n" * 180, b"long"), ("./x", b"")))
    seed("tar", "link", b"\x80" + archive(ustar, ("a", tarfile.SYMTYPE, "/etc/passwd")))
    seed("tar", "leads-out", b"\x80" + archive(ustar, ("../a", b"xy")))
    seed("tar", "twice", b"\x80" + archive(ustar, ("a", b"xy"), ("a", b"xy")))
    seed("tar", "below-file", b"\x80" + archive(ustar, ("a", b"xy"), ("a/b", b"xy")))
    seed("tar", "empty", b"\x80" + b"\0" * 1024)
    seed("tar", "gzip", b"\0\x1f\x8b\x08\0" + b"\0" * 508)
    for name, text in (("file", "\2run.sh"), ("directory", "\1out"), ("long", "\0" + "a/" * 40 + "b" * 120), ("unsplit", "\0" + "c" * 250),
                       ("huge", "\4big"), ("edge-99", "\1" + "e" * 99), ("edge-100", "\0" + "e" * 100), ("prefix", "\0" + "p" * 155 + "/" + "q" * 100)):
        seed("tar_write", name, text)


def images():
    config = json.dumps({"architecture": "amd64", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    layer = archive(tarfile.USTAR_FORMAT, ("bin", tarfile.DIRTYPE))

    def image(form, *extra, config_name="config.json", layers=("l/layer.tar",)):
        manifest = json.dumps([{"Config": config_name, "RepoTags": ["evil:latest"], "Layers": list(layers)}]).encode()
        return b"\x80" + archive(form, (config_name, config), ("l/layer.tar", layer), ("manifest.json", manifest), *extra)

    seed("image_archive", "saved", image(tarfile.USTAR_FORMAT))
    seed("image_archive", "long-names", image(tarfile.PAX_FORMAT, config_name="c" * 130 + ".json"))
    seed("image_archive", "linked", image(tarfile.USTAR_FORMAT, ("m/layer.tar", tarfile.SYMTYPE, "../l/layer.tar"),
                                          layers=("l/layer.tar", "m/layer.tar")))
    seed("image_archive", "no-manifest", b"\x80" + archive(tarfile.USTAR_FORMAT, ("config.json", config)))


# --- what an engine says ------------------------------------------------------------------------------
def engine():
    seed("stdio_stream", "both", b"\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\2de\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1f")
    seed("stdio_stream", "cut", b"\1\0\0\0\0\0\1\0abc")
    line = {"status": "Downloading", "id": "a1b2c3d4e5f6", "progressDetail": {"current": 10, "total": 100}}
    done = dict(line, progressDetail={"current": 100, "total": 100})
    seed("progress_stream", "pull", "\n".join(json.dumps(x) for x in (line, done, {"status": "Pull complete"})) + "\n")
    seed("progress_stream", "error", json.dumps({"errorDetail": {"message": "no such image"}, "error": "no such image"}) + "\r\n")
    seed("progress_stream", "no-newline", json.dumps(dict(line, id="x" * 40)))
    seed("progress_stream", "large", json.dumps(dict(line, progressDetail={"current": 1e300, "total": -1})) + "\n")


def engine_json():
    image = {"Id": "sha256:aa", "Config": {"Volumes": {"/data": {}, "/var/lib/x/": {}, "/work/out": {}, "/tmp": None}}}
    seed("engine_image", "volumes", json.dumps(image))
    for name, path in (("proc", "/proc/x"), ("dots", "/a/../proc"), ("slashes", "//proc"), ("dot", "/./proc"), ("root", "/")):
        seed("engine_image", name, json.dumps({"Config": {"Volumes": {path: {}}}}))
    seed("engine_image", "list", '{"Config":{"Volumes":["/data",{}]}}')
    seed("engine_image", "too-many", json.dumps({"Config": {"Volumes": {"/v%d" % i: {} for i in range(40)}}}))
    docker = {"Version": "27.1", "ApiVersion": "1.46", "MinAPIVersion": "1.24", "Components": [{"Name": "Engine"}]}
    seed("engine_version", "docker", json.dumps(docker))
    seed("engine_version", "podman", json.dumps(dict(docker, ApiVersion="1.41", Components=[{"Name": "Podman Engine"}])))
    seed("engine_version", "old", '{"ApiVersion":"1.12"}')
    seed("engine_version", "odd", '{"ApiVersion":"1.99999999999","Components":{"Name":7},"State":{"ExitCode":1e300}}')


# --- texts --------------------------------------------------------------------------------------------
def texts():
    whole = {"hivemind": 1, "name": "primes", "image": "debian:12", "command": ["sh", "-c", "echo"], "env": {"A": "b"},
             "resources": {"cpus": 0.5, "memory": "512MiB", "disk": 1073741824, "gpus": 0}, "outputs": ["out/**"],
             "max_output": "1GiB", "time_limit": "1h30m", "grace": 5, "labels": {"k": "v"}, "keep": "14d"}
    seed("manifest", "whole", json.dumps(whole, indent=1))
    seed("manifest", "short", '{"hivemind":1,"command":"./run"}')
    seed("manifest", "later", '{"hivemind":1,"sweep":{}}')
    seed("manifest", "unknown", '{"hivemind":1,"comand":"x"}')
    seed("manifest", "twice", '{"hivemind":1,"name":"a","name":"b"}')
    seed("manifest", "escapes", '{"hivemind":1,"name":"\\u0041\\ud83d\\ude00\\u0000","env":{"":"\\n"}}')
    for name, text in (("name", "pool.example.org"), ("port", "pool:1"), ("v6", "[2001:db8::1]:50051"), ("bare-v6", "::1"),
                       ("unix", "unix:/run/x.sock"), ("pin", "pool:50051#sha256:" + PIN), ("v6-pin", "[::1]:1#sha256:" + PIN)):
        seed("endpoint", name, text)
    for name, text in (("host", "redis://localhost"), ("all", "redis://:secret@h:6379/3"), ("v6", "redis://[::1]:6380"),
                       ("unix", "unix:/run/redis.sock"), ("at", "redis://:a@b@c/1")):
        seed("redis_address", name, text)
    seed("options", "all-kinds", b"\0-f\0--out\0dir\0-la=b\0--label=c=d\0-n7\0--memory=1.5GiB\0--keep\0001h30m\0--\0x\0")
    seed("options", "config", b"\2one\0--conf\0# c\n[client]\npool = pool.example:1\n[worker]\ncount = 5\nfollow = yes\nlabel = a=b\n")
    seed("options", "command", b"\3-n\0003\0sh\0-c\0--help\0")
    seed("options", "unknown", b"\0--folow\0")
    seed("options", "config-unknown", b"\1--conf\0[clint]\npol = x\n")
    entry = "\n[%s]\naccount = alice\ntoken = hm_%s\n"
    seed("credentials", "two", "# c\ndefault = pool:50051\n" + entry % ("pool:50051", "a" * 40) + entry % ("unix:/x y", "b" * 40))
    seed("credentials", "broken", "[x\n")
    seed("known_pools", "two", "pool:50051\n# mine\nother:1 sha256:%s\n  POOL:50051\tsha256:%s\r\n" % (PIN, PIN))
    seed("known_pools", "broken", "pool:1\npool:1 sha256:00\n")
    for name, text in (("double-star", "out/**\0out/a/b"), ("class", "[!a-c]?*.[tx]*\0d1.txt"), ("deep", "**/x/**/y\0a/x/b/c/y"),
                       ("escape", "a\\*b\0a*b"), ("slow", "*a*a*a*a*a*b\0" + "a" * 40)):
        seed("glob", name, text)
    for name, text in (("size", "1.5GiB"), ("duration", "1h30m250ms"), ("amount", "1000000000000.000"), ("id", "7kq2mm9c3v8w04ta.12"),
                       ("scopes", "submit read,admin"), ("word", "timeotu"), ("utf8", "caf\u00e9\u202e\x1b[0m")):
        seed("typed", name, text)


def tls():
    hello = bytes.fromhex("0303") + b"\1" * 32 + b"\0" + bytes.fromhex("0002c02b0100") + struct.pack(">H", 0)
    shake = b"\1" + struct.pack(">I", len(hello))[1:] + hello
    seed("tls", "hello", b"\0\x16\3\1" + struct.pack(">H", len(shake)) + shake)
    seed("tls", "http", b"\0GET / HTTP/1.1\r\n\r\n")
    seed("tls", "alert", b"\0\x15\3\3\0\2\2\x28")
    seed("tls", "after-hello", b"\2\x14\3\3\0\1\1\x16\3\3\0\4\x14\0\0\0")
    seed("tls", "client", b"\1\x16\3\3\0\4\2\0\0\0")
    seed("tls", "client-after-flight", b"\3\x14\3\3\0\1\1\x17\3\3\0\4abcd")


# --- what a worker leaves for its next process -----------------------------------------------------------
def left():
    def number(field, value):
        return bytes([field << 3]) + varint(value)

    def part(field, payload):
        return bytes([field << 3 | 2]) + varint(len(payload)) + payload

    def varint(value):
        return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)

    task = b"7kq2mm9c3v8w04ta.2"
    spec = part(1, b"hello") + part(3, b"sh") + part(3, b"run.sh") + part(6, number(1, 1000) + number(2, 1 << 30))
    lease = part(1, task) + number(2, 4) + part(3, spec) + part(4, PIN.encode()) + number(5, 10240)
    done = part(1, task) + number(2, 4) + part(4, b"it exited with 7") + number(5, 7) + part(9, PIN.encode()) + part(11, b"")
    boot = part(4, b"0c9b1f6e-5a0e-4f0e-9d0c-6a1f0f6f7a11") + number(5, 5) + number(7, 123456789)
    for name, phase, more in (("staging", 1, b""), ("started", 2, number(8, 99)), ("ended", 3, part(3, done)),
                              ("collected", 4, part(3, done)), ("no-done", 4, b""), ("done-too-early", 2, part(3, done))):
        seed("attempt_journal", name, b"\1" + number(1, phase) + part(2, lease) + more + boot)
    seed("attempt_journal", "torn", b"\1" + (number(1, 2) + part(2, lease))[:70])
    seed("attempt_journal", "bare", b"\0hivemind-attempt 1 0 " + b"0" * 64 + b"\n")
    seed("attempt_journal", "empty", b"\0")

    def record(phase, stream, data, n=None):
        return struct.pack("=IBBHQq", 0x484d5330, phase, stream, 0, len(data) if n is None else n, 7) + data
    two = record(2, 1, b"hello\n") + record(2, 2, b"oh\n")
    for name, data in (("two", two), ("remark", two + record(3, 3, b"[left out]\n")), ("later", two + record(4, 1, b"tail")),
                       ("torn-head", two + record(2, 1, b"")[:11]), ("torn-data", record(2, 1, b"half", 400)),
                       ("huge", record(2, 1, b"", 1 << 62)), ("stream", record(2, 0, b"x") + two), ("nothing", b"")):
        for phase in (0, 2):
            seed("attempt_spool", f"{name}-{phase}", bytes([phase]) + data)


# --- HTTP/1.1 -----------------------------------------------------------------------------------------
def http():
    host, token = "Host: localhost\r\n", "Host: localhost\r\nAuthorization: Bearer t\r\n"
    json_type = "Content-Type: application/json\r\n"
    get = f"GET /t/7kq2?a=b%20c&d HTTP/1.1\r\n{token}Accept: text/html;q=0.9, */*;q=0\r\n\r\n"
    seed("http", "get", "\0" + get)
    seed("http", "ahead", "\2" + get + get + f"GET /public HTTP/1.1\r\n{host}Connection: close\r\n\r\n" + get)
    seed("http", "later", "\4" + get + get)
    seed("http", "post", f"\0POST /t HTTP/1.1\r\n{token}{json_type}Content-Length: 2\r\n\r\n{{}}" + get)
    seed("http", "chunks", f"\0POST /t HTTP/1.1\r\n{token}{json_type}Transfer-Encoding: chunked\r\n\r\n"
         "1;x=y\r\n{\r\n01\r\n}\r\n0\r\n\r\n" + get)
    seed("http", "upload", f"\x09PUT /up HTTP/1.1\r\n{token}Content-Length: 20\r\nExpect: 100-continue\r\n\r\n" + "x" * 20 + get)
    seed("http", "upload-chunks", f"\x0aPUT /up HTTP/1.1\r\n{token}Transfer-Encoding: chunked\r\n\r\n"
         "a\r\n0123456789\r\n0\r\n\r\n" + get)
    seed("http", "large", f"\1GET /large HTTP/1.1\r\n{host}Range: bytes=-5\r\nIf-None-Match: \"x\", W/\"y\"\r\n\r\n" + get)
    seed("http", "events", f"\x10GET /events HTTP/1.1\r\n{host}Last-Event-ID: 1.2\r\nCookie: c_0={'0' * 64}\r\n\r\n" + get)
    seed("http", "session", f"\0POST /session HTTP/1.1\r\n{host}{json_type}Origin: http://localhost\r\nX-Hivemind-Csrf: 1\r\n"
         "Sec-Fetch-Site: same-origin\r\nContent-Length: 9\r\n\r\n{\"key\":1}")
    seed("http", "absolute", f"\0GET http://localhost/public HTTP/1.1\r\n{host}\r\nHEAD /large HTTP/1.1\r\n{host}\r\n")


# --- the JSON API -------------------------------------------------------------------------------------
def api():
    """The first byte is the number of the route in roles/api_rows.c, or from 200 on in roles/worker_page_rows.c."""
    def rows(file):
        return re.findall(r'^\t{"(\w+)", "[A-Z]+",', open(os.path.join(HERE, "../../..", file)).read(), re.MULTILINE)

    numbers = {name: i for i, name in enumerate(rows("roles/api_rows.c"))}
    worker = rows("roles/worker_page_rows.c")
    numbers |= {"worker " + name: next(n for n in range(200, 256) if n % len(worker) == i) for i, name in enumerate(worker)}
    manifest = {"hivemind": 1, "name": "hello", "command": "sh run.sh"}
    for name, route, query, body in (
            ("submit", "submitTask", "", {"manifest": manifest, "files": {"run.sh": "echo hello > out/hello.txt\n"}}),
            ("submit-bundle", "submitTask", "", {"name": "x", "bundle": {"sha256": PIN, "bytes": 10240}, "entries": ["run.sh"]}),
            ("submit-text", "submitTask", "", {"manifest": json.dumps(manifest), "bundle": {"sha256": "sha256:" + PIN, "bytes": 1.5}}),
            ("transfer", "transfer", "", {"to": "bob", "amount_cpt": "12.5"}),
            ("twice", "transfer", "", '{"to":"bob","to":"eve","amount_cpt":"1"}'),
            ("unknown", "transfer", "", '{"to":"bob","ammount_cpt":1e400,"\\u0000":[[[[{}]]]]}'),
            ("token", "createToken", "", {"scopes": "submit,read", "name": None, "ttl_s": 86400}),
            ("claim", "claimProject", "", {"look": True}), ("nothing", "stopTask", "", ""), ("empty", "stopTask", "", "{}"),
            ("list", "listTasks", "state=PENDING,RUNNING&limit=20&label=a=b&since=12h&after=7", ""),
            ("logs", "getLogs", "follow=true&tail=20&stream=stderr&attempt=2", ""),
            ("bundle", "getBundle", "bytes=10240", ""), ("query-twice", "getStatement", "limit=1&limit=2&format=csv", ""),
            ("query-unknown", "listTasks", "stat=RUNNING", ""), ("query-control", "listTasks", "\x1b[31m\x7f=1", ""),
            ("name-control", "transfer", "", {"\n\x1b[31m\u202e": 1}),
            ("twice-control", "transfer", "", '{"to":"bob","to"\x1c\x06:"eve","amount_cpt":"1"}'),
            ("policy", "worker changePolicy", "", {"cpus": 1.5, "memory": 2 ** 30, "hours": ["1" * 24] * 7, "only_idle": True, "images": []}),
            ("policy-amount", "worker changePolicy", "", '{"cpus":1e-400,"max_tasks":1.5}'),
            ("snooze", "worker snooze", "", {"seconds": 3600}), ("series", "worker getSeries", "name=completed&step=86400", "")):
        text = body if isinstance(body, str) else json.dumps(body)
        seed("api_check", name, bytes([numbers[route]]) + f"{query}\n{text}".encode())


if __name__ == "__main__":
    for write in (api, http, h2_server, h2_client, grpc, messages, tars, images, engine, engine_json, texts, tls, left):
        write()
