"""Our gRPC layer against the reference implementation (python3-grpcio), in both roles.

build/test/tool/echo_server and echo_client carry net/; the messages are raw bytes, so that nothing but
the wire is tested. Item: bytes data = 1, uint64 size = 2, string sha256 = 3.
"""
import os
import socket
import subprocess
import threading
import time
from concurrent import futures

import grpc
import pytest

import hive

TOOL = hive.BUILD / "test/tool"
MAX = 4 << 20
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def item(data=b"", size=0, words=b""):
    out = b""
    if data:
        out += b"\x0a" + varint(len(data)) + data
    if size:
        out += b"\x10" + varint(size)
    if words:
        out += b"\x1a" + varint(len(words)) + words
    return out


def read_varint(raw, at):
    value = shift = 0
    while True:
        value |= (raw[at] & 127) << shift
        shift += 7
        at += 1
        if raw[at - 1] < 128:
            return value, at


def fields(raw):
    found, at = {1: b"", 2: 0, 3: b""}, 0
    while at < len(raw):
        tag, at = read_varint(raw, at)
        value, at = read_varint(raw, at)
        if tag & 7 == 2:
            value, at = raw[at:at + value], at + value
        found[tag >> 3] = value
    return found


# --- our server, their client --------------------------------------------------------------------


@pytest.fixture(scope="module")
def tools():
    hive.built("test/tool/echo_server", "test/tool/echo_client")
    return TOOL


@pytest.fixture
def server(tools):
    p = subprocess.Popen([os.path.join(tools, "echo_server")], stdout=subprocess.PIPE, text=True)
    p.port = int(p.stdout.readline())
    yield p
    p.terminate()
    assert p.wait(timeout=10) == 0


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=UNLIMITED) as ch:
        yield ch


def unary(ch, name="Unary"):
    return ch.unary_unary(f"/test.Echo/{name}")


def failure(call):
    with pytest.raises(grpc.RpcError) as e:
        call()
    return e.value


def test_unary(channel):
    raw = item(b"hello", 7)
    assert unary(channel)(raw, timeout=5) == raw
    assert unary(channel)(item(b"x", 1, b"later"), timeout=5)


def test_an_empty_message(channel):
    assert unary(channel)(b"", timeout=5) == b""


def test_a_message_as_large_as_may_be(channel):
    raw = item(b"x" * (MAX - 5))
    assert len(raw) == MAX
    assert unary(channel)(raw, timeout=20) == raw


def test_a_message_larger_than_may_be(channel):
    e = failure(lambda: unary(channel)(item(b"x" * MAX), timeout=20))
    assert e.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert unary(channel)(b"", timeout=5) == b""


def test_words_and_hint(channel):
    e = failure(lambda: unary(channel)(item(size=5, words=b"fail"), timeout=5))
    assert e.code() == grpc.StatusCode.NOT_FOUND
    assert e.details() == "failed with 100% of it: café"
    assert ("hivemind-hint", "type something else") in [tuple(m) for m in e.trailing_metadata()]


def test_no_such_method(channel):
    e = failure(lambda: unary(channel, "Nothing")(b"", timeout=5))
    assert e.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "/test.Echo/Nothing" in e.details()


@pytest.mark.parametrize("raw", [
    b"\x0a\x05ab",                 # cut
    b"\x1a\x02\xc3\x28",           # not UTF-8
    b"\x1a\x03a\x00b",             # a zero byte in a string
    b"\x1a\x03\xed\xa0\x80",       # a surrogate
    b"\x07",                       # a wire type that does not exist
    b"\x0b\x0c",                   # a group
    b"\x00\x00",                   # field number 0
    b"\x10" + b"\xff" * 10,        # a varint without end
])
def test_a_message_that_cannot_be_read(channel, raw):
    e = failure(lambda: unary(channel)(raw, timeout=5))
    assert e.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_message_that_grows_when_unpacked(channel):
    e = failure(lambda: unary(channel)(b"\xfa\x07\x00" * 1000000, timeout=20))  # unknown fields
    assert e.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_deadline_on_the_server(channel):
    begin = time.monotonic()
    e = failure(lambda: unary(channel)(item(words=b"never"), timeout=0.3))
    assert e.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert 0.25 < time.monotonic() - begin < 2


def test_cancel(channel):
    call = unary(channel).future(item(words=b"never"), timeout=10)
    time.sleep(0.05)  # so that the server has begun; either order must work
    call.cancel()
    assert call.cancelled()
    assert unary(channel)(b"", timeout=5) == b""


def test_stream_in(channel):
    reply = channel.stream_unary("/test.Echo/Collect")((item(b"x" * 1000) for _ in range(500)), timeout=10)
    assert fields(reply)[2] == 500000


def test_stream_in_of_nothing(channel):
    assert fields(channel.stream_unary("/test.Echo/Collect")(iter(()), timeout=10))[2] == 0


def test_stream_out(channel):
    replies = channel.unary_stream("/test.Echo/Repeat")(item(b"x" * 70000, 300), timeout=20)
    assert sum(len(fields(r)[1]) for r in replies) == 300 * 70000


def test_a_slow_reader_holds_the_server_back(server, channel):
    replies = channel.unary_stream("/test.Echo/Repeat")(item(b"x" * 65536, 2000), timeout=30)
    next(replies)
    time.sleep(0.5)  # the server would have sent 125 MiB by now
    with open(f"/proc/{server.pid}/status") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    assert hive.SANITIZED or rss < 16 * 1024
    assert sum(1 for _ in replies) == 1999


def test_chat(channel):
    sent = [item(b"%d" % i) for i in range(200)]
    assert list(channel.stream_stream("/test.Echo/Chat")(iter(sent), timeout=10)) == sent


def test_chat_ended_by_the_server(channel):
    def requests():
        yield item(b"a")
        yield item(size=10, words=b"fail")
        time.sleep(0.2)
        yield item(b"b")
    replies = channel.stream_stream("/test.Echo/Chat")(requests(), timeout=10)
    assert next(replies) == item(b"a")
    e = failure(lambda: next(replies))
    assert e.code() == grpc.StatusCode.ABORTED


def test_chat_cancelled_by_the_client(channel):
    go = threading.Event()

    def requests():
        yield item(b"a")
        go.wait(10)
    replies = channel.stream_stream("/test.Echo/Chat")(requests(), timeout=10)
    next(replies)
    replies.cancel()
    go.set()
    assert failure(lambda: next(replies)).code() == grpc.StatusCode.CANCELLED
    assert unary(channel)(b"", timeout=5) == b""


def test_metadata_up_to_the_limit(channel):
    assert unary(channel)(b"", timeout=5, metadata=[("x-big", "v" * 7000)]) == b""
    assert unary(channel)(b"", timeout=5, metadata=[(f"x-{i}", "v") for i in range(40)]) == b""


@pytest.mark.parametrize("metadata", [[("x-big", "v" * 9000)], [(f"x-{i}", "v") for i in range(100)]])
def test_metadata_above_the_limit(channel, metadata):
    e = failure(lambda: unary(channel)(b"", timeout=5, metadata=metadata))
    assert e.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert unary(channel)(b"", timeout=5) == b""


def test_gzip_is_refused_by_name(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", compression=grpc.Compression.Gzip) as ch:
        e = failure(lambda: unary(ch)(item(b"x" * 10000), timeout=5))
        assert e.code() == grpc.StatusCode.UNIMPLEMENTED
        assert "identity" in e.details()


def test_two_messages_where_one_is_expected(channel):
    e = failure(lambda: channel.stream_unary("/test.Echo/Unary")(iter([b"", b""]), timeout=5))
    assert e.code() == grpc.StatusCode.UNIMPLEMENTED


def test_no_message_where_one_is_expected(channel):
    e = failure(lambda: channel.stream_unary("/test.Echo/Unary")(iter([]), timeout=5))
    assert e.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_thousand_calls_at_once(channel):
    calls = [unary(channel).future(item(b"%d" % i), timeout=20) for i in range(1000)]
    assert [c.result() for c in calls] == [item(b"%d" % i) for i in range(1000)]


def test_close_lets_a_call_finish(tools):
    p = subprocess.Popen([os.path.join(tools, "echo_server")], stdout=subprocess.PIPE, text=True)
    port = int(p.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as ch:
        go = threading.Event()

        def requests():
            yield item(b"a")
            go.wait(10)
            yield item(b"b")
        replies = ch.stream_stream("/test.Echo/Chat")(requests(), timeout=10)
        next(replies)
        p.terminate()
        time.sleep(0.3)
        assert p.poll() is None
        go.set()
        assert list(replies) == [item(b"b")]
    assert p.wait(timeout=5) == 0


def test_close_ends_a_call_that_goes_on(tools):
    p = subprocess.Popen([os.path.join(tools, "echo_server")], stdout=subprocess.PIPE, text=True)
    port = int(p.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as ch:
        call = unary(ch).future(item(words=b"never"), timeout=20)
        assert unary(ch)(b"", timeout=5) == b""
        p.terminate()
        assert call.exception(timeout=10).code() == grpc.StatusCode.UNAVAILABLE
    assert p.wait(timeout=5) == 0


# --- their server, our client --------------------------------------------------------------------


class Echo(grpc.GenericRpcHandler):
    """What echo.h does, and for the words "meta" the metadata that came."""

    def service(self, details):
        self.metadata = dict(details.invocation_metadata)
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/test.Echo/Collect": grpc.stream_unary_rpc_method_handler(self.collect),
            "/test.Echo/Repeat": grpc.unary_stream_rpc_method_handler(self.repeat),
            "/test.Echo/Chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }.get(details.method)

    def unary(self, raw, context):
        words = fields(raw)[3]
        if words == b"fail":
            context.set_trailing_metadata((("hivemind-hint", "do%20this"),))
            context.abort(list(grpc.StatusCode)[fields(raw)[2]], "café 100%")
        if words == b"never":
            time.sleep(1)
        if words == b"huge":
            return item(b"x" * (MAX + 1))
        if words == b"bad":
            return b"\x0a\x05ab"
        if words == b"time":
            return item(size=int(context.time_remaining() * 1000))
        return raw

    def collect(self, raws, context):
        return item(size=sum(len(fields(r)[1]) for r in raws))

    def repeat(self, raw, context):
        for _ in range(fields(raw)[2]):
            yield item(fields(raw)[1])

    def chat(self, raws, context):
        for raw in raws:
            yield raw


@pytest.fixture
def peer(tools):
    s = grpc.server(futures.ThreadPoolExecutor(4), options=UNLIMITED)
    echo = Echo()
    s.add_generic_rpc_handlers((echo,))
    s.port = s.add_insecure_port("127.0.0.1:0")
    s.echo = echo
    s.start()

    def ask(method, words="", number=0, size=0, timeout_ms=10000, token=None, port=None):
        args = [os.path.join(tools, "echo_client"), f"127.0.0.1:{port or s.port}", method, words, str(number), str(size),
                str(timeout_ms)] + ([token] if token else [])
        out = subprocess.run(args, capture_output=True, text=True, timeout=30, check=True).stdout.split("\n")
        return [int(n) for n in out[0].split()] + out[1:3]
    s.ask = ask
    yield s
    s.stop(None)


def test_client_unary(peer):
    assert peer.ask("unary", number=7, size=100) == [0, 1, 100, 7, "", ""]
    assert peer.ask("unary", size=3000000)[:3] == [0, 1, 3000000]


def test_client_token(peer):
    peer.ask("unary", token="abc")
    assert peer.echo.metadata["authorization"] == "Bearer abc"
    peer.ask("unary")
    assert "authorization" not in peer.echo.metadata


def test_client_error(peer):
    assert peer.ask("unary", "fail", 5) == [5, 0, 0, 0, "café 100%", "do this"]


def test_client_deadline(peer):
    left = peer.ask("unary", "time", timeout_ms=5000)[3]
    assert 4000 < left <= 5001
    assert peer.ask("unary", "never", timeout_ms=200)[0] == 4  # the words are of the end that was first


def test_client_streams(peer):
    assert peer.ask("collect", number=1000, size=65536)[:4] == [0, 1, 0, 65536000]
    assert peer.ask("repeat", number=500, size=65536)[:3] == [0, 500, 32768000]
    assert peer.ask("chat", number=300, size=1000)[:3] == [0, 300, 300000]


def test_client_refuses_what_is_too_large_or_unreadable(peer):
    assert peer.ask("unary", "huge")[0] == 8
    assert peer.ask("unary", "bad")[0] == 3


def test_client_no_such_method(peer):
    peer.echo.service = lambda details: None
    assert peer.ask("unary")[0] == 12


def test_client_no_peer(peer):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        status, *_, text, _ = peer.ask("unary", port=port)
    assert status == 14
    assert text == f"cannot reach 127.0.0.1:{port}: connection refused"


def test_client_peer_that_is_no_grpc_server(peer):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()

        def answer():
            c, _ = s.accept()
            c.recv(1000)
            c.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            c.close()
        t = threading.Thread(target=answer)
        t.start()
        status, *_, text, _ = peer.ask("unary", port=s.getsockname()[1])
        t.join()
    assert status == 14 and "lost" in text
