"""Our gRPC layer beside grpc++ (its asynchronous interface) and a bare nghttp2 + libuv responder, in one run: each
server alone on CPU 0, the load on CPU 1. What counts is the server's CPU time, which a busy machine leaves alone.

    grpc.py [--seconds S] [unary|stream|idle|beats ...]
"""
import argparse
import os
import pathlib
import re
import resource
import selectors
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/test/bench"
SERVERS = {"ours": BUILD / "grpc_ours", "grpc++": BUILD / "grpc_peer", "bare": BUILD / "grpc_bare"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
ROUNDS = 3


class Server:
    def __init__(self, name, tls=None):
        argv = ["taskset", "-c", "0", str(SERVERS[name])] + ([tls[0], tls[1]] if tls else [])
        self.popen = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self.port = int(self.popen.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.kill()
        self.popen.wait()

    def cpu(self):
        """Seconds of CPU so far, of every thread (to the nanosecond; /proc/PID/stat counts in hundredths)."""
        tasks = pathlib.Path(f"/proc/{self.popen.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def rss(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.popen.pid}/status").read())[1])


# --- frames ---------------------------------------------------------------------------------------


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def message(data, size=0):
    """An Item with gRPC's prefix."""
    raw = b"\x0a" + varint(len(data)) + data + (b"\x10" + varint(size) if size else b"")
    return b"\0" + struct.pack(">I", len(raw)) + raw


def fields(path):
    pairs = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("te", "trailers"),
             ("content-type", "application/grpc")]
    return b"".join(b"\0" + bytes([len(n)]) + n.encode() + bytes([len(v)]) + v.encode() for n, v in pairs)


def hello(window=None):
    """What a client says first; a window: take that much, on the connection and on each stream."""
    if window is None:
        return PREFACE + frame(SETTINGS, 0, 0)
    return PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, window)) + \
        frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", window - 65535))


def connect(server, n, first, context=None):
    """n connections that have said `first` and heard the server's first words."""
    peers, session = [], None
    for _ in range(n):
        peer = socket.create_connection(("127.0.0.1", server.port))
        if context:
            peer = context.wrap_socket(peer, server_hostname="127.0.0.1", session=session)
            session = peer.session
        peer.sendall(first)
        peers.append(peer)
    for peer in peers:
        peer.settimeout(30)
        peer.recv(16384)
        peer.sendall(frame(SETTINGS, 1, 0))
        peer.settimeout(0)
    return peers


def close(peers):
    for peer in peers:
        peer.close()


# --- unary: requests per CPU second ---------------------------------------------------------------

SHAPES = {(1, 1): 1.2, (100, 1): 2.0, (10, 100): 4.0}  # connections, streams of each: the bar against grpc++


def unary(server, shape, requests, body, tls):
    """CPU seconds of the server."""
    scheme = "https" if tls else "http"
    before = server.cpu()
    done = subprocess.run(
        ["taskset", "-c", "1", "h2load", "-t1", f"-c{shape[0]}", f"-m{shape[1]}", f"-n{requests}", f"-d{body}",
         "-Hcontent-type: application/grpc", "-Hte: trailers", f"{scheme}://127.0.0.1:{server.port}/test.Echo/Unary"],
        capture_output=True, text=True, check=True)
    assert f"{requests} succeeded" in done.stdout, done.stdout
    return server.cpu() - before


def request_cost(server, shape, seconds, body, tls):
    """CPU microseconds of the server for one more request: what connections cost is in both terms."""
    few, many = 2000, 4000
    less, more = unary(server, shape, few, body, tls), unary(server, shape, many, body, tls)
    many = few + int(seconds * (many - few) / max(more - less, 1e-3))
    return (unary(server, shape, many, body, tls) - less) * 1e6 / (many - few)


def measure_unary(folder, seconds, tls):
    body = folder / "body"
    body.write_bytes(message(b"x" * 1024))
    names = ["ours", "grpc++"] + ([] if tls else ["bare"])
    print(f"\nUnary echo, 1 KiB, {'TLS' if tls else 'plain'}: server CPU us a request (thousand requests a CPU second)")
    print(f"{'conns x streams':16}" + "".join(f"{name:>20}" for name in names) + "   ours/grpc++   ours/bare")
    for shape, bar in SHAPES.items():
        cost = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name in names:
                with Server(name, tls) as server:
                    cost[name].append(request_cost(server, shape, seconds, body, tls))
        us = {name: statistics.median(list_of) for name, list_of in cost.items()}
        row = f"{shape[0]:>4} x {shape[1]:<9}" + "".join(f"{us[n]:>11.1f} ({1e3 / us[n]:5.1f})" for n in names)
        row += f"   x{us['grpc++'] / us['ours']:.2f}"
        row += "" if tls else f" (bar {bar})   x{us['ours'] / us['bare']:.2f} CPU (bar 2.5)"
        print(row, flush=True)


# --- 1 GiB to the client --------------------------------------------------------------------------


def stream(server, tls):
    chunk, count = 32 * 1024, 32 * 1024
    window = 2**31 - 1
    peer = connect(server, 1, hello(window), tls and tls[2])[0]
    peer.settimeout(60)
    began, cpu = time.monotonic(), server.cpu()
    peer.sendall(frame(HEADERS, 4, 1, fields("/test.Echo/Repeat")))
    request = message(b"x" * chunk, count)
    for at in range(0, len(request), 16384):
        peer.sendall(frame(DATA, 1 if at + 16384 >= len(request) else 0, 1, request[at:at + 16384]))
    left, buffer = chunk * count, bytearray(1 << 20)
    while left > 0:
        n = peer.recv_into(buffer)
        assert n > 0
        left -= n
    peer.close()
    return server.cpu() - cpu, time.monotonic() - began


def measure_stream(tls):
    print(f"\n1 GiB in messages of 32 KiB to one client, {'TLS' if tls else 'plain'}")
    for name in ("ours", "grpc++"):
        with Server(name, tls) as server:
            cpu, wall = stream(server, tls)
            print(f"{name:8} {cpu:6.2f} s of CPU   {1024 / wall:7.0f} MiB/s   {server.rss() / 1024:6.1f} MiB RSS", flush=True)


# --- idle connections -----------------------------------------------------------------------------


def measure_idle(counts, tls):
    print(f"\nIdle connections, {'TLS' if tls else 'plain'}: KiB of RSS for each (bar {48 if tls else 16})")
    for name in ("ours", "grpc++") + (() if tls else ("bare",)):
        for n in counts:
            with Server(name, tls) as server:
                close(connect(server, 10, hello(), tls and tls[2]))
                before = server.rss()
                peers = connect(server, n, hello(), tls and tls[2])
                time.sleep(1)
                print(f"{name:8} {n:>6} connections  {(server.rss() - before) / n:6.1f} KiB", flush=True)
                close(peers)


# --- heartbeats -----------------------------------------------------------------------------------


def beats(server, path, n, seconds):
    """n streams, each with a message a second, spread over the second. CPU us of the server for each."""
    opening = hello() + frame(HEADERS, 4, 1, fields(path))
    beat = frame(DATA, 0, 1, message(b"0123456789"))
    peers = connect(server, n, opening)
    selector = selectors.EpollSelector()
    for peer in peers:
        selector.register(peer, selectors.EVENT_READ)
    for peer in peers:
        peer.send(beat)
    time.sleep(1)
    sent, cpu, began = 0, server.cpu(), time.monotonic()
    while True:
        due = min(int((time.monotonic() - began) * n), int(seconds * n))
        for k in range(sent, due):
            peers[k % n].send(beat)
        sent = due
        if sent >= seconds * n:
            break
        for key, _ in selector.select(0.001):
            key.fileobj.recv(4096)
    time.sleep(0.5)
    used = server.cpu() - cpu
    close(peers)
    return used * 1e6 / sent


def measure_beats(n, seconds):
    print(f"\nHeartbeats, {n} streams, one a second each: server CPU us a beat (bar 6)")
    for name in ("ours", "grpc++", "bare"):
        with Server(name) as server:
            line = f"{name:8} received only {beats(server, '/test.Echo/Collect', n, seconds):6.2f}"
        if name != "bare":  # which answers at the end only
            with Server(name) as server:
                line += f"   answered {beats(server, '/test.Echo/Chat', n, seconds):6.2f}"
        print(line, flush=True)


# --------------------------------------------------------------------------------------------------


def make_tls(folder):
    """Chain, key and a context that trusts them."""
    subprocess.run(["sh", "-ec", "umask 077; openssl ecparam -name prime256v1 -genkey -noout -out key.pem; openssl req -x509 "
                    "-new -key key.pem -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 2 -out chain.pem"],
                   cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(cafile=folder / "chain.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return str(folder / "chain.pem"), str(folder / "key.pem"), context


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1.0, help="of server CPU for each figure")
    parser.add_argument("what", nargs="*", default=["unary", "stream", "idle", "beats"])
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, {1})
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hm-bench-"))
    tls = make_tls(folder)
    if "unary" in options.what:
        measure_unary(folder, options.seconds, None)
        measure_unary(folder, options.seconds / 2, tls)
    if "stream" in options.what:
        measure_stream(None)
        measure_stream(tls)
    if "idle" in options.what:
        measure_idle([10000, 18000], None)
        measure_idle([2000], tls)
    if "beats" in options.what:
        measure_beats(10000, 4 * options.seconds)


sys.exit(main())
