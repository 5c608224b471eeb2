"""test/exec/registry_stub.py - a registry with one small image, and ways to fail, on a free port of 127.0.0.1.

Prints its port and serves until its input ends. The name says what happens: good, digest (of another blob),
short (the layer ends too early), stall (it never ends), broken (500); anything else is not there.
"""
import gzip
import hashlib
import http.server
import io
import json
import sys
import tarfile
import threading
import time


def layer(name):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        with open("/bin/busybox", "rb") as f:
            for path in ("bin/busybox", "bin/sh", "etc/" + name):
                entry = tarfile.TarInfo(path)
                entry.mode = 0o755
                f.seek(0, 2)
                entry.size = f.tell()
                f.seek(0)
                tar.addfile(entry, f)
    return packed.getvalue()


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


KIND = "application/vnd.docker."
NAMES = ("good", "digest", "short", "stall", "broken")
PLAIN = {name: layer(name) for name in NAMES}
LAYER = {name: gzip.compress(plain, 1) for name, plain in PLAIN.items()}
CONFIG = {name: json.dumps({
    "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
    "rootfs": {"type": "layers", "diff_ids": [sha256(plain)]}, "history": [{"created_by": name}],
}).encode() for name, plain in PLAIN.items()}


def manifest(name):
    digest = sha256(b"something else") if name == "digest" else sha256(LAYER[name])
    return json.dumps({
        "schemaVersion": 2, "mediaType": KIND + "distribution.manifest.v2+json",
        "config": {"mediaType": KIND + "container.image.v1+json", "size": len(CONFIG[name]), "digest": sha256(CONFIG[name])},
        "layers": [{"mediaType": KIND + "image.rootfs.diff.tar.gzip", "size": len(LAYER[name]), "digest": digest}],
    }).encode()


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, data, kind, status=200, head=False):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Content-Digest", sha256(data))
        self.end_headers()
        if not head:
            self.wfile.write(data)

    def refuse(self, status, code):
        self.reply(json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode(), "application/json", status)

    def blob(self, name, head):
        is_layer = not self.path.endswith(sha256(CONFIG[name]))
        data = LAYER[name] if is_layer else CONFIG[name]
        if is_layer and name in ("short", "stall") and not head:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.wfile.flush()
            if name == "stall":
                time.sleep(60)
            self.close_connection = True
            return
        self.reply(data, "application/octet-stream", head=head)

    def do_GET(self, head=False):
        parts = self.path.split("/")
        if self.path in ("/v2/", "/v2"):
            self.reply(b"{}", "application/json", head=head)
        elif len(parts) < 5 or parts[2] not in NAMES:
            self.refuse(404, "NAME_UNKNOWN")
        elif parts[2] == "broken":
            self.refuse(500, "UNKNOWN")
        elif parts[3] == "manifests":
            self.reply(manifest(parts[2]), KIND + "distribution.manifest.v2+json", head=head)
        else:
            self.blob(parts[2], head)

    def do_HEAD(self):
        self.do_GET(head=True)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
